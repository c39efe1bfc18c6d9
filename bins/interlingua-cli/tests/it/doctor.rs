//! `doctor`: what it finds, and what it mends.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use interlingua_testkit::gateway::Setup;
use interlingua_testkit::upstream::{
    Answer, Script, Scripted, Strict, call, finish, reasoning, text, usage,
};
use serde_json::{Value, json};

use crate::support::{BINARY, CANARY, Home, Ran};

/// The checks of one id: state and evidence.
#[track_caller]
fn checks(ran: &Ran, id: &str) -> Vec<(String, String)> {
    let report = ran.json("interlingua.doctor/1");
    let failed = report["checks"].as_array().unwrap().iter().any(|it| it["state"] == "fail");
    assert_eq!(
        (report["ok"] == json!(true), ran.code),
        (!failed, Some(i32::from(failed))),
        "{report}"
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = report["checks"].as_array().unwrap().iter().filter(|it| it["id"] == id);
    all.map(|it| (text(&it["state"]), text(&it["evidence"]))).collect()
}

/// A port that nobody holds.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_good_setup_is_well() {
    let upstream = Scripted::start(Script::new().key(CANARY).models(["q"])).unwrap();
    let home = Home::with(&format!(
        "listen = '{}'\n[providers.up]\nbase_url = '{}'\nkey = {{ env = 'K' }}\n",
        free(),
        upstream.base_url()
    ));
    fs::create_dir(home.path().join("state")).unwrap();
    let home = home.env("K", CANARY).env("HTTPS_PROXY", "http://user:canary-pw@127.0.0.1:1");
    let ran = home.run(&["doctor", "--json"]);
    assert_eq!(checks(&ran, "config"), [("ok".into(), "1 provider".into())]);
    assert_eq!(checks(&ran, "provider.up.key"), [("ok".into(), "env K".into())]);
    assert!(checks(&ran, "provider.up.answer")[0].1.starts_with("1 model in "));
    assert!(checks(&ran, "port")[0].1.ends_with("is free"));
    for id in ["disk", "files", "proxy"] {
        assert_ne!(checks(&ran, id)[0].0, "fail", "{id}");
    }
    assert!(!ran.stdout.contains("canary-pw"), "{}", ran.stdout);
    let text = home.run(&["doctor"]).ok();
    assert!(text.contains("ok    provider.up.key"), "{text}");
}

#[test]
fn a_server_that_is_no_gateway_is_not_taken_for_one() {
    let upstream = Scripted::start(Script::new().models(["q"])).unwrap();
    let url = upstream.base_url();
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let home = Home::with(&format!(
        "listen = '{address}'\n[providers.up]\nbase_url = '{url}'\nkey = {{ client = true }}\n"
    ));
    let ran = home.run(&["doctor", "--json"]);
    let (state, evidence) = checks(&ran, "gateway").remove(0);
    assert_eq!((&*state, evidence), ("skip", format!("what runs at {address} is none")));
    assert_eq!(checks(&ran, "provider.up.key"), [("ok".into(), "the caller's own".into())]);
}

#[test]
fn everything_that_is_wrong_is_told() {
    let upstream = Scripted::start(Script::new().key("another")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::with(&format!(
        "listen = '{}'\n[providers.wrong]\nbase_url = '{}'\nkey = {{ env = 'K' }}\n\
         [providers.gone]\nbase_url = 'http://127.0.0.1:1/v1'\n\
         [providers.keyless]\nbase_url = '{}'\nkey = {{ env = 'NONE' }}\n\
         [providers.off]\nbase_url = 'http://nowhere.invalid'\nenabled = false\n\
         [providers.lost]\nbase_url = 'http://nowhere.invalid/v1'\nkey = []\nproxy = 'direct'\n",
        taken.local_addr().unwrap(),
        upstream.base_url(),
        upstream.base_url(),
    ));
    let home = home.env("K", CANARY).env("http_proxy", "socks4://x").env("NO_PROXY", "*");
    // Whoever holds the port answers nothing.
    drop(std::thread::spawn(move || taken.incoming().flatten().for_each(drop)));
    let ran = home.run(&["doctor", "--json"]);
    let one = |id: &str| {
        let found = checks(&ran, id);
        assert_eq!(found.len(), 1, "{id}: {found:?}");
        found[0].clone()
    };
    let (state, evidence) = one("provider.wrong.answer");
    assert!(
        state == "fail" && evidence.contains("does not accept the key in `env K`"),
        "{evidence}"
    );
    assert_eq!(one("provider.gone.answer").0, "fail");
    assert_eq!(one("provider.keyless.key").0, "warn");
    assert_eq!(one("provider.keyless.answer").1, "it is there, and wants a key");
    assert_eq!(one("provider.off.key").0, "skip");
    let (state, evidence) = one("provider.lost.dns");
    assert!(state == "fail" && evidence.contains("nowhere.invalid"), "{evidence}");
    let (state, evidence) = one("port");
    assert!(state == "fail" && evidence.contains("is taken by"), "{evidence}");
    assert_eq!(one("proxy").0, "warn");
    let text = home.run(&["doctor"]);
    assert!(
        text.stderr.contains("checks failed")
            && text.stdout.contains("→ interlingua providers test wrong")
    );

    let broken = Home::with("listen = 1\nx = 2\n");
    let ran = broken.run(&["doctor", "--json"]);
    assert_eq!(checks(&ran, "config").len(), 2);
    assert_eq!(checks(&ran, "listener")[0].0, "skip");
    let ran = Home::with(&format!("listen = '{}'\n", free())).run(&["doctor", "--json"]);
    assert_eq!(checks(&ran, "providers")[0].0, "fail");
}

#[test]
fn a_running_gateway_is_recognised() {
    let gateway = Setup::new(Path::new(BINARY), "").start().unwrap();
    let home = Home::with(&format!("listen = '{}'\n", gateway.address()));
    let (state, evidence) = checks(&home.run(&["doctor", "--json"]), "port").remove(0);
    assert!(state == "ok" && evidence.contains("interlingua "), "{evidence}");
    let (state, evidence) = checks(&home.run(&["doctor", "--json"]), "store").remove(0);
    assert!(state == "ok" && evidence.contains("0 thoughts in 0 KiB"), "{evidence}");
}

#[cfg(unix)]
#[test]
fn modes_are_checked_and_mended() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::with(&format!("listen = '{}'\n", free()));
    let state = home.path().join("state");
    let (config, seal) = (home.config(), state.join("seal.key"));
    fs::create_dir(&state).unwrap();
    fs::write(&seal, "x").unwrap();
    let set =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    set(&config, 0o666);
    set(&state, 0o755);
    set(&seal, 0o644);
    let ran = home.run(&["doctor", "--json"]);
    let (failed, evidence) = checks(&ran, "modes.config").remove(0);
    assert!(failed == "fail" && evidence.contains("mode 666"), "{evidence}");
    let of_state: Vec<_> = checks(&ran, "modes.state").into_iter().map(|it| it.0).collect();
    assert_eq!(of_state, ["warn", "fail"]);
    assert!(ran.stdout.contains(&format!("chmod 600 {}", seal.display())), "{}", ran.stdout);
    assert_eq!(mode(&config), 0o666);

    let mended = home.run(&["doctor", "--json", "--fix"]);
    assert!(checks(&mended, "modes.config")[0].1.contains("has 644 now"));
    assert_eq!([&config, &state, &seal].map(|it| mode(it)), [0o644, 0o700, 0o600]);
    let again = home.run(&["doctor", "--json"]);
    assert_eq!(checks(&again, "modes")[0].0, "ok");
}

const CODEX: &str = "model = 'gpt-5.5'\n\n[features]\nmemories = true\n";

/// A home with Codex in it, and a provider that answers a tool loop.
fn with_codex(upstream: &Scripted) -> Home {
    let home = Home::with(&format!(
        "listen = '{}'\n[providers.up]\nbase_url = '{}'\ndialect = 'mimo'\nkey = {{ env = 'K' }}\n\
         models = [{{ id = 'm', context_window = 9000 }}]\n",
        free(),
        upstream.base_url()
    ));
    let codex = home.path().join("codex");
    fs::create_dir(&codex).unwrap();
    fs::write(codex.join("config.toml"), CODEX).unwrap();
    home.env("CODEX_HOME", codex.to_str().unwrap()).env("K", CANARY)
}

#[test]
fn a_tool_loop_with_thoughts_is_run_for_real() {
    let script = Script::new()
        .strict(Strict::mimo())
        .key(CANARY)
        .models(["m"])
        .then(Answer::stream([
            reasoning("The tool knows."),
            call("call_1", "ask", r#"{"topic":"word"}"#),
            finish("tool_calls"),
            usage(50, 10),
        ]))
        .then(Answer::stream([reasoning("Heron."), text("heron"), finish("stop"), usage(80, 5)]))
        .then(Answer::text("I would rather not."))
        .otherwise(Answer::error(402, "no_money", "the account is empty"));
    let upstream = Scripted::start(script).unwrap();
    let home = with_codex(&upstream);
    let online = || checks(&home.run(&["doctor", "--online", "--json"]), "provider.up.online");
    let (state, evidence) = online().remove(0);
    assert!(evidence.starts_with("up/m: 1 call, 1 thought given back, 145 tokens"), "{evidence}");
    assert_eq!(state, "ok");
    assert!(upstream.violations().is_empty(), "the thought came back");
    let (state, evidence) = online().remove(0);
    assert_eq!((state.as_str(), evidence.contains("in words")), ("warn", true), "{evidence}");
    let (state, evidence) = online().remove(0);
    assert_eq!((state.as_str(), evidence.contains("the account is empty")), ("fail", true));
    assert!(checks(&home.run(&["doctor", "--json"]), "provider.up.online").is_empty());
}

#[test]
fn codex_is_looked_at_before_and_after_it_is_set_up() {
    let upstream = Scripted::start(Script::new().key(CANARY).models(["m"])).unwrap();
    let home = with_codex(&upstream);
    let all = |id: &str| checks(&home.run(&["codex", "doctor", "--json"]), id);
    assert_eq!(all("codex")[0].0, "skip");
    home.run(&["codex", "apply"]).ok();
    assert_eq!(all("codex")[0].0, "ok");
    assert_eq!(all("codex.model")[0], ("ok".to_owned(), "the gateway has `up/m`".to_owned()));
    assert_eq!(all("codex.gateway")[0].0, "warn", "nobody has started it");
    let (state, evidence) = all("codex.helpers").remove(0);
    assert_eq!(state, "warn");
    assert!(evidence.contains("`gpt-6.1-terra` (memories)"), "{evidence}");
    let said = home.run(&["codex", "doctor"]);
    let fix = "interlingua aliases set codex-auto-review up/m";
    assert!(said.stdout.contains(fix), "{}", said.stdout);
    for name in ["gpt-6.1-terra", "codex-auto-review"] {
        home.run(&["aliases", "set", name, "up/m"]).ok();
    }
    assert_eq!(all("codex.helpers")[0].0, "ok");

    let config = home.path().join("codex/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("up/m", "up/gone")).unwrap();
    assert_eq!(all("codex.model")[0].0, "fail");
}

#[test]
fn a_gateway_that_does_not_use_the_files_is_told() {
    let home = Home::with("");
    let gateway = Setup::new(Path::new(BINARY), "").start().unwrap();
    fs::write(home.config(), format!("listen = '{}'\n", gateway.address())).unwrap();
    let state = || checks(&home.run(&["doctor", "--json"]), "gateway").remove(0);
    assert_eq!(state().0, "ok");
    fs::write(gateway.config(), "nonsense = 1").unwrap();
    gateway.signal("HUP").unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while state().0 != "fail" {
        assert!(std::time::Instant::now() < end, "{:?}", state());
    }
    assert!(state().1.contains("unknown key `nonsense`"));
}

#[test]
fn a_variable_that_overrules_the_file_is_told() {
    let home = Home::with("expose_all_models = false\nlimits.body = '1MiB'\n")
        .env("INTERLINGUA_EXPOSE_ALL_MODELS", "true")
        .env("INTERLINGUA_WORKERS", "1");
    let mut told = checks(&home.run(&["doctor", "--json"]), "environment");
    told.sort();
    assert_eq!(told[0], ("ok".to_owned(), "`INTERLINGUA_WORKERS` sets `workers`".to_owned()));
    assert!(told[1].0 == "warn" && told[1].1.contains("overrules"), "{told:?}");
}
