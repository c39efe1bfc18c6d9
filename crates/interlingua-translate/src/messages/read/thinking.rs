//! Whether the model shall think, and how much.

use std::borrow::Cow;

use interlingua_ir::{Note, NoteKind, Thinking};
use interlingua_protocol::{Name, messages as wire};

use super::Reader;

impl<'a> Reader<'a> {
    /// Reads the two places in which a request says how much to think.
    ///
    /// A model of this protocol does not think unless it is told to. The level steers its words, too,
    /// so clients send one with every request; alone it asks for no thoughts.
    pub(super) fn thinking(&mut self, mut thinking: wire::Thinking<'a>, effort: Option<Name<'a>>) {
        let effort = effort.map(Cow::from);
        let kind = thinking.kind.take().map_or("disabled".into(), Cow::from);
        self.turn.thinking = match &*kind {
            "disabled" => Thinking { effort: Some("none".into()), budget: None },
            "adaptive" => Thinking { effort: Some(effort.unwrap_or(DEFAULT.into())), budget: None },
            "enabled" => {
                let budget = thinking.budget_tokens.take();
                let level = effort.unwrap_or_else(|| budget.map_or(DEFAULT, level).into());
                Thinking { effort: Some(level), budget }
            }
            other => {
                self.notes.push(Note::new(NoteKind::Unknown, format!("thinking {other}")));
                Thinking { effort, budget: None }
            }
        };
        if let Some(budget) = thinking.budget_tokens {
            self.notes.push(Note::new(NoteKind::Dropped, format!("thinking budget {budget}")));
        }
    }
}

/// The level that this protocol takes where none is said.
const DEFAULT: &str = "high";

/// The level that comes closest to a limit in tokens: 1,024 is the least that may be asked for, and
/// clients ask for 31,999 where they want much.
fn level(budget: u64) -> &'static str {
    match budget {
        0..4_096 => "low",
        4_096..16_384 => "medium",
        _ => "high",
    }
}
