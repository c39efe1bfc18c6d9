//! The form of the answer, as an upstream can be asked for it.

use interlingua_dialect::{Fix, JsonObjectRule, JsonSchemaRule};
use interlingua_ir::{Format, Note, NoteKind, Text, Turn};

use crate::target::Target;

/// How the form is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AnswerForm {
    /// The client wants none.
    Free,
    /// Any JSON object, in the upstream's own word.
    Object,
    /// The schema, in the upstream's own word.
    Schema,
    /// Any JSON object in the upstream's own word, and the schema in the prompt.
    ObjectAndWords,
    /// In the prompt alone.
    Words,
}

impl AnswerForm {
    pub(crate) fn of(turn: &Turn<'_>, target: &Target<'_>) -> Self {
        let rules = &target.dialect.request;
        let beside_tools = !rules.format_with_tools && !turn.tools.is_empty();
        let takes_object = rules.json_object == JsonObjectRule::Native;
        match &turn.format {
            Format::Text => Self::Free,
            _ if beside_tools || FIELDS.iter().any(|it| target.repairs.bars(it)) => Self::Words,
            Format::JsonObject if takes_object => Self::Object,
            Format::JsonObject => Self::Words,
            Format::JsonSchema { .. } => match rules.json_schema {
                JsonSchemaRule::Native if !target.repairs.has(Fix::ToJsonObject) => Self::Schema,
                JsonSchemaRule::Drop => Self::Words,
                _ if takes_object => Self::ObjectAndWords,
                _ => Self::Words,
            },
        }
    }

    /// Whether the prompt has to say it.
    pub(crate) fn is_in_words(self) -> bool {
        matches!(self, Self::ObjectAndWords | Self::Words)
    }

    /// What the prompt says. The word JSON is among it, without which some upstreams refuse to write any.
    pub(crate) fn words(self, turn: &Turn<'_>) -> Option<Text<'static>> {
        let words = "Answer with one JSON object and nothing else.";
        match &turn.format {
            Format::JsonSchema { schema, .. } if self.is_in_words() => {
                let more = "It must follow this JSON Schema:";
                Some(Text::from(format!("{words} {more}\n{}", schema.get())))
            }
            Format::JsonObject if self.is_in_words() => Some(Text::plain(words)),
            _ => None,
        }
    }

    /// The schema that the answer has to be held against, because the upstream does not.
    pub(crate) fn unheld(self, turn: &Turn<'_>) -> Option<Box<str>> {
        match &turn.format {
            Format::JsonSchema { schema, .. } if self.is_in_words() => Some(schema.get().into()),
            _ => None,
        }
    }

    /// Tells what has become of the client's wish.
    pub(crate) fn note(self, turn: &Turn<'_>, notes: &mut Vec<Note>) {
        let asked = match &turn.format {
            Format::JsonSchema { .. } => "json_schema",
            Format::JsonObject | Format::Text => "json_object",
        };
        let became = match self {
            Self::ObjectAndWords => "json_object",
            Self::Words => "words",
            Self::Free | Self::Object | Self::Schema => return,
        };
        notes.push(Note::new(NoteKind::Changed, format!("{asked} to {became}")));
    }
}

/// The fields that ask for a form.
const FIELDS: [&str; 3] = ["output_config", "response_format", "text.format"];
