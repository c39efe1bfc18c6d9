use std::fmt::Write as _;

use expect_test::expect;
use interlingua_registry::{Demand, KeyState, Route, Rule, Snapshot};

use crate::{check, snapshot};

const POOL: &str = r#"
[providers.a]
base_url = "http://localhost:1"
models = [
    { id = "blind", context_window = 1000, images = false },
    { id = "wide", context_window = 2000000, images = true, search = false, parallel_calls = true, price = { input = 0.5, output = 2 } },
    { id = "wide[1m]", context_window = 1000000 },
]

[providers.open]
base_url = "http://localhost:3"

[aliases]
work = { targets = ["a/blind", "a/wide"] }
mix = { targets = ["a/blind", { model = "a/wide", weight = 3 }], policy = "weighted" }

[codex]
catalog = "slots"
[codex.slots]
"gpt-5.5" = "a/wide"
"#;

fn pool() -> Snapshot {
    snapshot(POOL, &[]).unwrap()
}

fn show(route: &Route) -> String {
    let mut out = String::new();
    for target in &route.targets {
        write!(out, "{} ", target.slug).unwrap();
    }
    for skipped in &route.skipped {
        write!(out, "not {}: {} ", skipped.slug, skipped.why).unwrap();
    }
    out.trim_end().to_owned()
}

#[track_caller]
fn check_fit(name: &str, demand: &Demand, expected: &str) {
    let mut route = pool().route(Some(name)).unwrap();
    route.fit(demand);
    assert_eq!(show(&route), expected);
}

#[test]
fn who_cannot_serve_is_skipped_with_the_reason() {
    let images = Demand { images: true, ..Demand::default() };
    check_fit("work", &images, "a/wide not a/blind: it sees no images");
    let long = Demand { tokens: 5000, ..Demand::default() };
    let why = "not a/blind: about 5000 tokens do not fit into its window of 1000";
    check_fit("work", &long, &format!("a/wide {why}"));
    check_fit("work", &Demand { tools: true, ..Demand::default() }, "a/blind a/wide");
}

#[test]
fn who_was_asked_for_by_name_is_asked_whatever_he_can() {
    check_fit("a/blind", &Demand { images: true, tools: true, tokens: 9_999 }, "a/blind");
    check_fit("work", &Demand { tokens: u64::MAX, ..Demand::default() }, "a/blind a/wide");
}

#[test]
fn weights_spread_sessions_and_each_stays() {
    let first = |seed| {
        let mut route = pool().route(Some("mix")).unwrap();
        route.order(seed);
        route.targets[0].slug.to_string()
    };
    let wide = (0..400).filter(|seed| first(*seed) == "a/wide").count();
    assert!((270..330).contains(&wide), "{wide}");
    assert_eq!(first(3), first(3));
    let mut failover = pool().route(Some("work")).unwrap();
    failover.order(7);
    assert_eq!(show(&failover), "a/blind a/wide");
    failover.prefer("a/wide");
    failover.prefer("nobody/x");
    assert_eq!(show(&failover), "a/wide a/blind");
}

#[test]
fn a_window_in_brackets_is_a_wish_unless_it_is_a_name() {
    let pool = pool();
    let wished = |name: &str| {
        let route = pool.route(Some(name)).unwrap();
        (route.targets[0].slug.to_string(), route.wanted_window, route.asked)
    };
    let all = |slug: &str, window, asked: &str| (slug.to_owned(), window, asked.to_owned());
    assert_eq!(wished("a/blind[1m]"), all("a/blind", Some(1_000_000), "a/blind[1m]"));
    assert_eq!(wished("a/wide[1m]"), all("a/wide[1m]", None, "a/wide[1m]"));
    assert_eq!(wished("open/x[400k]"), all("open/x", Some(400_000), "open/x[400k]"));
    assert_eq!(wished("work[1m]").1, Some(1_000_000));
    let error = pool.route(Some("a/none[1m]")).unwrap_err().to_string();
    assert!(error.starts_with("there is no model `a/none[1m]`"), "{error}");
}

#[test]
fn a_slot_is_an_alias_that_the_picker_shows() {
    let pool = pool();
    let route = pool.route(Some("gpt-5.5")).unwrap();
    assert_eq!((route.rule, show(&route).as_str()), (Rule::Alias, "a/wide"));
    let slots: Vec<_> = pool.aliases().iter().filter(|it| it.slot).map(|it| &it.name).collect();
    assert_eq!(slots, ["gpt-5.5"]);
}

#[test]
fn abilities_that_the_user_states_reach_the_record() {
    let model = pool().pool().get("a/wide").unwrap().model.clone();
    assert!(!model.can_search());
    assert_eq!(model.dialect.tools.parallel.name(), "always");
    assert_eq!(model.price.map(|price| price.output.to_string()).as_deref(), Some("2"));
}

#[test]
fn a_caller_may_bring_the_key() {
    let text = "[providers.x]\nbase_url = 'https://x.example/v1'\nkey = { client = true }";
    let x = snapshot(text, &[]).unwrap().provider("x").unwrap().clone();
    assert_eq!((x.key_state.clone(), x.usable().is_ok()), (KeyState::OfClient, true));
}

#[test]
fn what_cannot_be_meant_is_told() {
    check(
        r#"
[providers.x]
base_url = "http://localhost:1"
key = [{ client = true }, { env = "A" }]
models = [
    { id = "m", context_window = 1, price = { input = -1 } },
    { id = "n", context_window = 1, price = { output = "1" } },
]
[aliases]
a = { targets = [{ model = "x/m", weight = 2 }] }
b = { targets = [{ weight = 2 }], policy = "weighted" }
slot = "x/m"
[codex]
catalog = "slot"
[codex.slots]
"x/y" = "x/m"
slot = "x/m"
"#,
        &[("A", "sk-1")],
        &expect![[r#"
            config.toml:4:7: the caller's own key and a kept one exclude each other; make a provider of its own for each
            config.toml:6:45: `price` needs `input` and `output`; write US dollars per million tokens: { input = 0.3, output = 1.2 }
            config.toml:6:55: `input` must be a number, zero or above, not this number
            config.toml:7:45: `price` needs `input` and `output`; write US dollars per million tokens: { input = 0.3, output = 1.2 }
            config.toml:7:56: `output` must be a number, zero or above, not this text
            config.toml:10:28: the weight of `x/m` counts for nothing; write `policy = "weighted"`, or leave the weight out
            config.toml:11:5: the alias `b` has no `targets`; list one slug or several
            config.toml:11:18: this is no target; write a slug, or { model = "<provider>/<model>", weight = 2 }
            config.toml:14:11: unknown catalog mode `slot`; did you mean `slots`?
            config.toml:16:1: the alias `x/y` looks like a model of provider `x`; choose another name
            config.toml:16:1: the slot `x/y` has a slash, which the picker hides; write a name without one
            config.toml:17:1: `slot` is an alias and a slot; remove one
        "#]],
    );
}
