//! Whether it answers at all, and how a plain answer looks.

use interlingua_ir::Fault;
use serde_json::{Value, json};

use super::{Learned, change, own_first, thoughts};
use crate::draft::Change;
use crate::inquiry::{Answered, Inquiry, Outcome};
use crate::turns::{Asked, say};
use crate::words::told;

const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

const LIMIT: &str = "request.max_tokens_field";

/// More than any model answers.
const ENORMOUS: u64 = 1_000_000_000;

pub(super) fn ask(inquiry: &mut Inquiry<'_>, learned: &mut Learned) -> Result<(), Fault> {
    let whole = Asked { stream: false, ..say("Say hi.") };
    let limits = own_first(inquiry.draft.get(LIMIT), &LIMITS);
    let first = inquiry.ask(&inquiry.draft.clone(), &whole);
    let streamed = match first {
        Outcome::Answered(_) => {
            let came = format!("`{}` taken", inquiry.draft.word(LIMIT));
            inquiry.keep("a text in one piece, with a limit", &came, &[]);
            stream(inquiry)
        }
        Outcome::Refused(fault) => {
            refused(inquiry, &fault, &whole, &limits);
            stream(inquiry)
        }
        Outcome::Untold(why) => Err(inquiry.silence(&why)),
    }?;
    learned.thinks = streamed.seen.thinks() || !streamed.facts.thought_in.is_empty();
    look(inquiry, &streamed);
    thoughts::read(inquiry, &streamed);
    control(inquiry);
    limit(inquiry);
    Ok(())
}

/// A field that no server knows.
const UNHEARD_OF: &str = "unheard_of";

/// Whether fields pass that it cannot know.
fn control(inquiry: &mut Inquiry<'_>) {
    let asked = "a field that nobody knows";
    let draft = inquiry.draft.with(&[change(&format!("request.set.{UNHEARD_OF}"), 1)]);
    match inquiry.ask(&draft, &say("Say hi.")) {
        Outcome::Answered(_) => {
            inquiry.is_lenient = true;
            inquiry.note(asked, "taken", "what is taken below need not be followed");
        }
        Outcome::Refused(fault) => {
            let came = format!("refused: {}", told(&fault));
            inquiry.note(asked, &came, "what is taken below is known to it");
        }
        Outcome::Untold(why) => inquiry.unknown(asked, &why),
    }
}

/// Finds out why the first question was refused: by its limit, or because it asks for one piece.
fn refused(inquiry: &mut Inquiry<'_>, fault: &Fault, whole: &Asked, limits: &[Value]) {
    let asked = "a text in one piece, with a limit";
    let mut came = vec![format!("`{}` refused: {}", inquiry.draft.word(LIMIT), told(fault))];
    for limit in limits.iter().skip(1) {
        let changes = [change(LIMIT, limit.clone())];
        let draft = inquiry.draft.with(&changes);
        if let Outcome::Answered(_) = inquiry.ask(&draft, whole) {
            came.push(format!("`{}` taken", limit.as_str().unwrap_or_default()));
            return inquiry.keep(asked, &came.join("; "), &changes);
        }
    }
    for limit in limits {
        let changes =
            [change(LIMIT, limit.clone()), change("request.nonstream_thinking", "force_stream")];
        let draft = inquiry.draft.with(&changes);
        if let Outcome::Answered(_) = inquiry.ask(&draft, &say("Say hi.")) {
            came.push("taken as a stream".to_owned());
            return inquiry.keep(asked, &came.join("; "), &changes);
        }
    }
    inquiry.unknown(asked, &came.join("; "));
}

/// The same as a stream.
fn stream(inquiry: &mut Inquiry<'_>) -> Result<Box<Answered>, Fault> {
    let usage = own_first(inquiry.draft.get("request.stream_usage"), &["stream_options", "omit"]);
    let options: Vec<Vec<Change>> =
        usage.into_iter().map(|it| vec![change("request.stream_usage", it)]).collect();
    let answered = inquiry.first("a text as a stream, with usage", &options, None, &say("Say hi."));
    let why = "it takes no text, neither in one piece nor as a stream";
    answered.ok_or_else(|| inquiry.silence(why))
}

/// What a stream shows by itself.
fn look(inquiry: &mut Inquiry<'_>, answered: &Answered) {
    let Answered { seen, facts, .. } = answered;
    if !facts.streamed {
        inquiry.note(
            "– its form",
            "one JSON object, though a stream was asked for",
            "read as it is",
        );
    }
    let places: Vec<&str> = facts.usage_in.iter().map(String::as_str).collect();
    match (seen.usage, places.join(" and ").as_str()) {
        (Some(_), "") => inquiry.note("– its usage", "it came", "found"),
        (Some(_), places) => inquiry.note("– its usage", &format!("in {places}"), "found"),
        (None, "") => inquiry.unknown("– its usage", "none came"),
        (None, places) => {
            inquiry.unknown("– its usage", &format!("in {places}, where nobody looks for it"));
        }
    }
    let end = if facts.done { "and `[DONE]`" } else { "without `[DONE]`" };
    let Some(word) = facts.finish.last() else {
        return inquiry.unknown("– its end", &format!("no reason to end, {end}"));
    };
    let came = format!("`{word}` {end}");
    match inquiry.draft.get("stream.finish_map").get(word) {
        Some(_) => inquiry.note("– its end", &came, "understood"),
        // A text of few words may have ended or been cut.
        None => inquiry.unknown("– its end", &came),
    }
}

/// Whether the limit has a second name, and how large it may be.
fn limit(inquiry: &mut Inquiry<'_>) {
    let own = inquiry.draft.word(LIMIT).to_owned();
    for other in LIMITS.into_iter().filter(|it| *it != own) {
        let asked = format!("a limit called `{other}`");
        let draft = inquiry.draft.with(&[change(LIMIT, json!(other))]);
        match inquiry.ask(&draft, &say("Say hi.")) {
            Outcome::Answered(_) if inquiry.is_lenient => inquiry.unknown(&asked, "taken"),
            Outcome::Answered(_) => inquiry.note(&asked, "taken", "both names are known"),
            Outcome::Refused(fault) => {
                inquiry.note(
                    &asked,
                    &format!("refused: {}", told(&fault)),
                    &format!("only `{own}`"),
                );
            }
            Outcome::Untold(why) => inquiry.unknown(&asked, &why),
        }
    }
    let asked = format!("a limit of {ENORMOUS} tokens");
    let turn = Asked { max_output_tokens: Some(ENORMOUS), ..say("Say hi.") };
    match inquiry.ask(&inquiry.draft.clone(), &turn) {
        Outcome::Answered(_) => inquiry.unknown(&asked, "taken"),
        Outcome::Refused(fault) => {
            let means = "set the models' `max_output_tokens` to what it tells";
            inquiry.note(&asked, &format!("refused: {}", told(&fault)), means);
        }
        Outcome::Untold(why) => inquiry.unknown(&asked, &why),
    }
}
