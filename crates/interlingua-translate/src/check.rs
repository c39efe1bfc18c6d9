//! An answer held against the schema that its upstream was only asked to follow.

use interlingua_ir::{Event, Index, Kind, Note, NoteKind, Stop};
use interlingua_protocol::json::{self, Limits};
use serde_json::Value;

mod walk;

use walk::{Walk, Wrong};

/// The longest answer that is held against a schema, in bytes.
const MAX_ANSWER: usize = 4 << 20;

/// The most complex schema or answer that is looked at: a tree takes eighty times the memory of its text.
const MAX_TREE: Limits = Limits { depth: 127, nodes: 100_000 };

/// The longest way to a value or to a rule that is told, in bytes: what is on it has been written by others.
const MAX_WAY: usize = 120;

/// Reads an answer while it passes and tells at its end what in it does not follow the schema.
///
/// Nothing is changed: the client asked for the schema and knows best what to do about an answer that
/// does not follow it.
#[derive(Debug)]
pub struct Check {
    schema: Box<str>,
    /// The texts that are being written.
    open: Vec<Index>,
    said: String,
    too_long: bool,
}

impl Check {
    /// Prepares to hold an answer against `schema`, a JSON Schema.
    pub fn new(schema: Box<str>) -> Self {
        Self { schema, open: Vec::new(), said: String::new(), too_long: false }
    }

    /// Looks at an event. At the end of an answer that is whole, what is wrong with it.
    pub fn see(&mut self, event: &Event<'_>) -> Option<Note> {
        match event {
            Event::Open { index, kind: Kind::Text } => self.open.push(*index),
            Event::Delta { index, text } if self.open.contains(index) => {
                if self.said.len() + text.stored_len() > MAX_ANSWER {
                    self.too_long = true;
                } else {
                    self.said.push_str(&text.to_plain());
                }
            }
            Event::Close { index } | Event::Drop { index } => self.open.retain(|it| it != index),
            // What else an answer ends with is not the answer that was asked for.
            Event::End { stop: Stop::Complete, .. } => return self.verdict(),
            _ => {}
        }
        None
    }

    fn verdict(&self) -> Option<Note> {
        let wrong = if self.too_long {
            "the answer is too long to be checked".to_owned()
        } else {
            violation(&self.schema, &self.said)?
        };
        Some(Note::new(NoteKind::SchemaMismatch, wrong))
    }
}

/// What in `answer` does not follow `schema`: the place and the rule, and no words of either.
pub(crate) fn violation(schema: &str, answer: &str) -> Option<String> {
    let too_large = |text: &str| json::check(text.as_bytes(), MAX_TREE).is_err();
    if too_large(schema) || too_large(answer) {
        return Some(COSTLY.to_owned());
    }
    let Ok(schema) = serde_json::from_str::<Value>(schema) else {
        return Some("the schema cannot be read".to_owned());
    };
    let Ok(answer) = serde_json::from_str::<Value>(answer) else {
        return Some("no JSON".to_owned());
    };
    Some(match Walk::new(&schema).whole(&answer).err()? {
        Wrong::Breaks { place, rule } => {
            let place = if place.is_empty() { "the whole".to_owned() } else { way(&place) };
            format!("{place} breaks {}", way(&rule))
        }
        Wrong::Unknown => "the schema is none that can be checked".to_owned(),
        Wrong::Costly => COSTLY.to_owned(),
    })
}

const COSTLY: &str = "the schema or the answer is too complex to be checked";

/// A way as a pointer; of a long one, the beginning.
fn way(steps: &[String]) -> String {
    let mut way = String::new();
    for step in steps.iter().rev() {
        way.push('/');
        let rest = MAX_WAY.saturating_sub(way.len());
        way.push_str(step.get(..step.floor_char_boundary(rest)).unwrap_or_default());
        if step.len() > rest {
            way.push('…');
            break;
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use interlingua_ir::Text;

    use super::*;

    const SCHEMA: &str =
        r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;

    /// What is told about an answer that comes in pieces.
    fn told(schema: &str, pieces: &[&str], stop: Stop) -> Option<String> {
        let mut check = Check::new(schema.into());
        let index = Index(1);
        let mut notes = Vec::new();
        notes.extend(check.see(&Event::Open { index: Index(0), kind: Kind::Reasoning }));
        notes.extend(check.see(&Event::Delta { index: Index(0), text: Text::plain("hm") }));
        notes.extend(check.see(&Event::Close { index: Index(0) }));
        notes.extend(check.see(&Event::Open { index, kind: Kind::Text }));
        for piece in pieces {
            notes.extend(check.see(&Event::Delta { index, text: Text::plain(*piece) }));
        }
        notes.extend(check.see(&Event::Close { index }));
        notes.extend(check.see(&Event::End { stop, usage: None }));
        assert!(notes.iter().all(|it| it.kind == NoteKind::SchemaMismatch));
        notes.pop().map(|it| it.subject)
    }

    #[test]
    fn an_answer_that_follows_the_schema_is_not_worth_a_word() {
        assert_eq!(told(SCHEMA, &["{\"n\"", ":1}"], Stop::Complete), None);
    }

    #[test]
    fn what_breaks_the_schema_is_told_by_its_place() {
        for (pieces, expect) in [
            (["{\"n\":", "\"1\"}"], "/n breaks /properties/n/type"),
            (["{", "}"], "the whole breaks /required"),
            (["```json\n{\"n\":1}", "\n```"], "no JSON"),
        ] {
            assert_eq!(told(SCHEMA, &pieces, Stop::Complete).as_deref(), Some(expect));
        }
        let unknown = told(r#"{"$ref":"https://e.com/x"}"#, &["{}"], Stop::Complete);
        assert_eq!(unknown.as_deref(), Some("the schema is none that can be checked"));
    }

    #[test]
    fn what_others_have_written_is_told_shortly() {
        let name = "n".repeat(1 << 20);
        let answer = format!(r#"{{"{name}":"1"}}"#);
        let schema = r#"{"additionalProperties":{"type":"integer"}}"#;
        let told = told(schema, &[&answer], Stop::Complete).unwrap();
        assert!(
            told.len() < 200 && told.ends_with("n… breaks /additionalProperties/type"),
            "{told}"
        );
    }

    #[test]
    fn no_schema_costs_more_than_it_is_worth() {
        let circle = r##"{"$ref":"#"}"##;
        assert_eq!(told(circle, &["{}"], Stop::Complete).as_deref(), Some(COSTLY));
        let many = format!("[{}0]", "0,".repeat(MAX_TREE.nodes));
        assert_eq!(told("{}", &[&many], Stop::Complete).as_deref(), Some(COSTLY));
        let wide = format!(r#"{{"enum":{many}}}"#);
        assert_eq!(told(&wide, &["1"], Stop::Complete).as_deref(), Some(COSTLY));
    }

    #[test]
    fn a_call_and_what_was_cut_are_no_answer() {
        assert_eq!(told(SCHEMA, &["one moment"], Stop::ToolUse), None);
        assert_eq!(told(SCHEMA, &["{\"n\""], Stop::Length), None);
    }

    #[test]
    fn a_huge_answer_is_not_kept() {
        let half = "x".repeat(MAX_ANSWER / 2 + 1);
        let told = told(SCHEMA, &[&half, &half], Stop::Complete);
        assert_eq!(told.as_deref(), Some("the answer is too long to be checked"));
    }
}
