use serde_json::value::RawValue;

use crate::Name;
use crate::object::object;

object! {
    /// One event of an answer's stream: all fields of all kinds, of which each kind uses a few.
    pub struct StreamEvent<'a> {
        /// What it tells, such as `content_block_delta`.
        pub kind: Name<'a> = "type",
        /// The answer as it begins (`message_start`).
        pub message: Answer<'a> = "message",
        /// Which block of the answer is meant.
        pub index: &'a RawValue = "index",
        /// A block as it begins (`content_block_start`).
        pub content_block: AnswerBlock<'a> = "content_block",
        /// What is new about a block, or about the answer (`message_delta`).
        pub delta: Delta<'a> = "delta",
        /// What the turn has cost so far.
        pub usage: &'a RawValue = "usage",
        /// What went wrong, though the status was 200.
        pub error: &'a RawValue = "error",
    }
}

object! {
    /// An answer: whole, or as it begins.
    pub struct Answer<'a> {
        /// `message`, or `error`.
        pub kind: Name<'a> = "type",
        /// Its name.
        pub id: &'a RawValue = "id",
        /// The model that answers.
        pub model: &'a RawValue = "model",
        /// Its blocks; empty while it only begins.
        pub content: Vec<AnswerBlock<'a>> = "content",
        /// Why the model stopped.
        pub stop_reason: &'a RawValue = "stop_reason",
        /// What the turn cost.
        pub usage: &'a RawValue = "usage",
        /// What went wrong, though the status was 200.
        pub error: &'a RawValue = "error",
    }
}

object! {
    /// A block of an answer: all fields of all kinds, of which each kind uses a few.
    pub struct AnswerBlock<'a> {
        /// What it is, such as `text` or `tool_use`.
        pub kind: Name<'a> = "type",
        /// Prose.
        pub text: &'a RawValue = "text",
        /// Sources that the prose relies on.
        pub citations: &'a RawValue = "citations",
        /// Thought.
        pub thinking: &'a RawValue = "thinking",
        /// That by which the upstream recognises its thought.
        pub signature: &'a RawValue = "signature",
        /// A thought that nobody else can read.
        pub data: &'a RawValue = "data",
        /// The id of a call.
        pub id: &'a RawValue = "id",
        /// The tool that is called.
        pub name: &'a RawValue = "name",
        /// The call's arguments; an empty object while they are still to come.
        pub input: &'a RawValue = "input",
    }
}

object! {
    /// What is new about a block or an answer: all fields of all kinds.
    pub struct Delta<'a> {
        /// What it is, such as `text_delta`; `message_delta` has none.
        pub kind: Name<'a> = "type",
        /// The next piece of prose.
        pub text: &'a RawValue = "text",
        /// The next piece of thought.
        pub thinking: &'a RawValue = "thinking",
        /// That by which the upstream recognises its thought.
        pub signature: &'a RawValue = "signature",
        /// The next stretch of the arguments' JSON text.
        pub partial_json: &'a RawValue = "partial_json",
        /// A source that the prose relies on.
        pub citation: &'a RawValue = "citation",
        /// Why the model stopped.
        pub stop_reason: &'a RawValue = "stop_reason",
    }
}

/// Reads an event of a stream.
///
/// # Errors
///
/// The parser's, when `json` is none.
pub fn read_event(json: &str) -> serde_json::Result<StreamEvent<'_>> {
    serde_json::from_str(json)
}

/// Reads a whole answer.
///
/// # Errors
///
/// The parser's, when `json` is none.
pub fn read_answer(json: &str) -> serde_json::Result<Answer<'_>> {
    serde_json::from_str(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_nobody_knows_are_kept() {
        let json = r#"{"type":"content_block_start","index":3,"content_block":
            {"type":"container_upload","file_id":"f"},"new":[1]}"#;
        let event = read_event(json).unwrap();
        assert_eq!(event.index.unwrap().get(), "3");
        assert_eq!(event.extra[0].name.as_str(), "new");
        let block = event.content_block.unwrap();
        assert_eq!(block.kind.unwrap().as_str(), "container_upload");
        assert_eq!(block.extra[0].json.get(), "\"f\"");
    }

    #[test]
    fn nulls_are_nothing() {
        let json = r#"{"type":"message_delta","delta":{"stop_reason":null},"usage":null}"#;
        let event = read_event(json).unwrap();
        assert!(event.usage.is_none() && event.delta.unwrap().stop_reason.is_none());
        let answer = read_answer(r#"{"content":null,"error":null}"#).unwrap();
        assert!(answer.content.is_none() && answer.error.is_none());
    }
}
