//! How much to think.

use interlingua_dialect::Effort;
use serde_json::{Map, Value, json};

use super::{Learned, change, own_first};
use crate::answer::Seen;
use crate::draft::Change;
use crate::inquiry::{Inquiry, Outcome};
use crate::turns::{Asked, SOME, results, say};
use crate::words::told;

const FIELD: &str = "reasoning_effort";

/// A word that is no level anywhere.
const NO_LEVEL: &str = "unheard-of";

pub(super) fn ask(inquiry: &mut Inquiry<'_>, learned: &Learned) {
    if has_own_way(inquiry) {
        own_way(inquiry, learned.thinks);
    } else {
        by_field(inquiry, learned.thinks);
    }
    while_off(inquiry, learned);
}

/// Whether the base asks for levels with more, or something else, than `reasoning_effort`.
fn has_own_way(inquiry: &Inquiry<'_>) -> bool {
    let high = resolve(inquiry.draft.get("thinking.effort"), "high");
    let fields = high.as_object().into_iter().flatten();
    fields.clone().count() > 0 && fields.clone().any(|(name, _)| name != FIELD)
}

/// Asks for each level as the base does, and takes out those that are refused.
fn own_way(inquiry: &mut Inquiry<'_>, thinks: bool) {
    let table = inquiry.draft.get("thinking.effort").clone();
    let mut came = Vec::new();
    let mut changes = Vec::new();
    let mut known: Vec<(&Value, bool)> = Vec::new();
    for level in Effort::ALL.map(Effort::name) {
        // Aliases go where their level goes.
        let fields @ Value::Object(_) = &table[level] else { continue };
        let before = known.iter().find(|(it, _)| *it == fields).map(|(_, taken)| *taken);
        let taken = match before {
            Some(taken) => taken,
            None => match at_level(inquiry, fields) {
                Outcome::Answered(answered)
                    if level == "none" && thinks && answered.seen.thinks() =>
                {
                    came.push("`none` taken, but it thinks all the same".to_owned());
                    false
                }
                Outcome::Answered(_) => true,
                Outcome::Refused(_) => false,
                Outcome::Untold(why) => return inquiry.unknown("the record's levels", &why),
            },
        };
        known.push((fields, taken));
        came.push(format!("`{level}` {}", if taken { "taken" } else { "goes" }));
        if !taken {
            changes.push(change(&format!("thinking.effort.{level}"), Value::Null));
        }
    }
    inquiry.keep("the record's levels", &came.join(", "), &changes);
}

/// Asks for each level with `reasoning_effort`, and for a switch where that cannot stop the thinking.
fn by_field(inquiry: &mut Inquiry<'_>, thinks: bool) {
    let levels = levels(inquiry, thinks);
    let off = match &levels {
        Some(levels) if levels.contains(&"none") => None,
        _ => switch(inquiry, thinks),
    };
    let Some(levels) = levels else {
        if let Some((off, _)) = off {
            let changes = [change("thinking.effort.none", off)];
            inquiry.keep("– its levels", "not told, but for none", &changes);
        }
        return;
    };
    let changes = table(inquiry, &levels, off.as_ref());
    let came = match levels.as_slice() {
        [] => "none".to_owned(),
        levels => levels.join(", "),
    };
    inquiry.keep("– its levels", &came, &changes);
}

/// Whether earlier thoughts are wanted back while the model shall not think.
fn while_off(inquiry: &mut Inquiry<'_>, learned: &Learned) {
    let path = "replay.when_thinking_off";
    let Some(answered) = &learned.calls else { return };
    let can_stop = inquiry.draft.get("thinking.effort.none").is_object();
    let Some(seen) = inquiry.read(&inquiry.draft, &answered.bytes).filter(Seen::thinks) else {
        return;
    };
    if !can_stop || inquiry.draft.word("replay.carrier") == "none" {
        return;
    }
    let mut turn = results(&seen, true);
    turn.thinking.effort = Some("none".into());
    let rules = own_first(inquiry.draft.get(path), &["omit", "send"]);
    inquiry.choose("its earlier thoughts, while it shall not think", path, &rules, None, &turn);
}

/// The levels that `reasoning_effort` takes; `None` if that cannot be told.
fn levels(inquiry: &mut Inquiry<'_>, thinks: bool) -> Option<Vec<&'static str>> {
    let asked = format!("`{FIELD}: {NO_LEVEL}`");
    match at_level(inquiry, &json!({ FIELD: NO_LEVEL })) {
        Outcome::Answered(_) => {
            inquiry.unknown(&asked, "taken, so it does not look at it, or knows any word");
            return None;
        }
        Outcome::Refused(fault) => {
            let came = format!("refused: {}", told(&fault));
            inquiry.note(&asked, &came, "not any word passes");
        }
        Outcome::Untold(why) => {
            inquiry.unknown(&asked, &why);
            return None;
        }
    }
    let mut taken = Vec::new();
    let mut came = Vec::new();
    // The level that most have tells whether the field is known at all.
    for level in ["high", "low", "medium", "minimal", "xhigh", "max", "none"] {
        match at_level(inquiry, &json!({ FIELD: level })) {
            Outcome::Answered(answered) if level == "none" && thinks && answered.seen.thinks() => {
                came.push("`none` taken, but it thinks all the same".to_owned());
            }
            Outcome::Answered(_) => {
                came.push(format!("`{level}` taken"));
                taken.push(level);
            }
            Outcome::Refused(_) => came.push(format!("`{level}` refused")),
            Outcome::Untold(why) => {
                inquiry.unknown(&format!("`{FIELD}`"), &why);
                return None;
            }
        }
        if level == "low" && taken.is_empty() {
            came.push("the others not asked".to_owned());
            break;
        }
    }
    let means = if taken.is_empty() { "not known" } else { "known" };
    inquiry.note(&format!("`{FIELD}`"), &came.join(", "), means);
    Some(taken)
}

fn at_level(inquiry: &mut Inquiry<'_>, fields: &Value) -> Outcome {
    let draft = inquiry.draft.with(&[change("thinking.effort.high", fields.clone())]);
    inquiry.ask(&draft, &think())
}

/// A question that a model may think about.
fn think() -> Asked {
    let mut turn = say("What is 17 times 23? Only the number.");
    turn.max_output_tokens = Some(SOME);
    turn.thinking.effort = Some("high".into());
    turn
}

/// A switch of a known record that stops the thinking, and what switches it on.
fn switch(inquiry: &mut Inquiry<'_>, thinks: bool) -> Option<(Value, Value)> {
    let asked = "no thinking, by a switch";
    if !thinks {
        inquiry.unknown(asked, "not asked, since it showed no thoughts");
        return None;
    }
    let mut came = Vec::new();
    for (off, on) in switches(inquiry) {
        let name = off.as_object().and_then(|it| it.keys().next().cloned()).unwrap_or_default();
        match at_level(inquiry, &off) {
            Outcome::Answered(answered) if answered.seen.thinks() => {
                came.push(format!("`{name}` taken, but it thinks all the same"));
            }
            Outcome::Answered(_) => {
                came.push(format!("`{name}` taken, and it did not think"));
                inquiry.note(asked, &came.join("; "), "it can be switched off");
                return Some((off, on));
            }
            Outcome::Refused(_) => came.push(format!("`{name}` refused")),
            Outcome::Untold(why) => {
                came.push(why);
                break;
            }
        }
    }
    inquiry.unknown(asked, &came.join("; "));
    None
}

/// How known records switch thinking off and on, each way once.
fn switches(inquiry: &Inquiry<'_>) -> Vec<(Value, Value)> {
    let mut ways: Vec<(Value, Value)> = Vec::new();
    for record in inquiry.known() {
        let table = &record["thinking"]["effort"];
        let off = &table["none"];
        let by_field = off.get(FIELD).is_some();
        if off.is_object() && !by_field && !ways.iter().any(|(known, _)| known == off) {
            let on = resolve(table, "high");
            // A switch is on by saying so, or by saying nothing.
            let on = if on.get(FIELD).is_some() { json!({}) } else { on };
            ways.push((off.clone(), on));
        }
    }
    ways
}

/// What a table says about a level, with aliases followed.
fn resolve(table: &Value, level: &str) -> Value {
    match &table[level] {
        Value::String(other) if other != level => resolve(table, other),
        Value::Object(fields) => Value::Object(fields.clone()),
        _ => json!({}),
    }
}

/// The table of levels: what is taken, and for the others the nearest.
fn table(inquiry: &Inquiry<'_>, taken: &[&str], off: Option<&(Value, Value)>) -> Vec<Change> {
    let mut table = Map::new();
    let none = match off {
        Some((off, _)) => off.clone(),
        None if taken.contains(&"none") => json!({ FIELD: "none" }),
        None => Value::Null,
    };
    table.insert("none".to_owned(), none);
    let [_, levels @ ..] = Effort::ALL.map(Effort::name);
    let ranks: Vec<usize> = (0..levels.len()).filter(|at| taken.contains(&levels[*at])).collect();
    for (at, level) in levels.iter().enumerate() {
        let nearest = ranks.iter().min_by_key(|rank| (rank.abs_diff(at), **rank));
        let value = match (nearest, off) {
            (Some(rank), _) if *rank == at => json!({ FIELD: level }),
            (Some(rank), _) => json!(levels[*rank]),
            (None, Some((_, on))) if !on.as_object().is_none_or(Map::is_empty) => on.clone(),
            (None, _) => Value::Null,
        };
        table.insert((*level).to_owned(), value);
    }
    let differs = |(level, value): &(String, Value)| {
        inquiry.draft.get(&format!("thinking.effort.{level}")) != value
    };
    let table = table.into_iter().filter(differs);
    table.map(|(level, value)| change(&format!("thinking.effort.{level}"), value)).collect()
}
