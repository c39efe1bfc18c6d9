//! Where thoughts arrive, and how they have to come back.

use std::collections::BTreeSet;

use serde_json::Value;

use super::history::SHORT_ID;
use super::{Learned, change};
use crate::answer::{Facts, Place, Seen};
use crate::draft::{Change, at};
use crate::inquiry::{Answered, Inquiry, Outcome};
use crate::turns::{Asked, foreign_round, results};
use crate::words::told;

pub(super) fn ask(inquiry: &mut Inquiry<'_>, learned: &Learned) {
    let Some(answered) = &learned.calls else {
        return inquiry.unknown("the results of its calls", "not asked, since there are no calls");
    };
    let Answered { bytes, seen, facts } = &**answered;
    let places = &facts.thought_in;
    match places.is_empty() {
        true => inquiry.unknown("– its thoughts", "none came"),
        false => {
            let places: Vec<String> = places.iter().map(Place::to_string).collect();
            inquiry.note("– its thoughts", &format!("in {}", places.join(", ")), "they are there");
        }
    }
    let back =
        if places.is_empty() { bare(inquiry, seen) } else { thoughtful(inquiry, bytes, facts) };
    if back {
        missing(inquiry);
    }
}

/// A round of calls without any thought, because there was none.
fn bare(inquiry: &mut Inquiry<'_>, seen: &Seen) -> bool {
    let asked = "the results of its calls";
    let taken = inquiry.first(asked, &by_name(inquiry), None, &results(seen, false)).is_some();
    if taken {
        inquiry.unknown("– how thoughts come back", "there was none to send");
    }
    taken
}

/// Whether results carry the tool's name.
fn by_name(inquiry: &Inquiry<'_>) -> Vec<Vec<Change>> {
    let path = "tools.result_name";
    let rules = super::own_first(inquiry.draft.get(path), &["drop", "add"]);
    rules.into_iter().map(|rule| vec![change(path, rule)]).collect()
}

/// A round with its thoughts, in the carriers that are known, those first in which they came.
fn thoughtful(inquiry: &mut Inquiry<'_>, bytes: &[u8], facts: &Facts) -> bool {
    let asked = "the results of its calls, with what it thought";
    let mut came: Vec<String> = Vec::new();
    for names in by_name(inquiry) {
        for carrier in carriers(inquiry, facts) {
            let changes: Vec<Change> = carrier.into_iter().chain(names.clone()).collect();
            let draft = inquiry.draft.with(&changes);
            // How it is read decides what can be sent back.
            let Some(seen) = inquiry.read(&draft, bytes).filter(Seen::thinks) else { continue };
            let word = draft.word("replay.carrier").to_owned();
            match inquiry.ask(&draft, &results(&seen, true)) {
                Outcome::Answered(_) => {
                    came.push(format!("in `{word}` taken"));
                    inquiry.keep(asked, &came.join("; "), &changes);
                    return true;
                }
                Outcome::Refused(fault) => {
                    came.push(format!("in `{word}` refused: {}", told(&fault)));
                }
                Outcome::Untold(why) => {
                    came.push(why);
                    inquiry.unknown(asked, &came.join("; "));
                    return false;
                }
            }
        }
    }
    let changes = [change("replay.carrier", "none"), change("replay.rule", "forbid")];
    let draft = inquiry.draft.with(&changes);
    let Some(seen) = inquiry.read(&draft, bytes) else { return false };
    match inquiry.ask(&draft, &results(&seen, false)) {
        Outcome::Answered(_) => {
            came.push("without it taken".to_owned());
            inquiry.keep(asked, &came.join("; "), &changes);
        }
        _ => inquiry.unknown(asked, &came.join("; ")),
    }
    false
}

/// What belongs to a carrier: how thoughts are read, and how they are written.
const BY_CARRIER: [&str; 5] = [
    "reasoning_out.details",
    "reasoning_out.parts",
    "replay.carrier",
    "replay.opaque",
    "replay.placeholder_path",
];

/// The carriers of known records, best first.
fn carriers(inquiry: &Inquiry<'_>, facts: &Facts) -> Vec<Vec<Change>> {
    let own = BY_CARRIER.map(|path| inquiry.draft.get(path).clone());
    let known = inquiry.known();
    let others = known.iter().map(|record| BY_CARRIER.map(|path| at(record, path).clone()));
    let mut ways: Vec<[Value; 5]> = vec![own.clone()];
    for way in others {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    let rank = |way: &[Value; 5]| {
        let carrier = way[2].as_str().unwrap_or_default();
        let came_in = |place: &Place| match (carrier, place) {
            ("content_parts", Place::Parts(_))
            | ("tool_call_extra_content", Place::Call)
            | ("content_tags", Place::Tag(_) | Place::Open) => true,
            (carrier, Place::Field(name)) => carrier == name,
            ("reasoning_details", Place::List(name)) => name == "reasoning_details",
            _ => false,
        };
        if carrier == "none" {
            return None;
        }
        let arrived = facts.thought_in.iter().any(came_in);
        // A list says more than the field beside it.
        let is_plain = carrier != "reasoning_details" && carrier != "tool_call_extra_content";
        match (arrived, *way == own) {
            (true, own) => Some((0, is_plain, !own)),
            (false, true) => Some((1, is_plain, false)),
            // What nothing speaks for is no candidate.
            (false, false) => None,
        }
    };
    let mut ranked: Vec<_> = ways.into_iter().filter_map(|way| Some((rank(&way)?, way))).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let changes = |(_, way): (_, [Value; 5])| {
        BY_CARRIER.iter().zip(way).map(|(path, value)| change(path, value)).collect()
    };
    ranked.into_iter().map(changes).collect()
}

/// A round of calls whose thought is lost: whether it is missed, and what passes in its place.
fn missing(inquiry: &mut Inquiry<'_>) {
    let asked = "calls whose thought is lost";
    let turn = foreign_round(SHORT_ID);
    let without = [change("replay.on_missing", "none")];
    match inquiry.ask(&inquiry.draft.with(&without), &turn) {
        Outcome::Answered(_) => {
            let rule = match inquiry.draft.word("replay.rule") {
                rule @ ("optional" | "ignored" | "forbid") => rule.to_owned(),
                _ => "optional".to_owned(),
            };
            inquiry.keep(asked, "taken", &[change("replay.rule", rule)]);
        }
        Outcome::Refused(fault) => placeholder(inquiry, asked, &told(&fault), &turn),
        Outcome::Untold(why) => inquiry.unknown(asked, &why),
    }
}

fn placeholder(inquiry: &mut Inquiry<'_>, asked: &str, refusal: &str, turn: &Asked) {
    let mut came = vec![format!("refused: {refusal}")];
    for text in placeholders(inquiry) {
        let changes = [
            change("replay.rule", "required_tool_calls"),
            change("replay.placeholder", text.clone()),
            change("replay.on_missing", "placeholder"),
        ];
        let draft = inquiry.draft.with(&changes);
        match inquiry.ask(&draft, turn) {
            Outcome::Answered(_) => {
                came.push(format!("{text} in its place taken"));
                return inquiry.keep(asked, &came.join("; "), &changes);
            }
            Outcome::Refused(fault) => {
                came.push(format!("{text} in its place refused: {}", told(&fault)));
            }
            Outcome::Untold(why) => {
                came.push(why);
                break;
            }
        }
    }
    let changes = [change("replay.rule", "required_tool_calls")];
    inquiry.keep(asked, &came.join("; "), &changes);
    inquiry.unknown("– what passes instead", "nothing that is known does");
}

/// What known records with the same carrier put where a thought is lost.
fn placeholders(inquiry: &Inquiry<'_>) -> BTreeSet<String> {
    let carrier = inquiry.draft.get("replay.carrier");
    let known = inquiry.known();
    let same = known.iter().filter(|record| at(record, "replay.carrier") == carrier);
    let texts = same.filter_map(|record| at(record, "replay.placeholder").as_str());
    texts.map(str::to_owned).collect()
}

/// Reads thoughts of an answer that the base does not find.
pub(super) fn read(inquiry: &mut Inquiry<'_>, answered: &Answered) {
    if answered.seen.thinks() || !answered.facts.is_open_from_the_start() {
        return;
    }
    let changes = [change("reasoning_out.tags", "implicit_open")];
    inquiry.keep("– its thoughts", "in the content, up to `</think>`", &changes);
}
