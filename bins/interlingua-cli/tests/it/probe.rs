//! `probe`: what it finds out about servers of several kinds, and whether an agent can work with that.

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::talk::Talker;
use interlingua_testkit::upstream::{
    Answer, Request, Script, Scripted, Strict, Wire, call, finish, reasoning, text, usage,
};
use serde_json::{Value, json};

use crate::support::{BINARY, CANARY, Home};

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

/// What `probe` prints about an upstream of a record, if one starts from nothing.
fn printed(dialect: &str) -> String {
    let upstream = Scripted::start(script(dialect)).unwrap();
    let home = home(&upstream);
    let ran = home.run(&["probe", "house", "--base", "generic"]);
    let count = upstream.exchanges().len();
    assert!(ran.stderr.contains(&format!("\n{count} requests\n")), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("asking some-model at http://127.0.0.1:"), "{}", ran.stderr);
    ran.ok().replace(&home.path().display().to_string(), "~")
}

#[test]
fn what_is_found_out_is_as_it_was() {
    let dialects = ["generic", "mimo", "deepseek", "kimi", "mistral", "gemini", "vllm"];
    each(&dialects, |dialect| {
        expect_file![format!("probe/{dialect}.txt")].assert_eq(&printed(dialect));
    });
}

/// Looks at several dialects, some at the same time.
fn each(dialects: &[&str], look: impl Fn(&str) + Copy + Send) {
    std::thread::scope(|scope| {
        for dialects in dialects.chunks(dialects.len().div_ceil(4)) {
            scope.spawn(move || dialects.iter().for_each(|dialect| look(dialect)));
        }
    });
}

/// All records of Chat servers. Where a vendor's thoughts cannot be seen, only the rest is found out.
const PROBED: [&str; 25] = [
    "openai",
    "azure",
    "mimo",
    "deepseek",
    "qwen",
    "glm",
    "kimi",
    "minimax",
    "mistral",
    "xai",
    "groq",
    "cerebras",
    "together",
    "fireworks",
    "openrouter",
    "gemini",
    "siliconflow",
    "volcengine",
    "stepfun",
    "vllm",
    "sglang",
    "ollama",
    "lmstudio",
    "llamacpp",
    "generic",
];

#[test]
fn an_agent_works_with_what_was_found_out() {
    each(&PROBED, works_after_a_probe);
}

fn works_after_a_probe(dialect: &str) {
    let upstream = Scripted::start(script(dialect)).unwrap();
    let home = home(&upstream);
    let printed = home.run(&["probe", "house", "--base", "generic", "--write"]).ok();
    assert!(printed.contains("an agent can work with it"), "{dialect}\n{printed}");
    let record = fs::read_to_string(home.path().join("dialects.d/house.toml")).ok();
    let id = if record.is_some() { "house" } else { "generic" };
    work(dialect, id, record.as_deref(), &printed);
}

/// A gateway that knows an upstream by a record only.
fn gateway(upstream: &Scripted, id: &str, record: Option<&str>) -> Gateway {
    let config = format!(
        "[providers.up]\nbase_url = \"{}\"\ndialect = \"{id}\"\nkey = {{ env = \"UP_KEY\" }}\n\
         models = [{{ id = \"some-model\", context_window = 100000 }}]\n",
        upstream.base_url()
    );
    let Some(record) = record else {
        return Setup::new(Path::new(BINARY), &config).env("UP_KEY", KEY).start().unwrap();
    };
    // The folder for records is there once the gateway has been started.
    let mut gateway = Setup::new(Path::new(BINARY), "").env("UP_KEY", KEY).start().unwrap();
    let folder = gateway.config().with_file_name("dialects.d");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("house.toml"), record).unwrap();
    fs::write(gateway.config(), config).unwrap();
    gateway.kill().unwrap();
    gateway.start().unwrap();
    gateway
}

/// What agents insist on.
fn insist(body: &mut Value) {
    body["tool_choice"] = json!("required");
    body["parallel_tool_calls"] = json!(true);
    body["reasoning_effort"] = json!("high");
    for (name, value) in [("temperature", json!(0.3)), ("top_p", json!(0.9)), ("seed", json!(7))] {
        body[name] = value;
    }
}

#[test]
fn without_what_was_found_out_an_agent_is_refused() {
    for dialect in ["mimo", "kimi", "mistral", "gemini"] {
        let upstream = Scripted::start(job(dialect)).unwrap();
        let gateway = gateway(&upstream, "generic", None);
        let mut talker = Talker::new(Wire::Chat, "up/some-model");
        talker.say("Look at a and b.");
        let mut body = talker.body(true);
        insist(&mut body);
        gateway.send(&talker.call(&body)).unwrap();
        assert!(!upstream.violations().is_empty(), "{dialect}");
    }
}

/// An agent at work through a gateway that knows an upstream by this record only.
fn work(dialect: &str, id: &str, record: Option<&str>, printed: &str) {
    let upstream = Scripted::start(job(dialect)).unwrap();
    let gateway = gateway(&upstream, id, record);
    let mut talker = Talker::new(Wire::Chat, "up/some-model");
    let told = |gateway: &Gateway| {
        format!("{dialect}\n{printed}\n{:#?}\n{}", upstream.violations(), gateway.log())
    };
    let ask = |talker: &mut Talker, stream: bool, change: &dyn Fn(&mut Value)| {
        let mut body = talker.body(stream);
        change(&mut body);
        let reply = gateway.send(&talker.call(&body)).unwrap();
        let answered = talker.read(&reply, stream);
        let answered = answered.unwrap_or_else(|error| panic!("{error}: {}", told(&gateway)));
        talker.keep(&answered);
        answered
    };
    talker.history().push(json!({ "role": "developer", "content": "Be brief." }));
    talker.history().push(json!({ "role": "user", "content": [
        { "type": "text", "text": "Look at a and b." },
        { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{PICTURE}") } },
    ] }));
    assert_eq!(ask(&mut talker, true, &insist).calls.len(), 2, "{dialect}");
    talker.answer(|call| format!("content of {}", call.arguments["value"]));
    assert_eq!(ask(&mut talker, false, &|_| {}).text, "Written.", "{dialect}");
    talker.say("Say it as JSON.");
    let form = |body: &mut Value| {
        let schema = json!({ "type": "object", "properties": { "colour": { "type": "string" } },
            "required": ["colour"], "additionalProperties": false });
        body["response_format"] = json!({ "type": "json_schema",
            "json_schema": { "name": "colour", "schema": schema } });
    };
    assert_eq!(ask(&mut talker, true, &form).text, FORMED, "{dialect}");
    for effort in ["none", "minimal", "low", "medium", "high", "xhigh", "max"] {
        talker.say("Think differently.");
        let answered = ask(&mut talker, false, &|body| body["reasoning_effort"] = effort.into());
        assert_eq!(answered.text, "As you like.", "{dialect} {effort}");
    }
    assert_eq!(upstream.faults(), Vec::<String>::new(), "{}", told(&gateway));
    let statuses: Vec<u16> = upstream.exchanges().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [200; 10], "nothing was refused, so nothing was repaired: {dialect}");
}

const FORMED: &str = r#"{"colour":"red"}"#;

/// A red dot.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// What a model says to an agent at work.
fn job(dialect: &str) -> Script {
    let said =
        |words: &str| Answer::stream([reasoning("Hm."), text(words), finish("stop"), usage(50, 9)]);
    let mut script = Script::new()
        .key(KEY)
        .strict(Strict::of(dialect, ""))
        .then(Answer::stream([
            reasoning("I need both files."),
            call("call00001", "read", r#"{"value":"a"}"#),
            call("call00002", "read", r#"{"value":"b"}"#),
            finish("tool_calls"),
            usage(100, 20),
        ]))
        .then(said("Written."))
        .then(Answer::stream([text(FORMED), finish("stop"), usage(40, 9)]));
    for _ in 0..7 {
        script = script.then(said("As you like."));
    }
    script
}

#[test]
fn a_record_is_written_but_not_over_another_one() {
    let upstream = Scripted::start(script("vllm")).unwrap();
    let home = home(&upstream);
    let file = home.path().join("dialects.d/house.toml");
    let said = home.run(&["probe", "house", "--write"]).stderr;
    assert!(said.contains(&format!("wrote {}", file.display())), "{said}");
    assert!(
        said.contains("`interlingua providers edit house --set dialect=house` uses it"),
        "{said}"
    );
    let second = Scripted::start(script("vllm")).unwrap();
    fs::write(home.config(), home.text().replace(&upstream.base_url(), &second.base_url()))
        .unwrap();
    let said = home.run(&["probe", "house", "--write"]).stderr;
    assert!(said.contains(&format!("nothing to change in {}", file.display())), "{said}");
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    home.run(&["providers", "edit", "house", "--set", "dialect=house", "--no-test"]).ok();
    assert!(home.run(&["config", "check"]).ok().starts_with("ok: 1 of 1 provider "));

    fs::write(&file, "id = \"mine\"\ntitle = \"Mine\"\nextends = \"generic\"\n").unwrap();
    let home = Home::with(&home.text().replace("dialect = \"house\"\n", "")).env("HOUSE_KEY", KEY);
    let mine = home.path().join("dialects.d/house.toml");
    fs::create_dir(mine.parent().unwrap()).unwrap();
    fs::copy(&file, &mine).unwrap();
    let again = Scripted::start(script("vllm")).unwrap();
    fs::write(home.config(), home.text().replace(&second.base_url(), &again.base_url())).unwrap();
    let ran = home.run(&["probe", "house", "--write"]);
    assert_eq!(ran.code, Some(64), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("is there already") && ran.stderr.contains("`--force`"),
        "{}",
        ran.stderr
    );
    assert!(fs::read_to_string(&mine).unwrap().contains("Mine"));
    assert!(
        ran.stdout.contains("\nid = \"house\"\n"),
        "it need not be asked again: {}",
        ran.stdout
    );
    let third = Scripted::start(script("vllm")).unwrap();
    fs::write(home.config(), home.text().replace(&again.base_url(), &third.base_url())).unwrap();
    let said = home.run(&["probe", "house", "--write", "--force"]).stderr;
    assert!(said.contains(&format!("replaced {}", mine.display())), "{said}");
    assert!(fs::read_to_string(&mine).unwrap().contains("carrier = \"reasoning\""));
}

#[test]
fn a_record_that_would_make_the_configuration_wrong_is_not_written() {
    let upstream = Scripted::start(script("vllm")).unwrap();
    let home = home(&upstream);
    let folder = home.path().join("dialects.d");
    fs::create_dir(&folder).unwrap();
    let other = "id = \"house\"\ntitle = \"Another\"\nextends = \"generic\"\n";
    fs::write(folder.join("other.toml"), other).unwrap();
    let ran = home.run(&["probe", "house", "--write"]);
    assert_eq!(ran.code, Some(78), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was written"), "{}", ran.stderr);
    assert!(ran.stderr.contains("a dialect `house` exists already"), "{}", ran.stderr);
    assert!(!folder.join("house.toml").exists());
}

#[test]
fn programs_are_told_all_of_it() {
    let upstream = Scripted::start(script("mimo")).unwrap();
    let home = home(&upstream);
    let told = home.run(&["probe", "house", "--json"]).json("interlingua.probe/1");
    assert_eq!((&told["provider"], &told["base"]), (&json!("house"), &json!("generic")));
    assert_eq!(told["requests"], upstream.exchanges().len());
    let first = &told["findings"][0];
    let changes = json!([{ "path": "request.max_tokens_field", "value": "max_completion_tokens" }]);
    assert_eq!(first["changes"], changes, "{first}");
    let unknown = |asked: &str| {
        let findings = told["findings"].as_array().unwrap();
        findings.iter().find(|it| it["asked"] == asked).unwrap()["means"].is_null()
    };
    assert!(unknown("a limit of 1000000000 tokens"));
    assert!(told["record"]["toml"].as_str().unwrap().starts_with("id = \"house\"\n"));
    assert!(!home.path().join("dialects.d").exists());
}

#[test]
fn what_a_record_says_already_is_no_finding() {
    // A model that thinks although it is told `none` is the scripted upstream's own.
    let levels = ["vision.images", "thinking.effort.none"];
    for (dialect, found) in
        [("mimo", &levels[..1]), ("kimi", &levels[..1]), ("mistral", &levels), ("vllm", &levels)]
    {
        let upstream = Scripted::start(script(dialect)).unwrap();
        let told = home(&upstream).run(&["probe", "house", "--base", dialect, "--json"]);
        let told = told.json("interlingua.probe/1");
        let fields: Vec<&str> = told["findings"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|it| it["changes"].as_array().unwrap())
            .map(|it| it["path"].as_str().unwrap())
            .collect();
        assert_eq!(fields, found, "{dialect}");
    }
}

#[test]
fn a_refused_key_costs_one_request() {
    let upstream = Scripted::start(script("generic").key("another")).unwrap();
    let said = home(&upstream).run(&["probe", "house"]).failed(77);
    assert!(said.contains("error: house"), "{said}");
    assert_eq!(upstream.exchanges().len(), 1);
}

#[test]
fn a_key_that_a_server_repeats_is_not_told() {
    let what = format!("no such key: {KEY}");
    let error = json!({ "error": { "code": "invalid_api_key", "message": what } });
    for status in [200, 401] {
        let answer = Answer::json(status, error.clone());
        let upstream = Scripted::start(Script::new().otherwise(answer)).unwrap();
        let said = home(&upstream).run(&["probe", "house"]).stderr;
        assert!(said.contains("error: ") && said.contains("[secret]"), "{status}: {said}");
    }
}

#[test]
fn who_cannot_be_probed_is_told_why() {
    let config = "[providers.a]\nbase_url = 'http://127.0.0.1:1'\nwire = 'messages'\n\
                  [providers.b]\nbase_url = 'http://127.0.0.1:1/v1'\nmodels = [{ id = 'm' }]\n";
    let home = Home::with(config);
    let said = home.run(&["probe", "a", "--model", "m"]).failed(64);
    assert!(said.contains("`a` speaks messages; only servers that speak Chat"), "{said}");
    let said = home.run(&["probe", "b", "--base", "vlm"]).failed(64);
    assert!(said.contains("did you mean `vllm`?"), "{said}");
    let said = home.run(&["probe", "b", "--model", "x"]).failed(64);
    assert!(said.contains("b/x"), "{said}");
    let ran = home.run(&["probe", "b"]);
    assert_eq!(ran.code, Some(69), "{}", ran.stderr);
    assert!(home.run(&["probe", "c"]).failed(64).contains("no provider `c`"));
}
