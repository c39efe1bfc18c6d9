//! The socket in front of a script.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::Response;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::answer::{Answer, Content};
use super::script::{Request, Script};
use super::strict::{self, Violation};
use super::thought::{Issuer, Thought, thoughts};
use super::wire::{Wire, counts_tokens};

mod reply;

use reply::{Body, reply};

/// An upstream that plays a script and records what it is asked.
///
/// By its path a request chooses the protocol of its answer: `/v1/chat/completions`, `/v1/responses` or
/// `/v1/messages`, with `/v1/messages/count_tokens` and `/v1/models` beside them.
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
    /// The thoughts of the answer, as they were issued.
    pub issued: Vec<Thought>,
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
    pub fn start(mut script: Script) -> io::Result<Self> {
        script.settle();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let state = State { serial, script, exchanges: Vec::new(), unexpected: 0 };
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

    /// The bodies of all requests for a model's answer so far.
    pub fn bodies(&self) -> Vec<Value> {
        let state = self.shared.lock();
        let asked = state.exchanges.iter().filter(|it| Wire::of(&it.request).is_some());
        asked.map(|it| it.request.body.clone()).collect()
    }

    /// How many violations there were for each of what `by` names: a conversation, a client.
    pub fn tally(&self, by: impl Fn(&Request) -> String) -> BTreeMap<String, usize> {
        let mut tally = BTreeMap::new();
        for exchange in &self.shared.lock().exchanges {
            *tally.entry(by(&exchange.request)).or_default() += exchange.violations.len();
        }
        tally
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

/// Counts the upstreams of this process, so that each issues seals of its own.
static SERIAL: AtomicU64 = AtomicU64::new(1);

#[derive(Debug)]
struct State {
    serial: u64,
    script: Script,
    exchanges: Vec<Exchange>,
    unexpected: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    let (issuer, answer) = take_answer(&shared, request.clone());
    let voice = shared.lock().script.voice();
    let guard = Guard { shared, number: issuer.number };
    tokio::time::sleep(answer.delay).await;
    reply(&request, issuer, answer, &voice, guard)
}

/// Decides what to answer and books the exchange.
fn take_answer(shared: &Shared, request: Request) -> (Issuer, Answer) {
    let mut guard = shared.lock();
    let state = &mut *guard;
    let issuer = Issuer { serial: state.serial, number: state.exchanges.len() };
    let mut lane = String::new();
    let mut violations = Vec::new();
    let answer = if !has_key(&request, state.script.key.as_deref()) {
        strict::unknown_key(&request)
    } else if state.script.lists_models(&request) {
        let listed = || models(&request, &state.script.models);
        state.script.models_answer.clone().unwrap_or_else(listed)
    } else if counts_tokens(&request) {
        // A guess, as good as any: what counts is that the answer is the upstream's own.
        let count = || json!({ "input_tokens": (request.raw.len() / 4).max(1) });
        state.script.count_answer.clone().unwrap_or_else(|| Answer::json(200, count()))
    } else if Wire::of(&request).is_none() {
        Answer::error(404, "not_found", "only models and their answers are here")
    } else {
        let strict = state.script.strict.as_ref();
        violations = strict.map(|strict| strict.check(&request)).unwrap_or_default();
        match (violations.first(), strict) {
            (Some(first), Some(strict)) => strict.refuse(first, &request),
            _ => next(state, &request, issuer, &mut lane, &mut violations),
        }
    };
    let status = match answer.content {
        Content::Nothing => 0,
        _ => answer.status.as_u16(),
    };
    state.exchanges.push(Exchange {
        request,
        lane,
        status,
        violations,
        issued: thoughts(issuer, answer.pieces()),
        ending: Ending::Open,
    });
    shared.changed.notify_all();
    (issuer, answer)
}

/// The script's next answer, or what its model says.
fn next(
    state: &mut State,
    request: &Request,
    issuer: Issuer,
    lane: &mut String,
    violations: &mut Vec<Violation>,
) -> Answer {
    let Script { model, strict, .. } = &mut state.script;
    if let Some(model) = model {
        *violations = model.check(request);
        if let Some(first) = violations.first() {
            return strict.clone().unwrap_or_default().refuse(first, request);
        }
        let answer = model.answer(request, issuer);
        if let Some(strict) = strict {
            strict.seal(issuer, answer.pieces());
        }
        return answer;
    }
    let (name, next) = state.script.next(request);
    *lane = name;
    state.unexpected += usize::from(next.is_none());
    let mut answer = next.unwrap_or_else(|| {
        Answer::error(500, "script_ended", "the script has no answer left for this")
    });
    if request.body["thinking"]["type"] == "disabled" {
        answer.without_thought();
    }
    if let Some(strict) = &mut state.script.strict {
        strict.issue(issuer, answer.pieces());
    }
    answer
}

/// Either of the two ways in which keys are sent.
fn has_key(request: &Request, key: Option<&str>) -> bool {
    let Some(key) = key else { return true };
    let bearer = request.header(AUTHORIZATION.as_str()).and_then(|it| it.strip_prefix("Bearer "));
    bearer.or_else(|| request.header("x-api-key")) == Some(key)
}

/// The list in the shape of whoever asks.
fn models(request: &Request, names: &[String]) -> Answer {
    let list = if request.header("anthropic-version").is_some() {
        let entry = |name| {
            json!({
                "type": "model", "id": name, "display_name": name,
                "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active",
            })
        };
        let data: Vec<_> = names.iter().map(entry).collect();
        let (first, last) = (names.first(), names.last());
        json!({ "data": data, "has_more": false, "first_id": first, "last_id": last })
    } else {
        let entry =
            |name| json!({ "id": name, "object": "model", "created": 0, "owned_by": "testkit" });
        let data: Vec<_> = names.iter().map(entry).collect();
        json!({ "object": "list", "data": data })
    };
    Answer::json(200, list)
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
