use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use crate::Name;
use crate::object::{Fill, Object, object};

/// One event of an answer's stream: all fields of all kinds, of which each kind uses a few.
///
/// Read by hand, because it is read once per token: what is not named here is skipped.
#[derive(Clone, Debug, Default)]
pub struct Event<'a> {
    /// What it is.
    pub kind: Name<'a>,
    /// The answer as far as it has come, in the events about all of it; see [`Answer`].
    pub response: Option<&'a RawValue>,
    /// The item, in the events about all of it; see [`OutputItem`].
    pub item: Option<&'a RawValue>,
    /// Which item it is, by its id.
    pub item_id: Option<&'a RawValue>,
    /// Which item it is, by its position in the answer.
    pub output_index: Option<&'a RawValue>,
    /// Which part of the item's content.
    pub content_index: Option<&'a RawValue>,
    /// Which part of the thought's summary.
    pub summary_index: Option<&'a RawValue>,
    /// The part, in the events about all of it; see [`OutputPart`].
    pub part: Option<&'a RawValue>,
    /// The next piece.
    pub delta: Option<&'a RawValue>,
    /// Counts the events.
    pub sequence_number: Option<&'a RawValue>,
    /// Hides how long the piece is.
    pub obfuscation: Option<&'a RawValue>,
    /// All of a text, once it is done.
    pub text: Option<&'a RawValue>,
    /// All of a refusal, once it is done.
    pub refusal: Option<&'a RawValue>,
    /// All arguments of a call, once they are done.
    pub arguments: Option<&'a RawValue>,
    /// All of a custom call's input, once it is done.
    pub input: Option<&'a RawValue>,
    /// A source.
    pub annotation: Option<&'a RawValue>,
    /// What went wrong, where it is an object.
    pub error: Option<&'a RawValue>,
}

/// Reads an event.
///
/// # Errors
///
/// The parser's, when `json` is no object.
pub fn read_event(json: &str) -> serde_json::Result<Event<'_>> {
    read(json)
}

/// Reads an answer as it stands in a body of its own, or in an event.
///
/// # Errors
///
/// The parser's, when `json` is no answer.
pub fn read_answer(json: &str) -> serde_json::Result<Answer<'_>> {
    read(json)
}

/// Reads an item of an answer.
///
/// # Errors
///
/// The parser's, when `json` is no item.
pub fn read_item(json: &str) -> serde_json::Result<OutputItem<'_>> {
    read(json)
}

/// Reads a part of an item.
///
/// # Errors
///
/// The parser's, when `json` is no part.
pub fn read_part(json: &str) -> serde_json::Result<OutputPart<'_>> {
    read(json)
}

fn read<'a, T: Object<'a>>(json: &'a str) -> serde_json::Result<T> {
    let mut value = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Fill(&mut value).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value.unwrap_or_default())
}

impl<'de: 'a, 'a> Object<'de> for Event<'a> {
    fn fill<M: MapAccess<'de>>(&mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match name.as_str() {
                "type" => self.kind = map.next_value::<Option<Name<'de>>>()?.unwrap_or_default(),
                "response" => self.response = map.next_value()?,
                "item" => self.item = map.next_value()?,
                "item_id" => self.item_id = map.next_value()?,
                "output_index" => self.output_index = map.next_value()?,
                "content_index" => self.content_index = map.next_value()?,
                "summary_index" => self.summary_index = map.next_value()?,
                "part" => self.part = map.next_value()?,
                "delta" => self.delta = map.next_value()?,
                "sequence_number" => self.sequence_number = map.next_value()?,
                "obfuscation" => self.obfuscation = map.next_value()?,
                "text" => self.text = map.next_value()?,
                "refusal" => self.refusal = map.next_value()?,
                "arguments" => self.arguments = map.next_value()?,
                "input" => self.input = map.next_value()?,
                "annotation" => self.annotation = map.next_value()?,
                "error" => self.error = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

object! {
    /// An answer, whole or as far as it has come.
    pub struct Answer<'a> {
        /// `response`, by the book.
        pub object: &'a RawValue = "object",
        /// Its id.
        pub id: &'a RawValue = "id",
        /// The model that answers.
        pub model: &'a RawValue = "model",
        /// `completed`, `incomplete`, `failed`, `in_progress` …
        pub status: &'a RawValue = "status",
        /// What went wrong.
        pub error: &'a RawValue = "error",
        /// Why it is incomplete: an object with a `reason`.
        pub incomplete_details: &'a RawValue = "incomplete_details",
        /// Its items, each an [`OutputItem`].
        pub output: Vec<&'a RawValue> = "output",
        /// What it cost.
        pub usage: &'a RawValue = "usage",
    }
}

object! {
    /// An item of an answer: all fields of all kinds.
    pub struct OutputItem<'a> {
        /// What it is.
        pub kind: Name<'a> = "type",
        /// Its id.
        pub id: &'a RawValue = "id",
        /// `completed`, or how else it ended.
        pub status: &'a RawValue = "status",
        /// What is said, or the raw thought: a list of [`OutputPart`]s.
        pub content: &'a RawValue = "content",
        /// What people may read of a thought: a list of [`OutputPart`]s.
        pub summary: &'a RawValue = "summary",
        /// What the server needs to recognise its own thought.
        pub encrypted_content: &'a RawValue = "encrypted_content",
        /// The id that the call's output will refer to.
        pub call_id: &'a RawValue = "call_id",
        /// The tool.
        pub name: &'a RawValue = "name",
        /// The tool's namespace.
        pub namespace: &'a RawValue = "namespace",
        /// The call's arguments: JSON text, or an object (`tool_search_call`).
        pub arguments: &'a RawValue = "arguments",
        /// A custom call's input.
        pub input: &'a RawValue = "input",
        /// Who runs the call: `client`, or the server itself.
        pub execution: &'a RawValue = "execution",
    }
}

object! {
    /// A part of what is said or thought.
    pub struct OutputPart<'a> {
        /// What it is.
        pub kind: Name<'a> = "type",
        /// Words.
        pub text: &'a RawValue = "text",
        /// Words in which the model declined.
        pub refusal: &'a RawValue = "refusal",
        /// Sources.
        pub annotations: &'a RawValue = "annotations",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_what_its_kind_needs() {
        let event = read_event(
            r#"{"type":"response.output_text.delta","sequence_number":3,"item_id":"m",
                "output_index":0,"content_index":1,"delta":"a\"b","logprobs":[],"obfuscation":"x"}"#,
        )
        .unwrap();
        assert_eq!(event.kind.as_str(), "response.output_text.delta");
        assert_eq!(event.delta.unwrap().get(), r#""a\"b""#);
        assert_eq!(event.content_index.unwrap().get(), "1");
        assert!(event.item.is_none());
    }

    #[test]
    fn an_answer_holds_its_items_as_they_came() {
        let answer =
            read_answer(r#"{"id":"r","output":[{"type":"message"}],"usage":null}"#).unwrap();
        let items = answer.output.unwrap();
        let item = read_item(items[0].get()).unwrap();
        assert_eq!(item.kind.unwrap().as_str(), "message");
        assert!(answer.usage.is_none());
    }

    #[test]
    fn what_is_no_object_is_no_event() {
        assert!(read_event("[]").is_err());
        assert!(read_event("{\"type\":\"x\"").is_err());
    }
}
