use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::Name;
use crate::object::{Fill, Object, object};

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
    /// Its position; a missing one is the first.
    pub index: u64,
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

/// Reads a chunk, or a whole answer.
///
/// # Errors
///
/// The parser's, when `json` is neither.
pub fn read(json: &str) -> serde_json::Result<Chunk<'_>> {
    let mut chunk = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Fill(&mut chunk).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(chunk.unwrap_or_default())
}

impl<'de: 'a, 'a> Object<'de> for Chunk<'a> {
    fn fill<M: MapAccess<'de>>(&mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match name.as_str() {
                "id" => self.id = map.next_value()?,
                "model" => self.model = map.next_value()?,
                "choices" => map.next_value_seed(First(&mut self.choice))?,
                "usage" => self.usage = map.next_value()?,
                "x_groq" => self.x_groq = map.next_value()?,
                "error" => self.error = map.next_value()?,
                "object" => self.object = map.next_value()?,
                "base_resp" => self.base_resp = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Object<'de> for Choice<'a> {
    fn fill<M: MapAccess<'de>>(&mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match name.as_str() {
                "index" => self.index = map.next_value::<Option<u64>>()?.unwrap_or(0),
                "delta" | "message" => map.next_value_seed(Fill(&mut self.delta))?,
                "finish_reason" => self.finish_reason = map.next_value()?,
                "usage" => self.usage = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads the first of several choices.
struct First<'p, 'a>(&'p mut Option<Choice<'a>>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for First<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for First<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of choices")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while seq.next_element_seed(Fill(&mut *self.0))?.is_some() {
            if self.0.as_ref().is_some_and(|choice| choice.index == 0) {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        }
        *self.0 = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
