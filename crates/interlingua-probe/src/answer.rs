//! What an answer holds: as the product understands it, and as it came.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use interlingua_dialect::{Dialect, Wire};
use interlingua_ir::{Attachment, Event, Fault, Index, Kind, Origin, Sink, Stop, Thought, Usage};
use interlingua_protocol::sse::{Frame, FrameError, Framer};
use interlingua_translate::tools::ToolMap;
use interlingua_translate::{Reader, upstream};
use serde_json::Value;

/// The largest event that is looked at.
const EVENT_LIMIT: usize = 1 << 20;

/// An answer, decoded.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) thoughts: Vec<Thought>,
    pub(crate) calls: Vec<SeenCall>,
    pub(crate) stop: Option<Stop>,
    pub(crate) usage: Option<Usage>,
    open: Vec<(Index, Open)>,
}

/// A call that the model made.
#[derive(Clone, Debug)]
pub(crate) struct SeenCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

#[derive(Debug)]
enum Open {
    Text,
    Thought(Thought),
    Call(SeenCall),
}

impl Seen {
    /// Reads an answer's bytes by a dialect.
    pub(crate) fn read(
        bytes: &[u8],
        dialect: &Arc<Dialect>,
        provider: &str,
    ) -> Result<Self, Fault> {
        let tools = ToolMap::default();
        let decoder =
            upstream::decoder(Wire::Chat, Arc::clone(dialect), provider, "probe", &tools, None);
        let mut reader = Reader::new(decoder);
        let origin = Origin { provider: provider.to_owned(), family: dialect.id.clone() };
        let mut sink = Collect { seen: Self::default(), origin };
        reader.push(bytes, &mut sink)?;
        reader.finish(&mut sink)?;
        Ok(sink.seen)
    }

    /// Whether the model thought, as far as it shows.
    pub(crate) fn thinks(&self) -> bool {
        !self.thoughts.is_empty()
    }
}

struct Collect {
    seen: Seen,
    origin: Origin,
}

impl Sink for Collect {
    fn event(&mut self, event: Event<'_>) {
        let seen = &mut self.seen;
        match event {
            Event::Open { index, kind } => {
                let open = match kind {
                    Kind::Text | Kind::Refusal => Open::Text,
                    Kind::Reasoning => Open::Thought(Thought {
                        origin: Some(self.origin.clone()),
                        answer: "probe".to_owned(),
                        ..Thought::default()
                    }),
                    Kind::Call(head) => Open::Call(SeenCall {
                        id: head.id.into_owned(),
                        name: head.name.into_owned(),
                        arguments: String::new(),
                    }),
                    Kind::Summary => return,
                };
                seen.open.push((index, open));
            }
            Event::Delta { index, text } => {
                let Some((_, open)) = seen.open.iter_mut().find(|it| it.0 == index) else { return };
                let text = text.to_plain();
                match open {
                    Open::Text => seen.text.push_str(&text),
                    Open::Thought(thought) => thought.text.push_str(&text),
                    Open::Call(call) => call.arguments.push_str(&text),
                }
            }
            Event::Attach { index, attachment: Attachment::Provenance { field, json } } => {
                let open = seen.open.iter_mut().find(|it| it.0 == index);
                if let Some((_, Open::Thought(thought))) = open {
                    thought.provenance.push((field.into_owned(), json.into_owned()));
                }
            }
            Event::Close { index } => {
                let Some(at) = seen.open.iter().position(|it| it.0 == index) else { return };
                match seen.open.remove(at).1 {
                    Open::Text => {}
                    Open::Thought(thought) => {
                        if !thought.text.is_empty() || !thought.provenance.is_empty() {
                            seen.thoughts.push(thought);
                        }
                    }
                    Open::Call(call) => seen.calls.push(call),
                }
            }
            Event::Drop { index } => seen.open.retain(|it| it.0 != index),
            Event::End { stop, usage } => {
                seen.stop = Some(stop);
                seen.usage = usage;
            }
            Event::Begin { .. } | Event::Attach { .. } | Event::Note(_) => {}
            Event::Frame(_) | Event::Frames(_) => {}
        }
    }
}

/// What stands in the frames of an answer, whatever anybody makes of it.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Where thoughts stand, in the order in which they came.
    pub(crate) thought_in: Vec<Place>,
    /// The words for why it ended.
    pub(crate) finish: Vec<String>,
    /// Where usage was.
    pub(crate) usage_in: BTreeSet<String>,
    /// Whether `[DONE]` came.
    pub(crate) done: bool,
    /// Whether it came as events.
    pub(crate) streamed: bool,
    /// The beginning of the content.
    content: String,
}

/// Where thoughts may stand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// In a field of the message.
    Field(String),
    /// In a list that is a field of the message.
    List(String),
    /// In parts of the content that are of a type.
    Parts(String),
    /// Beside a call, where nobody can read them.
    Call,
    /// In the content, within a tag.
    Tag(String),
    /// In the content, which begins inside one.
    Open,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "`{name}`"),
            Self::List(name) => write!(f, "the list `{name}`"),
            Self::Parts(kind) => write!(f, "content parts of type `{kind}`"),
            Self::Call => f.write_str("`extra_content` of a call"),
            Self::Tag(name) => write!(f, "the content, between `<{name}>` and its end"),
            Self::Open => f.write_str("the content, up to `</think>`"),
        }
    }
}

/// What is in the names of fields that hold thoughts. What others hold nobody can know.
const THOUGHT: [&str; 3] = ["reason", "think", "thought"];

impl Facts {
    /// Looks at an answer's bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut facts = Self::default();
        if let Ok(whole) = serde_json::from_slice::<Value>(bytes) {
            facts.look(&whole);
        } else {
            facts.streamed = true;
            let mut framer = Framer::new(EVENT_LIMIT);
            let mut look = |data: &str| {
                facts.done |= data.trim() == "[DONE]";
                if let Ok(frame) = serde_json::from_str::<Value>(data) {
                    facts.look(&frame);
                }
            };
            let mut each = |frame: Frame<'_>| {
                look(frame.data);
                Ok::<(), FrameError>(())
            };
            // Whatever is no event stream was told by the decoder already.
            if framer.push(bytes, &mut each).is_ok() {
                framer.finish(&mut each).unwrap_or_default();
            }
        }
        facts.look_for_tags();
        facts
    }

    fn look(&mut self, frame: &Value) {
        let choice = &frame["choices"][0];
        let has = |usage: &Value| usage["prompt_tokens"].is_number();
        if has(&frame["usage"]) {
            let trailing = choice.is_null();
            let place = if trailing { "a last event of its own" } else { "the event itself" };
            self.usage_in.insert(place.to_owned());
        }
        if has(&choice["usage"]) {
            self.usage_in.insert("the choice".to_owned());
        }
        for (name, value) in frame.as_object().into_iter().flatten() {
            if has(&value["usage"]) {
                self.usage_in.insert(format!("`{name}`"));
            }
        }
        if let Some(word) = choice["finish_reason"].as_str() {
            self.finish.push(word.to_owned());
        }
        let message = [&choice["delta"], &choice["message"]].into_iter().find(|it| it.is_object());
        for (name, value) in message.and_then(Value::as_object).into_iter().flatten() {
            match value {
                Value::String(text) if name == "content" => self.content.push_str(text),
                Value::String(text) if !text.is_empty() && holds_thought(name) => {
                    self.note(Place::Field(name.clone()));
                }
                Value::Array(parts) if name == "content" => {
                    let kinds = parts.iter().filter_map(|part| part["type"].as_str());
                    for kind in kinds.filter(|kind| *kind != "text") {
                        self.note(Place::Parts(kind.to_owned()));
                    }
                }
                Value::Array(list) if !list.is_empty() && holds_thought(name) => {
                    self.note(Place::List(name.clone()));
                }
                _ => {}
            }
        }
        for call in message.and_then(|it| it["tool_calls"].as_array()).into_iter().flatten() {
            if call["extra_content"].is_object() {
                self.note(Place::Call);
            }
        }
    }

    fn note(&mut self, place: Place) {
        if !self.thought_in.contains(&place) {
            self.thought_in.push(place);
        }
    }

    fn look_for_tags(&mut self) {
        let content = self.content.trim_start();
        let opened = content.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        match opened.filter(|(name, _)| name.starts_with("think") || name.starts_with("thought")) {
            Some((name, _)) => self.note(Place::Tag(name.to_owned())),
            None if self.is_open_from_the_start() => self.note(Place::Open),
            None => {}
        }
    }

    /// Whether the content begins inside a thought, of which only the end is marked.
    pub(crate) fn is_open_from_the_start(&self) -> bool {
        let end = self.content.find("</think>");
        end.is_some_and(|end| self.content.get(..end).is_some_and(|it| !it.contains("<think")))
    }
}

fn holds_thought(name: &str) -> bool {
    THOUGHT.iter().any(|it| name.contains(it))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(frames: &[Value], thought_in: &[&str]) {
        let lines: Vec<String> = frames.iter().map(|it| format!("data: {it}\n\n")).collect();
        let lines = lines.concat();
        let facts = Facts::of(lines.as_bytes());
        let places: Vec<String> = facts.thought_in.iter().map(Place::to_string).collect();
        assert_eq!(places, thought_in);
        assert!(facts.streamed && !facts.done);
    }

    fn delta(delta: &Value) -> Value {
        json!({ "choices": [{ "delta": delta }] })
    }

    #[test]
    fn thoughts_are_found_wherever_they_stand() {
        let field = |name: &str| delta(&json!({ "role": "assistant", name: "hm" }));
        check(&[field("reasoning"), field("reasoning")], &["`reasoning`"]);
        check(&[field("inner_thought"), field("mood")], &["`inner_thought`"]);
        check(&[delta(&json!({ "reasoning": "", "reasoning_details": [] }))], &[]);
        let details = json!({ "reasoning_details": [{ "type": "reasoning.text", "text": "hm" }] });
        check(&[delta(&details)], &["the list `reasoning_details`"]);
        let parts = json!({ "content": [{ "type": "thinking", "thinking": [] }] });
        check(&[delta(&parts)], &["content parts of type `thinking`"]);
        let signed = json!({ "tool_calls": [{ "extra_content": { "a": 1 } }] });
        check(&[delta(&signed)], &["`extra_content` of a call"]);
        let said = |text: &str| delta(&json!({ "content": text }));
        check(
            &[said(" <thi"), said("nk>hm</think>")],
            &["the content, between `<think>` and its end"],
        );
        check(&[said("hm</think>hi")], &["the content, up to `</think>`"]);
        check(&[said("<p>hi</p>")], &[]);
    }

    #[test]
    fn usage_and_ends_are_found_wherever_they_stand() {
        let usage = json!({ "prompt_tokens": 1 });
        for (frame, place) in [
            (json!({ "choices": [], "usage": usage }), "a last event of its own"),
            (json!({ "choices": [{ "delta": {} }], "usage": usage }), "the event itself"),
            (json!({ "choices": [{ "usage": usage }] }), "the choice"),
            (json!({ "choices": [{}], "x_house": { "usage": usage } }), "`x_house`"),
        ] {
            let facts = Facts::of(format!("data: {frame}\n\ndata: [DONE]\n\n").as_bytes());
            assert_eq!(facts.usage_in.into_iter().collect::<Vec<_>>(), [place]);
            assert!(facts.done);
        }
        let whole = json!({ "choices": [{ "message": {}, "finish_reason": "eos" }] });
        let facts = Facts::of(whole.to_string().as_bytes());
        assert_eq!((facts.finish, facts.streamed), (vec!["eos".to_owned()], false));
    }
}
