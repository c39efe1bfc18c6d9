//! The gateway as a process: its start, its end, its exit codes and what it prints.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use interlingua_testkit::gateway::Setup;
use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{Answer, Piece, Script, Scripted, finish, raw, text, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(15);

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_interlingua-proxy"))
}

fn config(upstream: &Scripted, more: &str) -> String {
    format!(
        r#"
        [providers.up]
        base_url = "{}"
        dialect = "mimo"
        key = {{ env = "UP_KEY" }}
        headers = {{ x-tenant = "canary-header-value-2" }}
        models = [{{ id = "m", context_window = 100000 }}]
        {more}
        "#,
        upstream.base_url()
    )
}

fn gateway(upstream: &Scripted, more: &str) -> Setup {
    Setup::new(binary(), &config(upstream, more)).env("UP_KEY", "canary-provider-key-1")
}

fn turn(stream: bool) -> Call {
    Call::post("/v1/responses", &json!({ "model": "up/m", "input": "hi", "stream": stream }))
        .limit(LONG)
}

/// A process that a test sends signals to; killed when this is dropped.
struct Proxy {
    child: Child,
    address: SocketAddr,
    _home: TempDir,
}

impl Proxy {
    fn start(upstream: &Scripted) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.toml");
        std::fs::write(&file, config(upstream, "")).unwrap();
        let mut command = command(&home, &file);
        command.args(["--listen", "127.0.0.1:0"]).env("UP_KEY", "k");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().strip_prefix("listening on http://")?.parse().ok())
            .unwrap();
        // Nobody reads the log, but it must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, _home: home }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        // The shell's own `kill`: a small system has no program of that name.
        let kill = ["-c", "kill -s \"$0\" \"$1\"", name, &pid];
        assert!(Command::new("sh").args(kill).status().unwrap().success());
    }

    /// The exit code, if it ends in time.
    fn wait(&mut self, limit: Duration) -> Option<i32> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status.code().expect("no signal kills it"));
            }
            if Instant::now() >= end {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It fails only if the process has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(home: &TempDir, config: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("--config").arg(config).env_clear().env("HOME", home.path());
    command
}

/// An answer of many words that takes about a second.
fn slow_words() -> Answer {
    let words = (0..20).flat_map(|at| [text(format!("w{at} ")), wait(Duration::from_millis(50))]);
    Answer::stream(words.chain([finish("stop")]).collect::<Vec<Piece>>())
}

fn read_until(socket: &mut TcpStream, what: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(what) {
        let mut piece = [0; 4096];
        let count = socket.read(&mut piece).unwrap();
        assert_ne!(count, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    seen
}

#[test]
fn it_is_ready_soon() {
    let upstream = Scripted::start(Script::new()).unwrap();
    let begun = Instant::now();
    let mut gateway = gateway(&upstream, "").start().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(gateway.terminate(LONG).unwrap().success());
}

/// F17: who is being answered gets all of it; who comes now is refused.
#[test]
fn a_stop_lets_answers_finish() {
    let upstream = Scripted::start(Script::new().then(slow_words())).unwrap();
    let mut gateway = Proxy::start(&upstream);
    let mut socket = turn(true).open(gateway.address).unwrap();
    let mut seen = read_until(&mut socket, "w0 ");
    let mut idle = TcpStream::connect(gateway.address).unwrap();
    idle.write_all(format!("GET /readyz HTTP/1.1\r\nhost: {}\r\n\r\n", gateway.address).as_bytes())
        .unwrap();
    read_until(&mut idle, "ready");
    gateway.signal("TERM");
    let end = Instant::now() + Duration::from_secs(1);
    while TcpStream::connect(gateway.address).is_ok() {
        assert!(Instant::now() < end, "new connections are still taken");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut rest = String::new();
    socket.read_to_string(&mut rest).unwrap();
    seen.push_str(&rest);
    for at in 0..20 {
        assert!(seen.contains(&format!("w{at} ")), "w{at} is missing");
    }
    assert!(seen.contains("response.completed") && seen.ends_with("0\r\n\r\n"), "{seen}");
    idle.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(idle.read(&mut [0; 16]).unwrap(), 0, "an idle connection is closed");
    assert_eq!(gateway.wait(LONG), Some(0));
}

#[test]
fn a_second_signal_cuts() {
    let endless = Answer::stream([text("one "), wait(LONG * 4)]);
    let upstream = Scripted::start(Script::new().then(endless)).unwrap();
    let mut gateway = Proxy::start(&upstream);
    let mut socket = turn(true).open(gateway.address).unwrap();
    read_until(&mut socket, "one ");
    gateway.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(gateway.wait(Duration::ZERO), None, "it lets the answer finish");
    gateway.signal("INT");
    assert_eq!(gateway.wait(Duration::from_secs(3)), Some(0));
    let mut rest = String::new();
    drop(socket.read_to_string(&mut rest));
    assert!(!rest.contains("response.completed"), "{rest}");
}

#[test]
fn the_drain_has_an_end() {
    let endless = Answer::stream([text("one "), wait(LONG * 4)]);
    let upstream = Scripted::start(Script::new().then(endless)).unwrap();
    let mut gateway = gateway(&upstream, "[timeouts]\ndrain = \"400ms\"").start().unwrap();
    let mut socket = turn(true).open(gateway.address()).unwrap();
    read_until(&mut socket, "one ");
    let begun = Instant::now();
    assert!(gateway.terminate(LONG).unwrap().success());
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(350) && took < Duration::from_secs(3), "{took:?}");
}

/// Runs the binary to its end.
fn run(config: &str, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, config).unwrap();
    command(&home, &file).args(arguments).output().unwrap()
}

#[test]
fn a_taken_port_is_told_with_its_holder() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run("", &["--listen", &address]);
    assert_eq!(output.status.code(), Some(98));
    let told = String::from_utf8(output.stderr).unwrap();
    let us = format!("process {}", std::process::id());
    assert!(told.contains(&address) && told.contains(&us) && told.contains("--listen"), "{told}");
}

#[test]
fn other_machines_need_a_key() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let output = run("", &["--listen", listen]);
        assert_eq!(output.status.code(), Some(78), "{listen}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("client key") && told.contains("interlingua keys add"), "{told}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let config = r#"
        listn = "127.0.0.1:0"
        [limits]
        body = "many"
        [providers.Bad]
        base_url = "ftp://x"
        [aliases]
        work = "nobody/nothing"
    "#;
    let output = run(config, &[]);
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap();
    for (what, line) in
        [("listn", 2), ("body", 4), ("Bad", 5), ("base_url", 6), ("nobody/nothing", 8)]
    {
        let found = told.lines().any(|it| it.contains(what) && it.contains(&format!(":{line}:")));
        assert!(found, "`{what}` in line {line}: {told}");
    }
}

/// T6: every secret is a canary, everything fails that can, and the log says all it knows.
#[test]
fn no_secret_is_printed() {
    const CANARIES: [&str; 5] = [
        "canary-provider-key-1",
        "canary-header-value-2",
        "canary-proxy-password-3",
        "canary-client-key-4",
        "canary-proxy-variable-5",
    ];
    let [key, header, proxy, client, variable] = CANARIES;
    let told = format!("refused: {key} {header} {proxy}");
    let error = |status: u16| {
        Answer::json(status, json!({ "error": { "message": told.clone(), "code": key } }))
    };
    let failing = json!({ "error": { "message": told.clone() } });
    let script = Script::new()
        .then(error(401))
        .then(error(400))
        .then(error(429))
        .then(Answer::bytes(200, format!("<html><title>{key}</title></html>")))
        .then(Answer::stream([text("half "), raw(format!("data: {failing}\n\n"))]))
        .then(Answer::text("fine"))
        .otherwise(error(500));
    let upstream = Scripted::start(script).unwrap();
    let hash = interlingua_registry::KeyHash::of(client);
    let more = format!(
        r#"
        [providers.away]
        base_url = "https://away.invalid/v1"
        dialect = "generic"
        key = {{ env = "UP_KEY" }}
        proxy = "http://user:{proxy}@127.0.0.1:9"
        models = [{{ id = "m", context_window = 100000 }}]
        [providers.outside]
        base_url = "https://outside.invalid/v1"
        dialect = "generic"
        key = {{ env = "UP_KEY" }}
        models = [{{ id = "m", context_window = 100000 }}]
        [[client_keys]]
        id = "laptop"
        hash = "{hash}"
        "#
    );
    let proxied = format!("http://user:{variable}@127.0.0.1:9");
    let mut gateway = gateway(&upstream, &more)
        .env("HTTPS_PROXY", &proxied)
        .env("ALL_PROXY", &proxied)
        .argument("-vv")
        .start()
        .unwrap();
    let mut shown = String::new();
    let authorized = |call: Call| call.header("authorization", &format!("Bearer {client}"));
    let model = |slug: &str| {
        authorized(Call::post("/v1/responses", &json!({ "model": slug, "input": "hi" })))
            .limit(LONG)
    };
    let mut calls: Vec<Call> = (0..7).map(|_| authorized(turn(true))).collect();
    calls.extend([
        model("away/m"),
        model("outside/m"),
        model("nobody/m"),
        authorized(turn(true)).header("originator", "codex_exec"),
        authorized(Call::get("/")),
        authorized(Call::get("/v1/models")),
        authorized(Call::get("/v1/codex/models")),
        authorized(Call::get("/nowhere")),
        authorized(turn(true)).body("{"),
        authorized(turn(true)).header("host", "evil.test"),
        turn(true).header("authorization", "Bearer wrong"),
    ]);
    for call in calls {
        let reply = gateway.send(&call).unwrap();
        shown.push_str(&reply.text());
        shown.extend(reply.headers.iter().map(|(name, value)| format!("\n{name}: {value}\n")));
    }
    assert!(gateway.terminate(LONG).unwrap().success());
    let log = gateway.log();
    assert!(log.contains("sending upstream") && log.contains("[secret]"), "the log says much");
    for canary in CANARIES {
        for (place, text) in [("the log", &log), ("an answer", &shown)] {
            let found = text.lines().find(|it| it.contains(canary));
            assert_eq!(found, None, "{canary} is in {place}");
        }
    }
    // On the other hand the keys were really used.
    let sent = upstream.exchanges();
    assert!(sent.iter().all(|it| it.request.header("x-tenant") == Some(header)));
}

/// One line for each request, as JSON where nobody reads it on a terminal.
#[test]
fn the_log_is_json() {
    let upstream = Scripted::start(Script::new().otherwise(Answer::text("fine"))).unwrap();
    let mut gateway = gateway(&upstream, "").start().unwrap();
    let reply = gateway.send(&turn(false).header("x-request-id", "mine-1")).unwrap();
    assert_eq!(reply.status, 200);
    gateway.terminate(LONG).unwrap();
    let log = gateway.log();
    let lines: Vec<Value> = log.lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
    let mine: Vec<_> = lines.iter().filter(|it| it["request_id"] == "mine-1").collect();
    assert_eq!(mine.len(), 1, "{log}");
    let line = mine[0];
    assert_eq!(
        (&line["status"], &line["provider"], &line["model"]),
        (&200.into(), &"up".into(), &"m".into())
    );
    assert_eq!((&line["in_tok"], &line["out_tok"]), (&1000.into(), &20.into()), "{line}");
}
