//! What messages and results are made of.

use std::borrow::Cow;

use interlingua_dialect::{ImageScheme, ImageUrlForm, Images};
use interlingua_ir::{Note, NoteKind, Part, Place, Text};
use serde_json::value::RawValue;

use super::Writer;
use crate::chat::write::{field, joined, string};
use crate::opaque;

/// A part as the model can see it.
pub(super) struct Seen<'w> {
    pub(super) what: What<'w>,
    /// Where it stands in the turn; `None` for words of our own.
    place: Option<Place>,
}

pub(super) enum What<'w> {
    Text(Text<'w>),
    Refusal(Text<'w>),
    Image {
        url: Text<'w>,
        detail: Option<Text<'w>>,
    },
    File {
        url: Text<'w>,
        name: Option<Text<'w>>,
    },
    Audio {
        data: Text<'w>,
        format: Text<'w>,
    },
    /// Something of the client's own, which spoke Chat too.
    Own {
        kind: &'w str,
        json: &'w RawValue,
    },
}

impl<'w> Seen<'w> {
    pub(super) fn words(text: impl Into<Text<'w>>) -> Self {
        Self { what: What::Text(text.into()), place: None }
    }

    /// The words of prose; nothing of anything else.
    pub(super) fn text(self) -> Option<Text<'w>> {
        match self.what {
            What::Text(text) | What::Refusal(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.what, What::Text(_) | What::Refusal(_))
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.what, What::Refusal(_))
    }

    pub(super) fn is_image(&self) -> bool {
        matches!(self.what, What::Image { .. })
    }

    /// Whether it is a part of the client's own, of this kind.
    pub(super) fn is_own(&self, name: &str) -> bool {
        matches!(self.what, What::Own { kind, .. } if kind == name)
    }

    /// Whether it is prose that says nothing.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.what, What::Text(text) | What::Refusal(text) if text.is_empty())
    }
}

pub(super) const OMITTED_IMAGE: &str = "[image omitted: this model takes text only]";

impl<'w, 'a> Writer<'w, 'a> {
    /// The parts of an item as the model can see them; what it cannot see becomes a placeholder, the same
    /// in every turn.
    pub(super) fn seen(&mut self, item: usize, parts: &'w [Part<'a>]) -> Vec<Seen<'w>> {
        let rules = &self.target.dialect.messages;
        let mut seen = Vec::with_capacity(parts.len());
        for (part, read) in parts.iter().enumerate() {
            let what = match read {
                Part::Text(text) => What::Text(text.borrowed()),
                Part::Refusal(text) => What::Refusal(text.borrowed()),
                Part::Image { url, detail } => self.image(url, detail.as_ref()),
                Part::File { url, name }
                    if self.same_protocol
                        || (rules.file_parts && url.to_plain().starts_with("data:")) =>
                {
                    What::File { url: url.borrowed(), name: name.as_ref().map(Text::borrowed) }
                }
                Part::Audio { data, format } if self.same_protocol || rules.audio_parts => {
                    What::Audio { data: data.borrowed(), format: format.borrowed() }
                }
                Part::Other { kind, json } if self.same_protocol => What::Own { kind, json },
                Part::File { .. } => self.omitted("file"),
                Part::Audio { .. } => self.omitted("audio"),
                Part::Other { kind, json } => self.opaque(kind, json),
            };
            seen.push(Seen { what, place: Some(Place::Part { item, part }) });
        }
        seen
    }

    /// A part of another protocol: what it says in words, if it says anything.
    fn opaque(&mut self, kind: &str, json: &RawValue) -> What<'w> {
        let Some(words) = opaque::words(json) else { return self.omitted(kind) };
        self.notes.push(Note::new(NoteKind::Changed, format!("{kind} to words")));
        What::Text(words.into())
    }

    /// What stands for a part that the model cannot take.
    fn omitted(&mut self, kind: &str) -> What<'w> {
        self.notes.push(Note::new(NoteKind::Omitted, kind));
        let what = kind.strip_prefix("input_").unwrap_or(kind);
        What::Text(format!("[{what} omitted: this model takes text only]").into())
    }

    /// The parts in words, for a place where nothing else can stand.
    pub(super) fn words(&mut self, item: usize, parts: &'w [Part<'a>]) -> Vec<Text<'w>> {
        let seen = self.seen(item, parts);
        self.in_words(seen)
    }

    pub(super) fn in_words(&mut self, seen: Vec<Seen<'w>>) -> Vec<Text<'w>> {
        let mut words = Vec::with_capacity(seen.len());
        for Seen { what, place } in seen {
            if let Some(place) = place {
                self.lose(place);
            }
            let what = match what {
                What::Image { .. } => {
                    self.notes.push(Note::new(NoteKind::Omitted, "image"));
                    What::Text(Text::plain(OMITTED_IMAGE))
                }
                What::File { .. } => self.omitted("file"),
                What::Audio { .. } => self.omitted("audio"),
                What::Own { kind, .. } => self.omitted(kind),
                text => text,
            };
            let text = Seen { what, place: None }.text();
            words.extend(text.filter(|it| !it.is_empty()));
        }
        words
    }

    fn image(&mut self, url: &'w Text<'a>, detail: Option<&'w Text<'a>>) -> What<'w> {
        let vision = &self.target.dialect.vision;
        let plain_start = match url {
            Text::Json(text) | Text::Plain(text) => text.as_ref(),
        };
        let scheme = match plain_start.split_once(':') {
            Some(("data", _)) => Some(ImageScheme::Data),
            Some(("https" | "http", _)) => Some(ImageScheme::Https),
            Some(("ms", _)) => Some(ImageScheme::Ms),
            _ => None,
        };
        let takes =
            vision.images != Images::No && scheme.is_some_and(|it| vision.schemes.contains(&it));
        if takes {
            return What::Image { url: url.borrowed(), detail: detail.map(Text::borrowed) };
        }
        self.notes.push(Note::new(NoteKind::Omitted, "image"));
        What::Text(Text::plain(OMITTED_IMAGE))
    }

    /// Writes parts as one string.
    pub(super) fn flat(&mut self, seen: Vec<Seen<'w>>, separator: &str) {
        if self.same_protocol || !seen.iter().all(Seen::is_text) {
            let words = self.in_words(seen);
            return joined(self.out, words.into_iter().map(Cow::Owned), separator);
        }
        let words = seen.into_iter().filter_map(Seen::text).filter(|it| !it.is_empty());
        joined(self.out, words.map(Cow::Owned), separator);
    }

    /// Writes parts as a list.
    pub(super) fn list(&mut self, parts: &[Seen<'_>]) {
        self.out.push(b'[');
        self.entries(parts);
        self.out.push(b']');
    }

    /// Writes the entries of a list of parts.
    pub(super) fn entries(&mut self, parts: &[Seen<'_>]) {
        for (nth, part) in parts.iter().enumerate() {
            if nth > 0 {
                self.out.push(b',');
            }
            self.entry(part);
        }
    }

    fn entry(&mut self, part: &Seen<'_>) {
        match &part.what {
            What::Refusal(text) if self.same_protocol => {
                self.out.extend_from_slice(b"{\"type\":\"refusal\",\"refusal\":");
                string(self.out, text);
            }
            What::Text(text) | What::Refusal(text) => {
                self.out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
                string(self.out, text);
            }
            What::Image { url, detail } => {
                self.out.extend_from_slice(b"{\"type\":\"image_url\",\"image_url\":");
                if self.target.dialect.vision.image_url_form == ImageUrlForm::String {
                    string(self.out, url);
                } else {
                    let fields = [("url", Some(url)), ("detail", detail.as_ref())];
                    self.object("image_url", &fields, part.place);
                }
            }
            What::File { url, name } => {
                self.out.extend_from_slice(b"{\"type\":\"file\",\"file\":");
                let plain = url.to_plain();
                let is_address =
                    ["data:", "https:", "http:"].iter().any(|scheme| plain.starts_with(scheme));
                // A file's content needs a name, whatever it is.
                let unnamed = Text::plain("document");
                let name =
                    name.as_ref().or(Some(&unnamed).filter(|_| is_address && !self.same_protocol));
                let kind = if is_address { "file_data" } else { "file_id" };
                self.object("file", &[(kind, Some(url)), ("filename", name)], part.place);
            }
            What::Audio { data, format } => {
                self.out.extend_from_slice(b"{\"type\":\"input_audio\",\"input_audio\":");
                let fields = [("data", Some(data)), ("format", Some(format))];
                self.object("input_audio", &fields, part.place);
            }
            What::Own { json, .. } => {
                return self.out.extend_from_slice(json.get().as_bytes());
            }
        }
        if let Some(place) = part.place {
            for (name, json) in self.extras.outer(place) {
                field(self.out, name, json);
            }
        }
        self.out.push(b'}');
    }

    /// Writes the object inside a part.
    fn object(
        &mut self,
        name: &'static str,
        fields: &[(&str, Option<&Text<'_>>)],
        place: Option<Place>,
    ) {
        let mut start = b'{';
        for (name, text) in fields {
            let Some(text) = text else { continue };
            self.out.extend_from_slice(&[std::mem::replace(&mut start, b','), b'"']);
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"\":");
            string(self.out, text);
        }
        for (name, json) in place.into_iter().flat_map(|place| self.extras.inner(place, name)) {
            field(self.out, name, json);
        }
        self.out.push(b'}');
    }
}
