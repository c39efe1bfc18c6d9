//! What a Chat client says that no other protocol has a word for, on its way to a Chat upstream.

use interlingua_ir::{Extra, Place, Protocol, Turn};

/// The extras of a turn, by their places. There are none where the client spoke another protocol.
pub(super) struct Extras<'w>(Vec<&'w Extra<'w>>);

impl<'w> Extras<'w> {
    pub(super) fn of(turn: &'w Turn<'_>) -> Self {
        if turn.protocol != Protocol::Chat {
            return Self(Vec::new());
        }
        let mut extras: Vec<&'w Extra<'w>> = turn.extras.iter().collect();
        // They come nearly in order, and those of one place keep theirs.
        extras.sort_by_key(|extra| rank(extra.place));
        Self(extras)
    }

    /// All of one place.
    pub(super) fn at(
        &self,
        place: Place,
    ) -> impl Iterator<Item = (&'w str, &'w str)> + use<'w, '_> {
        let start = self.0.partition_point(|extra| rank(extra.place) < rank(place));
        let here = self.0.iter().skip(start).take_while(move |extra| extra.place == place);
        here.map(|extra| (&*extra.name, extra.json.get()))
    }

    /// Those beside the inner objects of a place.
    pub(super) fn outer(
        &self,
        place: Place,
    ) -> impl Iterator<Item = (&'w str, &'w str)> + use<'w, '_> {
        self.at(place).filter(|(name, _)| !is_inner(name))
    }

    /// Those in the inner object `object` of a place.
    pub(super) fn inner(
        &self,
        place: Place,
        object: &'static str,
    ) -> impl Iterator<Item = (&'w str, &'w str)> + use<'w, '_> {
        self.at(place).filter_map(move |(name, json)| Some((inside(name, object)?, json)))
    }

    /// The one of this name.
    pub(super) fn find(&self, place: Place, name: &str) -> Option<&'w str> {
        self.at(place).find(|(known, _)| *known == name).map(|(_, json)| json)
    }

    /// Whether the content of an item came as a list.
    pub(super) fn is_list(&self, item: usize) -> bool {
        self.find(Place::Item(item), CONTENT).is_some_and(|json| json.starts_with('['))
    }
}

/// Tells the form of an item's content, where it was no string.
pub(super) const CONTENT: &str = "content";

/// The objects whose fields have names such as `function.x`; one that begins like another comes first.
const OBJECTS: [&str; 8] = [
    "response_format.json_schema",
    "custom",
    "file",
    "function",
    "image_url",
    "input_audio",
    "reasoning",
    "response_format",
];

/// Whether a name is that of a field inside an object.
pub(super) fn is_inner(name: &str) -> bool {
    OBJECTS.iter().any(|object| inside(name, object).is_some())
}

/// The name of a field inside `object`.
fn inside<'n>(name: &'n str, object: &str) -> Option<&'n str> {
    name.strip_prefix(object)?.strip_prefix('.')
}

fn rank(place: Place) -> (u8, usize, usize) {
    match place {
        Place::Top => (0, 0, 0),
        Place::Item(item) => (1, item, 0),
        Place::Part { item, part } => (1, item, part + 1),
        Place::Tool(tool) => (2, tool, 0),
    }
}
