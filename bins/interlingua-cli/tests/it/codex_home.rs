//! `codex apply`, `restore` and `status`, `run codex`, `print cc-switch`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use toml_edit::DocumentMut;

use crate::support::{CANARY, Home};

const HOUSE: &str = r#"
[providers.house]
base_url = "http://127.0.0.1:9/v1"
models = [{ id = "qwen3-coder", aliases = ["coder"] }, { id = "llama-4" }]

[aliases]
work = "house/llama-4"
"#;

const CODEX: &str = "# mine\r\nmodel = 'gpt-5.5'\r\n\r\n[mcp_servers.docs]\r\ncommand = 'docs'\r\n";

/// A home with Codex's configuration in it, and where that is.
fn home(config: &str, codex: Option<&str>) -> (Home, PathBuf) {
    let home = Home::with(config);
    let folder = home.path().join("codex");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("config.toml");
    if let Some(codex) = codex {
        fs::write(&file, codex).unwrap();
    }
    let name = folder.to_str().unwrap().to_owned();
    (home.env("CODEX_HOME", &name), file)
}

#[track_caller]
fn model(file: &PathBuf) -> String {
    let document: DocumentMut = fs::read_to_string(file).unwrap().parse().unwrap();
    document["model"].as_str().unwrap().to_owned()
}

#[test]
fn codex_is_set_up_and_put_back() {
    let (home, file) = home(HOUSE, Some(CODEX));
    let shown = home.run(&["codex", "apply", "--dry-run"]).ok();
    assert!(
        shown.contains("-model = 'gpt-5.5'") && shown.contains("+[model_providers."),
        "{shown}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), CODEX);
    assert!(!home.path().join("state").exists());

    let applied = home.run(&["codex", "apply"]);
    assert!(applied.stderr.contains("`interlingua codex restore`"), "{}", applied.stderr);
    assert_eq!(applied.ok(), shown);
    assert_eq!(model(&file), "house/qwen3-coder");
    let again = home.run(&["codex", "apply"]);
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    assert_eq!(again.ok(), "");

    let status = home.run(&["codex", "status", "--json"]).json("interlingua.codex/1");
    assert_eq!(status["applied"], true);
    assert_eq!(status["active"], true);
    assert_eq!(status["model_in_pool"], true);
    assert_eq!(status["gateway"], "silent");
    assert_eq!(status["findings"], serde_json::json!([]));
    assert_eq!(status["keys"][0], serde_json::json!({ "key": "model", "state": "ours" }));

    let dry = home.run(&["codex", "restore", "--dry-run"]).ok();
    assert_eq!(home.run(&["codex", "restore"]).ok(), dry);
    assert_eq!(fs::read_to_string(&file).unwrap(), CODEX);
    let nothing = home.run(&["codex", "restore"]);
    assert!(nothing.stderr.contains("nothing of ours"), "{}", nothing.stderr);
    let status = home.run(&["codex", "status", "--json"]).json("interlingua.codex/1");
    assert_eq!((&status["applied"], &status["active"]), (&false.into(), &false.into()));
    assert_eq!(status["model_in_pool"], false);
    assert_eq!(status["findings"][0]["id"], "codex.provider");
    let status = home.run(&["codex", "status"]).ok();
    assert!(status.contains("warn: `model_provider` is `openai`"), "{status}");
}

#[test]
fn a_model_of_the_pool_stays() {
    for (current, expected) in [
        ("house/llama-4", "house/llama-4"),
        ("work", "work"),
        // The name alone is none of the catalog's, so Codex would give it no tools.
        ("coder", "house/qwen3-coder"),
        ("house/gone", "house/qwen3-coder"),
        ("", "house/qwen3-coder"),
    ] {
        let (home, file) = home(HOUSE, Some(&format!("model = '{current}'\n")));
        home.run(&["codex", "apply"]).ok();
        assert_eq!(model(&file), expected);
        home.run(&["codex", "apply", "--model", "llama-4"]).ok();
        assert_eq!(model(&file), "house/llama-4");
    }
    // Its key need be set only where the gateway runs.
    let (home, file) = home("", Some("model = 'deepseek/deepseek-v4-pro'\n"));
    let applied = home.run(&["codex", "apply"]);
    assert!(applied.stderr.contains("cannot be used here"), "{}", applied.stderr);
    assert_eq!(model(&file), "deepseek/deepseek-v4-pro");
}

#[test]
fn what_the_user_changed_is_told() {
    let (home, file) = home(HOUSE, Some(CODEX));
    home.run(&["codex", "apply"]).ok();
    let edited = fs::read_to_string(&file).unwrap().replace("qwen3-coder", "llama-4");
    fs::write(&file, edited).unwrap();
    let status = home.run(&["codex", "status"]).ok();
    assert!(
        status.contains("model: changed since") && status.contains("base_url: ours"),
        "{status}"
    );
    let restored = home.run(&["codex", "restore"]);
    assert!(restored.stderr.contains("`model` has been changed since"), "{}", restored.stderr);
    restored.ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), CODEX.replace("'gpt-5.5'", "\"house/llama-4\""));
}

#[test]
fn nothing_at_all_is_needed_and_secrets_are_not_shown() {
    let codex = format!("[model_providers.interlingua]\nexperimental_bearer_token = '{CANARY}'\n");
    let (home, file) = home("", Some(&codex));
    let applied = home.run(&["codex", "apply"]);
    assert!(applied.stderr.contains("demo"), "{}", applied.stderr);
    applied.ok();
    assert_eq!(model(&file), "demo/assistant");
    home.run(&["codex", "restore"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), codex);
}

#[test]
fn the_catalog_goes_into_a_file() {
    let (home, file) = home(HOUSE, Some(CODEX));
    let said = home.run(&["codex", "apply", "--catalog-file"]).stderr;
    assert!(said.contains("keeps the catalog file in step"), "{said}");
    let catalog = file.with_file_name("interlingua-models.json");
    let json: Value = serde_json::from_str(&fs::read_to_string(&catalog).unwrap()).unwrap();
    let models = json["models"].as_array().unwrap();
    assert!(models.iter().any(|model| model["slug"] == "house/qwen3-coder"), "{json}");
    let document: DocumentMut = fs::read_to_string(&file).unwrap().parse().unwrap();
    assert_eq!(document["model_catalog_json"].as_str(), catalog.to_str());
    home.run(&["codex", "apply", "--catalog-file", "mine.json"]).ok();
    assert!(!catalog.exists() && home.path().join("mine.json").exists());
    let config = file.to_str().unwrap();
    home.run(&["codex", "apply", "--catalog-file", config]).failed(64);
    home.run(&["codex", "restore"]).ok();
    assert!(!home.path().join("mine.json").exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), CODEX);
}

#[test]
fn a_file_that_is_no_toml_stays_as_it_is() {
    let (home, file) = home(HOUSE, Some("a = 1\nmodel = \n"));
    for command in ["apply", "status"] {
        let said = home.run(&["codex", command]).failed(65);
        assert!(said.contains("config.toml: line 2, column"), "{said}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "a = 1\nmodel = \n");
}

#[test]
fn whoever_comes_second_is_told_to_wait() {
    let (home, file) = home(HOUSE, Some(CODEX));
    fs::create_dir_all(home.path().join("state/codex")).unwrap();
    let lock = fs::File::create(home.path().join("state/codex/lock")).unwrap();
    lock.try_lock().unwrap();
    let said = home.run(&["codex", "apply"]).failed(75);
    assert!(said.contains("try again"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), CODEX);
}

#[test]
fn cc_switch_gets_texts_and_a_link() {
    let home = Home::with(HOUSE);
    let printed = home.run(&["print", "cc-switch", "--model", "llama-4"]);
    assert!(printed.stderr.contains("readable inside the link"), "{}", printed.stderr);
    let printed = printed.ok();
    let blocks: Vec<_> = printed.split("\n# ").collect();
    let [auth, config, link] = blocks[..] else { panic!("{printed}") };
    let text = |block: &str| block.split_once('\n').unwrap().1.to_owned();
    let auth: Value = serde_json::from_str(&text(auth)).unwrap();
    assert_eq!(auth["OPENAI_API_KEY"], "interlingua-local");
    let config: DocumentMut = text(config).parse().unwrap();
    assert_eq!(config["model"].as_str(), Some("house/llama-4"));
    assert!(text(link).starts_with("ccswitch://v1/import?resource=provider&app=codex&"));
    let json = home.run(&["print", "cc-switch", "--json"]).json("interlingua.cc-switch/1");
    assert!(json["link"].as_str().unwrap().contains("model=house%2Fqwen3-coder"));
}

#[cfg(unix)]
mod run {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Stands for Codex: shows where it is, asks the gateway, and ends as it is told.
    const CODEX: &str = r#"#!/bin/sh
echo "home: $CODEX_HOME"
echo "arguments: $*"
echo "no proxy: $NO_PROXY"
cat "$CODEX_HOME/config.toml"
cat
exit "$1"
"#;

    fn with_codex(config: &str) -> Home {
        let home = Home::with(config);
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("codex"), CODEX).unwrap();
        fs::set_permissions(bin.join("codex"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", bin.display());
        home.env("PATH", &path)
    }

    #[test]
    fn codex_runs_in_a_home_of_its_own_with_a_gateway_of_its_own() {
        let home = with_codex(&format!("listen = '127.0.0.1:1'\n{HOUSE}"));
        let ran = home.run(&["run", "codex", "--model", "llama-4", "--", "7", "a b"]);
        assert_eq!(ran.code, Some(7), "{}", ran.stderr);
        assert!(ran.stderr.contains("for as long as Codex does"), "{}", ran.stderr);
        let folder = home.path().join("state/codex/home");
        assert!(ran.stdout.contains(&format!("home: {}\n", folder.display())), "{}", ran.stdout);
        assert!(ran.stdout.contains("arguments: 7 a b\n"), "{}", ran.stdout);
        assert!(ran.stdout.contains("model = \"house/llama-4\""), "{}", ran.stdout);
        assert!(ran.stdout.contains("no proxy: 127.0.0.1,"), "{}", ran.stdout);
        // The home is kept, and so is the model that was chosen in it.
        let again = home.run(&["run", "codex", "--", "0"]).ok();
        assert!(again.contains("model = \"house/llama-4\""), "{again}");
        assert!(!again.contains("127.0.0.1:1/"), "{again}");
    }

    #[test]
    fn without_codex_it_says_so() {
        let home = Home::empty().env("PATH", "/nonexistent");
        let said = home.run(&["run", "codex"]).failed(127);
        assert!(said.contains("npm install"), "{said}");
    }
}

#[test]
fn models_get_the_names_that_pickers_show_and_keep_them() {
    let (home, file) = home(HOUSE, None);
    let shown = |home: &Home| -> Vec<(String, String)> {
        let catalog = home.run(&["codex", "print", "--catalog"]).ok();
        let catalog: Value = serde_json::from_str(&catalog).unwrap();
        let models = catalog["models"].as_array().unwrap().iter();
        let listed = models.filter(|it| it["visibility"] == "list");
        let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
        listed.map(|it| (text(it, "slug"), text(it, "display_name"))).collect()
    };
    let pair = |name: &str, slug: &str| (name.to_owned(), format!("{name} = {slug}"));
    home.run(&["codex", "slots"]).ok();
    assert!(home.text().contains("catalog = \"slots\""), "{}", home.text());
    let (first, second) =
        (pair("gpt-6.1-sol", "house/qwen3-coder"), pair("gpt-6-astra", "house/llama-4"));
    assert_eq!(shown(&home), [first, second.clone()]);
    home.run(&["codex", "apply"]).ok();
    assert_eq!(model(&file), "gpt-6.1-sol");
    home.run(&["codex", "slots", "house/llama-4"]).ok();
    assert_eq!(shown(&home), [second]);
    home.run(&["codex", "slots", "--off"]).ok();
    assert!(shown(&home).iter().any(|(slug, _)| slug == "house/llama-4"));
    let said = home.run(&["codex", "slots", "house/none"]).failed(78);
    assert!(said.contains("house/none"), "{said}");
}

/// A process that ends with its test.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        // It fails only if the process has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_running_gateway_keeps_the_catalog_file_in_step() {
    let (home, file) = home("", None);
    let mut command = home.command(&["up", "--quiet", "--listen", "127.0.0.1:0"]);
    let _gateway = Ends(command.stderr(std::process::Stdio::null()).spawn().unwrap());
    let catalog = file.with_file_name("interlingua-models.json");
    home.run(&["codex", "apply", "--catalog-file"]).ok();
    assert!(fs::read_to_string(&catalog).unwrap().contains("demo/assistant"));
    fs::write(home.config(), HOUSE).unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(15);
    while !fs::read_to_string(&catalog).unwrap().contains("house/llama-4") {
        assert!(std::time::Instant::now() < end, "the file stays as it was");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    home.run(&["codex", "restore"]).ok();
    assert!(!catalog.exists() && !file.exists());
}
