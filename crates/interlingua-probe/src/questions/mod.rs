//! What is asked, in which order, and what follows from it.

mod basics;
mod content;
mod effort;
mod history;
mod params;
mod thoughts;
mod tools;
mod verify;

use interlingua_ir::Fault;
use serde_json::Value;

use crate::draft::Change;
use crate::inquiry::{Answered, Inquiry};

pub(crate) use verify::verify;

/// What later questions rely on.
#[derive(Debug, Default)]
struct Learned {
    /// The model thinks when nobody has told it anything.
    thinks: bool,
    /// An answer with calls.
    calls: Option<Box<Answered>>,
    /// Tools are taken at all.
    tools: bool,
}

/// Asks everything.
///
/// # Errors
///
/// The server does not answer the simplest of questions, or refuses the key.
pub(crate) fn all(inquiry: &mut Inquiry<'_>) -> Result<(), Fault> {
    let mut learned = Learned::default();
    basics::ask(inquiry, &mut learned)?;
    tools::ask(inquiry, &mut learned);
    if learned.tools {
        thoughts::ask(inquiry, &learned);
        tools::choice(inquiry);
        tools::flags(inquiry);
        history::ask_rounds(inquiry);
    }
    history::ask_order(inquiry);
    content::forms(inquiry, learned.tools);
    content::pictures(inquiry);
    params::ask(inquiry);
    effort::ask(inquiry, &learned);
    match inquiry.halted() {
        Some(fault) => Err(fault.clone()),
        None => Ok(()),
    }
}

fn change(path: &str, value: impl Into<Value>) -> Change {
    (path.to_owned(), value.into())
}

/// The base's own value first, then the others.
fn own_first(own: &Value, others: &[&str]) -> Vec<Value> {
    let others = others.iter().map(|it| Value::from(*it)).filter(|it| it != own);
    [own.clone()].into_iter().chain(others).collect()
}
