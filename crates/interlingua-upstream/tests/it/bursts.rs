//! Answers that come in many small chunks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use http_body_util::BodyExt as _;
use interlingua_dialect::Dialects;
use interlingua_registry::{Environment, RawConfig, check};
use interlingua_upstream::{Call, ProxySettings, Purpose, Upstream};

/// A burst of so many chunks, larger than what is read at once.
const CHUNKS: usize = 2_000;

fn chunk(nth: usize) -> String {
    format!("data: {nth:050}\n\n")
}

/// An answer as it travels.
fn wire() -> String {
    let mut wire = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n"
        .to_owned();
    for nth in 0..CHUNKS {
        let chunk = chunk(nth);
        wire.extend([&*format!("{:x}\r\n", chunk.len()), &chunk, "\r\n"]);
    }
    wire.push_str("0\r\n\r\n");
    wire
}

/// Reads a request to its end; `false` if there is none.
fn read_request(reader: &mut BufReader<TcpStream>) -> bool {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return false;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    true
}

#[test]
fn a_burst_comes_in_few_pieces_and_the_connection_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // One connection, whatever it is asked.
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut asked = 0;
        while read_request(&mut reader) {
            stream.write_all(wire().as_bytes()).unwrap();
            asked += 1;
        }
        asked
    });
    let text = format!(
        "[providers.up]\nbase_url = \"http://{address}/v1\"\nwire = \"chat\"\n[[providers.up.models]]\nid = \"m\""
    );
    let environment = Environment::default();
    let raw = RawConfig::new().file("config.toml", &text).environment(&environment);
    let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &environment).unwrap();
    let route = snapshot.route(Some("up/m")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let upstream = Upstream::new(&ProxySettings::default(), Duration::from_secs(5)).unwrap();
        for _ in 0..3 {
            let call = Call {
                target: &route.targets[0],
                key: None,
                session: None,
                body: vec!["{}".into()],
                stream: true,
                purpose: Purpose::Answer,
                forward: None,
                request_id: "req_1",
            };
            let mut body = upstream.send(call).await.unwrap().body;
            let (mut pieces, mut said) = (0, Vec::new());
            while let Some(frame) = body.frame().await {
                said.extend_from_slice(&frame.unwrap().into_data().unwrap());
                pieces += 1;
            }
            assert!(said == (0..CHUNKS).map(chunk).collect::<String>().as_bytes());
            assert!(pieces < CHUNKS / 10, "{pieces} pieces");
        }
    });
    drop(runtime);
    assert_eq!(server.join().unwrap(), 3);
}
