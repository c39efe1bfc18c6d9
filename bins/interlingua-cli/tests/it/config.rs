//! `config`, `paths`, and how every command is called.

use std::fs;
use std::process::Stdio;

use crate::support::{CANARY, Home};

const HOUSE: &str = r#"
default_model = "mimo/mimo-v2.5-pro"

[providers.mimo]
preset = "mimo"

[providers.house]
base_url = "http://127.0.0.1:9/v1"
dialect = "vllm"
headers = { x-tenant = "sk-canary-5f1d" }
models = [{ id = "qwen3-coder", context_window = 262144 }]
"#;

const WRONG: &str = r#"
listen = "0.0.0.0:8787"
lissen = "x"

[providers.mimo]
preset = "mimoo"
"#;

#[test]
fn a_good_configuration_is_summed_up() {
    let home = Home::with(HOUSE).env("MIMO_API_KEY", CANARY);
    let said = home.run(&["config", "check"]).ok();
    assert_eq!(
        said,
        "ok: 2 of 2 providers can be used; 8 models; 0 client keys; \
         listening on 127.0.0.1:8787, [::1]:8787\n"
    );
    let value = home.run(&["config", "check", "--json"]);
    assert_eq!(value.json("interlingua.check/1")["ok"], true);
    let nothing = Home::empty().run(&["config", "check"]).ok();
    assert!(nothing.contains("no provider can be used, the demo answers; 1 model;"), "{nothing}");
}

#[test]
fn what_works_but_deserves_a_look_is_a_warning() {
    let ran = Home::with(HOUSE).run(&["config", "check"]);
    assert!(ran.stderr.contains("MIMO_API_KEY"), "{}", ran.stderr);
    assert!(ran.ok().starts_with("ok: 1 of 2 providers"));
}

#[test]
fn all_problems_are_told_at_once_with_their_places() {
    let home = Home::with(WRONG).env("MIMO_API_KEY", CANARY);
    let said = home.run(&["config", "check"]).failed(78);
    let file = home.config().display().to_string();
    for (place, what) in [(":2:10: ", "reached from"), (":3:1: ", "lissen"), (":6:10: ", "mimoo")] {
        let line = said.lines().find(|line| line.contains(what));
        let line = line.unwrap_or_else(|| panic!("{what} is missing in\n{said}"));
        assert!(line.contains(&format!("{file}{place}")), "{line}");
    }
    let ran = home.run(&["config", "check", "--json"]);
    assert_eq!(ran.code, Some(78));
    let value = ran.json("interlingua.check/1");
    assert_eq!(value["ok"], false);
    assert_eq!(value["problems"].as_array().unwrap().len(), said.lines().count() - 1);
    assert_eq!(value["problems"][0]["line"], 2);
    assert!(value["problems"][0]["remedy"].as_str().unwrap().contains("interlingua keys add"));
}

#[test]
fn problems_of_records_are_told_with_all_others() {
    let home = Home::with(
        "lissen = 'x'\n[providers.house]\nbase_url = 'http://127.0.0.1:1/v1'\ndialect = 'house'\n",
    );
    let folder = home.config().with_file_name("dialects.d");
    fs::create_dir(&folder).unwrap();
    fs::create_dir(folder.join("folder.toml")).unwrap();
    let record = "id = 'house'\ntitle = 'House'\nextends = 'generic'\n[request]\nmax_token = 1\n";
    fs::write(folder.join("house.toml"), record).unwrap();
    let said = home.run(&["config", "check"]).failed(78);
    for place in ["config.toml:1:1: ", "folder.toml:1:1: ", "house.toml:5:1: "] {
        assert!(said.contains(place), "{place} is missing in\n{said}");
    }
    assert!(!said.contains("unknown dialect"), "its record is wrong, not its name: {said}");
    let value = home.run(&["config", "check", "--json"]).json("interlingua.check/1");
    let last = value["problems"].as_array().unwrap().last().unwrap();
    assert_eq!(last["file"], folder.join("house.toml").display().to_string());
    assert_eq!((&last["line"], &last["column"]), (&5.into(), &1.into()));
}

#[test]
fn a_named_file_must_be_there() {
    let said = Home::empty().run(&["config", "check", "--config", "nowhere.toml"]).failed(78);
    assert!(said.contains("nowhere.toml"), "{said}");
}

#[test]
fn every_value_is_shown_with_its_origin_and_no_secret() {
    let home = Home::with(HOUSE)
        .env("MIMO_API_KEY", CANARY)
        .env("INTERLINGUA_TIMEOUTS__IDLE", "7s")
        .env("INTERLINGUA_LISTEN", "127.0.0.1:4");
    let shown = home.run(&["config", "show", "--origin"]).ok();
    let row = |path: &str| {
        let found = shown.lines().find(|line| line.split_whitespace().next() == Some(path));
        let found = found.unwrap_or_else(|| panic!("no row {path} in\n{shown}"));
        found.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("listen"), "127.0.0.1:4 env INTERLINGUA_LISTEN");
    assert_eq!(row("timeouts.idle"), "7s env INTERLINGUA_TIMEOUTS__IDLE");
    assert_eq!(row("timeouts.connect"), "10s default");
    let place = format!("{}:2:17", home.config().display());
    assert_eq!(row("default_model"), format!("mimo/mimo-v2.5-pro {place}"));
    assert!(row("providers.mimo.key").starts_with("env MIMO_API_KEY"));

    let plain = home.run(&["config", "show"]).ok();
    assert!(plain.contains("timeouts.idle") && !plain.contains("INTERLINGUA_TIMEOUTS__IDLE"));
    let value = home.run(&["config", "show", "--json"]).json("interlingua.config/1");
    let values = value["values"].as_array().unwrap();
    let idle = values.iter().find(|it| it["path"] == "timeouts.idle").unwrap();
    assert_eq!(
        (&idle["value"], &idle["origin"]),
        (&"7s".into(), &"env INTERLINGUA_TIMEOUTS__IDLE".into())
    );
}

#[test]
fn paths_are_told() {
    let home = Home::empty();
    let config = home.config();
    let value = home.run(&["paths", "--json"]).json("interlingua.paths/1");
    assert_eq!(value["config"], config.to_str().unwrap());
    assert_eq!(value["state"], home.path().join("state").to_str().unwrap());
    let text = home.run(&["paths"]).ok();
    assert!(text.starts_with(&format!("config         {}\n", config.display())), "{text}");
}

#[test]
fn the_version_is_one_line() {
    let said = Home::empty().run(&["--version"]).ok();
    assert_eq!(said, concat!("interlingua ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &["upp"][..],
        &["keys", "add"],
        &["keys", "add", "a b"],
        &["keys", "add", "local"],
        &["up", "-v", "-q"],
        &["--listen", "127.0.0.1:0", "paths"],
        &["codex", "print", "--base-url", "localhost"],
    ] {
        Home::empty().run(arguments).failed(2);
    }
}

#[test]
fn a_reader_that_leaves_is_no_error_to_be_told() {
    let home = Home::empty();
    let mut child =
        home.command(&["config", "show"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(141), ""));
}
