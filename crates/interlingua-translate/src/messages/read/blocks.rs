//! What messages, results and rules are made of.

use std::borrow::Cow;

use interlingua_ir::{Fault, Note, NoteKind, Part, Place, Text};
use interlingua_protocol::messages as wire;
use serde_json::value::RawValue;

use super::conversation::list;
use super::raw::Spot;
use super::{Reader, is_meant};
use crate::incoming::{invalid, optional_text, text};

impl<'a> Reader<'a> {
    /// Reads a block into the parts of the item that comes next.
    pub(super) fn block(
        &mut self,
        spot: Spot<'a>,
        mut block: wire::InputBlock<'a>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Fault> {
        let read = match block.kind() {
            "text" => {
                let json = block.text.take();
                let json = json.ok_or_else(|| invalid(spot.field("text"), "it is missing"))?;
                parts.push(Part::Text(text(|| spot.field("text"), json)?));
                true
            }
            "image" => self.image(spot, &mut block, parts)?,
            "document" => self.document(spot, &mut block, parts)?,
            _ => false,
        };
        if !read {
            let kind = block.kind.take().map_or("".into(), Cow::from);
            parts.push(Part::Other { kind, json: self.raw(spot)? });
            return Ok(());
        }
        block.kind = None;
        // A cache mark means all that has come so far.
        let part = parts.len().saturating_sub(1);
        let place = Place::Part { item: self.turn.items.len(), part };
        self.misplaced(place, spot, block.fields())?;
        self.extras(place, block.extra);
        Ok(())
    }

    /// Reads a picture.
    fn image(
        &mut self,
        spot: Spot<'a>,
        block: &mut wire::InputBlock<'a>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<bool, Fault> {
        let Some(source) = source(spot, block.source)? else { return Ok(false) };
        let Some(url) = url(&source) else { return Ok(false) };
        parts.push(Part::Image { url, detail: None });
        block.source = None;
        self.rest_of(&source);
        Ok(true)
    }

    /// Reads a document: as a file, or, if it is text, as what it says.
    fn document(
        &mut self,
        spot: Spot<'a>,
        block: &mut wire::InputBlock<'a>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<bool, Fault> {
        let Some(source) = source(spot, block.source)? else { return Ok(false) };
        let title = |block: &mut wire::InputBlock<'a>| {
            optional_text(|| spot.field("title"), block.title.take())
        };
        let context = |block: &mut wire::InputBlock<'a>| {
            optional_text(|| spot.field("context"), block.context.take())
        };
        match (source.kind(), source.content) {
            ("base64" | "url" | "file", _) => {
                let Some(url) = url(&source) else { return Ok(false) };
                parts.push(Part::File { url, name: title(block)? });
            }
            ("text", _) => {
                let Some(data) = source.data else { return Ok(false) };
                let data = text(|| spot.field("source.data"), data)?;
                parts.extend(title(block)?.map(Part::Text));
                parts.extend(context(block)?.map(Part::Text));
                parts.push(Part::Text(data));
            }
            ("content", Some(inside)) => {
                parts.extend(title(block)?.map(Part::Text));
                parts.extend(context(block)?.map(Part::Text));
                match Text::from_json(inside.get()) {
                    Some(text) => parts.push(Part::Text(text)),
                    None => {
                        for (nth, inner) in list(spot, inside)?.into_iter().enumerate() {
                            self.block(spot.inner(inside, nth), inner, parts)?;
                        }
                    }
                }
            }
            _ => return Ok(false),
        }
        if matches!(source.kind(), "text" | "content") {
            // What is said in plain words cannot be cited by its place in a document.
            let cited =
                |field: &interlingua_protocol::Field<'_>| field.name.as_str() == "citations";
            if block.extra.extract_if(.., |field| cited(field)).any(|field| is_meant(&field)) {
                self.notes.push(Note::new(NoteKind::Dropped, "citations of a document"));
            }
        }
        block.source = None;
        self.rest_of(&source);
        Ok(true)
    }

    /// Tells what is not known of a source; only the client's own words still have it.
    fn rest_of(&mut self, source: &wire::Source<'a>) {
        for field in source.extra.iter().filter(|it| is_meant(it)) {
            let what = format!("source.{}", field.name.as_str());
            self.notes.push(Note::new(NoteKind::Dropped, what));
        }
    }
}

/// Reads where a picture or a document comes from.
fn source<'a>(
    spot: Spot<'a>,
    json: Option<&'a RawValue>,
) -> Result<Option<wire::Source<'a>>, Fault> {
    let Some(json) = json else { return Ok(None) };
    let read = serde_json::from_str(json.get());
    read.map(Some).map_err(|error| invalid(spot.field("source"), error.to_string()))
}

/// The address of a thing: its own, one that holds all of it, or the name that its provider gave it.
fn url<'a>(source: &wire::Source<'a>) -> Option<Text<'a>> {
    let inside = |json: Option<&'a RawValue>| json?.get().strip_prefix('"')?.strip_suffix('"');
    match source.kind() {
        "base64" => {
            let (form, data) = (inside(source.media_type)?, inside(source.data)?);
            Some(Text::Json(["data:", form, ";base64,", data].concat().into()))
        }
        "url" => inside(source.url).map(|it| Text::Json(it.into())),
        "file" => inside(source.file_id).map(|it| Text::Json(it.into())),
        _ => None,
    }
}
