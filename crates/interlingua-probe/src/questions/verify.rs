//! The record as a whole, at work.

use interlingua_ir::Stop;

use super::params::PARAMS;
use crate::inquiry::{Inquiry, Outcome};
use crate::turns::{json, like_an_agent, results, schema};
use crate::words::told;

/// Works as an agent does, with everything that was found out.
pub(crate) fn verify(inquiry: &mut Inquiry<'_>) {
    let asked = "all of it together, as an agent asks";
    if inquiry.draft.word("tools.offered_in") != "fields" {
        return inquiry.unknown(asked, "not asked, since tools are offered in the prompt");
    }
    let draft = inquiry.draft.clone();
    let sees = draft.word("vision.images") != "no";
    let mut steps = 0;
    let first = inquiry.ask(&draft, &like_an_agent(&PARAMS, sees));
    let outcome = match first {
        Outcome::Answered(first) => {
            steps += 1;
            let called = first.seen.stop == Some(Stop::ToolUse) || !first.seen.calls.is_empty();
            let second = match called {
                true => inquiry.ask(&draft, &results(&first.seen, true)),
                false => Outcome::Answered(first),
            };
            match second {
                Outcome::Answered(_) => {
                    steps += usize::from(called);
                    inquiry.ask(&draft, &json(schema()))
                }
                other => other,
            }
        }
        other => other,
    };
    match outcome {
        Outcome::Answered(_) => {
            let came = format!("{} requests taken", steps + 1);
            inquiry.note(asked, &came, "an agent can work with it");
        }
        Outcome::Refused(fault) => {
            let came = format!("request {} refused: {}", steps + 1, told(&fault));
            inquiry.unknown(asked, &came);
        }
        Outcome::Untold(why) => inquiry.unknown(asked, &why),
    }
}
