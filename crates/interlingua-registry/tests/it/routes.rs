use std::fmt::Write as _;

use expect_test::{Expect, expect};
use interlingua_ir::{Class, Fault};
use interlingua_registry::{Route, RouteError, Rule, Snapshot};

use crate::{EXAMPLE, snapshot};

const POOL: &str = r#"
[providers.a]
base_url = "http://localhost:1"
models = [
    { id = "both", context_window = 1000 },
    { id = "qwen/qwen3:free", aliases = ["q3"], context_window = 1000 },
]

[providers.b]
base_url = "http://localhost:2"
models = [{ id = "both", context_window = 1000 }, { id = "only", context_window = 1000 }]

[providers.open]
base_url = "http://localhost:3"

[providers.off]
enabled = false
base_url = "http://localhost:4"
models = [{ id = "sleeping", context_window = 1000 }]

[providers.poor]
base_url = "https://poor.example.com/v1"
docs = "https://poor.example.com/docs"
key = { env = "POOR_KEY" }
models = [{ id = "rich", context_window = 1000 }]

[aliases]
work = { targets = ["poor/rich", "b/only", "open/x"], policy = "weighted" }
broke = ["poor/rich"]
"#;

fn pool() -> Snapshot {
    snapshot(&POOL.replace("broke = [\"poor/rich\"]", "broke = \"poor/rich\""), &[]).unwrap()
}

fn show(route: Result<Route, RouteError>) -> String {
    let route = match route {
        Ok(route) => route,
        Err(error) => return error.to_string(),
    };
    let mut out = format!("{:?}", route.rule);
    for target in &route.targets {
        write!(out, " {} of {}", target.model.id, target.provider.id).unwrap();
    }
    for skipped in &route.skipped {
        write!(out, ", not {} ({})", skipped.slug, skipped.why).unwrap();
    }
    out
}

#[track_caller]
fn check_all(names: &[&str], expected: &Expect) {
    let pool = pool();
    let lines = names.iter().map(|name| format!("{name:?} -> {}\n", show(pool.route(Some(name)))));
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn what_is_found() {
    check_all(
        &[
            "a/both",
            "a/qwen/qwen3:free",
            "a/q3",
            "open/any/thing:x",
            "work",
            "only",
            "q3",
            "qwen/qwen3:free",
        ],
        &expect![[r#"
            "a/both" -> Slug both of a
            "a/qwen/qwen3:free" -> Slug qwen/qwen3:free of a
            "a/q3" -> Slug qwen/qwen3:free of a
            "open/any/thing:x" -> Slug any/thing:x of open
            "work" -> Alias only of b x of open, not poor/rich (its key is missing: env POOR_KEY is not set)
            "only" -> BareName only of b
            "q3" -> BareName qwen/qwen3:free of a
            "qwen/qwen3:free" -> BareName qwen/qwen3:free of a
        "#]],
    );
}

#[test]
fn what_is_not_found_and_why() {
    check_all(
        &[
            "both",
            "A/both",
            "a/Both",
            "ONLY",
            "b/onyl",
            "a/",
            "/both",
            "a",
            "open/",
            "nobody/both",
            "deepseek/deepseek-v4-pro",
            "generic/x",
            "mimo-v2.5-pro",
            "off/sleeping",
            "sleeping",
            "poor/rich",
            "rich",
            "broke",
            "demo/assistant",
            " a/both",
        ],
        &expect![[r#"
            "both" -> there is no model `both`: several providers have it; say which: `a/both`, `b/both`. Nearest: `a/both`, `b/both`, `broke`
            "A/both" -> there is no model `A/both`: names are case-sensitive, and there is `a/both`. Nearest: `a/both`, `b/both`, `broke`
            "a/Both" -> there is no model `a/Both`: names are case-sensitive, and there is `a/both`. Nearest: `a/both`, `b/both`, `broke`
            "ONLY" -> there is no model `ONLY`: names are case-sensitive, and there is `b/only`. Nearest: `b/only`, `off/sleeping` (it is disabled in the configuration), `a/both`
            "b/onyl" -> there is no model `b/onyl`: provider `b` does not list it. Nearest: `b/only`, `b/both`, `broke`
            "a/" -> there is no model `a/`: it is neither a slug `<provider>/<model>` nor an alias, and no usable provider lists it. Nearest: `a/both`, `a/qwen/qwen3:free`, `b/both`
            "/both" -> there is no model `/both`: it is neither a slug `<provider>/<model>` nor an alias, and no usable provider lists it. Nearest: `a/both`, `b/both`, `broke`
            "a" -> there is no model `a`: it is neither a slug `<provider>/<model>` nor an alias, and no usable provider lists it. Nearest: `a/both`, `a/qwen/qwen3:free`, `b/both`
            "open/" -> there is no model `open/`: it is neither a slug `<provider>/<model>` nor an alias, and no usable provider lists it. Nearest: `a/qwen/qwen3:free`, `b/only`, `off/sleeping` (it is disabled in the configuration)
            "nobody/both" -> there is no model `nobody/both`: there is no provider `nobody`. Nearest: `a/both`, `b/both`, `broke`
            "deepseek/deepseek-v4-pro" -> there is no model `deepseek/deepseek-v4-pro`: provider `deepseek` is not switched on; set DEEPSEEK_API_KEY (see https://platform.deepseek.com/api_keys). Nearest: `off/sleeping` (it is disabled in the configuration), `a/qwen/qwen3:free`, `work`
            "generic/x" -> there is no model `generic/x`: provider `generic` is not switched on; set GENERIC_BASE_URL. Nearest: `poor/rich` (its key is missing: env POOR_KEY is not set), `off/sleeping` (it is disabled in the configuration), `work`
            "mimo-v2.5-pro" -> there is no model `mimo-v2.5-pro`: it is one of `mimo/…`, but provider `mimo` is not switched on; set MIMO_API_KEY (see https://platform.xiaomimimo.com/#/console/api-keys). Nearest: `a/both`, `b/both`, `b/only`
            "off/sleeping" -> the model `off/sleeping` cannot be used: provider `off`: it is disabled in the configuration
            "sleeping" -> the model `sleeping` cannot be used: provider `off`: it is disabled in the configuration
            "poor/rich" -> the model `poor/rich` cannot be used: provider `poor`: its key is missing: env POOR_KEY is not set; see https://poor.example.com/docs
            "rich" -> the model `rich` cannot be used: provider `poor`: its key is missing: env POOR_KEY is not set; see https://poor.example.com/docs
            "broke" -> the model `broke` cannot be used: provider `poor`: its key is missing: env POOR_KEY is not set; see https://poor.example.com/docs
            "demo/assistant" -> there is no model `demo/assistant`: the demo is there only while no other provider can be used. Nearest: `off/sleeping` (it is disabled in the configuration), `a/both`, `poor/rich` (its key is missing: env POOR_KEY is not set)
            " a/both" -> there is no model ` a/both`: there is no provider ` a`. Nearest: `a/both`, `b/both`, `broke`
        "#]],
    );
}

#[test]
fn names_that_are_made_for_discovery_lead_back() {
    check_all(
        &[
            "claude/b/only",
            "claude/work",
            "claude/q3",
            "claude/open/claude/x",
            "claude/none",
            "claude/",
        ],
        &expect![[r#"
            "claude/b/only" -> Slug only of b
            "claude/work" -> Alias only of b x of open, not poor/rich (its key is missing: env POOR_KEY is not set)
            "claude/q3" -> BareName qwen/qwen3:free of a
            "claude/open/claude/x" -> Slug claude/x of open
            "claude/none" -> there is no model `claude/none`: it is neither a slug `<provider>/<model>` nor an alias, and no usable provider lists it. Nearest: `broke`, `b/only`, `off/sleeping` (it is disabled in the configuration)
            "claude/" -> there is no model `claude/`: it is neither a slug `<provider>/<model>` nor an alias, and no usable provider lists it. Nearest: `off/sleeping` (it is disabled in the configuration), `a/qwen/qwen3:free`, `b/only`
        "#]],
    );
    let shadowed = POOL.replace("providers.open", "providers.claude").replace("open/x", "claude/x");
    let route =
        snapshot(&shadowed.replace("broke = [\"poor/rich\"]", "broke = \"poor/rich\""), &[])
            .unwrap()
            .route(Some("claude/b/only"))
            .unwrap();
    assert_eq!((&*route.targets[0].provider.id, &*route.targets[0].model.id), ("claude", "b/only"));
}

#[test]
fn a_request_without_a_model_needs_a_default() {
    let error = pool().route(None).unwrap_err();
    assert_eq!(error, RouteError::NoModel);
    assert_eq!(Fault::from(error).class, Class::InvalidRequest);
    let with_default = snapshot(EXAMPLE, &[("MIMO_API_KEY", "sk-1")]).unwrap();
    for nothing in [None, Some("")] {
        assert_eq!(show(with_default.route(nothing)), "Slug mimo-v2.5-pro of mimo");
    }
    assert_eq!(with_default.route(Some("gpt-6.1-terra")).unwrap().rule, Rule::Alias);
}

#[test]
fn a_fault_says_what_the_person_can_do() {
    let fault = Fault::from(pool().route(Some("poor/rich")).unwrap_err());
    assert_eq!(fault.class, Class::ModelNotFound);
    assert_eq!(fault.provider.as_deref(), Some("poor"));
    assert_eq!(
        fault.message,
        "the model `poor/rich` cannot be used: provider `poor`: its key is missing: env POOR_KEY is not set; \
         see https://poor.example.com/docs"
    );
    assert_eq!(Fault::from(pool().route(Some("no")).unwrap_err()).class, Class::ModelNotFound);
}

#[test]
fn the_demo_answers_for_itself_only_and_only_while_it_is_alone() {
    let alone = snapshot("", &[]).unwrap();
    assert_eq!(show(alone.route(Some("demo/assistant"))), "Slug assistant of demo");
    assert_eq!(alone.suggested_slug().as_deref(), Some("demo/assistant"));
    for other in ["assistant", "demo/other", "mimo/mimo-v2.5-pro", "gpt-5"] {
        assert!(alone.route(Some(other)).is_err(), "{other}");
    }
    let poor = snapshot("[providers.mimo]", &[]).unwrap();
    assert!(poor.route(Some("demo/assistant")).is_ok());
    let rich = snapshot("[providers.mimo]", &[("MIMO_API_KEY", "sk-1")]).unwrap();
    assert!(rich.route(Some("demo/assistant")).is_err());
    assert_eq!(rich.suggested_slug().as_deref(), Some("mimo/mimo-v2.5-pro"));
}

#[test]
fn a_person_may_say_less_than_a_slug() {
    let house = snapshot(EXAMPLE, &[]).unwrap();
    let pick = |word| house.pick(word).map_err(|error| error.to_string());
    assert_eq!(pick("house").as_deref(), Ok("house/qwen3-coder"));
    assert_eq!(pick("h").as_deref(), Ok("house/qwen3-coder"));
    assert_eq!(pick("mimo").as_deref(), Ok("mimo/mimo-v2.5-pro"));
    assert_eq!(pick("mimo/mimo-next").as_deref(), Ok("mimo/mimo-next"));
    assert_eq!(pick("work").as_deref(), Ok("work"));
    assert_eq!(pick("coder").as_deref(), Ok("house/qwen3-coder"));
    assert!(pick("nothing").unwrap_err().starts_with("there is no model `nothing`"));
    assert!(pool().pick("open").unwrap_err().to_string().contains("write `open/<model>`"));
}

#[test]
fn an_endless_name_is_refused_before_anything_is_compared() {
    let name = format!("open/{}", "é".repeat(1000));
    let error = pool().route(Some(&name)).unwrap_err().to_string();
    assert!(error.len() < 300 && error.contains("at most 256 bytes"), "{error}");
}

#[test]
fn an_open_provider_resolves_a_dialect_once_per_model() {
    let snapshot = snapshot("", &[("MIMO_API_KEY", "sk-1")]).unwrap();
    let ask = |name: &str| snapshot.route(Some(name)).unwrap().targets[0].model.clone();
    let first = ask("mimo/mimo-v2.6-next");
    assert!(std::sync::Arc::ptr_eq(&first, &ask("mimo/mimo-v2.6-next")));
    assert_eq!((first.images, first.window_assumed), (Some(true), true));
    for n in 0..2_000 {
        assert_eq!(&*ask(&format!("mimo/m{n}")).id, format!("m{n}"));
    }
}
