//! The registry from outside: text and variables in, snapshot or problems out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod choices;
mod discovery;
mod edits;
mod problems;
mod routes;
mod secrets;
mod snapshots;
mod stability;

use std::fmt::Write as _;
use std::sync::Arc;

use expect_test::Expect;
use interlingua_dialect::Dialects;
use interlingua_registry::{Environment, Problems, RawConfig, Snapshot};

/// The example of the documentation, with a hash in place of its dots.
const EXAMPLE: &str = r#"
listen = "127.0.0.1:8787"
default_model = "mimo/mimo-v2.5-pro"          # optional

[[client_keys]]                                # none = open on loopback
id = "laptop"
hash = "blake3:0000000000000000000000000000000000000000000000000000000000000000"

[providers.mimo]                               # id: part of every slug, never changes
preset = "mimo"                                # fills base_url, wire, dialect, key variable, docs link, known models
key = { env = "MIMO_API_KEY" }                 # or { file = "…" } or { command = ["pass", "mimo"] }; a list = several keys

[providers.house]
name = "In-house vLLM"
shortcut = "h"
base_url = "http://10.0.0.5:8000/v1"
wire = "chat"                                  # chat | responses | messages
dialect = "vllm"
proxy = "socks5h://127.0.0.1:1080"
expose = ["qwen3-*"]                           # open provider: models are discovered, these enter the catalog
[[providers.house.models]]
id = "qwen3-coder"
aliases = ["coder"]
context_window = 262144
max_output_tokens = 32768
images = false
reasoning = true

[aliases]
"gpt-6.1-terra" = "mimo/mimo-v2.5-pro"         # explicit, shown as such
work = { targets = ["mimo/mimo-v2.5-pro", "house/qwen3-coder"], policy = "failover" }   # or "weighted"

[store]
url = "sqlite"                                 # memory | sqlite | redis://…
"#;

fn snapshot(text: &str, variables: &[(&str, &str)]) -> Result<Snapshot, Problems> {
    let environment: Environment = variables.iter().copied().collect();
    let raw = RawConfig::new().file("config.toml", text).environment(&environment);
    interlingua_registry::check(&raw, &Arc::new(Dialects::builtin()), &environment)
}

/// Checks a configuration and compares what comes out: the problems, or the snapshot in short.
#[track_caller]
fn check(text: &str, variables: &[(&str, &str)], expected: &Expect) {
    expected.assert_eq(&shown(text, variables));
}

/// The same without the models, where it is no matter which there are.
#[track_caller]
fn check_providers(text: &str, variables: &[(&str, &str)], expected: &Expect) {
    let shown = shown(text, variables);
    let lines = shown.split_inclusive('\n').filter(|line| !line.starts_with("  "));
    expected.assert_eq(&lines.collect::<String>());
}

fn shown(text: &str, variables: &[(&str, &str)]) -> String {
    match snapshot(text, variables) {
        Ok(snapshot) => show(&snapshot),
        Err(problems) => format!("{problems}\n"),
    }
}

fn show(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for provider in snapshot.providers() {
        let state = provider.usable().map_or_else(|why| why.to_string(), |()| "usable".to_owned());
        writeln!(out, "{} {} {}: {state}", provider.id, provider.base_url, provider.dialect)
            .unwrap();
    }
    for entry in snapshot.pool().iter() {
        let model = &entry.model;
        write!(out, "  {} window {}", entry.slug, model.context_window).unwrap();
        out.push_str(if model.window_assumed { " assumed" } else { "" });
        out.push_str(match model.images {
            Some(true) => ", images",
            Some(false) => ", no images",
            None => "",
        });
        out.push('\n');
    }
    for warning in snapshot.warnings() {
        writeln!(out, "! {warning}").unwrap();
    }
    out
}
