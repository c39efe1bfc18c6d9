//! `print`: what is on stdout is what a client takes, and all else is on stderr.

use serde_json::Value;

use crate::support::Home;

const HOUSE: &str = r#"
[providers.house]
base_url = "http://127.0.0.1:9/v1"

[[providers.house.models]]
id = "big"
context_window = 1000000
max_output_tokens = 64000
reasoning = true

[[providers.house.models]]
id = "small"
images = false

[aliases]
work = "house/big"
"#;

const CLIENTS: [&str; 11] = [
    "opencode",
    "cursor",
    "trae",
    "zed",
    "roo",
    "copilot-cli",
    "qwen",
    "autogen",
    "openai-sdk",
    "anthropic-sdk",
    "curl",
];

#[test]
fn every_client_gets_the_models_and_the_address() {
    let home = Home::with(HOUSE);
    for client in CLIENTS {
        let printed = home.run(&["print", client, "--model", "small"]);
        assert!(printed.stderr.lines().all(|it| it.starts_with("hint: ")), "{}", printed.stderr);
        let json = home.run(&["print", client, "--model", "small", "--json"]);
        let json = json.json("interlingua.snippet/1");
        let text = printed.ok();
        assert_eq!(json["text"], *text);
        assert!(text.contains("house/small"), "{client}: {text}");
        assert!(text.contains("http://127.0.0.1:8787"), "{client}: {text}");
        // Zed keeps no key in its settings.
        assert_eq!(text.contains("interlingua-local"), client != "zed", "{client}: {text}");
    }
}

#[test]
fn opencode_gets_the_pool_with_what_was_chosen_first() {
    let home = Home::with(HOUSE);
    let printed = home.run(&["print", "opencode", "--model", "work", "--small", "small"]).ok();
    let made: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(made["model"], "interlingua/work");
    assert_eq!(made["small_model"], "interlingua/house/small");
    let models = made["provider"]["interlingua"]["models"].as_object().unwrap();
    let names: Vec<_> = models.keys().map(String::as_str).collect();
    assert_eq!(names, ["work", "house/small", "house/big"]);
    assert_eq!(models["work"]["limit"]["context"], 1_000_000);
    assert_eq!(models["house/small"]["attachment"], false);
    assert_eq!(models["house/big"]["attachment"], true);
}

#[test]
fn keys_stay_in_variables_where_they_can() {
    let closed =
        format!("client_keys = [{{ id = 'a', hash = 'blake3:{}' }}]\n{HOUSE}", "0".repeat(64));
    let home = Home::with(&closed);
    for (client, expected) in [
        ("curl", "$INTERLINGUA_KEY"),
        ("openai-sdk", "os.environ[\"INTERLINGUA_KEY\"]"),
        ("opencode", "{env:INTERLINGUA_KEY}"),
        ("cursor", "PUT-YOUR-CLIENT-KEY-HERE"),
    ] {
        let printed = home.run(&["print", client]).ok();
        assert!(printed.contains(expected), "{printed}");
    }
    for option in ["--key-env", "--env-key"] {
        let printed = Home::with(HOUSE).run(&["print", "curl", option, "MINE"]).ok();
        assert!(printed.contains("Bearer $MINE"), "{printed}");
    }
}

#[test]
fn what_a_client_cannot_do_is_refused() {
    let home = Home::with(HOUSE);
    let said = home.run(&["print", "cursor", "--flavour", "messages"]).failed(64);
    assert!(said.contains("cursor does not speak messages"), "{said}");
    let said = home.run(&["print", "curl", "--lang", "node"]).failed(64);
    assert!(said.contains("no choice of languages"), "{said}");
    home.run(&["print", "curl", "--model", "house/none"]).failed(64);
    let said = home.run(&["print", "emacs"]).failed(2);
    assert!(said.contains("opencode") && said.contains("cc-switch"), "{said}");
    let printed = home.run(&["print", "curl", "--flavour", "messages"]).ok();
    assert_eq!(printed.matches("curl ").count(), 1);
    let printed = home.run(&["print", "anthropic-sdk", "--lang", "node"]).ok();
    assert!(printed.contains("import Anthropic from"), "{printed}");
}

#[test]
fn a_fresh_machine_gets_the_demo() {
    let printed = Home::empty().run(&["print", "opencode"]);
    assert!(printed.stderr.contains("demo"), "{}", printed.stderr);
    assert!(printed.ok().contains("interlingua/demo/assistant"));
    let open = "[providers.x]\nbase_url = 'http://127.0.0.1:9/v1'\n";
    let printed = Home::with(open).run(&["print", "zed", "--model", "x/any:1b"]).ok();
    assert!(printed.contains("\"name\": \"x/any:1b\""), "{printed}");
}
