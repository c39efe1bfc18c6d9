//! `probe`: what it finds out about servers of several kinds, and whether an agent can work with that.

use interlingua_testkit::upstream::{
    Answer, Request, Script, Scripted, Strict, call, finish, reasoning, text, usage,
};

use crate::support::{CANARY, Home};

const KEY: &str = CANARY;

/// An upstream of a record, with a model that thinks and calls.
fn script(dialect: &str) -> Script {
    let lane_text = |request: &Request, text: &str| request.contains(text);
    let calls = |first: &str, second: &str| {
        Answer::stream([
            reasoning("I need both."),
            call(first, "get_weather", r#"{"city":"Paris"}"#),
            call(second, "get_time", r#"{"city":"Paris"}"#),
            finish("tool_calls"),
            usage(100, 20),
        ])
    };
    let has_results = |request: &Request| request.messages().iter().any(|it| it["role"] == "tool");
    let forced = calls("call00009", "call00010");
    Script::new()
        .key(KEY)
        .models(["some-model"])
        .strict(Strict::of(dialect, ""))
        .lane(
            "agent",
            move |it| lane_text(it, "Be brief.") && lane_text(it, "both tools") && !has_results(it),
            [calls("call00003", "call00004")],
        )
        .lane(
            "calls",
            move |it| lane_text(it, "both tools") && !has_results(it),
            [calls("call00001", "call00002")],
        )
        .always(
            "forced",
            |it| it.body["tool_choice"].as_str().is_some_and(|it| it != "auto" && it != "none"),
            forced,
        )
        .always(
            "json",
            |it| it.contains("JSON object"),
            Answer::stream([text(r#"{"colour":"red"}"#), finish("stop"), usage(50, 9)]),
        )
        .always(
            "picture",
            |it| it.contains("Which colour is this"),
            Answer::stream([text("Red."), finish("stop"), usage(50, 9)]),
        )
        .otherwise(Answer::stream([reasoning("Hm."), text("Hi."), finish("stop"), usage(50, 9)]))
}

fn home(upstream: &Scripted) -> Home {
    let config = format!(
        "[providers.house]\nbase_url = \"{}\"\nkey = {{ env = \"HOUSE_KEY\" }}\n\
         models = [{{ id = \"some-model\" }}]\n",
        upstream.base_url()
    );
    Home::with(&config).env("HOUSE_KEY", KEY)
}

#[test]
fn scratch() {
    for dialect in ["generic", "mimo", "deepseek", "kimi", "mistral", "gemini", "vllm"] {
        let upstream = Scripted::start(script(dialect)).unwrap();
        let ran = home(&upstream).run(&["probe", "house"]);
        println!("===== {dialect}\n{}\n{}", ran.stderr, ran.stdout);
    }
}
