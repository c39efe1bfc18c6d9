//! In which words a vendor shows what its model thinks.

use serde_json::{Map, Value, json};

use crate::upstream::record::Record;

/// Where thought stands in answers.
#[derive(Clone, Debug)]
pub(in crate::upstream) enum Voice {
    /// In a field of its own.
    Field(String),
    /// As entries of a list, mirrored in a field. The last entry is signed if `signed`.
    Details { mirror: &'static str, format: &'static str, signed: bool },
    /// As parts of the content.
    Parts,
    /// Between tags, and the first call is signed.
    Tagged,
    /// Nowhere.
    Silent,
}

impl Default for Voice {
    fn default() -> Self {
        Self::Field("reasoning_content".to_owned())
    }
}

impl Voice {
    pub(in crate::upstream) fn of(record: &Record) -> Self {
        let first = record.words("reasoning_out.fields").next();
        match (record.word("reasoning_out.details"), record.word("reasoning_out.parts")) {
            ("openrouter", _) => {
                Self::Details { mirror: "reasoning", format: "anthropic-claude-v1", signed: true }
            }
            ("minimax", _) => Self::Details {
                mirror: "reasoning_content",
                format: "MiniMax-response-v1",
                signed: false,
            },
            (_, "mistral") => Self::Parts,
            _ if record.word("replay.carrier") == "tool_call_extra_content" => Self::Tagged,
            _ => first.map_or(Self::Silent, |it| Self::Field(it.to_owned())),
        }
    }

    /// The deltas that show a thought, which comes in `words`.
    pub(super) fn deltas<'w>(
        &self,
        words: impl Iterator<Item = &'w str>,
        seal: &str,
    ) -> Vec<Value> {
        match self {
            Self::Silent => Vec::new(),
            Self::Field(name) => words.map(|word| json!({ name: word })).collect(),
            Self::Parts => words.map(|word| json!({ "content": [part(word)] })).collect(),
            Self::Tagged => {
                let all: String = words.collect();
                vec![json!({ "content": format!("<thought>{all}</thought>") })]
            }
            Self::Details { mirror, format, signed } => {
                let entry = |word: &str| json!({ "type": "reasoning.text", "format": format, "index": 0, "text": word });
                let mut deltas: Vec<Value> = words
                    .map(|word| json!({ *mirror: word, "reasoning_details": [entry(word)] }))
                    .collect();
                if *signed {
                    let mut last = entry("");
                    last["signature"] = seal.into();
                    deltas.push(json!({ "reasoning_details": [last] }));
                }
                deltas
            }
        }
    }

    /// Puts a thought into a whole message.
    pub(super) fn whole(&self, message: &mut Map<String, Value>, thought: &str, seal: &str) {
        let prose = message["content"].as_str().unwrap_or_default().to_owned();
        match self {
            Self::Silent => {}
            Self::Field(name) => {
                message.insert(name.clone(), thought.into());
            }
            Self::Parts => {
                let text = json!({ "type": "text", "text": prose });
                message.insert("content".into(), json!([part(thought), text]));
            }
            Self::Tagged => {
                message.insert(
                    "content".into(),
                    format!("<thought>{thought}</thought>{prose}").into(),
                );
            }
            Self::Details { mirror, format, signed } => {
                let mut entry = json!({ "type": "reasoning.text", "format": format, "index": 0, "text": thought });
                if *signed {
                    entry["signature"] = seal.into();
                }
                message.insert((*mirror).into(), thought.into());
                message.insert("reasoning_details".into(), json!([entry]));
            }
        }
    }

    /// What stands beside the first call.
    pub(super) fn beside_call(&self, seal: &str) -> Option<Value> {
        let signature = json!({ "google": { "thought_signature": seal } });
        matches!(self, Self::Tagged).then_some(signature)
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] })
}
