//! A gateway that follows its files and its providers while it runs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{Answer, Script, Scripted};
use serde_json::{Value, json};

const LONG: Duration = Duration::from_secs(20);

fn start(config: &str) -> Gateway {
    let binary = Path::new(env!("CARGO_BIN_EXE_interlingua-proxy"));
    let setup = Setup::new(binary, config).env("INTERLINGUA_DISCOVER", "true");
    setup.env("UP_KEY", "sk-canary-live-1").start().unwrap()
}

fn declared(id: &str, upstream: &Scripted, models: &str) -> String {
    format!("[providers.{id}]\nbase_url = \"{}\"\nmodels = [{models}]\n", upstream.base_url())
}

fn open(id: &str, upstream: &Scripted) -> String {
    format!(
        "[providers.{id}]\nbase_url = \"{}\"\nkey = {{ env = \"UP_KEY\" }}\n",
        upstream.base_url()
    )
}

fn ask(gateway: &Gateway, model: &str) -> Reply {
    let body = json!({ "model": model, "input": "hi" });
    gateway.send(&Call::post("/v1/responses", &body).limit(LONG)).unwrap()
}

fn status(gateway: &Gateway) -> Value {
    gateway.send(&Call::get("/status")).unwrap().json()
}

fn etag(gateway: &Gateway) -> String {
    let reply = gateway.send(&Call::get("/v1/codex/models")).unwrap();
    reply.header("etag").unwrap().to_owned()
}

fn slugs(gateway: &Gateway) -> Vec<String> {
    let list = gateway.send(&Call::get("/v1/models")).unwrap().json();
    let ids = list["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// Waits until something holds.
#[track_caller]
fn until(gateway: &Gateway, what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "{what}: {}\n{}", status(gateway), gateway.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn number(gateway: &Gateway) -> u64 {
    status(gateway)["configuration"]["number"].as_u64().unwrap()
}

#[test]
fn a_changed_file_is_in_force_without_a_restart() {
    let script = || Script::new().otherwise(Answer::text("hello"));
    let [one, two] = [Scripted::start(script()).unwrap(), Scripted::start(script()).unwrap()];
    let first = declared("one", &one, "{ id = 'm', context_window = 1000 }");
    let gateway = start(&first);
    assert_eq!((slugs(&gateway), number(&gateway)), (vec!["one/m".to_owned()], 1));
    assert_eq!(ask(&gateway, "two/m").status, 404);
    let before = etag(&gateway);

    let second = declared("two", &two, "{ id = 'm', context_window = 1000 }");
    fs::write(gateway.config(), format!("expose_all_models = true\n{second}{first}")).unwrap();
    until(&gateway, "the second provider", || slugs(&gateway) == ["two/m", "one/m"]);
    let reply = ask(&gateway, "two/m");
    assert_eq!((reply.status, reply.header("x-interlingua-provider")), (200, Some("two")));
    assert_ne!(etag(&gateway), before, "a running Codex learns of it");

    fs::write(gateway.config(), &first).unwrap();
    until(&gateway, "the first alone", || slugs(&gateway) == ["one/m"]);
    let reply = ask(&gateway, "two/m");
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("there is no provider `two`"), "{}", reply.text());
    assert_eq!(etag(&gateway), before);
    assert!(gateway.log().contains("\"added\":\"[\\\"two/m\\\"]\""), "{}", gateway.log());
}

#[test]
fn a_bad_file_keeps_what_is_in_force_and_says_where_it_is_bad() {
    let upstream = Scripted::start(Script::new().otherwise(Answer::text("hello"))).unwrap();
    let good = declared("up", &upstream, "{ id = 'm', context_window = 1000 }");
    let gateway = start(&good);
    for (bad, why) in [
        (format!("{good}colour = 1\n[aliases]\nx = 'up/none'\n"), ":4:1: unknown key `colour`"),
        ("[providers.up\n".to_owned(), ":1:14: this is not TOML"),
    ] {
        fs::write(gateway.config(), bad).unwrap();
        let refused = || status(&gateway)["configuration"]["refused"]["why"].to_string();
        until(&gateway, why, || refused().contains(why));
        assert_eq!(ask(&gateway, "up/m").status, 200);
        assert!(gateway.log().contains("the configuration in force stays"), "{}", gateway.log());
    }
    fs::write(gateway.config(), &good).unwrap();
    until(&gateway, "it is well again", || status(&gateway)["configuration"]["refused"].is_null());
}

#[cfg(unix)]
#[test]
fn a_hangup_reads_everything_anew() {
    let upstream = Scripted::start(Script::new().otherwise(Answer::text("hello"))).unwrap();
    let gateway = start(&declared("up", &upstream, "{ id = 'm', context_window = 1000 }"));
    gateway.signal("HUP").unwrap();
    until(&gateway, "the second configuration", || number(&gateway) == 2);
    assert_eq!(ask(&gateway, "up/m").status, 200);
}

#[test]
fn a_key_file_and_a_dialect_are_followed_too() {
    let upstream = Scripted::start(Script::new().key("new-key").otherwise(Answer::text("hello")));
    let upstream = upstream.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "old-key").unwrap();
    let models = "{ id = 'm', context_window = 1000 }";
    let config =
        declared("up", &upstream, models) + &format!("key = {{ file = '{}' }}\n", key.display());
    let gateway = start(&config);
    assert_ne!(ask(&gateway, "up/m").status, 200);
    fs::write(&key, "new-key").unwrap();
    until(&gateway, "the new key", || ask(&gateway, "up/m").status == 200);

    let dialects = gateway.home().join("dialects.d");
    fs::create_dir(&dialects).unwrap();
    fs::write(dialects.join("own.toml"), "[nonsense").unwrap();
    until(&gateway, "the bad record", || {
        status(&gateway)["configuration"]["refused"]["why"].to_string().contains("own.toml")
    });
    // Mended where it stands, which its folder does not show.
    fs::write(dialects.join("own.toml"), "id = \"own\"\ntitle = \"Own\"\nwire = \"chat\"\n")
        .unwrap();
    until(&gateway, "the good record", || status(&gateway)["configuration"]["refused"].is_null());
}

/// Whatever a provider says that refuses to list its models, and repeats of the question.
#[test]
fn a_key_that_is_refused_where_models_are_listed_is_told_to_nobody() {
    let key = "canary-live-key-2";
    let refused = Answer::error(401, "invalid_api_key", &format!("no such key: {key}"));
    let upstream = Scripted::start(Script::new().models_answer(refused)).unwrap();
    let config = open("up", &upstream).replace("UP_KEY", "OTHER_KEY");
    let binary = Path::new(env!("CARGO_BIN_EXE_interlingua-proxy"));
    let setup = Setup::new(binary, &config).env("INTERLINGUA_DISCOVER", "true");
    let gateway = setup.env("OTHER_KEY", key).start().unwrap();
    until(&gateway, "it is told", || status(&gateway)["failures"].to_string().contains("[secret]"));
    until(&gateway, "it is logged", || gateway.log().contains("its models are not known"));
    assert!(!gateway.log().contains(key), "{}", gateway.log());
}

#[test]
fn what_a_former_provider_lists_does_not_count() {
    let late = json!({ "data": [{ "id": "old" }] });
    let late = Answer::json(200, late).after(Duration::from_secs(4));
    let old = Scripted::start(Script::new().models_answer(late)).unwrap();
    let new = Scripted::start(Script::new().models(["new"])).unwrap();
    let gateway = start(&open("up", &old));
    until(&gateway, "the question", || !old.exchanges().is_empty());
    fs::write(gateway.config(), open("up", &new)).unwrap();
    until(&gateway, "the new list", || slugs(&gateway) == ["up/new"]);
    let before = number(&gateway);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!((slugs(&gateway), number(&gateway)), (vec!["up/new".to_owned()], before));
    // Nor does it count at the next start.
    let mut gateway = gateway;
    assert!(gateway.terminate(LONG).unwrap().success());
    drop(new);
    gateway.start().unwrap();
    assert_eq!(slugs(&gateway), ["up/new"]);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_kept_is_in_force_all_the_same() {
    let upstream = Scripted::start(Script::new().models(["big"])).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_interlingua-proxy"));
    let setup = Setup::new(binary, &open("up", &upstream)).env("INTERLINGUA_DISCOVER", "true");
    let setup = setup.env("INTERLINGUA_CACHE_DIR", "/dev/null/cache");
    let gateway = setup.env("UP_KEY", "sk-canary-live-1").start().unwrap();
    until(&gateway, "the list", || slugs(&gateway) == ["up/big"]);
    let failures = status(&gateway)["failures"].to_string();
    assert!(failures.contains("cache of models"), "{failures}");
}

#[cfg(unix)]
#[test]
fn a_warning_is_told_once() {
    let upstream = Scripted::start(Script::new()).unwrap();
    let config = declared("up", &upstream, "{ id = 'm' }");
    let gateway = start(&config);
    gateway.signal("HUP").unwrap();
    until(&gateway, "the second configuration", || number(&gateway) == 2);
    fs::write(gateway.config(), declared("up", &upstream, "{ id = 'm' }, { id = 'n' }")).unwrap();
    until(&gateway, "the third configuration", || number(&gateway) == 3);
    let log = gateway.log();
    let told = |model: &str| log.matches(&format!("model `{model}` is not known")).count();
    assert_eq!((told("m"), told("n")), (1, 1), "{log}");
}

/// A password store that waits for its user does not keep the gateway from ending.
#[cfg(unix)]
#[test]
fn a_program_that_prints_no_key_does_not_hold_up_the_end() {
    let upstream = Scripted::start(Script::new().otherwise(Answer::text("hello"))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    let program = format!("test -e {} && trap '' TERM && sleep 12; echo a-key", locked.display());
    let config = declared("up", &upstream, "{ id = 'm', context_window = 1000 }")
        + &format!("key = {{ command = [\"sh\", \"-c\", \"{program}\"] }}\n");
    let mut gateway = start(&config);
    fs::write(&locked, "").unwrap();
    gateway.signal("HUP").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ask(&gateway, "up/m").status, 200, "meanwhile it answers");
    let begun = Instant::now();
    assert!(gateway.terminate(LONG).unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn an_open_provider_is_asked_for_its_models_and_they_are_kept() {
    let script = Script::new().models(["big", "text-embedding-3"]).key("sk-canary-live-1");
    let upstream = Scripted::start(script.otherwise(Answer::text("hello"))).unwrap();
    let mut gateway = start(&open("up", &upstream));
    until(&gateway, "the list", || slugs(&gateway) == ["up/big"]);
    assert_eq!(ask(&gateway, "up/anything").status, 200);
    assert!(gateway.terminate(LONG).unwrap().success());
    drop(upstream);

    // The provider is off, but what it said is known.
    gateway.start().unwrap();
    assert_eq!(slugs(&gateway), ["up/big"]);
    // Another key is another account.
    let config = fs::read_to_string(gateway.config()).unwrap();
    fs::write(gateway.config(), config.replace("{ env = \"UP_KEY\" }", "[]")).unwrap();
    until(&gateway, "nothing is known", || slugs(&gateway).is_empty());
    until(&gateway, "it is told", || {
        let failures = status(&gateway)["failures"].to_string();
        failures.contains("models of up") && failures.contains("cannot be reached")
    });
    assert!(!gateway.log().contains("sk-canary-live-1"));
}

/// Changes the configuration in one step, so that nobody reads half of it.
#[cfg(unix)]
fn put_in_place(gateway: &Gateway, config: &str) {
    let next = gateway.config().with_extension("next");
    fs::write(&next, config).unwrap();
    fs::rename(&next, gateway.config()).unwrap();
}

/// A look finds files that change all the time and waits for them to rest; a signal does not.
#[cfg(unix)]
#[test]
fn a_signal_does_not_wait_for_files_that_do_not_rest() {
    let upstream = Scripted::start(Script::new()).unwrap();
    let version = |at: usize| {
        declared("up", &upstream, &format!("{{ id = 'm', context_window = {} }}", 1_000 + at))
    };
    let gateway = start(&version(0));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in 1.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                put_in_place(&gateway, &version(at));
                std::thread::sleep(Duration::from_millis(25));
            }
        });
        // The files are looked at once a second, and waited for at most two.
        std::thread::sleep(Duration::from_millis(1500));
        gateway.signal("HUP").unwrap();
        until(&gateway, "they are read", || number(&gateway) > 1);
        over.store(true, Ordering::Relaxed);
    });
    let log = gateway.log();
    let first = log.lines().find(|line| line.contains("is in force")).unwrap();
    assert!(first.contains("SIGHUP"), "{first}");
}

/// Requests without a pause while the configuration is read anew without a pause: none fails, and each
/// is answered as one version of it says.
#[cfg(unix)]
#[test]
fn a_storm_of_reloads_is_not_felt() {
    let script = || Script::new().otherwise(Answer::text("hello"));
    let upstreams = [Scripted::start(script()).unwrap(), Scripted::start(script()).unwrap()];
    // One name, which belongs to the one or to the other, with a model that tells which.
    let version = |at: usize| {
        let models = format!("{{ id = 'm{at}', context_window = {} }}", 1_000 + at);
        declared("up", &upstreams[at], &models) + &format!("[aliases]\nwork = 'up/m{at}'\n")
    };
    let gateway = start(&version(0));
    let over = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        let reply = ask(&gateway, "work");
                        assert_eq!(reply.status, 200, "{}", reply.text());
                        let text = |name: &str| reply.header(name).unwrap().to_owned();
                        answers.push((text("x-models-etag"), text("x-interlingua-model")));
                    }
                    answers
                })
            })
            .collect();
        for round in 0..60 {
            put_in_place(&gateway, &version(round % 2));
            gateway.signal("HUP").unwrap();
            std::thread::sleep(Duration::from_millis(25));
        }
        over.store(true, Ordering::Relaxed);
        asking.into_iter().flat_map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(number(&gateway) > 10, "{}", status(&gateway));
    let versions: BTreeSet<_> = answers.iter().collect();
    assert_eq!(versions.len(), 2, "a catalog belongs to one model: {versions:?}");
    let asked = upstreams.each_ref().map(Scripted::bodies);
    assert_eq!(asked[0].len() + asked[1].len(), answers.len());
    for (at, bodies) in asked.iter().enumerate() {
        assert!(bodies.iter().all(|it| it["model"] == format!("m{at}")), "to the right server");
        assert!(!bodies.is_empty());
    }
}
