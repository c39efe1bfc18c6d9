//! An agent at work on each upstream of the records: it thinks, calls two tools at once, sees a picture,
//! wants an answer of a form, changes its mind about how hard to think, and is refused nothing.

use interlingua_testkit::http::Call;
use interlingua_testkit::talk::{Answered, Talker};
use interlingua_testkit::upstream::{
    Answer, Piece, Script, Scripted, Strict, Wire, call, finish, reasoning, text, usage,
};
use serde_json::{Value, json};

use crate::stage::{LONG, Running, Stage, at_once};

/// Each record, with a model of each family that differs in more than a name.
const UPSTREAMS: [(&str, &[&str]); 28] = [
    ("openai", &["", "gpt-5", "o3", "gpt-4.1"]),
    ("azure", &[""]),
    ("mimo", &["", "mimo-v2-flash", "mimo-v2.5"]),
    ("deepseek", &["", "deepseek-v4-pro"]),
    ("qwen", &["", "qwen3.6-plus", "qwen3.8-max"]),
    ("glm", &["", "glm-5.2", "glm-5.3"]),
    ("kimi", &["", "kimi-k2-thinking", "kimi-k2.6", "kimi-k3", "kimi-latest"]),
    ("minimax", &["", "minimax-m3"]),
    ("mistral", &["", "magistral-2"]),
    ("xai", &["", "grok-4", "grok-5"]),
    ("groq", &["", "gpt-oss-120b", "qwen3-32b"]),
    ("cerebras", &["", "gpt-oss-120b"]),
    ("together", &["", "deepseek-v4-pro"]),
    ("fireworks", &[""]),
    ("openrouter", &["", "claude-opus"]),
    ("gemini", &["", "gemini-2.5-flash", "gemini-3-pro"]),
    ("siliconflow", &[""]),
    ("volcengine", &["", "doubao-seed-1-6"]),
    ("stepfun", &[""]),
    ("vllm", &["", "qwen3-8b"]),
    ("sglang", &[""]),
    ("ollama", &[""]),
    ("lmstudio", &[""]),
    ("llamacpp", &["", "gpt-oss-20b"]),
    ("transformers", &[""]),
    ("anthropic", &["", "claude-opus-4-5", "claude-opus-4-6"]),
    ("anthropic_compat", &[""]),
    ("generic", &[""]),
];

/// How a model is called that belongs to no family.
const PLAIN: &str = "some-model";

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The smallest picture that a server takes.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

#[test]
fn an_agent_works_on_every_upstream_over_chat() {
    works_everywhere(Wire::Chat);
}

#[test]
fn an_agent_works_on_every_upstream_over_responses() {
    works_everywhere(Wire::Responses);
}

#[test]
fn an_agent_works_on_every_upstream_over_messages() {
    works_everywhere(Wire::Messages);
}

/// Every upstream and model.
fn models() -> impl Iterator<Item = (&'static str, &'static str)> {
    UPSTREAMS.into_iter().flat_map(|(dialect, models)| {
        models.iter().map(move |model| (dialect, if model.is_empty() { PLAIN } else { *model }))
    })
}

fn works_everywhere(client: Wire) {
    at_once(models(), |(dialect, model)| {
        let stage = stage(dialect, model, script(dialect, model));
        Agent::new(client, dialect, model, &stage).work();
        let what = format!("{} at {dialect} {model}", client.name());
        assert_eq!(stage.upstream.faults(), Vec::<String>::new(), "{what}");
        let statuses = stage.upstream.exchanges().iter().map(|it| it.status).collect::<Vec<_>>();
        assert_eq!(statuses, [200; 11], "nothing was refused, so nothing was repaired: {what}");
    });
}

/// A conversation that has begun elsewhere, in the middle of a loop, goes on at every upstream: another
/// model's thought and ids are no reason to refuse it.
#[test]
fn a_conversation_moves_to_every_upstream() {
    let turns =
        models().flat_map(|at| [Wire::Chat, Wire::Responses, Wire::Messages].map(|it| (it, at)));
    at_once(turns, |(client, (dialect, model))| {
        let called = Answer::stream([
            reasoning("Thought elsewhere."),
            call("call_of_somebody_else_0123456789abcdef", "read", r#"{"value":"a"}"#),
            finish("tool_calls"),
        ]);
        let first = Scripted::start(Script::new().then(called)).unwrap();
        let judge = Strict::of(dialect, if model == PLAIN { "" } else { model });
        let here = Answer::stream([text("Here."), finish("stop"), usage(10, 5)]);
        let upstream = Scripted::start(Script::new().strict(judge).then(here)).unwrap();
        let config = format!(
            "{}\n[providers.first]\nbase_url = \"{}\"\ndialect = \"deepseek\"\n\
             key = {{ env = \"UP_KEY\" }}\n[[providers.first.models]]\nid = \"m\"\n",
            config(&upstream.base_url(), dialect, model),
            first.base_url(),
        );
        let stage = Stage { upstream, gateway: Running::start(&config) };
        let mut agent = Agent::new(client, dialect, model, &stage);
        agent.talker.switch("first/m");
        agent.talker.say("Look at a.");
        assert_eq!(agent.ask(|_| {}).calls.len(), 1, "{}", agent.what);
        agent.talker.answer(|_| "content of a".to_owned());
        agent.talker.switch(&format!("up/{model}"));
        assert_eq!(agent.ask(|_| {}).text, "Here.", "{}", agent.what);
        assert_eq!(stage.upstream.faults(), Vec::<String>::new(), "{}", agent.what);
        assert_eq!(stage.upstream.exchanges().len(), 1, "nothing was repaired: {}", agent.what);
    });
}

/// A request for an answer of a form.
fn formed(stream: bool) -> Call {
    let mut body = json!({ "model": format!("up/{PLAIN}"), "stream": stream,
        "messages": [{ "role": "user", "content": "Say it as JSON." }] });
    ask_for_form(&mut body);
    Call::post("/v1/chat/completions", &body).limit(LONG)
}

#[test]
fn an_answer_that_breaks_a_form_said_in_words_is_told_of_and_not_changed() {
    for (dialect, wrong) in [("minimax", true), ("deepseek", true), ("together", false)] {
        let said = r#"{"colour":7}"#;
        let answer = || Answer::stream([text(said), finish("stop"), usage(10, 5)]);
        let stage = stage(dialect, PLAIN, Script::new().then(answer()).then(answer()));
        for stream in [false, true] {
            let reply = stage.send(&formed(stream));
            assert_eq!(reply.status, 200, "{}", reply.text());
            assert!(reply.text().contains("colour"), "{}", reply.text());
        }
        for line in stage.gateway.requests(2) {
            let notes = line["notes"].as_str().unwrap_or_default();
            let told = notes.contains("schema-mismatch") && notes.contains("/colour breaks");
            assert_eq!(told, wrong, "{dialect}: {line}");
        }
    }
}

#[test]
fn a_session_keeps_to_one_server_where_a_header_says_so() {
    for (dialect, header) in [
        ("fireworks", Some("x-session-affinity")),
        ("openrouter", Some("x-session-id")),
        ("groq", None),
    ] {
        let stage = stage(dialect, PLAIN, Script::new().then(Answer::text("hi")));
        let body = json!({ "model": format!("up/{PLAIN}"), "input": "hi" });
        let call = Call::post("/v1/responses", &body).limit(LONG).header("session-id", "s-1");
        assert_eq!(stage.send(&call).status, 200);
        let asked = &stage.upstream.exchanges()[0].request;
        for known in ["x-session-affinity", "x-session-id"] {
            let expect = (header == Some(known)).then_some("s-1");
            assert_eq!(asked.header(known), expect, "{dialect} {known}");
        }
    }
}

/// A gateway before an upstream of this dialect.
fn stage(dialect: &str, model: &str, script: Script) -> Stage {
    let upstream = Scripted::start(script).unwrap();
    let gateway = Running::start(&config(&upstream.base_url(), dialect, model));
    Stage { upstream, gateway }
}

fn config(base_url: &str, dialect: &str, model: &str) -> String {
    format!(
        "listen = \"127.0.0.1:0\"\n[providers.up]\nbase_url = \"{base_url}\"\n\
         dialect = \"{dialect}\"\nkey = {{ env = \"UP_KEY\" }}\n[[providers.up.models]]\n\
         id = \"{model}\"\ncontext_window = 100000\nmax_output_tokens = 64000\n"
    )
}

/// What the upstream says, and how it judges what it is asked.
fn script(dialect: &str, model: &str) -> Script {
    let step = |pieces: Vec<Piece>| Answer::stream(pieces);
    let mut script = Script::new()
        .strict(Strict::of(dialect, if model == PLAIN { "" } else { model }))
        .then(step(vec![
            reasoning("I need both files."),
            call("call00001", "read", r#"{"value":"a"}"#),
            call("call00002", "read", r#"{"value":"b"}"#),
            finish("tool_calls"),
            usage(100, 20),
        ]))
        .then(step(vec![
            reasoning("The second file is a picture."),
            text("It is red."),
            call("call00003", "write", r#"{"value":"red"}"#),
            finish("tool_calls"),
            usage(200, 20),
        ]))
        .then(step(vec![reasoning("Done."), text("Written."), finish("stop"), usage(300, 20)]))
        .then(step(vec![text(FORMED), finish("stop"), usage(400, 20)]));
    for _ in EFFORTS {
        script = script.then(step(vec![
            reasoning("Hm."),
            text("As you like."),
            finish("stop"),
            usage(500, 20),
        ]));
    }
    script
}

/// What follows the schema that the agent asks for.
const FORMED: &str = r#"{"colour":"red"}"#;

/// One conversation.
struct Agent<'s> {
    talker: Talker,
    wire: Wire,
    what: String,
    stage: &'s Stage,
    turns: usize,
}

impl<'s> Agent<'s> {
    fn new(wire: Wire, dialect: &str, model: &str, stage: &'s Stage) -> Self {
        let talker = Talker::new(wire, &format!("up/{model}")).limit(LONG);
        let what = format!("{} at {dialect} {model}", wire.name());
        Self { talker, wire, what, stage, turns: 0 }
    }

    fn work(&mut self) {
        self.say_with_picture("Look at a and b.");
        let answered = self.ask(insist);
        assert_eq!(answered.calls.len(), 2, "{}", self.what);
        self.talker.answer(|call| format!("content of {}", call.arguments["value"]));
        self.add_picture_to_result();
        let answered = self.ask(|_| {});
        assert_eq!((&*answered.text, answered.calls.len()), ("It is red.", 1), "{}", self.what);
        self.talker.answer(|_| "ok".to_owned());
        let answered = self.ask(|_| {});
        assert_eq!(answered.text, "Written.", "{}", self.what);

        self.talker.say("Say it as JSON.");
        let answered = self.ask(ask_for_form);
        assert_eq!(answered.text, FORMED, "{}", self.what);
        for effort in EFFORTS {
            self.talker.say("Think differently.");
            let answered = self.ask(|body| set_effort(body, effort));
            assert_eq!(answered.text, "As you like.", "{} {effort}", self.what);
        }
    }

    /// The user says something and shows a picture.
    fn say_with_picture(&mut self, text: &str) {
        let content = self.with_picture(text);
        self.talker.history().push(json!({ "role": "user", "content": content }));
    }

    /// The last result becomes a picture as well as a text.
    fn add_picture_to_result(&mut self) {
        let content = self.with_picture("a picture");
        let last = self.talker.history().last_mut().unwrap();
        let place = match self.wire {
            Wire::Chat => "/content",
            Wire::Responses => "/output",
            Wire::Messages => "/content/1/content",
        };
        *last.pointer_mut(place).unwrap() = content;
    }

    /// A text and a picture, in the words of the protocol.
    fn with_picture(&self, text: &str) -> Value {
        let url = format!("data:image/png;base64,{PICTURE}");
        match self.wire {
            Wire::Chat => json!([{ "type": "text", "text": text },
                { "type": "image_url", "image_url": { "url": url } }]),
            Wire::Responses => json!([{ "type": "input_text", "text": text },
                { "type": "input_image", "image_url": url }]),
            Wire::Messages => json!([{ "type": "text", "text": text },
                { "type": "image", "source": {
                    "type": "base64", "media_type": "image/png", "data": PICTURE } }]),
        }
    }

    /// Asks for the next step; every second time for a whole answer instead of a stream.
    fn ask(&mut self, change: impl FnOnce(&mut Value)) -> Answered {
        self.turns += 1;
        let stream = self.turns % 2 == 1;
        let mut body = self.talker.body(stream);
        set_tools(&mut body);
        set_rules(&mut body);
        set_effort(&mut body, "high");
        change(&mut body);
        let reply = self.stage.send(&self.talker.call(&body));
        let answered = self.talker.read(&reply, stream);
        let answered = answered.unwrap_or_else(|error| {
            panic!("{}: {error}; {:?}", self.what, self.stage.upstream.violations())
        });
        if self.wire == Wire::Chat {
            assert!(answered.stop == "stop" || !answered.calls.is_empty(), "{}", self.what);
        }
        self.talker.keep(&answered);
        answered
    }
}

/// Gives the tools parameters as real agents describe them, with all that some upstreams refuse.
fn set_tools(body: &mut Value) {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
        "properties": {
            "value": { "$ref": "#/$defs/value" },
            "either": { "type": "string", "anyOf": [{ "minLength": 1 }, { "const": "" }] },
            "pair": { "type": "array", "items": [{ "type": "string" }, { "type": "number" }] },
            "default": { "type": "string", "default": "x" } },
        "required": ["value"], "additionalProperties": false,
        "$defs": { "value": { "type": "string", "description": "what to read" } },
    });
    for (at, tool) in body["tools"].as_array_mut().unwrap().iter_mut().enumerate() {
        for place in ["/function/parameters", "/parameters", "/input_schema"] {
            if let Some(parameters) = tool.pointer_mut(place) {
                *parameters = schema.clone();
            }
        }
        if let (0, Some(function)) = (at, tool.get_mut("function")) {
            function["strict"] = true.into();
        }
    }
}

/// What the operator says, in the protocol's place for it.
fn set_rules(body: &mut Value) {
    if body["input"].is_array() {
        body["instructions"] = "Be brief.".into();
    } else if body.get("thinking").is_some() {
        body["system"] = json!([{ "type": "text", "text": "Be brief.",
            "cache_control": { "type": "ephemeral" } }]);
    } else {
        let rules = json!({ "role": "developer", "content": "Be brief." });
        body["messages"].as_array_mut().unwrap().insert(0, rules);
    }
}

/// Sets what agents set that not every upstream knows.
fn insist(body: &mut Value) {
    if body["input"].is_array() {
        body["parallel_tool_calls"] = true.into();
        body["prompt_cache_key"] = "key".into();
        body["tool_choice"] = "required".into();
        body["reasoning"] = json!({ "effort": "high", "summary": "auto" });
        body["text"] = json!({ "verbosity": "low" });
        body["temperature"] = 0.3.into();
    } else if body.get("thinking").is_some() {
        body["metadata"] = json!({ "user_id": "u" });
    } else {
        body["parallel_tool_calls"] = true.into();
        body["tool_choice"] = json!({ "type": "function", "function": { "name": "read" } });
        body["max_tokens"] = 5_000.into();
        for (name, value) in [
            ("temperature", json!(0.3)),
            ("top_p", json!(0.9)),
            ("seed", json!(7)),
            ("user", json!("u")),
            ("store", json!(false)),
            ("metadata", json!({ "a": "b" })),
            ("presence_penalty", json!(0.1)),
            ("logit_bias", json!({})),
            ("stop", json!(null)),
        ] {
            body[name] = value;
        }
    }
}

fn ask_for_form(body: &mut Value) {
    let schema = json!({ "type": "object", "properties": { "colour": { "type": "string" } },
        "required": ["colour"], "additionalProperties": false });
    if body["input"].is_array() {
        body["text"] =
            json!({ "format": { "type": "json_schema", "name": "colour", "schema": schema } });
    } else if body.get("thinking").is_some() {
        body["output_config"] = json!({ "format": { "type": "json_schema", "schema": schema } });
    } else {
        body["response_format"] = json!({ "type": "json_schema", "json_schema": {
            "name": "colour", "schema": schema } });
    }
}

fn set_effort(body: &mut Value, effort: &str) {
    if body["input"].is_array() {
        body["reasoning"] = json!({ "effort": effort });
        return;
    }
    if body.get("thinking").is_none() {
        body["reasoning_effort"] = effort.into();
        return;
    }
    // Its levels begin at low; below there is only off, and between them a number of tokens.
    match effort {
        "none" => body["thinking"] = json!({ "type": "disabled" }),
        "minimal" => body["thinking"] = json!({ "type": "enabled", "budget_tokens": 1_024 }),
        effort => body["output_config"] = json!({ "effort": effort }),
    }
}
