use interlingua_registry::{Environment, RawConfig};

use crate::snapshot;

const CANARY: &str = "canary-7f3a";

#[test]
fn no_secret_is_printed_anywhere() {
    let text = r#"
        [providers.x]
        base_url = "https://x.example.com/v1"
        key = [{ env = "X" }, { env = "Y" }]
        proxy = "http://me:canary-7f3a@10.0.0.1:3128"
        headers = { "x-team" = "canary-7f3a" }
        [store]
        url = "redis://me:canary-7f3a@10.0.0.1:6379"
    "#;
    let variables = [("X", CANARY), ("Y", "canary-7f3a twice"), ("DEEPSEEK_API_KEY", CANARY)];
    let snapshot = snapshot(text, &variables).unwrap();
    let environment: Environment = variables.into_iter().collect();
    let raw = RawConfig::new().file("config.toml", text).environment(&environment);
    let warnings: Vec<_> = snapshot.warnings().iter().map(ToString::to_string).collect();
    let printed = format!("{snapshot:?} {raw:?} {environment:?} {warnings:?}");
    assert!(!printed.contains(CANARY), "{printed}");
    assert_eq!(snapshot.secrets().filter(|secret| secret.expose() == CANARY).count(), 4);
}

#[test]
fn a_key_in_the_wrong_place_is_refused_without_repeating_it() {
    for text in [
        "[providers.x]\nbase_url = 'https://x.example.com'\nkey = 'canary-7f3a'",
        "[providers.x]\nbase_url = 'https://me:canary-7f3a@x.example.com'",
        "[providers.x]\nbase_url = 'https://x.example.com?key=canary-7f3a'",
        "[providers.x]\nbase_url = 'https://x.example.com'\nproxy = 'canary-7f3a'",
        "[providers.x]\nbase_url = 'https://x.example.com'\nkey = ['canary-7f3a']",
        "[[client_keys]]\nid = 'a'\nhash = 'canary-7f3a'",
        "[store]\nurl = 'postgres://me:canary-7f3a@x'",
        "[providers.x]\nbase_url = 'https://x.example.com'\nheaders = { a = \"canary-7f3a\\n\" }",
    ] {
        let problems = snapshot(text, &[]).unwrap_err().to_string();
        assert!(!problems.contains(CANARY), "{problems}");
    }
}
