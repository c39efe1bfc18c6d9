//! What messages and results are made of.

use std::borrow::Cow;

use interlingua_ir::{Extra, Fault, Part, Place, Text};
use interlingua_protocol::chat as wire;
use serde_json::value::RawValue;

use super::{Reader, invalid, nested, optional_text, text};

impl<'a> Reader<'a> {
    /// Reads the content of the message at `at` for the item at `item`.
    pub(super) fn content(
        &mut self,
        at: usize,
        item: usize,
        json: Option<&'a RawValue>,
    ) -> Result<Vec<Part<'a>>, Fault> {
        let Some(json) = json else { return Ok(Vec::new()) };
        if let Some(text) = Text::from_json(json.get()) {
            return Ok(vec![Part::Text(text)]);
        }
        let is_list = json.get().starts_with('[');
        if !is_list && json.get() != "null" {
            return Err(invalid(path(at), "a string or an array is expected here"));
        }
        let form = Extra { place: Place::Item(item), name: "content".into(), json };
        self.turn.extras.push(form);
        if !is_list {
            return Ok(Vec::new());
        }
        let parts: Vec<wire::Part<'a>> = nested(|| path(at), json)?;
        let parts = parts.into_iter().enumerate();
        parts.map(|(nth, part)| self.part(Spot { at, item, nth, list: json }, part)).collect()
    }

    fn part(&mut self, spot: Spot<'a>, mut part: wire::Part<'a>) -> Result<Part<'a>, Fault> {
        let place = Place::Part { item: spot.item, part: spot.nth };
        let kind = part.kind.take().map_or("".into(), Cow::from);
        let needed = |field: Option<&'a RawValue>| {
            let path = || format!("{}.{kind}", spot.path());
            text(path, field.ok_or_else(|| invalid(path(), "it is missing"))?)
        };
        let read = match &*kind {
            "text" => Part::Text(needed(part.text.take())?),
            "refusal" => Part::Refusal(needed(part.refusal.take())?),
            "image_url" => {
                let path = || format!("{}.image_url", spot.path());
                let json = part.image_url.take().ok_or_else(|| invalid(path(), "it is missing"))?;
                self.image(path, place, json)?
            }
            _ => {
                let known = match &*kind {
                    "input_audio" => part.input_audio.take().and_then(|it| self.audio(place, it)),
                    "file" => part.file.take().and_then(|it| self.file(place, it)),
                    _ => None,
                };
                match known {
                    Some(known) => known,
                    None => return Ok(Part::Other { json: self.raw(spot)?, kind }),
                }
            }
        };
        let beside = [
            ("text", part.text),
            ("refusal", part.refusal),
            ("image_url", part.image_url),
            ("input_audio", part.input_audio),
            ("file", part.file),
        ];
        for (name, json) in beside {
            self.extra(place, name, json);
        }
        self.outer(place, part.extra);
        Ok(read)
    }

    /// A part as it arrived; only looked for when it is of no known kind.
    fn raw(&mut self, spot: Spot<'a>) -> Result<&'a RawValue, Fault> {
        let found = self.lists.inner(spot.list, spot.nth);
        found.ok_or_else(|| invalid(spot.path(), "it cannot be read"))
    }

    fn image(
        &mut self,
        path: impl Fn() -> String,
        place: Place,
        json: &'a RawValue,
    ) -> Result<Part<'a>, Fault> {
        if let Some(url) = Text::from_json(json.get()) {
            return Ok(Part::Image { url, detail: None });
        }
        let image: wire::ImageUrl<'a> = nested(&path, json)?;
        let place_of = |field: &str| format!("{}.{field}", path());
        let url = image.url.ok_or_else(|| invalid(place_of("url"), "it is missing"))?;
        self.inner(place, "image_url", image.extra);
        Ok(Part::Image {
            url: text(|| place_of("url"), url)?,
            detail: optional_text(|| place_of("detail"), image.detail)?,
        })
    }

    /// A recording of the usual form.
    fn audio(&mut self, place: Place, json: &'a RawValue) -> Option<Part<'a>> {
        let audio: wire::InputAudio<'a> = serde_json::from_str(json.get()).ok()?;
        let data = Text::from_json(audio.data?.get())?;
        let format = Text::from_json(audio.format?.get())?;
        self.inner(place, "input_audio", audio.extra);
        Some(Part::Audio { data, format })
    }

    /// A document of the usual form: by what is in it, or by the id under which it is kept.
    fn file(&mut self, place: Place, json: &'a RawValue) -> Option<Part<'a>> {
        let file: wire::FilePart<'a> = serde_json::from_str(json.get()).ok()?;
        let url = match (file.file_data, file.file_id) {
            (Some(data), None) => Text::from_json(data.get()).filter(is_address)?,
            (None, Some(id)) => Text::from_json(id.get()).filter(|it| !is_address(it))?,
            _ => return None,
        };
        let name = match file.filename {
            Some(name) => Some(Text::from_json(name.get())?),
            None => None,
        };
        self.inner(place, "file", file.extra);
        Some(Part::File { url, name })
    }
}

/// Whether a document is told by its address or its content, and not by an id.
fn is_address(url: &Text<'_>) -> bool {
    let url = url.to_plain();
    ["data:", "https:", "http:"].iter().any(|scheme| url.starts_with(scheme))
}

/// Where a part stands: in the request, and in the turn.
#[derive(Clone, Copy)]
struct Spot<'a> {
    at: usize,
    item: usize,
    nth: usize,
    list: &'a RawValue,
}

impl Spot<'_> {
    fn path(&self) -> String {
        format!("{}[{}]", path(self.at), self.nth)
    }
}

fn path(at: usize) -> String {
    format!("messages[{at}].content")
}
