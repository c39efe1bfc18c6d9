//! What messages and results are made of.

use interlingua_dialect::{ImageScheme, ImageUrlForm, Images};
use interlingua_ir::{Note, NoteKind, Part, Text};

use super::Writer;
use crate::chat::write::string;

/// A part as the model can see it.
pub(super) enum Seen<'w> {
    Text(Text<'w>),
    Image { url: Text<'w>, detail: Option<Text<'w>> },
}

impl<'w> Seen<'w> {
    pub(super) fn text(self) -> Option<Text<'w>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image { .. } => None,
        }
    }
}

pub(super) const OMITTED_IMAGE: &str = "[image omitted: this model takes text only]";

impl<'w, 'a> Writer<'w, 'a> {
    /// The parts as the model can see them; what it cannot see becomes a placeholder, the same in
    /// every turn.
    pub(super) fn seen(&mut self, parts: &'w [Part<'a>]) -> Vec<Seen<'w>> {
        let mut seen = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) if text.is_empty() => {}
                Part::Text(text) | Part::Refusal(text) => seen.push(Seen::Text(text.borrowed())),
                Part::Image { url, detail } => seen.push(self.image(url, detail.as_ref())),
                Part::File { .. } => seen.push(self.omitted("file")),
                Part::Audio { .. } => seen.push(self.omitted("audio")),
                Part::Other { kind, .. } => seen.push(self.omitted(kind)),
            }
        }
        seen
    }

    /// What stands for a part that the model cannot take.
    fn omitted(&mut self, kind: &str) -> Seen<'w> {
        self.notes.push(Note::new(NoteKind::Omitted, kind));
        let what = kind.strip_prefix("input_").unwrap_or(kind);
        Seen::Text(format!("[{what} omitted: this model takes text only]").into())
    }

    /// The parts in words, for a place where nothing else can stand.
    pub(super) fn words(&mut self, parts: &'w [Part<'a>]) -> Vec<Text<'w>> {
        let seen = self.seen(parts);
        let words = seen.into_iter().map(|part| match part {
            Seen::Text(text) => text,
            Seen::Image { .. } => {
                self.notes.push(Note::new(NoteKind::Omitted, "image"));
                Text::plain(OMITTED_IMAGE)
            }
        });
        words.collect()
    }

    fn image(&mut self, url: &'w Text<'a>, detail: Option<&'w Text<'a>>) -> Seen<'w> {
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
            return Seen::Image { url: url.borrowed(), detail: detail.map(Text::borrowed) };
        }
        self.notes.push(Note::new(NoteKind::Omitted, "image"));
        Seen::Text(Text::plain(OMITTED_IMAGE))
    }

    pub(super) fn list(&mut self, parts: &[Seen<'_>]) {
        for (nth, part) in parts.iter().enumerate() {
            if nth > 0 {
                self.out.push(b',');
            }
            match part {
                Seen::Text(text) => self.text_part(text),
                Seen::Image { url, detail } => {
                    self.out.extend_from_slice(b"{\"type\":\"image_url\",\"image_url\":");
                    if self.target.dialect.vision.image_url_form == ImageUrlForm::String {
                        string(self.out, url);
                    } else {
                        self.out.extend_from_slice(b"{\"url\":");
                        string(self.out, url);
                        if let Some(detail) = detail {
                            self.out.extend_from_slice(b",\"detail\":");
                            string(self.out, detail);
                        }
                        self.out.push(b'}');
                    }
                    self.out.push(b'}');
                }
            }
        }
    }

    pub(super) fn text_part(&mut self, text: &Text<'_>) {
        self.out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
        string(self.out, text);
        self.out.push(b'}');
    }
}
