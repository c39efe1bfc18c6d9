//! What messages and results are made of.

use interlingua_dialect::{ImageScheme, Images};
use interlingua_ir::{Note, NoteKind, Part, Protocol, Text};
use serde_json::value::RawValue;

use crate::render::{field, string};
use crate::target::Target;

/// A part as the model can see it.
pub(super) enum Seen<'w> {
    Text(Text<'w>),
    Image {
        url: Text<'w>,
        detail: Option<Text<'w>>,
    },
    File {
        url: Text<'w>,
        name: Option<Text<'w>>,
    },
    /// A part of this protocol, as it came.
    Json(&'w RawValue),
}

/// Looks at parts as the target's model can see them.
pub(super) struct Eyes<'w> {
    pub(super) target: &'w Target<'w>,
    /// The protocol that the client speaks.
    pub(super) client: Protocol,
}

/// Parts that the reader leaves to those who speak Responses.
const OWN_PARTS: [&str; 2] = ["input_file", "input_image"];

impl Eyes<'_> {
    /// The parts as the model can see them; what it cannot see becomes a placeholder, the same in
    /// every turn.
    pub(super) fn see<'p>(&self, parts: &'p [Part<'_>], notes: &mut Vec<Note>) -> Vec<Seen<'p>> {
        let mut seen = Vec::with_capacity(parts.len());
        for part in parts {
            seen.push(match part {
                Part::Text(text) | Part::Refusal(text) if text.is_empty() => continue,
                Part::Text(text) | Part::Refusal(text) => Seen::Text(text.borrowed()),
                Part::Image { url, .. } if !self.takes_image(url) => omitted("image", notes),
                Part::Image { url, detail } => {
                    let detail = detail.as_ref().map(Text::borrowed);
                    Seen::Image { url: url.borrowed(), detail }
                }
                // The ids of one API mean nothing to another.
                Part::File { url, .. } if self.client == Protocol::Messages && is_id(url) => {
                    omitted("file", notes)
                }
                Part::File { url, name } => {
                    Seen::File { url: url.borrowed(), name: name.as_ref().map(Text::borrowed) }
                }
                Part::Other { kind, json }
                    if self.client == Protocol::Responses && OWN_PARTS.contains(&&**kind) =>
                {
                    Seen::Json(json)
                }
                Part::Audio { .. } => omitted("audio", notes),
                Part::Other { kind, .. } => omitted(kind, notes),
            });
        }
        seen
    }

    /// The parts in words, for a place where nothing else can stand.
    pub(super) fn words<'p>(&self, parts: &'p [Part<'_>], notes: &mut Vec<Note>) -> Vec<Text<'p>> {
        let seen = self.see(parts, notes);
        let words = seen.into_iter().filter_map(|part| match part {
            Seen::Text(text) => Some(text),
            Seen::Image { .. } => omitted("image", notes).text(),
            Seen::File { .. } => omitted("file", notes).text(),
            Seen::Json(_) => omitted("part", notes).text(),
        });
        words.collect()
    }

    fn takes_image(&self, url: &Text<'_>) -> bool {
        let vision = &self.target.dialect.vision;
        let scheme = match scheme(url) {
            Some("data") => Some(ImageScheme::Data),
            Some("https" | "http") => Some(ImageScheme::Https),
            _ => None,
        };
        vision.images != Images::No && scheme.is_some_and(|it| vision.schemes.contains(&it))
    }
}

impl<'w> Seen<'w> {
    pub(super) fn text(self) -> Option<Text<'w>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image { .. } | Self::File { .. } | Self::Json(_) => None,
        }
    }

    /// Writes the part as an object.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                out.extend_from_slice(b"{\"type\":\"input_text\",\"text\":");
                string(out, text);
            }
            Self::Image { url, detail } => {
                out.extend_from_slice(b"{\"type\":\"input_image\",\"image_url\":");
                string(out, url);
                out.extend_from_slice(b",\"detail\":");
                string(out, detail.as_ref().unwrap_or(&Text::plain("auto")));
            }
            Self::File { url, name } => {
                out.extend_from_slice(b"{\"type\":\"input_file\"");
                match scheme(url) {
                    Some("data") => {
                        out.extend_from_slice(b",\"filename\":");
                        string(out, name.as_ref().unwrap_or(&Text::plain("file")));
                        out.extend_from_slice(b",\"file_data\":");
                    }
                    Some(_) => out.extend_from_slice(b",\"file_url\":"),
                    None => out.extend_from_slice(b",\"file_id\":"),
                }
                string(out, url);
            }
            Self::Json(json) => return out.extend_from_slice(json.get().as_bytes()),
        }
        out.push(b'}');
    }
}

/// Writes a field that holds a list of parts.
pub(super) fn list(out: &mut Vec<u8>, name: &str, parts: &[Seen<'_>]) {
    field(out, name, "[");
    for (nth, part) in parts.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        part.write(out);
    }
    out.push(b']');
}

/// What stands for a part that the model cannot take.
fn omitted<'w>(kind: &str, notes: &mut Vec<Note>) -> Seen<'w> {
    notes.push(Note::new(NoteKind::Omitted, kind));
    let what = kind.strip_prefix("input_").unwrap_or(kind);
    Seen::Text(format!("[{what} omitted: this model takes text only]").into())
}

fn is_id(url: &Text<'_>) -> bool {
    scheme(url).is_none()
}

fn scheme<'u>(url: &'u Text<'_>) -> Option<&'u str> {
    let start = match url {
        Text::Json(text) | Text::Plain(text) => text.as_ref(),
    };
    start.split_once(':').map(|(scheme, _)| scheme)
}
