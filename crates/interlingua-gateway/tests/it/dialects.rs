//! An agent at work on each upstream of the records: it thinks, calls two tools at once, sees a picture,
//! wants an answer of a form, changes its mind about how hard to think, and is refused nothing.

use interlingua_testkit::fixtures::dialect_ids;
use interlingua_testkit::http::Call;
use interlingua_testkit::talk::{Talker, form};
use interlingua_testkit::upstream::{
    Answer, Script, Scripted, Strict, Wire, call, finish, reasoning, text, usage,
};
use serde_json::json;

use crate::stage::{LONG, Running, Stage, at_once};
use agent::Agent;

mod agent;

/// Models of those families that differ from their record in more than a name.
const FAMILIES: [(&str, &[&str]); 18] = [
    ("openai", &["gpt-5", "o3", "gpt-4.1"]),
    ("mimo", &["mimo-v2-flash", "mimo-v2.5"]),
    ("deepseek", &["deepseek-v4-pro"]),
    ("qwen", &["qwen3.6-plus", "qwen3.8-max"]),
    ("glm", &["glm-5.2", "glm-5.3"]),
    ("kimi", &["kimi-k2-thinking", "kimi-k2.6", "kimi-k3", "kimi-latest"]),
    ("minimax", &["minimax-m3"]),
    ("mistral", &["magistral-2"]),
    ("xai", &["grok-4", "grok-5"]),
    ("groq", &["gpt-oss-120b", "qwen3-32b"]),
    ("cerebras", &["gpt-oss-120b"]),
    ("together", &["deepseek-v4-pro"]),
    ("openrouter", &["claude-opus"]),
    ("gemini", &["gemini-2.5-flash", "gemini-3-pro"]),
    ("volcengine", &["doubao-seed-1-6"]),
    ("vllm", &["qwen3-8b"]),
    ("llamacpp", &["gpt-oss-20b"]),
    ("anthropic", &["claude-opus-4-5", "claude-opus-4-6"]),
];

/// How a model is called that belongs to no family.
const PLAIN: &str = "some-model";

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

/// Every record with a model of no family, and with those of its own.
fn models() -> Vec<(String, &'static str)> {
    let mut models: Vec<_> = dialect_ids().into_iter().map(|id| (id, PLAIN)).collect();
    for (id, of_family) in FAMILIES {
        assert!(models.iter().any(|it| it.0 == id), "{id} is no record");
        models.extend(of_family.iter().map(|model| (id.to_owned(), *model)));
    }
    models
}

/// The judge of an upstream.
fn judge(dialect: &str, model: &str) -> Strict {
    Strict::of(dialect, if model == PLAIN { "" } else { model })
}

fn works_everywhere(client: Wire) {
    at_once(models(), |(dialect, model)| {
        let stage = stage(&dialect, model, agent::steps().strict(judge(&dialect, model)));
        let mut agent = Agent::new(client, &dialect, model, &stage);
        agent.work();
        assert_eq!(stage.upstream.faults(), [""; 0], "{}", agent.what);
        let statuses = stage.upstream.exchanges().iter().map(|it| it.status).collect::<Vec<_>>();
        assert_eq!(statuses, [200; 11], "something was refused and repaired: {}", agent.what);
    });
}

/// A conversation that has begun elsewhere, in the middle of a loop, goes on at every upstream: another
/// model's thought and ids are no reason to refuse it.
#[test]
fn a_conversation_moves_to_every_upstream() {
    let moves = models().into_iter().flat_map(|at| Wire::ALL.map(|client| (client, at.clone())));
    at_once(moves, |(client, (dialect, model))| {
        let called = Answer::stream([
            reasoning("Thought elsewhere."),
            call("call_of_somebody_else_0123456789abcdef", "read", r#"{"value":"a"}"#),
            finish("tool_calls"),
        ]);
        let first = Scripted::start(Script::new().then(called)).unwrap();
        let here = Answer::stream([text("Here."), finish("stop"), usage(10, 5)]);
        let judge = judge(&dialect, model);
        let upstream = Scripted::start(Script::new().strict(judge).then(here)).unwrap();
        let config = format!(
            "{}\n[providers.first]\nbase_url = \"{}\"\ndialect = \"deepseek\"\n\
             key = {{ env = \"UP_KEY\" }}\n[[providers.first.models]]\nid = \"m\"\n",
            config(&upstream.base_url(), &dialect, model),
            first.base_url(),
        );
        let stage = Stage { upstream, gateway: Running::start(&config) };
        let mut agent = Agent::new(client, &dialect, model, &stage);
        agent.talker.switch("first/m");
        agent.talker.say("Look at a.");
        assert_eq!(agent.ask(|_| {}).calls.len(), 1, "{}", agent.what);
        agent.talker.answer(|_| "content of a".to_owned());
        agent.talker.switch(&format!("up/{model}"));
        assert_eq!(agent.ask(|_| {}).text, "Here.", "{}", agent.what);
        assert_eq!(stage.upstream.faults(), [""; 0], "{}", agent.what);
        assert_eq!(stage.upstream.exchanges().len(), 1, "nothing was repaired: {}", agent.what);
    });
}

/// A request for an answer of a form.
fn formed(stream: bool) -> Call {
    let mut body = json!({ "model": format!("up/{PLAIN}"), "stream": stream,
        "messages": [{ "role": "user", "content": "Say it as JSON." }] });
    form(Wire::Chat, &mut body, &agent::schema());
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

#[test]
fn a_conversation_keeps_to_one_cache_where_a_field_says_so() {
    let script = Script::new().otherwise(Answer::stream([text("hi"), finish("stop")]));
    let stage = stage("kimi", PLAIN, script);
    for (session, asked) in [("s-1", "Hello."), ("s-1", "More."), ("s-2", "Hello.")] {
        let body = json!({ "model": format!("up/{PLAIN}"), "max_tokens": 99,
            "messages": [{ "role": "user", "content": asked }] });
        let call = Call::post("/v1/messages", &body).limit(LONG);
        let call = call.header("x-claude-code-session-id", session);
        assert_eq!(stage.send(&call).status, 200);
    }
    let keys: Vec<_> = stage.upstream.bodies();
    let keys: Vec<_> = keys.iter().map(|it| it["prompt_cache_key"].as_str().unwrap()).collect();
    assert!(keys[0] == keys[1] && keys[0] != keys[2], "{keys:?}");
    assert!(keys.iter().all(|it| !it.contains("s-")), "the client's own name stays here: {keys:?}");
}

#[test]
fn a_model_without_tools_calls_them_in_its_text() {
    for client in Wire::ALL {
        let ask = |said: &str| {
            let answer = Answer::stream([text(said), finish("stop")]);
            let stage = stage("wordy", PLAIN, Script::new().then(answer));
            let mut talker = Talker::new(client, &format!("up/{PLAIN}")).limit(LONG);
            talker.say("Look at a.");
            let call = talker.call(&talker.body(true)).header("session-id", "s-1");
            let answered = talker.read(&stage.send(&call), true).unwrap();
            (answered, stage.upstream.bodies()[0].to_string())
        };
        let (_, asked) = ask("Hi.");
        let (_, behind) = asked.split_once(r#"<call id=\""#).unwrap();
        let (mark, _) = behind.split_once('\\').unwrap();
        let said = |mark: &str| {
            format!(r#"<call id="{mark}">{{"name":"read","arguments":{{"value":"a"}}}}</call>"#)
        };
        let (answered, _) = ask(&said(mark));
        let calls: Vec<_> = answered.calls.iter().map(|it| (&*it.name, &it.arguments)).collect();
        assert_eq!(calls, [("read", &json!({ "value": "a" }))], "{client:?}");
        let (answered, _) = ask(&said("k7f3"));
        assert_eq!((&answered.text, answered.calls.len()), (&said("k7f3"), 0), "{client:?}");
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
