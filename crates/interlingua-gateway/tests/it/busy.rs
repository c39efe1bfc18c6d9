//! More requests than there are places.

use std::time::{Duration, Instant};

use interlingua_registry::generate;
use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{Ending, finish, text, wait};

use crate::stage::{Answer, LONG, Plan, Script, Stage, codex, last, turn};

fn slow() -> Script {
    Script::new().otherwise(Answer::stream([text("One "), wait(LONG), finish("stop")]))
}

fn stage(script: Script, tables: &str) -> Stage {
    Stage::with(script, &Plan { tables, ..Plan::default() })
}

/// Opens a turn that stays at work until the socket is dropped.
#[track_caller]
fn occupy(stage: &Stage, call: &Call, count: usize) -> std::net::TcpStream {
    let socket = call.open(stage.address()).unwrap();
    let seen = stage.upstream.wait_until(LONG, |all| all.len() == count);
    assert_eq!(seen.len(), count);
    socket
}

#[track_caller]
fn check_busy(stage: &Stage, call: &Call) {
    let begun = Instant::now();
    let reply = stage.send(call);
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.json()["error"]["code"], "busy");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn requests_at_work() {
    let stage = stage(slow(), "[limits]\nin_flight = 2\nqueue = 1\n[timeouts]\nqueue = \"300ms\"");
    let first = occupy(&stage, &turn(true), 1);
    let second = occupy(&stage, &turn(true), 2);
    check_busy(&stage, &turn(true));
    check_busy(&stage, &turn(false));
    // Codex tries again by itself.
    let failed = last(&stage.send(&codex()));
    assert_eq!(failed["response"]["error"]["code"], "server_error");
    assert_eq!(stage.send(&Call::get("/healthz")).status, 200);
    assert_eq!(stage.upstream.exchanges().len(), 2);
    drop(first);
    stage.upstream.wait_until(LONG, |all| all[0].ending == Ending::ClientGone);
    let third = occupy(&stage, &turn(true), 3);
    drop((second, third));
}

#[test]
fn the_queue_is_short() {
    let stage = stage(slow(), "[limits]\nin_flight = 1\nqueue = 1\n[timeouts]\nqueue = \"5s\"");
    let first = occupy(&stage, &turn(true), 1);
    let waiting = turn(true).open(stage.address()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    check_busy(&stage, &turn(true));
    drop(first);
    let seen = stage.upstream.wait_until(LONG, |all| all.len() == 2);
    assert_eq!(seen.len(), 2, "who waited has its turn");
    drop(waiting);
}

#[test]
fn requests_with_one_provider() {
    let tables = "[limits]\nin_flight_per_provider = 1\n[timeouts]\nqueue = \"100ms\"";
    let stage = stage(slow(), tables);
    let first = occupy(&stage, &turn(true), 1);
    check_busy(&stage, &turn(true));
    assert!(stage.send(&turn(true)).text().contains("with up"));
    drop(first);
    stage.upstream.wait_until(LONG, |all| all[0].ending == Ending::ClientGone);
    drop(occupy(&stage, &turn(true), 2));
}

#[test]
fn requests_of_one_key() {
    let (alice, alices) = generate([1; 32]);
    let (bob, bobs) = generate([2; 32]);
    let tables = format!(
        "client_keys = [{{ id = \"alice\", hash = \"{alices}\" }}, {{ id = \"bob\", hash = \"{bobs}\" }}]"
    );
    let limits = "[limits]\nin_flight_per_key = 1\n[timeouts]\nqueue = \"100ms\"";
    let plan = Plan { top: &tables, tables: limits, ..Plan::default() };
    let stage = Stage::with(slow(), &plan);
    let by = |key: &str| turn(true).header("authorization", &format!("Bearer {key}"));
    let first = occupy(&stage, &by(alice.expose()), 1);
    check_busy(&stage, &by(alice.expose()));
    let second = occupy(&stage, &by(bob.expose()), 2);
    drop((first, second));
}

/// An open gateway calls everybody by one name; that is no key to share places by.
#[test]
fn an_open_gateway_has_no_limit_per_key() {
    let stage = stage(slow(), "[limits]\nin_flight_per_key = 1\n[timeouts]\nqueue = \"100ms\"");
    let first = occupy(&stage, &turn(true), 1);
    let second = occupy(&stage, &turn(true), 2);
    drop((first, second));
}

#[test]
fn connections_wait_in_the_kernel() {
    let stage = stage(slow(), "[limits]\nconnections = 2");
    let first = occupy(&stage, &turn(true), 1);
    let second = occupy(&stage, &turn(true), 2);
    let mut third = Call::get("/healthz").open(stage.address()).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let waiting = std::io::Read::read(&mut third, &mut [0; 16]);
    assert!(waiting.is_err(), "it is not refused and not served");
    drop(first);
    third.set_read_timeout(Some(LONG)).unwrap();
    assert!(crate::stage::read(&mut third).starts_with("HTTP/1.1 200"));
    drop(second);
}
