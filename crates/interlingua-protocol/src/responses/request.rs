use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::Name;
use crate::object::{TextOrList, object, text_or_list};

object! {
    /// `POST /responses`.
    pub struct Request<'a> {
        /// The model.
        pub model: Name<'a> = "model",
        /// The conversation: a string, or an array of items.
        pub input: Input<'a> = "input",
        /// The operator's rules; newer clients send them as the first item instead.
        pub instructions: &'a RawValue = "instructions",
        /// The tools.
        pub tools: Vec<Tool<'a>> = "tools",
        /// `auto`, `none`, `required`, or an object that names a tool.
        pub tool_choice: &'a RawValue = "tool_choice",
        /// Whether several calls may come at once.
        pub parallel_tool_calls: bool = "parallel_tool_calls",
        /// How much to think.
        pub reasoning: ReasoningOptions<'a> = "reasoning",
        /// Verbosity and form of the answer.
        pub text: TextOptions<'a> = "text",
        /// The most tokens that the answer may take.
        pub max_output_tokens: u64 = "max_output_tokens",
        /// Whether to send the answer piece by piece.
        pub stream: bool = "stream",
        /// Continue from a stored answer.
        pub previous_response_id: &'a RawValue = "previous_response_id",
        /// Continue a stored conversation.
        pub conversation: &'a RawValue = "conversation",
        /// Answer later.
        pub background: bool = "background",
        /// A stored prompt.
        pub prompt: &'a RawValue = "prompt",
    }
}

/// The conversation of a [`Request`].
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// One message of the user.
    Text(Cow<'a, str>),
    /// All of it.
    Items(Vec<Item<'a>>),
}

object! {
    /// One entry of the conversation: all fields of all kinds, of which each kind uses a few.
    pub struct Item<'a> {
        /// What it is; left out by clients that send plain messages.
        pub kind: Name<'a> = "type",
        /// Who says it.
        pub role: Name<'a> = "role",
        /// What is said, or thought.
        pub content: Content<'a> = "content",
        /// Joins a call and its output.
        pub call_id: Name<'a> = "call_id",
        /// The tool.
        pub name: Name<'a> = "name",
        /// The tool's namespace.
        pub namespace: Name<'a> = "namespace",
        /// The call's arguments: JSON text, or an object (`tool_search_call`).
        pub arguments: &'a RawValue = "arguments",
        /// A custom call's input.
        pub input: &'a RawValue = "input",
        /// What the tool answered: a string, or an array of parts.
        pub output: &'a RawValue = "output",
        /// The readable copy of a thought.
        pub summary: Content<'a> = "summary",
        /// The sealed copy of a thought, or of a summary.
        pub encrypted_content: &'a RawValue = "encrypted_content",
        /// Tools that were found or added on the way.
        pub tools: Vec<Tool<'a>> = "tools",
    }
}

/// A string, or an array of parts.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// Parts.
    Parts(Vec<Part<'a>>),
}

object! {
    /// A part of a message, a thought or an output.
    pub struct Part<'a> {
        /// What it is.
        pub kind: Name<'a> = "type",
        /// Words.
        pub text: &'a RawValue = "text",
        /// Words in which the model declined.
        pub refusal: &'a RawValue = "refusal",
        /// A picture.
        pub image_url: &'a RawValue = "image_url",
        /// How closely to look at it.
        pub detail: &'a RawValue = "detail",
    }
}

object! {
    /// How much to think.
    pub struct ReasoningOptions<'a> {
        /// The level.
        pub effort: Name<'a> = "effort",
    }
}

object! {
    /// Verbosity and form of the answer.
    pub struct TextOptions<'a> {
        /// `text`, `json_object` or `json_schema`.
        pub format: Format<'a> = "format",
        /// How many words to make.
        pub verbosity: &'a RawValue = "verbosity",
    }
}

object! {
    /// The form of the answer.
    pub struct Format<'a> {
        /// `text`, `json_object` or `json_schema`.
        pub kind: Name<'a> = "type",
        /// What the schema is called.
        pub name: &'a RawValue = "name",
        /// What the schema is for.
        pub description: &'a RawValue = "description",
        /// The schema.
        pub schema: &'a RawValue = "schema",
        /// Whether to follow it to the letter.
        pub strict: bool = "strict",
    }
}

object! {
    /// A tool: all fields of all kinds.
    pub struct Tool<'a> {
        /// `function`, `custom`, `namespace`, `web_search`, `tool_search` …
        pub kind: Name<'a> = "type",
        /// Its name.
        pub name: Name<'a> = "name",
        /// What it does.
        pub description: &'a RawValue = "description",
        /// The JSON Schema of its arguments.
        pub parameters: &'a RawValue = "parameters",
        /// Whether to follow the schema to the letter.
        pub strict: bool = "strict",
        /// The form of a custom tool's input.
        pub format: &'a RawValue = "format",
        /// The tools of a namespace.
        pub tools: Vec<Tool<'a>> = "tools",
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Input<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_list(deserializer).map(|it| match it {
            TextOrList::Text(text) => Self::Text(text),
            TextOrList::List(items) => Self::Items(items),
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_list(deserializer).map(|it| match it {
            TextOrList::Text(text) => Self::Text(text),
            TextOrList::List(parts) => Self::Parts(parts),
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
            read::<Request<'_>>(br#"{"input":[{"type":"message","content":5}]}"#).unwrap_err();
        assert_eq!(error.path, "input[0].content");
        assert!(error.reason.contains("a string or an array"), "{error}");
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let request: Request<'_> =
            read(br#"{"model":"m","input":"hi","store":false,"x":{"y":[1.10]}}"#).unwrap();
        let extra: Vec<_> =
            request.extra.iter().map(|it| (it.name.as_str(), it.json.get())).collect();
        assert_eq!(extra, [("store", "false"), ("x", r#"{"y":[1.10]}"#)]);
    }
}
