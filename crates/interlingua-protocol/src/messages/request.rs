use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::Name;
use crate::object::{TextOrList, object, text_or_list};

object! {
    /// `POST /messages`, and `POST /messages/count_tokens`, which leaves out what steers the answer.
    pub struct Request<'a> {
        /// The model.
        pub model: Name<'a> = "model",
        /// The operator's rules: a string, or blocks.
        pub system: Content<'a> = "system",
        /// The conversation.
        pub messages: Vec<Message<'a>> = "messages",
        /// The tools.
        pub tools: Vec<Tool<'a>> = "tools",
        /// Whether a tool has to be called; see [`ToolChoice`].
        pub tool_choice: &'a RawValue = "tool_choice",
        /// Whether to think; see [`Thinking`].
        pub thinking: &'a RawValue = "thinking",
        /// How much to think, and the form of the answer; see [`OutputConfig`].
        pub output_config: &'a RawValue = "output_config",
        /// The form of the answer, where clients of the beta put it; see [`Format`].
        pub output_format: &'a RawValue = "output_format",
        /// The most tokens that the answer may take.
        pub max_tokens: u64 = "max_tokens",
        /// Whether to send the answer piece by piece.
        pub stream: bool = "stream",
        /// Texts that end the answer.
        pub stop_sequences: &'a RawValue = "stop_sequences",
    }
}

object! {
    /// One message of the conversation.
    pub struct Message<'a> {
        /// `user`, `assistant`, or `system` for rules that come on the way.
        pub role: Name<'a> = "role",
        /// What is said.
        pub content: Content<'a> = "content",
    }
}

/// A string, or an array of blocks.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// Blocks.
    Blocks(Vec<InputBlock<'a>>),
}

object! {
    /// A block of a message, a tool's result or the rules: all fields of all kinds, of which each
    /// kind uses a few.
    pub struct InputBlock<'a> {
        /// What it is.
        pub kind: Name<'a> = "type",
        /// Words.
        pub text: &'a RawValue = "text",
        /// Where a picture or a document comes from; a search result has a string there.
        pub source: &'a RawValue = "source",
        /// What a document is called.
        pub title: &'a RawValue = "title",
        /// What there is to know about a document.
        pub context: &'a RawValue = "context",
        /// A thought.
        pub thinking: &'a RawValue = "thinking",
        /// By what its maker recognises a thought.
        pub signature: &'a RawValue = "signature",
        /// A thought that only its maker can read.
        pub data: &'a RawValue = "data",
        /// Joins a call and its result.
        pub id: Name<'a> = "id",
        /// The tool that is called.
        pub name: Name<'a> = "name",
        /// The call's arguments, an object.
        pub input: &'a RawValue = "input",
        /// The call that a result belongs to.
        pub tool_use_id: Name<'a> = "tool_use_id",
        /// What a tool answered: a string, or an array of blocks.
        pub content: &'a RawValue = "content",
        /// Whether the tool failed.
        pub is_error: bool = "is_error",
        /// A tool that was found and may be offered from now on.
        pub tool_name: Name<'a> = "tool_name",
    }
}

object! {
    /// Where a picture or a document comes from.
    pub struct Source<'a> {
        /// `base64`, `url`, `file`, `text` or `content`.
        pub kind: Name<'a> = "type",
        /// What it is, such as `image/png`.
        pub media_type: &'a RawValue = "media_type",
        /// The thing itself: in Base64, or plain text.
        pub data: &'a RawValue = "data",
        /// Its address.
        pub url: &'a RawValue = "url",
        /// The name under which the provider keeps it.
        pub file_id: &'a RawValue = "file_id",
        /// A document in blocks.
        pub content: &'a RawValue = "content",
    }
}

object! {
    /// A tool: all fields of all kinds.
    pub struct Tool<'a> {
        /// `custom`, which is also meant where it is missing, or one of the server's own.
        pub kind: Name<'a> = "type",
        /// Its name.
        pub name: Name<'a> = "name",
        /// What it does.
        pub description: &'a RawValue = "description",
        /// The JSON Schema of its arguments.
        pub input_schema: &'a RawValue = "input_schema",
        /// Whether to follow the schema to the letter.
        pub strict: bool = "strict",
        /// Whether to keep it from the model until something in the conversation refers to it.
        pub defer_loading: bool = "defer_loading",
    }
}

object! {
    /// Whether a tool has to be called.
    pub struct ToolChoice<'a> {
        /// `auto`, `any`, `tool` or `none`.
        pub kind: Name<'a> = "type",
        /// The tool that has to be called.
        pub name: Name<'a> = "name",
        /// Whether only one call may come.
        pub disable_parallel_tool_use: bool = "disable_parallel_tool_use",
    }
}

object! {
    /// Whether to think.
    pub struct Thinking<'a> {
        /// `adaptive`, `enabled` or `disabled`.
        pub kind: Name<'a> = "type",
        /// The most tokens to spend on it.
        pub budget_tokens: u64 = "budget_tokens",
    }
}

object! {
    /// How much to think, and the form of the answer.
    pub struct OutputConfig<'a> {
        /// The level.
        pub effort: Name<'a> = "effort",
        /// The form of the answer.
        pub format: Format<'a> = "format",
    }
}

object! {
    /// The form of the answer.
    pub struct Format<'a> {
        /// `json_schema`.
        pub kind: Name<'a> = "type",
        /// The schema.
        pub schema: &'a RawValue = "schema",
    }
}

impl InputBlock<'_> {
    /// Whether the block says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.fields().next().is_none() && self.extra.is_empty()
    }

    /// What the block is; empty where it does not say.
    pub fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", Name::as_str)
    }
}

impl Source<'_> {
    /// How the source gives the thing; empty where it does not say.
    pub fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", Name::as_str)
    }
}

impl Tool<'_> {
    /// What the tool is; empty where it does not say.
    pub fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", Name::as_str)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_list(deserializer).map(|it| match it {
            TextOrList::Text(text) => Self::Text(text),
            TextOrList::List(blocks) => Self::Blocks(blocks),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    #[test]
    fn errors_name_the_place() {
        let error =
            read::<Request<'_>>(br#"{"messages":[{"role":"user","content":5}]}"#).unwrap_err();
        assert_eq!(error.path, "messages[0].content");
        assert!(error.reason.contains("a string or an array"), "{error}");
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let request: Request<'_> =
            read(br#"{"messages":[],"context_management":{"edits":[]},"x":1.10}"#).unwrap();
        let extra: Vec<_> =
            request.extra.iter().map(|it| (it.name.as_str(), it.json.get())).collect();
        assert_eq!(extra, [("context_management", r#"{"edits":[]}"#), ("x", "1.10")]);
    }
}
