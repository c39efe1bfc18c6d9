//! `import`: what becomes of the providers of other tools.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use interlingua_testkit::fixtures;
use serde_json::{Value, json};

use crate::support::{CANARY, Home};

/// A file of each tool, with keys that must not be seen.
fn router(more: &Value) -> String {
    let provider = json!({
        "name": "Relay", "api_base_url": "https://relay.example.com/v1/chat/completions",
        "api_key": CANARY, "models": ["m"],
    });
    json!({ "Providers": [provider, more], "Router": { "default": "Relay,m" } }).to_string()
}

fn local() -> Value {
    json!({ "name": "box", "api_base_url": "http://127.0.0.1:1/v1", "api_key": "none", "models": ["n"] })
}

#[test]
fn providers_are_taken_over_without_their_keys() {
    let home = Home::with("# mine\n");
    fs::write(home.path().join("ccr.json"), router(&local())).unwrap();
    let dry = home.run(&["import", "ccr.json", "--dry-run"]);
    assert!(dry.stderr.contains("set RELAY_API_KEY"), "{}", dry.stderr);
    assert!(
        dry.stderr.contains("Router.default") && dry.stderr.contains("relay/m"),
        "{}",
        dry.stderr
    );
    assert!(dry.ok().contains("+[providers.relay]\n"));
    assert_eq!(home.text(), "# mine\n");

    let ran = home.run(&["import", "ccr.json"]);
    assert!(
        ran.stderr.contains("imported relay, box") && ran.stderr.contains("pool on"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.ok(), "");
    let expected = "# mine\n\n[providers.relay]\nname = \"Relay\"\n\
        base_url = \"https://relay.example.com/v1\"\nkey = { env = \"RELAY_API_KEY\" }\n\n\
        [[providers.relay.models]]\nid = \"m\"\n\n\
        [providers.box]\nname = \"box\"\nbase_url = \"http://127.0.0.1:1/v1\"\n\n\
        [[providers.box.models]]\nid = \"n\"\n";
    assert_eq!(home.text(), expected);
    assert!(!home.path().join("keys").exists());

    let again = home.run(&["import", "ccr.json", "--json"]);
    let again = again.json("interlingua.import/1");
    assert_eq!((&again["written"], &again["providers"]), (&json!(false), &json!([])));
    let what = again["notes"][0]["what"].as_str().unwrap();
    assert!(what.contains("already"), "{again}");
    assert_eq!(home.text(), expected);
}

#[cfg(unix)]
#[test]
fn keys_go_into_files_of_their_own_if_asked() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::empty();
    fs::write(home.path().join("ccr.json"), router(&local())).unwrap();
    let ran = home.run(&["import", "ccr.json", "--with-keys", "--dry-run", "--json"]);
    assert_eq!(ran.json("interlingua.import/1")["providers"][0]["key_copied"], true);
    assert!(!home.path().join("keys").exists());

    let ran = home.run(&["import", "ccr.json", "--with-keys", "--json"]);
    let json = ran.json("interlingua.import/1");
    let file = home.path().join("keys/relay");
    assert_eq!(json["providers"][0]["key"], format!("file {}", file.display()));
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{CANARY}\n"));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert!(
        !home.text().contains(CANARY) && home.text().contains("key = { file = "),
        "{}",
        home.text()
    );
    let listed = home.run(&["providers", "list", "--json"]).json("interlingua.providers/1");
    assert_eq!(listed["providers"][0]["usable"], true);

    fs::write(&file, "another").unwrap();
    home.run(&["providers", "remove", "relay"]).ok();
    let said = home.run(&["import", "ccr.json", "--with-keys"]).failed(64);
    assert!(said.contains("another key already"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "another");
}

#[test]
fn what_would_be_wrong_is_left_out() {
    let odd = json!({ "name": "odd", "api_base_url": "https://x.test/v1", "models": ["m"] });
    let text = json!({ "PROXY_URL": "ftp://nowhere", "Providers": [odd] }).to_string();
    let home = Home::with("# mine\n");
    fs::write(home.path().join("ccr.json"), text).unwrap();
    let ran = home.run(&["import", "ccr.json"]);
    assert!(ran.stderr.contains("odd: not taken: `proxy` is no address"), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing to import"), "{}", ran.stderr);
    assert_eq!((ran.ok().as_str(), home.text().as_str()), ("", "# mine\n"));

    fs::write(home.path().join("text"), "hello").unwrap();
    assert!(home.run(&["import", "text"]).failed(64).contains("--from"));
    fs::write(home.path().join("cc-switch.db"), [0xff, 0xfe, 0]).unwrap();
    assert!(home.run(&["import", "cc-switch.db"]).failed(64).contains("exported as SQL"));
    assert!(home.run(&["import", "nowhere.json"]).failed(74).contains("nowhere.json"));
    let link = format!("ccswitch://v1/import?apiKey={CANARY}");
    assert!(home.run(&["import", &link]).failed(64).contains("import -"));
}

#[test]
fn the_usual_places_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::empty().env("HOME", folder.path().to_str().unwrap());
    let place = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    place(".claude-code-router/config.json", &router(&local()));
    place(".cc-switch/cc-switch.db", "");
    let home = home.env("GENERIC_BASE_URL", "https://g.test/v1").env("GENERIC_DEFAULT_MODEL", "g");
    let ran = home.run(&["import", "auto", "--dry-run", "--json"]);
    let found = ran.json("interlingua.import/1");
    let ids: Vec<_> = found["providers"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["generic", "relay", "box"]);
    assert!(found["notes"].to_string().contains("export it as SQL"), "{found}");

    place(".mimo2codex/providers.json", &fixtures::text("import/mimo2codex.json"));
    let ran = home.run(&["import", "auto", "--from", "mimo2codex", "--dry-run", "--json"]);
    assert!(!ran.json("interlingua.import/1")["sources"].to_string().contains("GENERIC"));
    let elsewhere = folder.path().join("elsewhere.json");
    fs::write(&elsewhere, r#"{"providers": []}"#).unwrap();
    let home = home.env("MIMO2CODEX_PROVIDERS_FILE", elsewhere.to_str().unwrap());
    let ran = home.run(&["import", "auto", "--from", "mimo2codex", "--json"]);
    assert_eq!(ran.json("interlingua.import/1")["sources"], json!([elsewhere]));
}

#[test]
fn deep_links_are_piped_in() {
    let home = Home::empty();
    let mut command = home.command(&["import", "-", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let links = fixtures::text("import/cc-switch.links.txt");
    child.stdin.take().unwrap().write_all(links.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["written"], &json["providers"][1]["id"]), (&json!(true), &json!("two")));
    let all = format!("{}{}{}", home.text(), json, String::from_utf8_lossy(&output.stderr));
    assert!(!all.contains("sk-fixture"), "{all}");
}
