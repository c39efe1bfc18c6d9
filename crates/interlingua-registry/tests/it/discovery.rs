use std::sync::Arc;

use interlingua_dialect::Dialects;
use interlingua_registry::{
    Discovered, Environment, ListedModel, ModelSource, RawConfig, Snapshot,
};

/// An open provider that is asked, and what is known after it has listed `ids`.
fn discovered(config: &str, ids: &[&str]) -> (Snapshot, Discovered) {
    let mut discovered = Discovered::default();
    let models = ids.iter().map(|id| ListedModel {
        id: (*id).to_owned(),
        context_window: Some(4096),
        ..ListedModel::default()
    });
    let provider = snapshot(config, &discovered).provider("x").unwrap().clone();
    assert!(discovered.keep(&provider, 1, models.clone().collect()));
    assert!(!discovered.keep(&provider, 2, models.collect()), "nothing is new");
    (snapshot(config, &discovered), discovered)
}

fn snapshot(config: &str, discovered: &Discovered) -> Snapshot {
    let environment = Environment::from_iter([("KEY", "sk-1"), ("OTHER", "sk-2")]);
    let raw = RawConfig::new().file("config.toml", config).discovered(discovered.clone());
    interlingua_registry::check(&raw, &Arc::new(Dialects::builtin()), &environment).unwrap()
}

fn offered(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.pool().offered().map(|entry| &*entry.slug).collect()
}

const OPEN: &str = "[providers.x]\nbase_url = 'http://127.0.0.1:1/v1'\nkey = { env = 'KEY' }\n";

#[test]
fn an_open_provider_offers_what_it_lists() {
    let (snapshot, _) = discovered(OPEN, &["b", "a/c:free"]);
    assert_eq!(offered(&snapshot), ["x/b", "x/a/c:free"]);
    let entry = snapshot.pool().get("x/b").unwrap();
    assert_eq!((entry.model.context_window, entry.model.window_assumed), (4096, false));
    assert_eq!(entry.model.source, ModelSource::Discovered);
}

#[test]
fn what_is_exposed_is_the_users_word() {
    let (some, _) = discovered(&format!("{OPEN}expose = ['b*']"), &["b1", "c", "b2"]);
    assert_eq!(offered(&some), ["x/b1", "x/b2"]);
    assert!(some.route(Some("x/c")).is_ok(), "it answers all the same");
    let (none, _) = discovered(&format!("{OPEN}expose = []"), &["b"]);
    assert_eq!(offered(&none), [""; 0]);
    let (described, _) = discovered(&format!("{OPEN}default_model = 'm'"), &["b", "m"]);
    assert_eq!(offered(&described), ["x/m"]);
    assert_eq!(described.pool().iter().count(), 2);
    assert_eq!(described.pool().get("x/m").unwrap().model.context_window, 4096);
}

#[test]
fn patterns_that_fit_nothing_are_told() {
    let warnings = |config: &str, ids: &[&str]| {
        let (snapshot, _) = discovered(&format!("{OPEN}{config}"), ids);
        snapshot.warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let told = warnings("expose = ['qwen']", &["qwen3", "glm"]);
    assert_eq!(
        told,
        ["config.toml:4:10: `expose` of provider `x` fits none of the 2 models known; \
          a pattern is a whole name, perhaps with `*`: \"qwen3-*\""]
    );
    assert_eq!(warnings("expose = ['qwen*']", &["qwen3", "glm"]), [""; 0]);
    assert_eq!(warnings("expose = ['qwen']", &[]), [""; 0], "nothing is known yet");
    assert_eq!(warnings("expose = []", &["qwen3"]), [""; 0], "that is meant");
}

#[test]
fn a_list_is_strict_and_a_stranger_cannot_extend_it() {
    let config = format!("{OPEN}models = [{{ id = 'm', context_window = 9 }}]");
    let (snapshot, _) = discovered(&config, &["b", "m"]);
    assert_eq!(offered(&snapshot), ["x/m"]);
    assert_eq!(snapshot.pool().get("x/m").unwrap().model.context_window, 9);
    assert!(snapshot.route(Some("x/b")).is_err());
}

#[test]
fn another_address_wire_or_key_makes_it_another_provider() {
    let (_, known) = discovered(OPEN, &["b"]);
    assert_eq!(offered(&snapshot(&format!("{OPEN}name = 'new'\ndocs = 'x'"), &known)), ["x/b"]);
    for other in [
        OPEN.replace(":1/", ":2/"),
        OPEN.replace("KEY", "OTHER"),
        format!("{OPEN}wire = 'responses'"),
    ] {
        let all = snapshot(&other, &known);
        let of_x = all.pool().all().filter(|entry| &*entry.provider.id == "x");
        assert_eq!(of_x.count(), 0, "{other}");
    }
}

#[test]
fn nonsense_is_not_kept() {
    let long = "x".repeat(300);
    let (snapshot, _) = discovered(OPEN, &["", " a", "a\nb", &long, "fine"]);
    assert_eq!(offered(&snapshot), ["x/fine"]);
}
