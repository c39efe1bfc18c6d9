//! Tools: their schemas, the choice among them, and their flags.

use interlingua_ir::{Tool, ToolChoice};
use serde_json::{Value, json};

use super::{Learned, change};
use crate::answer::SeenCall;
use crate::draft::Change;
use crate::inquiry::{Answered, Inquiry, Outcome};
use crate::turns::{Asked, strictly, two_calls, with_tools};
use crate::words::told;

pub(super) fn ask(inquiry: &mut Inquiry<'_>, learned: &mut Learned) {
    let asked = "two tools with schemas as agents write them";
    let answered = inquiry.first(asked, &schemas(inquiry), None, &two_calls(true));
    let answered = answered.or_else(|| plain(inquiry));
    let Some(answered) = answered else { return };
    learned.tools = true;
    let answered = if answered.seen.calls.is_empty() { forced(inquiry) } else { Some(answered) };
    let Some(answered) = answered else {
        return inquiry.unknown("– its calls", "none came");
    };
    look(inquiry, &answered);
    learned.thinks |= answered.seen.thinks() || !answered.facts.thought_in.is_empty();
    learned.calls = Some(answered);
}

/// What known records make of schemas: the base's own way first, then those that change least.
fn schemas(inquiry: &Inquiry<'_>) -> Vec<Vec<Change>> {
    let own = inquiry.draft.get("tools.schema").clone();
    let differs = |schema: &Value| {
        let fields = schema.as_object().into_iter().flatten();
        fields.filter(|(name, value)| own.get(*name) != Some(value)).count()
    };
    let known = inquiry.known();
    let mut ways: Vec<Value> = Vec::new();
    for record in &known {
        let schema = &record["tools"]["schema"];
        if !ways.contains(schema) && *schema != own {
            ways.push(schema.clone());
        }
    }
    ways.sort_by_key(differs);
    [own.clone()].into_iter().chain(ways).map(|it| vec![change("tools.schema", it)]).collect()
}

/// Tools without anything peculiar, and if those are refused too, tools in words.
fn plain(inquiry: &mut Inquiry<'_>) -> Option<Box<Answered>> {
    let asked = "two tools with plain schemas";
    match inquiry.ask(&inquiry.draft.clone(), &two_calls(false)) {
        Outcome::Answered(answered) => {
            inquiry.note(asked, "taken", "something in rich schemas is refused; what, is unknown");
            Some(answered)
        }
        Outcome::Refused(fault) => {
            let changes = [change("tools.offered_in", "prompt")];
            let draft = inquiry.draft.with(&changes);
            let came = format!("refused: {}", told(&fault));
            match inquiry.ask(&draft, &two_calls(false)) {
                Outcome::Answered(_) => {
                    inquiry.keep(asked, &format!("{came}; in the prompt taken"), &changes);
                }
                _ => inquiry.unknown(asked, &came),
            }
            None
        }
        Outcome::Untold(why) => {
            inquiry.unknown(asked, &why);
            None
        }
    }
}

/// A model that does not call by itself may do so if it must.
fn forced(inquiry: &mut Inquiry<'_>) -> Option<Box<Answered>> {
    let turn = Asked { tool_choice: ToolChoice::Required, ..two_calls(false) };
    match inquiry.ask(&inquiry.draft.clone(), &turn) {
        Outcome::Answered(answered) if !answered.seen.calls.is_empty() => Some(answered),
        _ => None,
    }
}

fn look(inquiry: &mut Inquiry<'_>, answered: &Answered) {
    let Answered { seen, facts, .. } = answered;
    let calls = seen.calls.len();
    let is_json = |call: &SeenCall| serde_json::from_str::<Value>(&call.arguments).is_ok();
    let (form, means) = match seen.calls.iter().all(is_json) {
        true if calls > 1 => ("JSON", "several calls at once"),
        true => ("JSON", "no more than one call was made"),
        false => ("no JSON", "its calls cannot be relied on"),
    };
    inquiry.note("– its calls", &format!("{calls}, with arguments that are {form}"), means);
    let Some(word) = facts.finish.last() else { return };
    // A path cannot lead to a word with dots in it, and none is known.
    if inquiry.draft.get("stream.finish_map").get(word).is_none() && !word.contains('.') {
        let changes = [change(&format!("stream.finish_map.{word}"), "tool_calls")];
        inquiry.keep("– their end", &format!("`{word}`"), &changes);
    }
}

/// Which values of `tool_choice` are taken.
pub(super) fn choice(inquiry: &mut Inquiry<'_>) {
    let required = force(
        inquiry,
        "a call that has to be made",
        &[("required", "required"), ("any", "any")],
        &ToolChoice::Required,
        "tools.choice_required_as",
    );
    let named = ToolChoice::Named { name: "get_time".into(), namespace: None };
    let by_filter = required.iter().map(|_| ("filter_required", ""));
    let ways: Vec<_> = [("named", "named")].into_iter().chain(by_filter).collect();
    force(inquiry, "a call of one tool", &ways, &named, "tools.choice_named_as");
    let none = Asked { tool_choice: ToolChoice::None, ..with_tools("Say hi.") };
    let options = [listing(inquiry, "none", true)];
    let last = listing(inquiry, "none", false);
    inquiry.first("no call, though there are tools", &options, Some(last), &none);
}

/// Tries ways to force a call; gives the word that was taken.
fn force(
    inquiry: &mut Inquiry<'_>,
    asked: &str,
    ways: &[(&'static str, &'static str)],
    choice: &ToolChoice<'static>,
    path: &str,
) -> Option<&'static str> {
    let turn = Asked { tool_choice: choice.clone(), ..with_tools("What time is it in Paris?") };
    let mut came = Vec::new();
    for (way, word) in ways {
        let mut changes = vec![change(path, *way)];
        // While thinking decides, nothing else is found out.
        changes.push(change("tools.forced_with_thinking", "ok"));
        for (_, other) in ways.iter().filter(|(_, other)| !other.is_empty()) {
            changes = merged(inquiry, changes, other, other == word);
        }
        let draft = inquiry.draft.with(&changes);
        match inquiry.ask(&draft, &turn) {
            Outcome::Answered(answered) => {
                let calls = if answered.seen.calls.is_empty() { ", but no call came" } else { "" };
                came.push(format!("`{way}` taken{calls}"));
                inquiry.keep(asked, &came.join("; "), &changes);
                return Some(word);
            }
            Outcome::Refused(fault) => came.push(format!("`{way}` refused: {}", told(&fault))),
            Outcome::Untold(why) => {
                inquiry.unknown(asked, &why);
                return None;
            }
        }
    }
    let mut changes = vec![change(path, "auto")];
    for (_, word) in ways.iter().filter(|(_, word)| !word.is_empty()) {
        changes = merged(inquiry, changes, word, false);
    }
    inquiry.keep(asked, &came.join("; "), &changes);
    None
}

/// The list of choices with a word in it, or without.
fn listing(inquiry: &Inquiry<'_>, word: &str, is_in: bool) -> Vec<Change> {
    merged(inquiry, Vec::new(), word, is_in)
}

fn merged(inquiry: &Inquiry<'_>, mut changes: Vec<Change>, word: &str, is_in: bool) -> Vec<Change> {
    const PATH: &str = "tools.choice";
    let pending = changes.iter().position(|(path, _)| path == PATH);
    let list = match pending {
        Some(at) => changes.remove(at).1,
        None => inquiry.draft.get(PATH).clone(),
    };
    let mut list: Vec<Value> = list.as_array().cloned().unwrap_or_default();
    let there = list.iter().any(|it| it == word);
    if is_in && !there {
        list.push(json!(word));
    } else if !is_in {
        list.retain(|it| it != word);
    }
    changes.push(change(PATH, list));
    changes
}

/// What else a request may say about its tools.
pub(super) fn flags(inquiry: &mut Inquiry<'_>) {
    let all = strictly(with_tools("Say hi."));
    let mut mixed = all.clone();
    if let Some(Tool::Function(first)) = mixed.tools.first_mut() {
        first.strict = None;
    }
    let asked = "`strict` on one of two tools";
    offer(inquiry, asked, "tools.strict", &json!("pass"), "drop", &mixed);
    if !inquiry.is_lenient && inquiry.draft.word("tools.strict") == "drop" {
        let either = json!("all_or_nothing");
        offer(inquiry, "`strict` on both tools", "tools.strict", &either, "drop", &all);
    }
    let parallel = Asked { parallel_calls: Some(true), ..with_tools("Say hi.") };
    offer(inquiry, "`parallel_tool_calls`", "tools.parallel", &json!("pass"), "drop", &parallel);
}

/// Asks whether a value passes that is better than what the base does. From a server that takes
/// whatever it does not know, nothing follows but that it does no harm.
fn offer(
    inquiry: &mut Inquiry<'_>,
    asked: &str,
    path: &str,
    better: &Value,
    else_: &str,
    turn: &Asked,
) {
    if !inquiry.is_lenient {
        inquiry.choose(asked, path, std::slice::from_ref(better), Some(else_.into()), turn);
        return;
    }
    let draft = inquiry.draft.with(&[(path.to_owned(), better.clone())]);
    match inquiry.ask(&draft, turn) {
        Outcome::Answered(_) => {
            inquiry.unknown(asked, "taken, as is any field that it does not know");
        }
        Outcome::Refused(fault) => {
            let came = format!("refused: {}", told(&fault));
            inquiry.keep(asked, &came, &[(path.to_owned(), else_.into())]);
        }
        Outcome::Untold(why) => inquiry.unknown(asked, &why),
    }
}
