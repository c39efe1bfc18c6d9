//! What messages and results are made of.

use std::borrow::Cow;

use interlingua_dialect::{ImageScheme, Images};
use interlingua_ir::{Note, NoteKind, Part, Protocol, Text};

use super::conversation::Writer;
use crate::render::string;

/// A part as the model can see it.
pub(super) struct Seen<'w> {
    pub(super) what: What<'w>,
    /// Where it stood: the item, and the part in it.
    pub(super) place: Option<(usize, usize)>,
}

pub(super) enum What<'w> {
    Text(Text<'w>),
    Image(Source<'w>),
    Document {
        source: Source<'w>,
        title: Option<Text<'w>>,
    },
    /// A block of this protocol, as it came.
    Block(&'w str),
}

/// Where an image or a document is.
pub(super) enum Source<'w> {
    Base64 { media_type: Text<'w>, data: Text<'w> },
    Url(Text<'w>),
    File(Text<'w>),
}

pub(super) const OMITTED_IMAGE: &str = "[image omitted: this model takes text only]";

/// The kinds of images that the protocol knows.
const IMAGE_TYPES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// The one kind of documents that travels as data.
const DOCUMENT_TYPE: &str = "application/pdf";

impl<'w, 'a> Writer<'w, 'a> {
    /// The parts as the model can see them; what it cannot see becomes a placeholder, the same in
    /// every turn. Blank texts are refused as blocks, and left out.
    pub(super) fn seen(&mut self, item: usize, parts: &'w [Part<'a>]) -> Vec<Seen<'w>> {
        let mut seen = Vec::with_capacity(parts.len());
        for (part, content) in parts.iter().enumerate() {
            let what = match content {
                Part::Text(text) | Part::Refusal(text) if is_blank(text) => continue,
                Part::Text(text) | Part::Refusal(text) => What::Text(text.borrowed()),
                Part::Image { url, detail } => {
                    if let Some(detail) = detail {
                        let what = format!("image detail {detail}");
                        self.notes.push(Note::new(NoteKind::Dropped, what));
                    }
                    self.image(url)
                }
                Part::File { url, name } => self.file(url, name.as_ref()),
                Part::Audio { .. } => self.omitted("audio"),
                Part::Other { json, .. } if self.turn.protocol == Protocol::Messages => {
                    What::Block(json.get())
                }
                Part::Other { kind, .. } => self.omitted(kind),
            };
            seen.push(Seen { what, place: Some((item, part)) });
        }
        seen
    }

    fn image(&mut self, url: &'w Text<'a>) -> What<'w> {
        let vision = &self.target.dialect.vision;
        let takes = |scheme| vision.images != Images::No && vision.schemes.contains(&scheme);
        match source(url) {
            Some(Source::Base64 { media_type, data })
                if takes(ImageScheme::Data) && IMAGE_TYPES.contains(&&*media_type.to_plain()) =>
            {
                What::Image(Source::Base64 { media_type, data })
            }
            Some(Source::Url(url)) if takes(ImageScheme::Https) => What::Image(Source::Url(url)),
            Some(Source::File(id))
                if takes(ImageScheme::FileId) && self.turn.protocol == Protocol::Messages =>
            {
                What::Image(Source::File(id))
            }
            _ => {
                self.notes.push(Note::new(NoteKind::Omitted, "image"));
                What::Text(Text::plain(OMITTED_IMAGE))
            }
        }
    }

    fn file(&mut self, url: &'w Text<'a>, name: Option<&'w Text<'a>>) -> What<'w> {
        let source = source(url).filter(|source| {
            self.target.dialect.vision.documents
                && match source {
                    Source::Base64 { media_type, .. } => media_type.to_plain() == DOCUMENT_TYPE,
                    Source::Url(_) => true,
                    // An id means something only to the provider that gave it.
                    Source::File(_) => self.turn.protocol == Protocol::Messages,
                }
        });
        match source {
            Some(source) => What::Document { source, title: name.map(Text::borrowed) },
            None => self.omitted("file"),
        }
    }

    /// What stands for a part that the model cannot take.
    fn omitted(&mut self, kind: &str) -> What<'w> {
        self.notes.push(Note::new(NoteKind::Omitted, kind));
        let what = kind.strip_prefix("input_").unwrap_or(kind);
        What::Text(format!("[{what} omitted: this model cannot take it]").into())
    }

    /// Writes a part as a block.
    pub(super) fn part(&mut self, part: &Seen<'_>) {
        match &part.what {
            What::Text(text) => self.text(text),
            What::Image(source) => {
                self.out.extend_from_slice(b"{\"type\":\"image\",\"source\":");
                self.source(source);
                self.out.push(b'}');
            }
            What::Document { source, title } => {
                self.out.extend_from_slice(b"{\"type\":\"document\",\"source\":");
                self.source(source);
                if let Some(title) = title {
                    self.out.extend_from_slice(b",\"title\":");
                    string(self.out, title);
                }
                self.out.push(b'}');
            }
            What::Block(json) => return self.out.extend_from_slice(json.as_bytes()),
        }
        self.out.pop();
        self.extras.part(part.place, self.out);
        self.out.push(b'}');
    }

    /// Writes a text as a block.
    pub(super) fn text(&mut self, text: &Text<'_>) {
        self.out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
        string(self.out, text);
        self.out.push(b'}');
    }

    fn source(&mut self, source: &Source<'_>) {
        match source {
            Source::Base64 { media_type, data } => {
                self.out.extend_from_slice(b"{\"type\":\"base64\",\"media_type\":");
                string(self.out, media_type);
                self.out.extend_from_slice(b",\"data\":");
                string(self.out, data);
            }
            Source::Url(url) => {
                self.out.extend_from_slice(b"{\"type\":\"url\",\"url\":");
                string(self.out, url);
            }
            Source::File(id) => {
                self.out.extend_from_slice(b"{\"type\":\"file\",\"file_id\":");
                string(self.out, id);
            }
        }
        self.out.push(b'}');
    }
}

/// Takes a `data:` URL apart; what is no URL at all is the id of a file.
fn source<'w>(url: &'w Text<'_>) -> Option<Source<'w>> {
    // Base64 has no letters that need an escape, but for a slash that some escape all the same.
    let (plain, escaped) = match url {
        Text::Plain(text) => (Cow::Borrowed(&**text), false),
        Text::Json(inside) if !inside.contains('\\') => (Cow::Borrowed(&**inside), true),
        Text::Json(_) => (url.to_plain(), false),
    };
    let part = |text: &str| -> Text<'w> {
        match (&plain, escaped) {
            (Cow::Borrowed(whole), escaped) => {
                let range = crate::splices::range_in(whole, text).unwrap_or_default();
                let text = whole.get(range).unwrap_or_default();
                if escaped { Text::Json(text.into()) } else { Text::Plain(text.into()) }
            }
            (Cow::Owned(_), _) => Text::plain(text.to_owned()),
        }
    };
    if let Some(rest) = plain.strip_prefix("data:") {
        let (about, data) = rest.split_once(',')?;
        let about = about.strip_suffix(";base64")?;
        let media_type = about.split(';').next().unwrap_or_default();
        return Some(Source::Base64 { media_type: part(media_type), data: part(data) });
    }
    match plain.split_once("://") {
        Some(("https" | "http", _)) => Some(Source::Url(part(&plain))),
        Some(_) => None,
        None if plain.is_empty() || plain.contains(':') => None,
        None => Some(Source::File(part(&plain))),
    }
}

/// Whether a text is nothing but blanks.
pub(super) fn is_blank(text: &Text<'_>) -> bool {
    match text {
        Text::Plain(text) => text.trim().is_empty(),
        Text::Json(inside) => {
            // Only a short text is worth a closer look: a long one that begins with an escape says more.
            let rest = inside.trim_start_matches([' ', '\\', 'n', 'r', 't']);
            rest.is_empty() && text.to_plain().trim().is_empty()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_recognised_in_either_form() {
        for (text, blank) in [
            (Text::plain(""), true),
            (Text::plain(" \n"), true),
            (Text::Json(r"\n \t".into()), true),
            (Text::Json(r"\\n".into()), false),
            (Text::Json("ntr".into()), false),
            (Text::Json(r"\n x".into()), false),
        ] {
            assert_eq!(is_blank(&text), blank, "{text:?}");
        }
    }

    #[test]
    fn urls_are_taken_apart() {
        let what = |url: &str| match source(&Text::Json(url.into())) {
            Some(Source::Base64 { media_type, data }) => format!("{media_type} {data}"),
            Some(Source::Url(url)) => format!("url {url}"),
            Some(Source::File(id)) => format!("file {id}"),
            None => "nothing".to_owned(),
        };
        assert_eq!(what("data:image/png;base64,AA/="), "image/png AA/=");
        assert_eq!(what(r"data:image\/png;base64,AA\/="), "image/png AA/=");
        assert_eq!(what("data:image/png;x=y;base64,AA"), "image/png AA");
        assert_eq!(what("data:text/plain,words"), "nothing");
        assert_eq!(what("https://x.example/a.png"), "url https://x.example/a.png");
        assert_eq!(what("ms://x"), "nothing");
        assert_eq!(what("file_01"), "file file_01");
    }
}
