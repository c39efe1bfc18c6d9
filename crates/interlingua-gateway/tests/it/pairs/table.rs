//! The table in `docs/pairs.md`: what was seen of each pair. `UPDATE_DOCS=1` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

use interlingua_testkit::fixtures::{self, codex_requests};
use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{Answer, Rule, Script, Wire};
use serde_json::Value;

use super::answers::{THOUGHT, step};
use super::{KINDS, Kind, Pair, ask, body, lane, talker};
use crate::stage::{LONG, MODEL, Stage, at_once};

const BEGIN: &str = "<!-- begin: this table is made by a test; see CONTRIBUTING.md -->\n";
const END: &str = "<!-- end -->\n";

/// What was seen of a pair, cell by cell.
type Row = [String; 4];

#[test]
fn the_document_says_what_was_seen() {
    let rows = Mutex::new(Vec::new());
    at_once(KINDS, |kind| {
        let stage = kind.stage(captured_script(kind), "");
        for client in Wire::ALL {
            let pair = Pair { client, kind };
            let row = [way(pair, true), way(pair, false), thoughts(pair), losses(&stage, client)];
            rows.lock().unwrap().push((pair, row));
        }
        // What a capture brings as thought was never thought here; everything else has to be right.
        let thought = [Rule::ThoughtMissing, Rule::ThoughtForged, Rule::ThoughtForeign];
        let wrong: Vec<_> = stage
            .upstream
            .violations()
            .into_iter()
            .filter(|it| !thought.contains(&it.rule))
            .collect();
        assert_eq!(wrong, [], "{kind}");
    });
    compare(&table(&rows.into_inner().unwrap()));
}

/// Whether frames come as the upstream sent them: then a field that nobody knows is among them.
fn way(pair: Pair, stream: bool) -> String {
    let Pair { client, kind } = pair;
    let said = lane::said(kind.wire, stream);
    let answer = Answer::bytes(200, said);
    let answer = if stream { answer } else { answer.header("content-type", "application/json") };
    let stage = kind.stage(Script::new().otherwise(answer), "");
    let reply = ask(&stage, client, stream);
    assert!(reply.status == 200 && reply.complete, "{pair}: {}", reply.text());
    assert!(reply.text().contains("two."), "{pair}: {}", reply.text());
    let is_lane = reply.text().contains("x_top");
    assert_eq!(is_lane, pair.is_lane(), "{pair}: {}", reply.text());
    if is_lane { "as it comes" } else { "translated" }.to_owned()
}

/// In what a thought goes to the client, who brings it back, and in what it comes to the upstream again.
fn thoughts(pair: Pair) -> String {
    let Pair { client, kind } = pair;
    if !kind.has_thoughts() {
        return "this upstream has none".to_owned();
    }
    let script = kind.script().then(step(kind, 1)).then(Answer::text("Done."));
    let stage = kind.stage(script, "");
    let mut talker = talker(client, "hi");
    let reply = stage.send(&talker.call(&body(&talker, client, true)));
    talker.keep(&talker.read(&reply, true).unwrap());
    talker.answer(|_| "ok".into());
    let again = body(&talker, client, true);
    stage.send(&talker.call(&again));
    let sent = stage.upstream.exchanges().pop().unwrap().request.body;

    let brings = again.to_string();
    let shown = [
        ("reasoning_content", "\"reasoning_content\":"),
        ("encrypted_content", "\"encrypted_content\":\"il1."),
        ("signature", "\"signature\":\"il1."),
    ];
    let (field, _) = shown.into_iter().find(|(_, mark)| reply.text().contains(mark)).unwrap();
    let carried = match brings.contains("\"il1.") || brings.contains(&quoted(THOUGHT)) {
        true => format!("sealed in `{field}`"),
        false => format!("`{field}`, which the gateway keeps"),
    };
    let sent = sent.to_string();
    assert!(sent.contains(&quoted(THOUGHT)), "{pair}: {sent}");
    let back = ["reasoning_content", "encrypted_content", "signature"];
    let back = back.into_iter().find(|it| sent.contains(&format!("\"{it}\":\"")));
    format!("{carried} → `{}`", back.unwrap())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn captured_script(kind: Kind) -> Script {
    kind.script().otherwise(Answer::text("Done."))
}

/// What the captured requests of this protocol's clients lose on their way.
fn losses(stage: &Stage, client: Wire) -> String {
    let mut seen = BTreeSet::new();
    for (name, call) in captured(client) {
        let reply = stage.send(&call);
        check_answered(&name, client, &reply);
        let notes = reply.header("x-interlingua-notes").unwrap_or_default();
        assert!(notes.len() < 1000, "{name}: {notes}");
        seen.extend(notes.split("; ").filter(|it| is_of_the_pair(it)).map(plain));
    }
    if seen.is_empty() {
        return "nothing".to_owned();
    }
    seen.into_iter().collect::<Vec<_>>().join(", ")
}

/// Whether a note tells of the pair, and not of thoughts that were had and sealed elsewhere.
fn is_of_the_pair(note: &str) -> bool {
    let elsewhere = note.contains("sealed by another gateway") || note.starts_with("repaired=");
    !note.is_empty() && !elsewhere
}

/// A note, however often it was made, as code.
fn plain(note: &str) -> String {
    let (what, times) = note.rsplit_once(" x").unwrap_or((note, ""));
    let is_count = !times.is_empty() && times.bytes().all(|it| it.is_ascii_digit());
    format!("`{}`", if is_count { what } else { note })
}

/// An upstream may refuse a thought that it never had; then its words have arrived.
#[track_caller]
fn check_answered(name: &str, client: Wire, reply: &Reply) {
    let text = reply.text();
    let words = ["thinking", "reasoning_content", "encrypted content"];
    let is_thought = reply.status == 400 && words.iter().any(|it| text.contains(it));
    let failed = ["\"type\":\"error\"", "response.failed", "\"error\":{"];
    let is_whole =
        reply.status == 200 && reply.complete && !failed.iter().any(|it| text.contains(it));
    assert!(is_whole || is_thought, "{name} of {}: {} {text}", client.name(), reply.status);
}

/// The requests that real clients of a protocol were seen to send, for a model that is here.
fn captured(client: Wire) -> Vec<(String, Call)> {
    let folder = format!("clients/{}", client.name());
    let mut all: Vec<(String, String, Value, Value)> = fixtures::list(&folder, ".request.json")
        .into_iter()
        .map(|name| {
            let whole = fixtures::json(format!("{folder}/{name}"));
            let path = whole["path"].as_str().unwrap().to_owned();
            (name, path, whole["headers"].clone(), whole["body"].clone())
        })
        .filter(|(_, path, ..)| path.split('?').next().unwrap().ends_with(client.path()))
        .collect();
    if client == Wire::Responses {
        let of_codex =
            codex_requests().into_iter().map(|it| (it.name, it.path, Value::Null, it.body));
        all.extend(of_codex);
    }
    assert!(all.len() > 2, "{folder}");
    let calls = all.into_iter().map(|(name, path, headers, mut body)| {
        body["model"] = MODEL.into();
        let call = Call::post(&path, &body).limit(LONG);
        let own = headers.as_object().into_iter().flatten();
        let own = own.filter(|(name, _)| name.starts_with("anthropic-"));
        let call = own.fold(call, |call, (name, value)| call.header(name, value.as_str().unwrap()));
        (name, call)
    });
    calls.collect()
}

/// One line for each of the nine; where two dialects differ, both are told.
fn table(rows: &[(Pair, Row)]) -> String {
    let head =
        ["Client", "Upstream", "Streamed", "Whole", "Thoughts", "Notes to captured requests"];
    let mut table = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for client in Wire::ALL {
        for wire in Wire::ALL {
            let of_pair = |it: &&(Pair, Row)| it.0.client == client && it.0.kind.wire == wire;
            let mut own: Vec<_> = rows.iter().filter(of_pair).collect();
            own.sort_by_key(|(pair, _)| KINDS.iter().position(|it| *it == pair.kind));
            let cells = (0..4).map(|at| cell(&own, at));
            let names = [client, wire].map(|it| it.name().to_owned()).into_iter();
            let cells: Vec<_> = names.chain(cells).collect();
            table += &["| ", &cells.join(" | "), " |\n"].concat();
        }
    }
    table
}

fn cell(own: &[&(Pair, Row)], at: usize) -> String {
    let first = &own[0].1[at];
    if own.iter().all(|(_, row)| row[at] == *first) {
        return first.clone();
    }
    let told = own.iter().map(|(pair, row)| format!("`{}`: {}", pair.kind.dialect, row[at]));
    told.collect::<Vec<_>>().join("<br>")
}

/// Compares the table of the document with what it should be, or writes it.
#[track_caller]
fn compare(table: &str) {
    let path = fixtures::workspace().join("docs/pairs.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table's begin is marked");
    let (found, after) = rest.split_once(END).expect("the table's end is marked");
    if found == table {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, [before, BEGIN, table, END, after].concat()).unwrap();
        return;
    }
    panic!(
        "docs/pairs.md is stale: run `UPDATE_DOCS=1 cargo test -p interlingua-gateway pairs::table`\n{table}"
    );
}
