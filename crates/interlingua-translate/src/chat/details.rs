//! The list by which an upstream recognises its own thought.

use interlingua_ir::Text;
use serde_json::{Map, Value};

use super::pieces::Pieces;

/// Gathers `reasoning_details`, which come in pieces and have to go back whole and in their order.
#[derive(Debug)]
pub(super) struct Details {
    entries: Vec<Map<String, Value>>,
    text: Pieces,
    size: usize,
}

/// The most that is gathered of one answer, in bytes; no model thinks that much.
const MAX_SIZE: usize = 4 << 20;

/// Fields whose pieces are joined. Sealed data is not among them: it comes whole.
const WORDS: [&str; 2] = ["text", "summary"];

impl Details {
    pub(super) fn new(text: Pieces) -> Self {
        Self { entries: Vec::new(), text, size: 0 }
    }

    /// Takes the list of one delta; `false` if there is too much of it.
    pub(super) fn add(&mut self, json: &str) -> bool {
        self.size = self.size.saturating_add(json.len());
        if self.size > MAX_SIZE {
            self.entries.clear();
            return false;
        }
        let entries: Vec<Map<String, Value>> = serde_json::from_str(json).unwrap_or_default();
        for mut entry in entries {
            for name in WORDS {
                self.keep_fresh(&mut entry, name);
            }
            match self.entries.last_mut().filter(|last| continues(last, &entry)) {
                Some(last) => join(last, entry),
                None => self.entries.push(entry),
            }
        }
        true
    }

    /// The list so far, as JSON; `None` if there is nothing in it.
    pub(super) fn take(&mut self) -> Option<String> {
        let entries = std::mem::take(&mut self.entries);
        (!entries.is_empty()).then(|| serde_json::to_string(&entries).unwrap_or_default())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn keep_fresh(&mut self, entry: &mut Map<String, Value>, name: &str) {
        let Some(Value::String(words)) = entry.get_mut(name) else { return };
        let fresh = self.text.fresh(Text::plain(words.as_str()));
        *words = fresh.map(|it| it.to_plain().into_owned()).unwrap_or_default();
    }
}

/// Whether an entry is the next piece of the one before: of the same kind, at the same place, and not
/// by another name.
fn continues(last: &Map<String, Value>, next: &Map<String, Value>) -> bool {
    let same = |name: &str| last.get(name) == next.get(name);
    let both = last.get("id").zip(next.get("id"));
    let sealed = last.contains_key("data") || next.contains_key("data");
    !sealed && same("type") && same("index") && both.is_none_or(|(one, other)| one == other)
}

fn join(last: &mut Map<String, Value>, next: Map<String, Value>) {
    for (name, value) in next {
        match (last.get_mut(&name), value) {
            (_, Value::Null) => {}
            (Some(Value::String(so_far)), Value::String(more)) if WORDS.contains(&&*name) => {
                so_far.push_str(&more);
            }
            (_, value) => {
                last.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lists: &[&str], expect: Option<&str>) {
        let mut details = Details::new(Pieces::default());
        for list in lists {
            assert!(details.add(list));
        }
        assert_eq!(details.is_empty(), expect.is_none());
        assert_eq!(details.take().as_deref(), expect);
        assert_eq!(details.take(), None);
    }

    #[test]
    fn pieces_of_one_entry_are_joined() {
        check(
            &[
                r#"[{"type":"reasoning.text","text":"a","format":"f","index":0}]"#,
                r#"[{"type":"reasoning.text","text":"b","index":0},{"type":"reasoning.text","index":0,"signature":"s","text":null}]"#,
            ],
            Some(
                r#"[{"type":"reasoning.text","text":"ab","format":"f","index":0,"signature":"s"}]"#,
            ),
        );
    }

    #[test]
    fn what_is_sealed_or_another_stays_apart() {
        for apart in [
            r#"[{"type":"reasoning.encrypted","data":"x","index":0},{"type":"reasoning.encrypted","data":"y","index":0}]"#,
            r#"[{"type":"reasoning.text","text":"a","index":0},{"type":"reasoning.text","text":"b","index":1}]"#,
            r#"[{"type":"reasoning.text","text":"a","id":"1"},{"type":"reasoning.text","text":"b","id":"2"}]"#,
            r#"[{"type":"reasoning.summary","summary":"a"},{"type":"reasoning.text","text":"b"}]"#,
        ] {
            check(&[apart], Some(apart));
        }
    }

    #[test]
    fn what_is_no_list_holds_nothing() {
        check(&["null", "{}", "[1]", "[]"], None);
    }

    #[test]
    fn too_much_is_not_kept() {
        let mut details = Details::new(Pieces::default());
        let half = format!(r#"[{{"text":"{}"}}]"#, "x".repeat(MAX_SIZE / 2));
        assert!(details.add(&half));
        assert!(!details.add(&half));
        assert!(details.is_empty());
    }
}
