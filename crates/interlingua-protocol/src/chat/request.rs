use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::object::{Object, Push, object};
use crate::{Field, Name};

object! {
    /// `POST /chat/completions`.
    pub struct Request<'a> {
        /// The model.
        pub model: Name<'a> = "model",
        /// The conversation.
        pub messages: Messages<'a> = "messages",
        /// The tools.
        pub tools: Vec<Tool<'a>> = "tools",
        /// `auto`, `none`, `required`, or an object that names tools.
        pub tool_choice: &'a RawValue = "tool_choice",
        /// The tools of the API's first version: a list of [`Function`]s.
        pub functions: &'a RawValue = "functions",
        /// The choice among them: `auto`, `none`, or an object with a name.
        pub function_call: &'a RawValue = "function_call",
        /// Whether several calls may come at once.
        pub parallel_tool_calls: bool = "parallel_tool_calls",
        /// The most tokens that the answer may take, in the older word.
        pub max_tokens: u64 = "max_tokens",
        /// The same in the newer word, thought included.
        pub max_completion_tokens: u64 = "max_completion_tokens",
        /// How much to think.
        pub reasoning_effort: Name<'a> = "reasoning_effort",
        /// The same in OpenRouter's form: an object with an effort or a number of tokens.
        pub reasoning: &'a RawValue = "reasoning",
        /// The form of the answer: an object with a `type`.
        pub response_format: &'a RawValue = "response_format",
        /// Whether to send the answer piece by piece.
        pub stream: &'a RawValue = "stream",
        /// What a stream shall hold beside the answer.
        pub stream_options: &'a RawValue = "stream_options",
        /// How many answers to give.
        pub n: &'a RawValue = "n",
        /// Asks for the upstream's own search.
        pub web_search_options: &'a RawValue = "web_search_options",
    }
}

/// The conversation of a [`Request`].
#[derive(Clone, Debug, Default)]
pub struct Messages<'a>(pub Vec<Message<'a>>);

/// One entry of the conversation: all fields of all roles, of which each role uses a few.
///
/// Read by hand, because content that is `null` and content that is missing are two things here.
#[derive(Clone, Debug, Default)]
pub struct Message<'a> {
    /// Who says it.
    pub role: Option<Name<'a>>,
    /// What is said: a string, an array of parts, or `null`.
    pub content: Option<&'a RawValue>,
    /// What the model declined.
    pub refusal: Option<&'a RawValue>,
    /// What the model thought, in the words of several vendors.
    pub thought: Thought<'a>,
    /// What the model called.
    pub tool_calls: Option<Vec<Call<'a>>>,
    /// The one call of the API's first version.
    pub function_call: Option<CallFunction<'a>>,
    /// Joins a result to its call.
    pub tool_call_id: Option<Name<'a>>,
    /// What is not declared here.
    pub extra: Vec<Field<'a>>,
}

/// What the model thought: the same in every field that is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thought<'a> {
    /// As DeepSeek, MiMo, Qwen and Kimi spell it.
    pub reasoning_content: Option<&'a RawValue>,
    /// As OpenRouter, vLLM and Ollama spell it.
    pub reasoning: Option<&'a RawValue>,
    /// As some relays spell it.
    pub reasoning_text: Option<&'a RawValue>,
    /// In parts, with what its origin needs to recognise it.
    pub reasoning_details: Option<&'a RawValue>,
}

object! {
    /// A part of a message or of a result.
    pub struct Part<'a> {
        /// What it is.
        pub kind: Name<'a> = "type",
        /// Words.
        pub text: &'a RawValue = "text",
        /// Words in which the model declined.
        pub refusal: &'a RawValue = "refusal",
        /// A picture: an [`ImageUrl`], or its address.
        pub image_url: &'a RawValue = "image_url",
        /// A recording: an [`InputAudio`].
        pub input_audio: &'a RawValue = "input_audio",
        /// A document: a [`FilePart`].
        pub file: &'a RawValue = "file",
    }
}

object! {
    /// A picture.
    pub struct ImageUrl<'a> {
        /// Where it is.
        pub url: &'a RawValue = "url",
        /// How closely to look at it.
        pub detail: &'a RawValue = "detail",
    }
}

object! {
    /// A recording.
    pub struct InputAudio<'a> {
        /// In Base64.
        pub data: &'a RawValue = "data",
        /// `wav` or `mp3`.
        pub format: &'a RawValue = "format",
    }
}

object! {
    /// A document.
    pub struct FilePart<'a> {
        /// A `data:` URL.
        pub file_data: &'a RawValue = "file_data",
        /// The id under which the provider keeps it.
        pub file_id: &'a RawValue = "file_id",
        /// What it is called.
        pub filename: &'a RawValue = "filename",
    }
}

object! {
    /// A call of an earlier answer.
    pub struct Call<'a> {
        /// Joins it to its result.
        pub id: Name<'a> = "id",
        /// `function`, `custom`, or a vendor's word.
        pub kind: &'a RawValue = "type",
        /// Name and arguments.
        pub function: CallFunction<'a> = "function",
        /// Name and input of a custom tool's call.
        pub custom: CallCustom<'a> = "custom",
    }
}

object! {
    /// Name and arguments of a call.
    pub struct CallFunction<'a> {
        /// The tool.
        pub name: Name<'a> = "name",
        /// JSON text.
        pub arguments: &'a RawValue = "arguments",
    }
}

object! {
    /// Name and input of a custom tool's call.
    pub struct CallCustom<'a> {
        /// The tool.
        pub name: Name<'a> = "name",
        /// Free text.
        pub input: &'a RawValue = "input",
    }
}

object! {
    /// A tool.
    pub struct Tool<'a> {
        /// `function`, `custom`, or a vendor's word.
        pub kind: Name<'a> = "type",
        /// A tool with JSON arguments.
        pub function: Function<'a> = "function",
        /// A tool that takes free text.
        pub custom: Custom<'a> = "custom",
    }
}

object! {
    /// A tool with JSON arguments.
    pub struct Function<'a> {
        /// Its name.
        pub name: Name<'a> = "name",
        /// What it does.
        pub description: &'a RawValue = "description",
        /// The JSON Schema of its arguments.
        pub parameters: &'a RawValue = "parameters",
        /// Whether to follow the schema to the letter.
        pub strict: bool = "strict",
    }
}

object! {
    /// A tool that takes free text.
    pub struct Custom<'a> {
        /// Its name.
        pub name: Name<'a> = "name",
        /// What it does.
        pub description: &'a RawValue = "description",
        /// The form of its input.
        pub format: &'a RawValue = "format",
    }
}

object! {
    /// What a stream shall hold beside the answer.
    pub struct StreamOptions<'a> {
        /// Whether its last chunk shall tell the cost.
        pub include_usage: bool = "include_usage",
    }
}

object! {
    /// The form of the answer.
    pub struct ResponseFormat<'a> {
        /// `text`, `json_object`, `json_schema`, or a vendor's word.
        pub kind: Name<'a> = "type",
        /// The schema with its name.
        pub json_schema: JsonSchema<'a> = "json_schema",
    }
}

object! {
    /// A schema for the answer.
    pub struct JsonSchema<'a> {
        /// What it is called.
        pub name: &'a RawValue = "name",
        /// What it is for.
        pub description: &'a RawValue = "description",
        /// The schema itself.
        pub schema: &'a RawValue = "schema",
        /// Whether to follow it to the letter.
        pub strict: bool = "strict",
    }
}

object! {
    /// How much to think, in OpenRouter's form.
    pub struct Reasoning<'a> {
        /// The level.
        pub effort: Name<'a> = "effort",
        /// The most tokens to spend on it.
        pub max_tokens: u64 = "max_tokens",
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MessagesVisitor;
        impl<'de> Visitor<'de> for MessagesVisitor {
            type Value = Messages<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of messages")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
                let mut list = Vec::new();
                while seq.next_element_seed(Push(&mut list))?.is_some() {}
                Ok(Messages(list))
            }
        }
        deserializer.deserialize_seq(MessagesVisitor)
    }
}

impl<'de: 'a, 'a> Object<'de> for Message<'a> {
    fn fill<M: MapAccess<'de>>(&mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match name.as_str() {
                "role" => self.role = map.next_value()?,
                "content" => self.content = Some(map.next_value()?),
                "refusal" => self.refusal = map.next_value()?,
                "reasoning_content" => self.thought.reasoning_content = map.next_value()?,
                "reasoning" => self.thought.reasoning = map.next_value()?,
                "reasoning_text" => self.thought.reasoning_text = map.next_value()?,
                "reasoning_details" => self.thought.reasoning_details = map.next_value()?,
                "tool_calls" => self.tool_calls = map.next_value()?,
                "function_call" => self.function_call = map.next_value()?,
                "tool_call_id" => self.tool_call_id = map.next_value()?,
                _ => {
                    let json = map.next_value()?;
                    self.extra.push(Field { name, json });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    #[test]
    fn no_content_and_null_are_two_things() {
        let json =
            br#"{"messages":[{"role":"assistant","content":null,"x":null},{"role":"user"}]}"#;
        let request: Request<'_> = read(json).unwrap();
        let Messages(messages) = request.messages.unwrap();
        assert_eq!(messages[0].content.map(RawValue::get), Some("null"));
        assert_eq!(messages[0].extra[0].name.as_str(), "x");
        assert!(messages[1].content.is_none());
    }

    #[test]
    fn errors_name_the_place() {
        let json = br#"{"messages":[{"role":"user","tool_calls":[{"id":5}]}]}"#;
        let error = read::<Request<'_>>(json).unwrap_err();
        assert_eq!(error.path, "messages[0].tool_calls[0].id");
    }
}
