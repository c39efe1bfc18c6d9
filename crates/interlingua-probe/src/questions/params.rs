//! Parameters that agents send and some servers refuse.

use serde_json::{Value, json};

use super::change;
use crate::draft::{Change, Draft};
use crate::inquiry::{Inquiry, Outcome};
use crate::turns::{Asked, params, say};
use crate::words::told;

/// Names, and values that change nothing about an answer of few words.
pub(super) const PARAMS: [(&str, &str); 8] = [
    ("temperature", "0.5"),
    ("top_p", "0.9"),
    ("presence_penalty", "0.1"),
    ("frequency_penalty", "0.1"),
    ("seed", "7"),
    ("stop", "[\"###\"]"),
    ("user", "\"probe\""),
    ("logit_bias", "{}"),
];

const PATH: &str = "request.drop";

const WHILE_THINKING: &str = "thinking.drop_when_on";

/// Asks with all at once, and takes out what is refused.
pub(super) fn ask(inquiry: &mut Inquiry<'_>) {
    let asked = format!("{} parameters of sampling and the like", PARAMS.len());
    if leaves_out(inquiry) {
        match inquiry.ask(&inquiry.draft.clone(), &turn(&PARAMS)) {
            Outcome::Answered(_) => {
                return inquiry.keep(
                    &asked,
                    "taken, but for those that the record leaves out",
                    &[],
                );
            }
            Outcome::Refused(_) => {}
            Outcome::Untold(why) => return inquiry.unknown(&asked, &why),
        }
    }
    let mut left = PARAMS.to_vec();
    let mut refused: Vec<&str> = Vec::new();
    let mut came = Vec::new();
    loop {
        let draft = draft(inquiry, &refused);
        match inquiry.ask(&draft, &turn(&left)) {
            Outcome::Answered(_) => break,
            Outcome::Refused(fault) => {
                came.push(format!("refused: {}", told(&fault)));
                let named = fault.param.as_deref();
                let at = left.iter().position(|(name, _)| named == Some(*name));
                match at {
                    Some(at) => refused.push(left.remove(at).0),
                    // It does not say which one.
                    None if left.len() > 1 => return one_by_one(inquiry, &asked, &left, refused),
                    None => break,
                }
            }
            Outcome::Untold(why) => return inquiry.unknown(&asked, &why),
        }
    }
    came.push(if left.is_empty() {
        "none is left".to_owned()
    } else {
        "the others taken".to_owned()
    });
    if refused.is_empty() {
        came = vec!["taken".to_owned()];
    }
    let changes = changes(inquiry, &refused);
    inquiry.keep(&asked, &came.join("; "), &changes);
}

/// Whether the base leaves some of them out already.
fn leaves_out(inquiry: &Inquiry<'_>) -> bool {
    let lists = [PATH, WHILE_THINKING].map(|path| inquiry.draft.get(path).as_array());
    let mut left_out = lists.into_iter().flatten().flatten();
    left_out.any(|it| PARAMS.iter().any(|(name, _)| it == name))
}

fn one_by_one(
    inquiry: &mut Inquiry<'_>,
    asked: &str,
    left: &[(&'static str, &'static str)],
    mut refused: Vec<&'static str>,
) {
    let mut untold = Vec::new();
    for param in left {
        let draft = draft(inquiry, &refused);
        match inquiry.ask(&draft, &turn(&[*param])) {
            Outcome::Answered(_) => {}
            Outcome::Refused(_) => refused.push(param.0),
            Outcome::Untold(_) => untold.push(param.0),
        }
    }
    let mut came = format!("refused: {}", list(refused.iter().copied()));
    if !untold.is_empty() {
        came = format!("{came}; not told: {}", list(untold.into_iter()));
    }
    let changes = changes(inquiry, &refused);
    inquiry.keep(asked, &came, &changes);
}

/// A draft that sends all parameters but those that were refused.
fn draft(inquiry: &Inquiry<'_>, refused: &[&str]) -> Draft {
    inquiry.draft.with(&changes(inquiry, refused))
}

/// The list of what must not be sent: as it was, but for the parameters that were asked about.
fn changes(inquiry: &Inquiry<'_>, refused: &[&str]) -> Vec<Change> {
    let before = inquiry.draft.get(PATH).as_array().cloned().unwrap_or_default();
    let is_asked = |it: &Value| PARAMS.iter().any(|(name, _)| it == name);
    let is_refused = |it: &Value| refused.iter().any(|name| it == name);
    let mut list: Vec<Value> =
        before.into_iter().filter(|it| !is_asked(it) || is_refused(it)).collect();
    for name in refused {
        if !list.iter().any(|it| it == name) {
            list.push(json!(name));
        }
    }
    let mut changes = vec![change(PATH, list)];
    // What the base leaves out while the model thinks, it would never ask with.
    if inquiry.draft.get(WHILE_THINKING).as_array().is_some_and(|it| !it.is_empty()) {
        changes.push(change(WHILE_THINKING, Vec::<Value>::new()));
    }
    changes
}

fn turn(left: &[(&'static str, &'static str)]) -> Asked {
    Asked { params: params(left), ..say("Say hi.") }
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
