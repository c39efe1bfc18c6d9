//! Clients that take their time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use interlingua_testkit::upstream::{Ending, Piece, finish, raw, text, wait};

use crate::stage::{Answer, LONG, Script, Stage, codex, connect, head, last, read, status};

const SHORT: &str = r#"
    client_first_byte = "300ms"
    client_head = "400ms"
    client_body = "300ms"
    client_idle = "300ms"
    client_write = "400ms"
"#;

fn stage() -> Stage {
    Stage::timed(Script::new().otherwise(Answer::text("hello")), SHORT)
}

/// How long the gateway keeps the connection, and what it says in the end.
fn closed(socket: &mut TcpStream, since: Instant) -> (Duration, String) {
    let answer = read(socket);
    (since.elapsed(), answer)
}

#[track_caller]
fn check_time(took: Duration, expected: u64) {
    let expected = Duration::from_millis(expected);
    let late = expected + Duration::from_millis(600);
    assert!(took >= expected.mul_f64(0.9) && took < late, "closed after {took:?}");
}

#[test]
fn a_silent_connection_is_closed() {
    let stage = stage();
    let mut socket = connect(stage.address());
    let (took, answer) = closed(&mut socket, Instant::now());
    check_time(took, 300);
    assert_eq!(answer, "");
}

#[test]
fn a_dripping_head_is_closed() {
    let stage = stage();
    let mut socket = connect(stage.address());
    let begun = Instant::now();
    let mut writer = socket.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        for byte in b"POST /v1/responses HTTP/1.1\r\nhost: ".iter().cycle() {
            if writer.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let (took, answer) = closed(&mut socket, begun);
    check_time(took, 400);
    assert!(matches!(status(&answer), 0 | 408), "{answer}");
    drip.join().unwrap();
}

#[test]
fn a_body_may_take_long_but_not_pause() {
    let stage = stage();
    let body = r#"{"model":"up/m","input":"hi"}"#;
    let head = head(
        stage.address(),
        &format!("connection: close\r\ncontent-length: {}\r\n\r\n", body.len()),
    );

    let mut socket = connect(stage.address());
    socket.write_all(head.as_bytes()).unwrap();
    for byte in body.bytes() {
        std::thread::sleep(Duration::from_millis(30));
        socket.write_all(&[byte]).unwrap();
    }
    let answer = read(&mut socket);
    assert_eq!(status(&answer), 200, "it took longer than any pause: {answer}");

    let mut socket = connect(stage.address());
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&body.as_bytes()[..5]).unwrap();
    let (took, answer) = closed(&mut socket, Instant::now());
    check_time(took, 300);
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
    let line = &stage.gateway.requests(2)[1];
    assert_eq!(line["status"], 408, "{line}");
}

#[test]
fn an_idle_connection_is_closed_after_its_answer() {
    let stage = stage();
    let mut socket = connect(stage.address());
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", stage.address());
    for _ in 0..3 {
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 1024];
        let length = socket.read(&mut answer).unwrap();
        assert_eq!(status(&String::from_utf8_lossy(&answer[..length])), 200);
        std::thread::sleep(Duration::from_millis(150));
    }
    let (took, rest) = closed(&mut socket, Instant::now());
    check_time(took + Duration::from_millis(150), 300);
    assert_eq!(rest, "");
}

/// None of the limits of clients counts while an answer is on its way.
#[test]
fn a_long_answer_is_not_cut() {
    let pieces = (0..12).flat_map(|at| [text(format!("{at} ")), wait(Duration::from_millis(150))]);
    let pieces: Vec<Piece> = pieces.chain([finish("stop")]).collect();
    let stage = Stage::timed(Script::new().then(Answer::stream(pieces)), SHORT);
    let begun = Instant::now();
    let reply = stage.send(&codex());
    assert!(begun.elapsed() > Duration::from_millis(1700));
    assert_eq!(last(&reply)["type"], "response.completed");
}

#[test]
fn a_thinking_upstream_does_not_cost_the_connection() {
    let answer = Answer::text("late").after(Duration::from_millis(1200));
    let stage = Stage::timed(Script::new().then(answer), SHORT);
    assert_eq!(last(&stage.send(&codex()))["type"], "response.completed");
}

/// A client that stops reading holds neither memory nor the upstream for long.
#[test]
fn a_reader_that_stops_costs_the_upstream_nothing() {
    let line = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(60_000)
    );
    let pieces: Vec<Piece> = std::iter::repeat_with(|| raw(line.clone())).take(2_000).collect();
    let stage = Stage::timed(Script::new().then(Answer::stream(pieces)), SHORT);
    let mut socket = codex().open(stage.address()).unwrap();
    socket.read_exact(&mut [0; 1024]).unwrap();
    let begun = Instant::now();
    let over = |ending: Ending| ending != Ending::Open;
    let seen = stage.upstream.wait_until(LONG, |all| all.iter().any(|it| over(it.ending)));
    assert_eq!(seen[0].ending, Ending::ClientGone);
    assert!(begun.elapsed() >= Duration::from_millis(350), "{:?}", begun.elapsed());
    assert_eq!(stage.gateway.requests(1)[0]["status"], 499);
}
