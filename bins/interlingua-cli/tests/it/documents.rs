//! The tables in `docs/` that say what the code says. `UPDATE_DOCS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use interlingua_dialect::Dialects;
use interlingua_ir::{Blame, Class, Fault, Protocol, Retry};
use interlingua_registry::{Environment, KeyNeed, Preset, PresetUrl, RawConfig, check};
use interlingua_translate::client::{self, Head, Ids};
use interlingua_translate::faults::{Caller, Refusal};
use serde_json::Value;

use crate::support::{CANARY, Home};

const BEGIN: &str = "<!-- begin: this table is made by a test; see CONTRIBUTING.md -->\n";
const END: &str = "<!-- end -->\n";

#[test]
fn limits_are_those_of_the_code() {
    let source = read("crates/interlingua-registry/src/settings.rs");
    let of_store = read("crates/interlingua-registry/src/store.rs");
    let readers = ["crates/interlingua-gateway", "crates/interlingua-upstream", "bins"];
    let readers: String = readers.iter().map(|it| sources(&root().join(it))).collect();
    let raw = RawConfig::new();
    let environment = Environment::default();
    let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &environment).unwrap();
    let mut lines =
        vec!["| Setting | Default | What it bounds |".to_owned(), "|---|---|---|".to_owned()];
    for row in snapshot.rows() {
        let meaning = match row.path.rsplit_once('.') {
            Some((table @ ("limits" | "timeouts"), key)) => {
                let (_, section) = source.split_once(&format!("(\"{table}\") {{")).unwrap();
                let read = readers.contains(&row.path);
                assert!(read, "`{}` can be set, and nobody reads it", row.path);
                described(section, &format!("        {key}: "))
            }
            Some((table @ ("store.reasoning" | "store.responses"), key)) => {
                let (_, name) = table.split_once('.').unwrap();
                let what = described(&of_store, &format!("    pub {name}: "));
                let bound = described(&of_store, &format!("    pub {key}: "));
                format!("{what}: {}", bound.replacen('T', "t", 1).replacen('H', "h", 1))
            }
            _ => continue,
        };
        lines.push(format!("| `{}` | {} | {meaning} |", row.path, row.value));
    }
    assert!(lines.len() > 20, "the rows are gone");
    compare("docs/limits.md", &lines);
}

#[test]
fn errors_are_those_of_the_code() {
    let source = read("crates/interlingua-ir/src/fault.rs");
    let mut before = [
        "| What happened | Whose fault | The gateway first | Codex | Other Responses clients, and Chat | Messages |",
        "|---|---|---|---|---|---|",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut within =
        ["", "In a stream:", "", "| | Responses | Chat | Messages |", "|---|---|---|---|"]
            .map(str::to_owned)
            .to_vec();
    for class in CLASSES {
        let meaning = described(&source, &format!("    {class:?},"));
        let name = class.name();
        let fault = Fault::new(class, "m");
        let row = |what: String, fault: &Fault| {
            let other = refused(fault, Protocol::Responses, Caller::Other);
            assert_eq!(other, refused(fault, Protocol::Chat, Caller::Other), "{name}");
            let shown = [
                blame(class).to_owned(),
                first(fault).to_owned(),
                refused(fault, Protocol::Responses, Caller::Codex),
                other,
                refused(fault, Protocol::Messages, Caller::Other),
            ];
            format!("| {what} | {} |", shown.join(" | "))
        };
        before.push(row(format!("`{name}` {meaning}"), &fault));
        if class == Class::RateLimit {
            let timed = Fault { retry_after: Some(Duration::from_secs(7)), ..fault.clone() };
            before.push(row(format!("`{name}`, and the wait is known"), &timed));
        }
        let shown = [Protocol::Responses, Protocol::Chat, Protocol::Messages];
        let shown = shown.map(|protocol| interrupted(&fault, protocol));
        within.push(format!("| `{name}` | {} |", shown.join(" | ")));
    }
    before.extend(within);
    compare("docs/errors.md", &before);
}

#[test]
fn vendors_are_those_that_can_be_added() {
    let code = |text: &String| format!("`{text}`");
    let urls = |urls: &[PresetUrl]| {
        let url = |it: &PresetUrl| format!("{} {}", it.label(), it.url).trim().to_owned();
        urls.iter().map(url).collect::<Vec<_>>().join("<br>")
    };
    let mut lines = [
        "| Vendor | | Addresses | Also in Messages | Key in | Models known |",
        "|---|---|---|---|---|---|",
    ]
    .map(str::to_owned)
    .to_vec();
    for preset in Preset::all() {
        let title = match &preset.docs {
            Some(docs) => format!("[{}]({docs})", preset.name),
            None => preset.name.clone(),
        };
        let of_user = preset.base_url_form.as_ref().map_or("yours".to_owned(), code);
        let address = Some(urls(&preset.base_urls)).filter(|it| !it.is_empty());
        let keys: Vec<_> = preset.key_env.iter().map(code).collect();
        let optional = if preset.key == KeyNeed::Optional { ", if it wants one" } else { "" };
        let models: Vec<_> = preset.models.iter().map(|it| code(&it.id)).collect();
        let cells = [
            code(&preset.id),
            title,
            address.unwrap_or(of_user),
            urls(&preset.messages_urls),
            format!("{}{optional}", keys.join(", ")),
            models.join(", "),
        ];
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    compare("docs/providers.md", &lines);
}

#[test]
fn the_guide_shows_what_a_probe_prints() {
    let guide = read("docs/providers.md");
    let (_, block) = guide.split_once("$ interlingua probe house\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let printed = read("bins/interlingua-cli/tests/it/probe/kimi.txt");
    // The first line goes to a person, and names an address.
    let lines: Vec<&str> = block.lines().skip(1).filter(|line| *line != "…").collect();
    assert!(lines.len() > 10, "{block}");
    for line in lines {
        assert!(printed.lines().any(|it| it == line), "this is not printed: {line}");
    }
}

#[test]
fn the_readme_shows_a_configuration_that_is_right() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (config, _) = rest.split_once("```").unwrap();
    let home = Home::with(config).env("MIMO_API_KEY", CANARY);
    let ran = home.run(&["config", "check"]);
    assert_eq!(ran.stderr, "");
    assert!(ran.ok().starts_with("ok: 3 of 3 providers"));
}

#[test]
fn the_server_runs_the_tests_of_the_readme() {
    let command = "cargo xtask ci";
    assert!(read("README.md").contains(&format!("$ {command}\n")));
    assert!(read(".ci/run").lines().any(|line| line.starts_with(command)));
}

/// All of them; the source says how many there are.
const CLASSES: [Class; 22] = [
    Class::InvalidRequest,
    Class::Unauthenticated,
    Class::Forbidden,
    Class::TooLarge,
    Class::ModelNotFound,
    Class::Busy,
    Class::Internal,
    Class::Auth,
    Class::Quota,
    Class::RateLimit,
    Class::Overloaded,
    Class::ContextLength,
    Class::ContentFilter,
    Class::ReplayMissing,
    Class::ToolHistoryInvalid,
    Class::BadParam,
    Class::ToolGenerationFailed,
    Class::FeatureDisabled,
    Class::Upstream,
    Class::Interrupted,
    Class::Unreachable,
    Class::Timeout,
];

#[test]
fn no_class_of_fault_is_left_out() {
    let source = read("crates/interlingua-ir/src/fault.rs");
    let (_, body) = source.split_once("pub enum Class {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let variants = body.lines().map(str::trim).filter(|line| line.ends_with(',')).count();
    assert_eq!(variants, CLASSES.len());
}

fn blame(class: Class) -> &'static str {
    match class.blame() {
        Blame::Client => "client",
        Blame::Gateway => "gateway",
        Blame::Upstream => "provider",
    }
}

fn first(fault: &Fault) -> &'static str {
    match fault.retry() {
        Retry::After(_) => "tries again",
        Retry::Elsewhere => "tries the next target",
        Retry::Never => "–",
    }
}

/// What a client that wants a stream is told before anything was sent to it.
fn refused(fault: &Fault, protocol: Protocol, caller: Caller) -> String {
    match client::refuse(protocol, fault, caller, true, "req_1") {
        Refusal::Stream => {
            format!("200, `response.failed` {}", interrupted(fault, Protocol::Responses))
        }
        Refusal::Status { status, retry_after, body } => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            let wait = if retry_after.is_some() { ", `retry-after`" } else { "" };
            format!("{status} {}{wait}", word(&body["error"], protocol))
        }
    }
}

/// What the event that ends a failed stream says.
fn interrupted(fault: &Fault, protocol: Protocol) -> String {
    let mut encoder =
        Head::unread(protocol, Ids { answer: "1", request: "req_1" }).stream(Caller::Other);
    encoder.fail(fault);
    let mut out = Vec::new();
    encoder.take(&mut out);
    let frames = String::from_utf8(out).unwrap();
    let last = frames.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let event: Value = serde_json::from_str(last).unwrap();
    let error = match protocol {
        Protocol::Responses => &event["response"]["error"],
        Protocol::Chat | Protocol::Messages => &event["error"],
    };
    word(error, protocol)
}

/// The word in an error by which programs of a protocol tell it from others.
fn word(error: &Value, protocol: Protocol) -> String {
    let field = if protocol == Protocol::Messages { "type" } else { "code" };
    format!("`{}`", error[field].as_str().unwrap())
}

/// The documentation of the line that begins with `declaration`, without its full stop.
#[track_caller]
fn described(source: &str, declaration: &str) -> String {
    let lines: Vec<_> = source.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(declaration));
    let at = at.unwrap_or_else(|| panic!("`{declaration}` is not in the source"));
    let above = lines[..at].iter().rev().map_while(|line| line.trim().strip_prefix("/// "));
    let mut text: Vec<_> = above.collect();
    text.reverse();
    assert!(!text.is_empty(), "`{declaration}` has no documentation");
    text.join(" ").trim_end_matches('.').to_owned()
}

/// All Rust below a folder but tests, one file after another.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.filter(|path| !path.ends_with("tests")).map(|path| match path.is_dir() {
        true => sources(&path),
        false if path.extension().is_some_and(|it| it == "rs") => fs::read_to_string(path).unwrap(),
        false => String::new(),
    });
    texts.collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Compares the table of a document with what it should be, or writes it.
#[track_caller]
fn compare(path: &str, table: &[String]) {
    let text = read(path);
    let (before, rest) = text.split_once(BEGIN).expect("the table's begin is marked");
    let (found, after) = rest.split_once(END).expect("the table's end is marked");
    let table = table.join("\n") + "\n";
    if found == table {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join(path), [before, BEGIN, &table, END, after].concat()).unwrap();
        return;
    }
    panic!("{path} is stale: run `UPDATE_DOCS=1 cargo test -p interlingua-cli documents`\n{table}");
}
