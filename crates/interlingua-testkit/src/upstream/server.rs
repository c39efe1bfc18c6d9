//! The socket in front of a script.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::answer::{Answer, Content};
use super::render::{self, Act, Head};
use super::script::{Request, Script};
use super::strict::{self, Violation};

/// A Chat Completions upstream that plays a script and records what it is asked.
///
/// It lives on a thread of its own, on 127.0.0.1 and a port the system chose, until it is dropped;
/// so it serves synchronous and asynchronous tests alike.
///
/// ```
/// use interlingua_testkit::upstream::{Answer, Script, Scripted, call, finish, reasoning};
///
/// let upstream = Scripted::start(
///     Script::new()
///         .then(Answer::stream([
///             reasoning("I look first."),
///             call("call_1", "shell", r#"{"cmd":"ls"}"#),
///             finish("tool_calls"),
///         ]))
///         .then(Answer::text("Two files.")),
/// )?;
/// assert!(upstream.base_url().starts_with("http://127.0.0.1:"));
/// assert_eq!(upstream.faults(), ["lane `main`: 2 answers were never asked for"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// One request and how it was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What came in.
    pub request: Request,
    /// The lane that answered; empty for model lists, wrong keys and refused bodies.
    pub lane: String,
    /// The status that was sent; 0 when the script hung up.
    pub status: u16,
    /// What the strict upstream did not like.
    pub violations: Vec<Violation>,
    /// How the answer's body ended.
    pub ending: Ending,
}

/// How the body of an answer ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Not yet.
    Open,
    /// All of it was sent.
    Complete,
    /// The script cut the socket.
    Cut,
    /// The client went away first.
    ClientGone,
}

impl Scripted {
    /// Starts listening.
    ///
    /// # Errors
    ///
    /// If no socket or thread can be had.
    pub fn start(script: Script) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let state = State { script, exchanges: Vec::new(), unexpected: 0 };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("scripted-upstream".into()).spawn(move || {
                runtime.block_on(async move {
                    // A listener that fails ends the thread; the tests then see refused connections.
                    let Ok(listener) = TcpListener::from_std(listener) else { return };
                    tokio::select! {
                        () = accept(listener, served) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// What a gateway is told, for example `http://127.0.0.1:40123/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The listening address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything so far, in the order in which the requests were complete.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.lock().exchanges.clone()
    }

    /// The bodies of all chat requests so far.
    pub fn bodies(&self) -> Vec<Value> {
        let state = self.shared.lock();
        let chats = state.exchanges.iter().filter(|it| is_chat(&it.request));
        chats.map(|it| it.request.body.clone()).collect()
    }

    /// Everything, as soon as `done` is content with it or the time is over.
    pub fn wait_until(&self, limit: Duration, done: impl Fn(&[Exchange]) -> bool) -> Vec<Exchange> {
        let end = Instant::now() + limit;
        let mut state = self.shared.lock();
        while !done(&state.exchanges) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.exchanges.clone()
    }

    /// All violations so far.
    pub fn violations(&self) -> Vec<Violation> {
        let state = self.shared.lock();
        state.exchanges.iter().flat_map(|it| it.violations.clone()).collect()
    }

    /// What did not go by the script: violations, requests too many, answers never asked for.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<_> = self.violations().iter().map(ToString::to_string).collect();
        let state = self.shared.lock();
        if state.unexpected > 0 {
            faults.push(format!("{} requests for which no answer was left", state.unexpected));
        }
        let left = state.script.left().into_iter();
        faults.extend(
            left.map(|(lane, left)| format!("lane `{lane}`: {left} answers were never asked for")),
        );
        faults
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed already, and drop must not add a second one.
            drop(thread.join());
        }
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    script: Script,
    exchanges: Vec<Exchange>,
    unexpected: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(request, Arc::clone(&shared)));
    // Both fail only when the peer is gone, which the exchange's ending tells.
    drop(stream.set_nodelay(true));
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(
    request: hyper::Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    let raw = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&raw).unwrap_or(Value::Null),
        raw,
    };
    let (number, answer) = take_answer(&shared, request.clone());
    let guard = Guard { shared, number };
    tokio::time::sleep(answer.delay).await;
    reply(&request, answer, guard)
}

/// Decides what to answer and books the exchange.
fn take_answer(shared: &Shared, request: Request) -> (usize, Answer) {
    let mut guard = shared.lock();
    let state = &mut *guard;
    let mut lane = String::new();
    let mut violations = Vec::new();
    let answer = if !has_key(&request, state.script.key.as_deref()) {
        strict::refusal(401, "Invalid API Key", "", "invalid_key")
    } else if state.script.lists_models(&request) {
        state.script.models_answer.clone().unwrap_or_else(|| models(&state.script.models))
    } else if !is_chat(&request) {
        Answer::error(404, "not_found", "only /chat/completions and /models are here")
    } else {
        if let Some(strict) = &state.script.strict {
            violations = strict.check(&request.body);
        }
        match violations.first() {
            Some(first) => strict::answer_to(first, &request.body),
            None => {
                let (name, next) = state.script.next(&request);
                lane = name;
                state.unexpected += usize::from(next.is_none());
                let answer = next.unwrap_or_else(|| {
                    Answer::error(500, "script_ended", "the script has no answer left for this")
                });
                if let Some(strict) = &mut state.script.strict {
                    strict.remember(answer.pieces());
                }
                answer
            }
        }
    };
    let status = match answer.content {
        Content::Nothing => 0,
        _ => answer.status.as_u16(),
    };
    state.exchanges.push(Exchange { request, lane, status, violations, ending: Ending::Open });
    shared.changed.notify_all();
    (state.exchanges.len() - 1, answer)
}

fn has_key(request: &Request, key: Option<&str>) -> bool {
    let Some(key) = key else { return true };
    let sent = request.header(AUTHORIZATION.as_str());
    sent.and_then(|it| it.strip_prefix("Bearer ")) == Some(key)
}

fn is_chat(request: &Request) -> bool {
    let path = request.path.split('?').next().unwrap_or_default();
    request.method == Method::POST && path.ends_with("/chat/completions")
}

fn models(names: &[String]) -> Answer {
    let entry = |name| json!({ "id": name, "object": "model", "owned_by": "testkit" });
    let data: Vec<_> = names.iter().map(entry).collect();
    Answer::json(200, json!({ "object": "list", "data": data }))
}

fn reply(request: &Request, answer: Answer, guard: Guard) -> Result<Response<Body>, io::Error> {
    let is_stream = request.body["stream"] == true;
    let head = Head {
        id: &format!("chatcmpl-{}", guard.number),
        model: request.body["model"].as_str().unwrap_or_default(),
        usage: request.body["stream_options"]["include_usage"] == true,
        done_line: answer.done_line,
    };
    let (mime, acts) = match &answer.content {
        Content::Pieces(pieces) if is_stream => (EVENTS, render::stream(&head, pieces)),
        Content::Pieces(pieces) | Content::Whole(pieces) => (JSON, render::fold(&head, pieces)),
        Content::Json(value) => (JSON, vec![Act::Send(value.to_string().into())]),
        Content::Bytes(bytes) => (EVENTS, vec![Act::Send(bytes.clone())]),
        Content::Nothing => {
            guard.end(Ending::Cut);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    };
    // Whole bodies announce their length, as real servers do; events and cut bodies cannot.
    let length = (mime == JSON && !acts.contains(&Act::Cut)).then(|| length(&acts));
    let mut response = Response::new(body(acts, guard));
    *response.status_mut() = answer.status;
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    response.headers_mut().extend(answer.headers);
    Ok(response)
}

fn length(acts: &[Act]) -> usize {
    let lengths = acts.iter().map(|act| match act {
        Act::Send(bytes) => bytes.len(),
        Act::Wait(_) | Act::Cut => 0,
    });
    lengths.sum()
}

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// How long bytes before a cut may take to leave this process.
const FLUSH: Duration = Duration::from_millis(30);

fn body(acts: Vec<Act>, guard: Guard) -> Body {
    let steps = stream::unfold((acts.into_iter(), guard), async |(mut acts, guard)| {
        loop {
            match acts.next() {
                Some(Act::Send(bytes)) => return Some((Ok(Frame::data(bytes)), (acts, guard))),
                Some(Act::Wait(time)) => tokio::time::sleep(time).await,
                Some(Act::Cut) => {
                    tokio::time::sleep(FLUSH).await;
                    guard.end(Ending::Cut);
                    let cut = io::ErrorKind::ConnectionReset.into();
                    return Some((Err(cut), (Vec::new().into_iter(), guard)));
                }
                None => {
                    guard.end(Ending::Complete);
                    return None;
                }
            }
        }
    });
    StreamBody::new(steps).boxed_unsync()
}

/// Books how an answer ended, also when its body is simply dropped.
struct Guard {
    shared: Arc<Shared>,
    number: usize,
}

impl Guard {
    fn end(&self, ending: Ending) {
        let mut state = self.shared.lock();
        let exchange = &mut state.exchanges[self.number];
        if exchange.ending == Ending::Open {
            exchange.ending = ending;
            self.shared.changed.notify_all();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end(Ending::ClientGone);
    }
}
