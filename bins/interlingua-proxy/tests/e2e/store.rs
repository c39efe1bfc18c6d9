//! What a gateway remembers for clients that forget: over its death, and in common with another one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::redis::{self, Redis};
use interlingua_testkit::talk::Talker;
use interlingua_testkit::upstream::{
    Answer, Ledger, Model, Script, Scripted, Strict, USER, Wire, call, finish, reasoning, usage,
};
use serde_json::Value;

use crate::house::{Kind, MODEL, provider};
use crate::stage::{KEY, binary};

pub(crate) const CASES: &[(&str, fn())] = &[
    ("a responses client's gateway is killed 50 times in mid-loop", || {
        drop(killed(Wire::Responses, ""));
    }),
    ("two gateways share a seal key, round by round", || {
        in_turn(&[Wire::Responses], "");
    }),
    ("store: killed and started again between call and result", restart),
    ("store: killed 50 times in mid-loop", killed_with_store),
    ("store: two gateways share one redis, round by round", shared),
    ("store: redis stops in mid-loop", || away(Redis::stop, Redis::start)),
    ("store: redis hangs in mid-loop", || away(|it| it.hang(), |it| it.go_on())),
    ("store: redis starts in mid-loop", starts_late),
];

/// How long a request may take at most, whatever becomes of the store: the gateway waits 50 ms for it,
/// and everything else here is local.
const SOON: Duration = Duration::from_millis(1500);

const SQLITE: &str = "[store]\nurl = \"sqlite\"\n";

/// A seal key that two gateways have in common.
const SEAL_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn gateway(upstream: &Scripted, store: &str) -> Gateway {
    let config = format!("{store}\n{}", provider("up", upstream, Wire::Chat, Kind::Imitator));
    let setup = Setup::new(binary(), &config).env("UP_KEY", KEY);
    setup.env("INTERLINGUA_SEAL_KEY", SEAL_KEY).start().unwrap()
}

/// An upstream whose model remembers each of its thoughts.
fn model(seed: u64) -> Scripted {
    let model = Model::new("the model", seed, &Ledger::new());
    Scripted::start(Script::new().key(KEY).strict(Strict::mimo()).model(model)).unwrap()
}

/// The user has more to say whenever a loop is over.
fn go_on(talker: &mut Talker, nonce: &str) {
    if talker.open().is_empty() {
        talker.say(&format!("{USER}go on [[{nonce}]]"));
    } else {
        talker.answer(|call| format!("{} of {}", call.name, call.arguments["value"]));
    }
}

fn restart() {
    let upstream = model(1);
    let mut gateway = gateway(&upstream, SQLITE);
    let mut talker = Talker::new(Wire::Chat, MODEL);
    for round in 0..20 {
        go_on(&mut talker, "n");
        let result = talker.ask(gateway.address(), round % 2 == 0);
        assert!(result.is_ok(), "{result:?}\n{}", gateway.log());
        if !talker.open().is_empty() && round % 4 == 1 {
            gateway.kill().unwrap();
            gateway.start().unwrap();
        }
    }
    assert_eq!(upstream.violations(), [], "{}", gateway.log());
}

fn killed_with_store() {
    let gateway = killed(Wire::Chat, SQLITE);
    let files = databases(gateway.home());
    assert!(!files.is_empty(), "no database below {}", gateway.home().display());
    for file in files {
        assert_eq!(integrity(&file), "ok", "{}", file.display());
    }
}

/// Half of the deaths come while an answer is on its way; the client then asks again.
fn killed(client: Wire, store: &str) -> Gateway {
    let upstream = model(2);
    let mut gateway = gateway(&upstream, store);
    let mut talker = Talker::new(client, MODEL);
    let mut deaths = 0;
    while deaths < 50 {
        go_on(&mut talker, "n");
        if deaths % 2 == 1 {
            let (call, address) = (talker.call(&talker.body(true)), gateway.address());
            let asking = std::thread::spawn(move || call.send(address));
            std::thread::sleep(Duration::from_millis(deaths % 12));
            gateway.kill().unwrap();
            gateway.start().unwrap();
            deaths += 1;
            let reply = asking.join().unwrap();
            if let Some(answered) = reply.ok().and_then(|it| talker.read(&it, true).ok()) {
                talker.keep(&answered);
                continue;
            }
        }
        let result = talker.ask(gateway.address(), true);
        assert!(result.is_ok(), "{deaths} deaths: {result:?}\n{}", gateway.log());
        if deaths % 2 == 0 && !talker.open().is_empty() {
            gateway.kill().unwrap();
            gateway.start().unwrap();
            deaths += 1;
        }
    }
    assert_eq!(upstream.violations(), [], "{}", gateway.log());
    gateway
}

/// The files below a folder that begin as SQLite's do.
fn databases(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(databases(&path));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")) {
            found.push(path);
        }
    }
    found
}

/// What SQLite itself says of a file.
fn integrity(file: &Path) -> String {
    let program = "import sqlite3, sys\n\
                   print(sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone()[0])";
    let output = Command::new("python3").args(["-c", program]).arg(file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn server() -> Redis {
    let binary = redis::find().unwrap_or_else(|missing| panic!("{missing}"));
    Redis::start_new(&binary).unwrap()
}

fn store(redis: &Redis) -> String {
    format!("[store]\nurl = \"{}\"\n", redis.url())
}

fn shared() {
    let redis = server();
    in_turn(&Wire::ALL, &store(&redis));
    assert!(redis.entries().is_some_and(|entries| entries > 0));
}

/// Whichever gateway a round meets, it knows what the other one has heard.
fn in_turn(clients: &[Wire], store: &str) {
    let upstream = model(3);
    let gateways = [gateway(&upstream, store), gateway(&upstream, store)];
    for wire in clients {
        let mut talker = Talker::new(*wire, MODEL);
        let nonce = wire.name();
        for round in 0..20 {
            go_on(&mut talker, nonce);
            let gateway = &gateways[round % 2];
            let result = talker.ask(gateway.address(), round % 3 == 0);
            assert!(result.is_ok(), "{wire:?}: {result:?}\n{}", gateway.log());
        }
    }
    assert_eq!(upstream.violations(), [], "{}", gateways[0].log());
}

/// An upstream that takes what it gets, since thoughts may be lost now: a call in every answer.
fn tolerant() -> Scripted {
    let answer = Answer::stream([
        reasoning("Only I know this."),
        call("call_0", "read", r#"{"value":"a"}"#),
        finish("tool_calls"),
        usage(100, 10),
    ]);
    Scripted::start(Script::new().key(KEY).otherwise(answer)).unwrap()
}

/// One round; it succeeds, and soon.
#[track_caller]
fn round(talker: &mut Talker, gateway: &Gateway) {
    go_on(talker, "n");
    let begun = Instant::now();
    let result = talker.ask(gateway.address(), true);
    let took = begun.elapsed();
    assert!(result.is_ok(), "{result:?}\n{}", gateway.log());
    assert!(took < SOON, "a request took {took:?}\n{}", gateway.log());
}

/// The thought of the last step in the last request.
fn last_thought(upstream: &Scripted) -> Value {
    let body = upstream.bodies().pop().unwrap();
    let messages = body["messages"].as_array().unwrap();
    let last = messages.iter().rfind(|it| it["role"] == "assistant").unwrap();
    last["reasoning_content"].clone()
}

/// No request fails while the store is away, and thoughts are put back again when it has come back.
fn away(
    leave: fn(&mut Redis) -> std::io::Result<()>,
    come_back: fn(&mut Redis) -> std::io::Result<()>,
) {
    let mut redis = server();
    let upstream = tolerant();
    let gateway = gateway(&upstream, &store(&redis));
    let mut talker = Talker::new(Wire::Chat, MODEL);
    for _ in 0..3 {
        round(&mut talker, &gateway);
    }
    assert_eq!(last_thought(&upstream), "Only I know this.", "{}", gateway.log());
    leave(&mut redis).unwrap();
    for _ in 0..5 {
        round(&mut talker, &gateway);
    }
    assert!(gateway.log().to_lowercase().contains("store"), "{}", gateway.log());
    come_back(&mut redis).unwrap();
    recovers(&upstream, &gateway);
}

/// Thoughts come back after some rounds: whoever was away is not asked again at once.
fn recovers(upstream: &Scripted, gateway: &Gateway) {
    let end = Instant::now() + Duration::from_secs(20);
    let mut talker = Talker::new(Wire::Chat, MODEL);
    loop {
        round(&mut talker, gateway);
        round(&mut talker, gateway);
        if last_thought(upstream) == "Only I know this." {
            return;
        }
        assert!(Instant::now() < end, "nothing is remembered any more\n{}", gateway.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A gateway that was there before its store.
fn starts_late() {
    let mut redis = server();
    redis.stop().unwrap();
    let upstream = tolerant();
    let gateway = gateway(&upstream, &store(&redis));
    let mut talker = Talker::new(Wire::Chat, MODEL);
    for _ in 0..3 {
        round(&mut talker, &gateway);
    }
    redis.start().unwrap();
    recovers(&upstream, &gateway);
}
