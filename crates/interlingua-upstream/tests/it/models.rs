use std::sync::Arc;
use std::time::{Duration, SystemTime};

use interlingua_dialect::Dialects;
use interlingua_ir::{Class, Fault};
use interlingua_registry::{Environment, ListedModel, Provider, RawConfig, check};
use interlingua_testkit::upstream::{Answer, Script, Scripted};
use interlingua_upstream::{ProxySettings, Upstream};

const KEY: &str = "sk-canary-77aa";

/// Does something with a provider at `base_url`, configured with `more`.
fn with<T>(base_url: &str, more: &str, job: impl AsyncFnOnce(&Upstream, &Provider) -> T) -> T {
    let environment = Environment::from_iter([("KEY", KEY)]);
    let text =
        format!("[providers.up]\nbase_url = \"{base_url}\"\nkey = {{ env = \"KEY\" }}\n{more}");
    let raw = RawConfig::new().file("config.toml", &text).environment(&environment);
    let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &environment).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let upstream = Upstream::new(&ProxySettings::default(), Duration::from_secs(5)).unwrap();
        job(&upstream, snapshot.provider("up").unwrap()).await
    })
}

/// Asks a provider at `base_url`, configured with `more`, for its models.
fn ask(base_url: &str, more: &str) -> Result<Vec<ListedModel>, Fault> {
    with(base_url, more, async |upstream, provider| upstream.models(provider).await)
}

#[track_caller]
fn check_fault(answer: Answer, class: Class, words: &str) {
    let server = Scripted::start(Script::new().models_answer(answer)).unwrap();
    let fault = ask(&server.base_url(), "").unwrap_err();
    assert_eq!(fault.class, class, "{fault}");
    assert!(fault.message.contains(words) && !fault.message.contains(KEY), "{fault}");
}

#[test]
fn a_list_is_asked_for_like_anything_else() {
    let script = Script::new().key(KEY).models(["one", "whisper-1", "two"]);
    let server = Scripted::start(script).unwrap();
    let models = ask(&server.base_url(), "headers = { x-team = \"blue\" }").unwrap();
    let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["one", "two"]);
    let request = &server.exchanges()[0].request;
    assert_eq!((request.path.as_str(), request.header("x-team")), ("/v1/models", Some("blue")));
    assert_eq!(request.header("accept"), Some("application/json"));
    assert!(request.raw.is_empty());
}

#[test]
fn what_went_wrong_is_told_apart() {
    let server = Scripted::start(Script::new().key("another")).unwrap();
    let fault = ask(&server.base_url(), "").unwrap_err();
    assert_eq!((fault.class, fault.status), (Class::Auth, Some(401)), "{fault}");
    assert!(fault.message.contains("env KEY") && !fault.message.contains(KEY), "{fault}");

    let server = Scripted::start(Script::new().models_only_at("/models")).unwrap();
    let fault = ask(&server.base_url(), "").unwrap_err();
    assert_eq!(fault.status, Some(404), "{fault}");
    assert!(fault.message.contains("/v1/models"), "{fault}");

    let fault = ask("http://127.0.0.1:1/v1", "").unwrap_err();
    assert_eq!(fault.class, Class::Unreachable, "{fault}");

    let page = Answer::bytes(200, "<html>").header("content-type", "text/html");
    check_fault(page, Class::Upstream, "not JSON");
    check_fault(Answer::json(200, true.into()), Class::Upstream, "without a list");
    check_fault(Answer::bytes(200, " ".repeat(9 << 20)), Class::Upstream, "more than 8 MiB");
    check_fault(Answer::error(503, "overloaded", "busy"), Class::Overloaded, "busy");
    let refusal = Answer::error(200, "invalid_api_key", "Invalid API Key");
    check_fault(refusal, Class::Auth, "does not accept");
}

#[test]
fn a_redirect_is_not_followed() {
    let thief = Scripted::start(Script::new().models(["stolen"])).unwrap();
    let to = format!("{}/models", thief.base_url());
    check_fault(Answer::bytes(302, "").header("location", &to), Class::Upstream, "redirect");
    assert!(thief.exchanges().is_empty());
}

#[test]
fn whoever_answers_tells_the_time() {
    let date = |url: &str| with(url, "", async |upstream, provider| upstream.date(provider).await);
    // A refusal has a date, too.
    let server = Scripted::start(Script::new().key("another")).unwrap();
    let theirs = date(&server.base_url()).unwrap().unwrap();
    let apart = SystemTime::now().duration_since(theirs).unwrap();
    assert!(apart < Duration::from_mins(1), "{apart:?}");
    assert_eq!(date("http://127.0.0.1:1").unwrap_err().class, Class::Unreachable);
}
