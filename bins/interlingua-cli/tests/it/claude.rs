//! `claude apply`, `restore`, `status`, `print`, and `run claude`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{CANARY, Home};

const HOUSE: &str = r#"
[providers.house]
base_url = "http://127.0.0.1:9/v1"

[[providers.house.models]]
id = "big"
context_window = 1000000
max_output_tokens = 64000

[[providers.house.models]]
id = "small"
context_window = 200000

[[providers.house.models]]
id = "plain"

[aliases]
work = { targets = ["house/big", "house/small"], policy = "failover" }
"#;

const SETTINGS: &str = "{\r\n  \"model\": \"opus\",\r\n  \"permissions\": {}\r\n}";

/// A home with Claude Code's settings in it, and where they are.
fn home(config: &str, settings: Option<&str>) -> (Home, PathBuf) {
    let home = Home::with(config);
    let folder = home.path().join("claude");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("settings.json");
    if let Some(settings) = settings {
        fs::write(&file, settings).unwrap();
    }
    let name = folder.to_str().unwrap().to_owned();
    (home.env("CLAUDE_CONFIG_DIR", &name), file)
}

#[track_caller]
fn env(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    let settings: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    settings["env"].clone()
}

#[test]
fn claude_code_is_set_up_and_put_back() {
    let (home, file) = home(HOUSE, Some(SETTINGS));
    let shown = home.run(&["claude", "apply", "--dry-run"]).ok();
    assert!(shown.contains("+    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:8787\""), "{shown}");
    assert_eq!(fs::read_to_string(&file).unwrap(), SETTINGS);
    assert!(!home.path().join("state").exists());

    let applied = home.run(&["claude", "apply"]);
    assert!(applied.stderr.contains("`interlingua claude restore`"), "{}", applied.stderr);
    assert!(!applied.stderr.contains("warning"), "{}", applied.stderr);
    assert_eq!(applied.ok(), shown);
    let expected = json!({
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
        "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
        "ANTHROPIC_MODEL": "house/big",
        "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/big",
        "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/big",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/big",
        "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/big",
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "1000000",
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "64000",
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
        "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
    });
    assert_eq!(env(&file), expected);
    let again = home.run(&["claude", "apply"]);
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    assert_eq!(again.ok(), "");

    let status = home.run(&["claude", "status", "--json"]).json("interlingua.claude/1");
    assert_eq!((&status["applied"], &status["active"]), (&true.into(), &true.into()));
    assert_eq!(status["gateway"], "silent");
    assert_eq!(status["findings"], json!([]));
    assert_eq!(status["keys"][0], json!({ "key": "env.ANTHROPIC_BASE_URL", "state": "ours" }));
    assert_eq!(status["models"][0]["in_pool"], true);

    let dry = home.run(&["claude", "restore", "--dry-run"]).ok();
    assert_eq!(home.run(&["claude", "restore"]).ok(), dry);
    assert_eq!(fs::read_to_string(&file).unwrap(), SETTINGS);
    let nothing = home.run(&["claude", "restore"]);
    assert!(nothing.stderr.contains("nothing of ours"), "{}", nothing.stderr);
    let status = home.run(&["claude", "status"]).ok();
    assert!(status.contains("set up") && status.contains("does not ask the gateway"), "{status}");
}

#[test]
fn the_models_and_their_limits_are_those_of_the_pool() {
    let (home, file) = home(HOUSE, None);
    home.run(&["claude", "apply", "--model", "big", "--haiku", "house/small"]).ok();
    let now = env(&file);
    assert_eq!(now["ANTHROPIC_DEFAULT_HAIKU_MODEL"], "house/small");
    assert_eq!(now["ANTHROPIC_DEFAULT_OPUS_MODEL"], "house/big");
    assert_eq!(now["CLAUDE_CODE_MAX_CONTEXT_TOKENS"], "200000");
    // What was chosen stays, and what followed the main model goes on following it.
    let said = home.run(&["claude", "apply", "--model", "plain"]);
    assert!(said.stderr.contains("window of `house/plain` is not known"), "{}", said.stderr);
    let now = env(&file);
    assert_eq!(now["ANTHROPIC_DEFAULT_HAIKU_MODEL"], "house/small");
    assert_eq!(now["ANTHROPIC_DEFAULT_OPUS_MODEL"], "house/plain");
    assert_eq!(now["CLAUDE_CODE_MAX_CONTEXT_TOKENS"], Value::Null);
    // An alias is as small as the smallest of those that may answer.
    home.run(&["claude", "apply", "--model", "work"]).ok();
    assert_eq!(env(&file)["ANTHROPIC_MODEL"], "work");
    assert_eq!(env(&file)["CLAUDE_CODE_MAX_CONTEXT_TOKENS"], "200000");
    home.run(&["claude", "apply"]).ok();
    assert_eq!(env(&file)["ANTHROPIC_MODEL"], "work");
    home.run(&["claude", "apply", "--sonnet", "house/none"]).failed(64);
    home.run(&["claude", "restore"]).ok();
    assert!(!file.exists());
}

#[test]
fn nothing_at_all_is_needed_and_secrets_are_not_shown() {
    let settings = format!("{{\"env\": {{\"ANTHROPIC_AUTH_TOKEN\": \"{CANARY}\"}}}}");
    let (home, file) = home("", Some(&settings));
    let applied = home.run(&["claude", "apply"]);
    assert!(applied.stderr.contains("demo"), "{}", applied.stderr);
    applied.ok();
    assert_eq!(env(&file)["ANTHROPIC_MODEL"], "demo/assistant");
    home.run(&["claude", "restore"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), settings);
}

#[test]
fn a_gateway_with_keys_wants_one_and_knows_it() {
    let home = Home::with(HOUSE);
    let said = home.run(&["keys", "add", "laptop"]).ok();
    let key = said.split_whitespace().find(|it| it.starts_with("il_")).unwrap().to_owned();
    let folder = home.path().join("claude");
    let file = folder.join("settings.json");
    let home = home.env("CLAUDE_CONFIG_DIR", folder.to_str().unwrap());
    let said = home.run(&["claude", "apply"]).failed(64);
    assert!(said.contains("keys add") && !file.exists(), "{said}");
    home.run(&["claude", "apply", "--key-env", "NOT_SET"]).failed(64);
    let printed = home.run(&["claude", "print"]);
    assert!(printed.stderr.contains("PUT-YOUR-CLIENT-KEY-HERE"), "{}", printed.stderr);
    let wrong = home.run(&["claude", "apply", "--key", "il_wrong"]);
    assert!(wrong.stderr.contains("none of the gateway's client keys"), "{}", wrong.stderr);
    assert!(!wrong.ok().contains("il_wrong"));
    home.run(&["doctor", "--json"]);
    let home = home.env("MY_KEY", &key);
    let applied = home.run(&["claude", "apply", "--key-env", "MY_KEY"]);
    assert!(!applied.stderr.contains("warning"), "{}", applied.stderr);
    assert!(!applied.ok().contains(&key));
    assert_eq!(env(&file)["ANTHROPIC_AUTH_TOKEN"], *key);
    // The key that is there is known again.
    home.run(&["claude", "apply", "--model", "small"]).ok();
    assert_eq!(env(&file)["ANTHROPIC_AUTH_TOKEN"], *key);
}

#[test]
fn what_shadows_the_settings_is_told() {
    let (home, file) = home(HOUSE, Some(SETTINGS));
    let project = home.path().join(".claude");
    fs::create_dir(&project).unwrap();
    let local = r#"{"env": {"ANTHROPIC_BASE_URL": "https://relay.example"}}"#;
    fs::write(project.join("settings.local.json"), local).unwrap();
    let home = home
        .env("ANTHROPIC_MODEL", "other")
        .env("ANTHROPIC_API_KEY", CANARY)
        .env("CLAUDE_CODE_USE_VERTEX", "1");
    let applied = home.run(&["claude", "apply"]);
    for expected in ["settings.local.json sets", "ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_VERTEX"] {
        assert!(applied.stderr.contains(expected), "{}", applied.stderr);
    }
    let status = home.run(&["claude", "status", "--json"]).json("interlingua.claude/1");
    assert_eq!(status["overruled"], json!(["ANTHROPIC_MODEL"]));
    let ids: Vec<_> = status["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["claude.cloud", "claude.layer", "claude.api-key"]);
    let doctor = home.run(&["doctor", "--json"]).json("interlingua.doctor/1");
    let checks = doctor["checks"].as_array().unwrap();
    let state = |id: &str| checks.iter().find(|it| it["id"] == id).map(|it| it["state"].clone());
    assert_eq!(state("claude"), Some("ok".into()));
    assert_eq!(state("claude.model"), Some("ok".into()));
    assert_eq!(state("claude.layer"), Some("fail".into()));
    assert_eq!(state("claude.gateway"), Some("warn".into()));
    // A model that is gone.
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("house/big", "house/gone"))
        .unwrap();
    let doctor = home.run(&["doctor", "--json"]).json("interlingua.doctor/1");
    let gone = |it: &&Value| it["id"] == "claude.model" && it["state"] == "fail";
    assert_eq!(doctor["checks"].as_array().unwrap().iter().filter(gone).count(), 5);
}

#[test]
fn a_file_that_is_no_json_stays_as_it_is() {
    let (home, file) = home(HOUSE, Some("{\n  \"env\" {}\n}"));
    for command in ["apply", "status"] {
        let said = home.run(&["claude", command]).failed(65);
        assert!(said.contains("settings.json: line 2, column"), "{said}");
    }
    let doctor = home.run(&["doctor", "--json"]).json("interlingua.doctor/1");
    let checks = doctor["checks"].as_array().unwrap();
    assert!(checks.iter().any(|it| it["id"] == "claude.json" && it["state"] == "fail"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\n  \"env\" {}\n}");
}

#[test]
fn what_is_printed_is_a_file() {
    let home = Home::with(HOUSE);
    let printed = home.run(&["claude", "print", "--base-url", "https://gw.test/v1"]);
    assert!(printed.stderr.lines().all(|it| it.starts_with("hint: ")), "{}", printed.stderr);
    let settings: Value = serde_json::from_str(&printed.ok()).unwrap();
    assert_eq!(settings["env"]["ANTHROPIC_BASE_URL"], "https://gw.test");
    assert_eq!(settings.as_object().unwrap().len(), 1);
}

#[cfg(unix)]
mod run {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Stands for Claude Code: shows what it is told, and ends as it is told.
    const CLAUDE: &str = r#"#!/bin/sh
[ "$1" = --settings ] && { cat "$2"; stat -c 'mode %a' "$2"; shift 2; }
echo "folder: $CLAUDE_CONFIG_DIR"
echo "variables: $ANTHROPIC_MODEL $ANTHROPIC_AUTH_TOKEN $ANTHROPIC_API_KEY."
echo "arguments: $*"
exit "$1"
"#;

    fn with_claude(config: &str) -> Home {
        let home = Home::with(config);
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("claude"), CLAUDE).unwrap();
        fs::set_permissions(bin.join("claude"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let tmp = home.path().join("tmp");
        fs::create_dir(&tmp).unwrap();
        home.env("PATH", &path).env("TMPDIR", tmp.to_str().unwrap())
    }

    #[test]
    fn claude_code_is_told_and_nothing_stays() {
        let home = with_claude(&format!("listen = '127.0.0.1:1'\n{HOUSE}"))
            .env("ANTHROPIC_API_KEY", CANARY);
        let ran = home.run(&["run", "claude", "--haiku", "small", "--", "7", "a b"]);
        assert_eq!(ran.code, Some(7), "{}", ran.stderr);
        assert!(ran.stderr.contains("for as long as Claude Code does"), "{}", ran.stderr);
        let (settings, rest) = ran.stdout.split_once("mode 600\n").unwrap();
        let settings: Value = serde_json::from_str(settings).unwrap();
        let env = &settings["env"];
        assert_eq!(env["ANTHROPIC_DEFAULT_HAIKU_MODEL"], "house/small");
        assert_eq!(env["ANTHROPIC_API_KEY"], "");
        let url = env["ANTHROPIC_BASE_URL"].as_str().unwrap();
        assert!(url.starts_with("http://127.0.0.1:") && url != "http://127.0.0.1:1", "{url}");
        assert_eq!(rest, "folder: \nvariables: house/big interlingua-local .\narguments: 7 a b\n");
        assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
        assert!(!home.path().join("state/claude").exists());
    }

    #[test]
    fn own_settings_and_an_own_folder_are_respected() {
        let home = with_claude(&format!("listen = '127.0.0.1:1'\n{HOUSE}"));
        let arguments = ["run", "claude", "--isolated", "--", "0", "--settings", "mine.json"];
        let ran = home.run(&arguments);
        assert!(ran.stderr.contains("one `--settings` only"), "{}", ran.stderr);
        let folder = home.path().join("state/claude/home");
        let expected = format!(
            "folder: {}\nvariables: house/big interlingua-local .\narguments: 0 --settings mine.json\n",
            folder.display()
        );
        assert_eq!(ran.ok(), expected);
        for made in [folder.parent().unwrap(), &folder] {
            let mode = fs::metadata(made).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", made.display());
        }
    }

    #[test]
    fn without_claude_code_it_says_so() {
        let home = Home::empty().env("PATH", "/nonexistent");
        let said = home.run(&["run", "claude"]).failed(127);
        assert!(said.contains("npm install"), "{said}");
    }
}
