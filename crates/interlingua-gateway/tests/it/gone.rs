//! Clients that leave.

use std::io::Read as _;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use interlingua_testkit::upstream::{Ending, Piece, text, wait};

use crate::stage::{Answer, LONG, Script, Stage, codex, turn};

/// How long the upstream may still be asked after its client has left.
const SOON: Duration = Duration::from_millis(100);

/// Lets a client leave once `until` has been seen, and measures how long the upstream works on.
#[track_caller]
fn check(answer: Answer, call: &interlingua_testkit::http::Call, until: &str, half: bool) {
    let stage = Stage::new(Script::new().then(answer));
    let mut socket = call.open(stage.address()).unwrap();
    stage.upstream.wait_until(LONG, |all| !all.is_empty());
    see(&mut socket, until);
    let left = Instant::now();
    if half {
        socket.shutdown(Shutdown::Write).unwrap();
    } else {
        drop(socket);
    }
    let seen = stage.upstream.wait_until(LONG, |all| all[0].ending != Ending::Open);
    let took = left.elapsed();
    assert_eq!(seen[0].ending, Ending::ClientGone);
    assert!(took <= SOON, "the upstream worked on for {took:?}");
    let line = &stage.gateway.requests(1)[0];
    assert_eq!(line["status"], 499, "{line}");
    // The place is free again, and one log line is enough.
    std::thread::sleep(Duration::from_millis(20));
    stage.gateway.requests(1);
}

fn see(socket: &mut TcpStream, until: &str) {
    let mut seen = String::new();
    while !seen.contains(until) {
        let mut piece = [0; 4096];
        let count = socket.read(&mut piece).unwrap();
        assert_ne!(count, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
}

#[test]
fn before_anything_was_answered() {
    for call in [codex(), turn(true), turn(false)] {
        check(Answer::text("late").after(LONG), &call, "", false);
    }
}

#[test]
fn while_the_upstream_is_silent() {
    let answer = Answer::stream([text("One "), wait(LONG)]);
    check(answer, &turn(true), "One ", false);
    let thinking = Answer::stream([wait(LONG)]);
    check(thinking, &turn(false), "", false);
}

#[test]
fn while_text_flows() {
    let flow = (0..2000).flat_map(|at| [text(format!("w{at} ")), wait(Duration::from_millis(3))]);
    let flow: Vec<Piece> = flow.collect();
    check(Answer::stream(flow), &turn(true), "w5 ", false);
}

/// A client that only closes its sending side is taken for one that has left.
#[test]
fn half_closed() {
    let answer = Answer::stream([text("One "), wait(LONG)]);
    check(answer, &turn(true), "One ", true);
}

#[test]
fn while_the_gateway_waits_to_try_again() {
    let stage = Stage::new(Script::new().otherwise(Answer::rate_limited(Some(3))));
    let socket = turn(true).open(stage.address()).unwrap();
    stage.upstream.wait_until(LONG, |all| !all.is_empty());
    drop(socket);
    assert_eq!(stage.gateway.requests(1)[0]["status"], 499);
    std::thread::sleep(Duration::from_millis(3500));
    assert_eq!(stage.upstream.exchanges().len(), 1, "nobody waits, so nobody is asked");
}
