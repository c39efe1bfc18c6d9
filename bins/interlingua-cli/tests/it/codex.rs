//! `codex print`: what is on stdout is a configuration, whatever there is to be said.

use std::fs;

use serde_json::Value;
use toml_edit::DocumentMut;

use crate::support::{CANARY, Home};

const HOUSE: &str = r#"
listen = ["0.0.0.0:8788", "127.0.0.1:8789"]
client_keys = [{ id = "a", hash = "blake3:0000000000000000000000000000000000000000000000000000000000000000" }]

[providers.house]
shortcut = "h"
base_url = "http://127.0.0.1:9/v1"
models = [{ id = "qwen3-coder" }, { id = "llama-4" }]

[providers.here]
preset = "ollama"
"#;

/// The keys that are ours; no other is ever written.
const OWNED: [&str; 5] =
    ["model", "model_provider", "model_catalog_json", "web_search", "model_providers"];

/// Runs `codex print` with more arguments; gives the file and what was said about it.
#[track_caller]
fn print(home: &Home, arguments: &[&str]) -> (DocumentMut, String) {
    let ran = home.run(&[&["codex", "print"], arguments].concat());
    let said = ran.stderr.clone();
    assert!(said.lines().all(|line| line.starts_with("hint: ")), "{said}");
    let document: DocumentMut = ran.ok().parse().unwrap();
    for (key, _) in document.iter() {
        assert!(OWNED.contains(&key), "{key} is not ours");
    }
    let providers = document["model_providers"].as_table().unwrap();
    assert_eq!(providers.iter().map(|it| it.0).collect::<Vec<_>>(), ["interlingua"]);
    (document, said)
}

fn ours<'d>(document: &'d DocumentMut, key: &str) -> Option<&'d str> {
    document["model_providers"]["interlingua"].get(key)?.as_str()
}

#[test]
fn a_fresh_machine_gets_the_demo() {
    let (document, said) = print(&Home::empty(), &[]);
    assert_eq!(document["model"].as_str(), Some("demo/assistant"));
    assert_eq!(document["model_provider"].as_str(), Some("interlingua"));
    assert_eq!(ours(&document, "base_url"), Some("http://127.0.0.1:8787/v1"));
    assert_eq!(ours(&document, "model_catalog_url"), Some("http://127.0.0.1:8787/v1/codex/models"));
    assert_eq!(ours(&document, "experimental_bearer_token"), Some("interlingua-local"));
    assert!(said.contains("demo"), "{said}");
}

#[test]
fn no_variable_at_all_is_needed() {
    let home = Home::empty();
    let output = home.command(&["codex", "print"]).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_key_in_the_environment_is_enough_and_stays_there() {
    let home = Home::empty().env("MIMO_API_KEY", CANARY);
    let (document, _) = print(&home, &[]);
    assert_eq!(document["model"].as_str(), Some("mimo/mimo-v2.5-pro"));
}

#[test]
fn a_vendor_is_known_by_name_without_its_key() {
    for wanted in ["mimo", "mimo/mimo-v2.5-pro"] {
        let (document, said) = print(&Home::empty(), &["--model", wanted]);
        assert_eq!(document["model"].as_str(), Some("mimo/mimo-v2.5-pro"));
        assert!(said.contains("MIMO_API_KEY is not set"), "{said}");
    }
    let said = Home::empty().run(&["codex", "print", "--model", "generic/x"]).failed(64);
    assert!(said.contains("only where they are set"), "{said}");
}

#[test]
fn models_are_named_in_every_way() {
    let home = Home::with(HOUSE);
    for (wanted, model) in [
        ("house/llama-4", "house/llama-4"),
        ("house", "house/qwen3-coder"),
        ("h", "house/qwen3-coder"),
        ("here/any:1b", "here/any:1b"),
    ] {
        let (document, said) = print(&home, &["--model", wanted]);
        assert_eq!(document["model"].as_str(), Some(model));
        assert_eq!(said.contains("[[providers.here.models]]"), wanted.starts_with("here"));
    }
    let said = home.run(&["codex", "print", "--model", "house/llama"]).failed(64);
    assert!(said.contains("nearest: `house/llama-4`"), "{said}");
}

#[test]
fn a_gateway_with_keys_is_asked_through_a_variable() {
    let home = Home::with(HOUSE);
    let (document, said) = print(&home, &[]);
    assert_eq!(ours(&document, "base_url"), Some("http://127.0.0.1:8788/v1"));
    assert_eq!(ours(&document, "experimental_bearer_token"), None);
    assert_eq!(ours(&document, "env_key"), Some("INTERLINGUA_KEY"));
    assert!(said.contains("`INTERLINGUA_KEY`") && said.contains("keys add"), "{said}");
    let (document, _) = print(&home, &["--env-key", "MY_KEY"]);
    assert_eq!(ours(&document, "env_key"), Some("MY_KEY"));
    let (document, _) = print(&Home::empty(), &["--env-key"]);
    assert_eq!(ours(&document, "env_key"), Some("INTERLINGUA_KEY"));
}

#[test]
fn the_address_can_be_said() {
    let home = Home::empty();
    for (arguments, expected) in [
        (["--listen", "127.0.0.1:5"], "http://127.0.0.1:5/v1"),
        (["--listen", "[::1]:5"], "http://[::1]:5/v1"),
        (["--base-url", "https://gateway.test/v1"], "https://gateway.test/v1"),
    ] {
        let (document, _) = print(&home, &arguments);
        assert_eq!(ours(&document, "base_url"), Some(expected));
    }
    let said = home.run(&["codex", "print", "--listen", "127.0.0.1:0"]).failed(64);
    assert!(said.contains("--base-url"), "{said}");
}

#[test]
fn a_wrong_configuration_prints_nothing() {
    let said = Home::with("lissen = 1").run(&["codex", "print"]).failed(78);
    assert!(said.contains("`listen`"), "{said}");
}

#[test]
fn the_catalog_is_printed_or_written() {
    let home = Home::with(HOUSE);
    let printed = home.run(&["codex", "print", "--catalog", "--model", "here/any:1b"]).ok();
    let catalog: Value = serde_json::from_str(&printed).unwrap();
    let slugs: Vec<_> =
        catalog["models"].as_array().unwrap().iter().map(|it| &it["slug"]).collect();
    assert_eq!(slugs, ["here/any:1b", "house/qwen3-coder", "house/llama-4"]);

    let (document, said) = print(&home, &["--catalog-file", "deep/models.json"]);
    let file = home.path().join("deep/models.json");
    let named = document["model_catalog_json"].as_str().unwrap();
    assert_eq!(fs::canonicalize(named).unwrap(), fs::canonicalize(&file).unwrap());
    assert_eq!(ours(&document, "model_catalog_url"), None);
    assert!(said.contains("print again"), "{said}");
    let written: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(written["models"][0]["slug"], "house/qwen3-coder");
}
