use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::Name;
use crate::object::object;

/// One chunk of an answer, or a whole one.
///
/// Read by hand, because it is read once per token: only the first choice is kept, and nothing is
/// allocated for it.
#[derive(Clone, Debug, Default)]
pub struct Chunk<'a> {
    /// The same in every chunk of an answer.
    pub id: Option<&'a RawValue>,
    /// The model that answers.
    pub model: Option<&'a RawValue>,
    /// The first choice; the others, if any, are not ours.
    pub choice: Option<Choice<'a>>,
    /// What the turn cost; an object, or `null` in every chunk but the last.
    pub usage: Option<&'a RawValue>,
    /// Groq's place for the usage.
    pub x_groq: Option<&'a RawValue>,
    /// What went wrong, though the status was 200.
    pub error: Option<&'a RawValue>,
    /// `error` where the chunk itself is the error (`vLLM`, `SGLang`).
    pub object: Option<&'a RawValue>,
    /// `MiniMax`'s status; not zero when something went wrong.
    pub base_resp: Option<&'a RawValue>,
}

/// The one choice an agent ever asks for.
#[derive(Clone, Debug, Default)]
pub struct Choice<'a> {
    /// What is new, or all of it (`message`).
    pub delta: Option<Delta<'a>>,
    /// `null` until the last chunk that carries a choice.
    pub finish_reason: Option<&'a RawValue>,
    /// Kimi's place for the usage.
    pub usage: Option<&'a RawValue>,
}

object! {
    /// What a chunk adds to the answer.
    pub struct Delta<'a> {
        /// Always the assistant's.
        pub role: &'a RawValue = "role",
        /// Prose: a string, or an array of parts (Mistral).
        pub content: &'a RawValue = "content",
        /// Thought, as DeepSeek, MiMo, Qwen and Kimi spell it.
        pub reasoning_content: &'a RawValue = "reasoning_content",
        /// Thought, as OpenRouter, vLLM and Ollama spell it.
        pub reasoning: &'a RawValue = "reasoning",
        /// Thought, as some relays spell it.
        pub reasoning_text: &'a RawValue = "reasoning_text",
        /// Thought in parts, with what its origin needs to recognise it (OpenRouter, `MiniMax`).
        pub reasoning_details: &'a RawValue = "reasoning_details",
        /// Thought in the blocks of the Messages protocol (`LiteLLM`).
        pub thinking_blocks: &'a RawValue = "thinking_blocks",
        /// Prose in which the model declines.
        pub refusal: &'a RawValue = "refusal",
        /// Pieces of tool calls.
        pub tool_calls: Vec<CallPiece<'a>> = "tool_calls",
        /// The one call of the API's first version.
        pub function_call: FunctionPiece<'a> = "function_call",
        /// Sources of a search that the upstream ran itself.
        pub annotations: &'a RawValue = "annotations",
    }
}

object! {
    /// A piece of one tool call.
    pub struct CallPiece<'a> {
        /// Which of the parallel calls this is; some servers leave it out.
        pub index: &'a RawValue = "index",
        /// Present in the first piece only, by the book.
        pub id: &'a RawValue = "id",
        /// `function` or `custom`.
        pub kind: &'a RawValue = "type",
        /// Name and arguments.
        pub function: FunctionPiece<'a> = "function",
        /// Name and input of a custom tool's call.
        pub custom: FunctionPiece<'a> = "custom",
        /// What Gemini needs to recognise its own call.
        pub extra_content: &'a RawValue = "extra_content",
    }
}

object! {
    /// Name and input of a call, in pieces.
    pub struct FunctionPiece<'a> {
        /// Present in the first piece only, by the book.
        pub name: &'a RawValue = "name",
        /// The next stretch of the arguments' JSON text, or of a custom tool's input.
        pub arguments: &'a RawValue = "arguments" | "input",
    }
}

impl<'a> CallPiece<'a> {
    /// The call of the API's first version, in today's form.
    pub fn of(function: FunctionPiece<'a>) -> Self {
        Self { function: Some(function), ..Self::default() }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Chunk<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChunkVisitor;
        impl<'de> Visitor<'de> for ChunkVisitor {
            type Value = Chunk<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a chat completion")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut chunk = Chunk::default();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    match name.as_str() {
                        "id" => chunk.id = map.next_value()?,
                        "model" => chunk.model = map.next_value()?,
                        "choices" => {
                            chunk.choice =
                                map.next_value::<Option<First<'de>>>()?.and_then(|it| it.0);
                        }
                        "usage" => chunk.usage = map.next_value()?,
                        "x_groq" => chunk.x_groq = map.next_value()?,
                        "error" => chunk.error = map.next_value()?,
                        "object" => chunk.object = map.next_value()?,
                        "base_resp" => chunk.base_resp = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(chunk)
            }
        }
        deserializer.deserialize_map(ChunkVisitor)
    }
}

/// The first of several choices.
struct First<'a>(Option<Choice<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FirstVisitor;
        impl<'de> Visitor<'de> for FirstVisitor {
            type Value = First<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of choices")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
                let mut first = None;
                while let Some((index, choice)) =
                    seq.next_element::<Indexed<'de>>()?.map(|it| (it.0, it.1))
                {
                    if first.is_none() && index == 0 {
                        first = Some(choice);
                    }
                }
                Ok(First(first))
            }
        }
        deserializer.deserialize_seq(FirstVisitor)
    }
}

/// A choice and its position; a missing position is the first.
struct Indexed<'a>(u64, Choice<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Indexed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IndexedVisitor;
        impl<'de> Visitor<'de> for IndexedVisitor {
            type Value = Indexed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a choice")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut indexed = Indexed(0, Choice::default());
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    match name.as_str() {
                        "index" => indexed.0 = map.next_value::<Option<u64>>()?.unwrap_or(0),
                        "delta" | "message" => indexed.1.delta = map.next_value()?,
                        "finish_reason" => indexed.1.finish_reason = map.next_value()?,
                        "usage" => indexed.1.usage = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(indexed)
            }
        }
        deserializer.deserialize_map(IndexedVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::read;

    #[test]
    fn only_the_first_choice_counts() {
        let json = r#"{"id":"c","choices":[{"index":1,"delta":{"content":"no"}},
            {"index":0,"delta":{"content":"yes","odd":1},"finish_reason":null}]}"#;
        let chunk: Chunk<'_> = read(json).unwrap();
        let delta = chunk.choice.unwrap().delta.unwrap();
        assert_eq!(delta.content.unwrap().get(), "\"yes\"");
        assert_eq!(delta.extra[0].name.as_str(), "odd");
    }

    #[test]
    fn a_whole_message_is_a_large_delta() {
        let json = r#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f"}}]}}]}"#;
        let chunk: Chunk<'_> = read(json).unwrap();
        let calls = chunk.choice.unwrap().delta.unwrap().tool_calls.unwrap();
        assert_eq!(calls[0].function.as_ref().unwrap().name.unwrap().get(), "\"f\"");
    }

    #[test]
    fn nulls_are_nothing() {
        let json = r#"{"choices":null,"usage":null,"error":null}"#;
        let chunk: Chunk<'_> = read(json).unwrap();
        assert!(chunk.choice.is_none() && chunk.usage.is_none() && chunk.error.is_none());
    }
}
