//! A streamed answer: upstream bytes in, client bytes out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use interlingua_ir::{Class, Fault, Sink as _};
use interlingua_translate::{Encode as _, Reader, chat};
use interlingua_upstream::AnswerBody;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::attempt::{Answer, Commit};
use crate::chain::Chain;
use crate::record::Record;

/// How much is gathered at most before it is written, whatever else is ready.
const GATHER_LIMIT: usize = 64 << 10;

/// How often the upstream must have had nothing to give before what is gathered is written.
///
/// hyper hands over one piece of a body per turn of the scheduler and polls a body twice in a turn.
/// Writing at the first or the second empty poll would make one system call per piece even when all
/// pieces are there; the third comes after the connection has had its turn. No timer is involved:
/// a piece that comes alone is written in the same instant.
const EMPTY_POLLS: u8 = 3;

/// How long an upstream may take to end its body after its answer has ended, for its connection to be
/// used again.
const LINGER: Duration = Duration::from_secs(2);

/// The future that finds somebody to answer.
pub(crate) type Attempts = Pin<Box<dyn Future<Output = (Record, Result<Answer, Fault>)> + Send>>;

/// The body of a streamed answer.
pub(crate) struct Streaming {
    phase: Phase,
    chain: Chain,
    record: Option<Record>,
    out: Vec<u8>,
    empty_polls: u8,
    heartbeat: Duration,
    last_in: Instant,
    last_out: Instant,
    timer: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

enum Phase {
    /// Nobody has answered yet; the client sees neutral events.
    Waiting(Attempts),
    /// The answer is on its way.
    Relaying(Box<Relay>),
    /// Nothing more will come.
    Over,
}

/// An upstream's answer on its way.
struct Relay {
    reader: Reader<chat::Decoder>,
    body: AnswerBody,
    /// What was read from the upstream before the answer was committed to, and not looked at.
    rest: Bytes,
    idle: Duration,
    provider: String,
}

impl Streaming {
    /// Begins an answer that has been committed to.
    pub(crate) fn relay(
        mut chain: Chain,
        record: Record,
        commit: Commit,
        heartbeat: Duration,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let phase = take_over(&mut chain, commit);
        Self::new(phase, chain, Some(record), heartbeat, permit)
    }

    /// Opens an answer that nobody has begun yet.
    pub(crate) fn wait(
        mut chain: Chain,
        attempts: Attempts,
        heartbeat: Duration,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        chain.encoder.open();
        Self::new(Phase::Waiting(attempts), chain, None, heartbeat, permit)
    }

    /// An answer that begins well and fails at once.
    pub(crate) fn failed(mut chain: Chain, record: Record, fault: &Fault) -> Self {
        chain.fail(fault);
        Self::new(Phase::Over, chain, Some(record), Duration::MAX, None)
    }

    fn new(
        phase: Phase,
        chain: Chain,
        record: Option<Record>,
        heartbeat: Duration,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let now = Instant::now();
        let timer = Box::pin(tokio::time::sleep(heartbeat.min(LONG)));
        Self {
            phase,
            chain,
            record,
            out: Vec::new(),
            empty_polls: 0,
            heartbeat: heartbeat.min(LONG),
            last_in: now,
            last_out: now,
            timer,
            _permit: permit,
        }
    }

    /// Gives the next bytes for the client; `None` when there are no more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let progress = self.advance(cx);
            self.chain.encoder.take(&mut self.out);
            match progress {
                Progress::Over => {
                    self.close();
                    let out = std::mem::take(&mut self.out);
                    return Poll::Ready(Some(Bytes::from(out)).filter(|it| !it.is_empty()));
                }
                Progress::Ready if self.out.len() >= GATHER_LIMIT => return self.write(),
                Progress::Ready => self.empty_polls = 0,
                Progress::Empty if !self.out.is_empty() => {
                    self.empty_polls += 1;
                    if self.empty_polls >= EMPTY_POLLS {
                        return self.write();
                    }
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Progress::Empty => match self.poll_timer(cx) {
                    Poll::Ready(()) => {}
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    fn write(&mut self) -> Poll<Option<Bytes>> {
        self.empty_polls = 0;
        self.last_out = Instant::now();
        Poll::Ready(Some(std::mem::take(&mut self.out).into()))
    }

    /// Takes one step: reads what the upstream has, or takes over from the attempts.
    fn advance(&mut self, cx: &mut Context<'_>) -> Progress {
        match &mut self.phase {
            Phase::Over => Progress::Over,
            Phase::Waiting(attempts) => match attempts.as_mut().poll(cx) {
                Poll::Pending => Progress::Empty,
                Poll::Ready((record, result)) => {
                    self.record = Some(record);
                    self.last_in = Instant::now();
                    match result {
                        Ok(Answer::Begun(commit)) => {
                            self.phase = take_over(&mut self.chain, *commit);
                            Progress::Ready
                        }
                        // Only answers that the client wants piece by piece are waited for here.
                        Ok(Answer::Whole(_)) => {
                            self.phase = Phase::Over;
                            Progress::Over
                        }
                        Err(fault) => {
                            self.fail(fault);
                            Progress::Over
                        }
                    }
                }
            },
            Phase::Relaying(relay) => {
                let rest = std::mem::take(&mut relay.rest);
                let result = if rest.is_empty() {
                    match Pin::new(&mut relay.body).poll_frame(cx) {
                        Poll::Pending => return Progress::Empty,
                        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                            Ok(data) => relay.reader.push(&data, &mut self.chain),
                            Err(_) => Ok(()),
                        },
                        Poll::Ready(Some(Err(error))) => Err(relay.broke_off(&error)),
                        Poll::Ready(None) => {
                            let finished = relay.reader.finish(&mut self.chain);
                            self.phase = match finished {
                                Ok(()) => Phase::Over,
                                Err(fault) => {
                                    self.fail(fault);
                                    Phase::Over
                                }
                            };
                            return Progress::Over;
                        }
                    }
                } else {
                    relay.reader.push(&rest, &mut self.chain)
                };
                self.last_in = Instant::now();
                match result {
                    Ok(()) if relay.reader.is_over() => {
                        if let Phase::Relaying(relay) =
                            std::mem::replace(&mut self.phase, Phase::Over)
                        {
                            linger(relay.body);
                        }
                        Progress::Over
                    }
                    Ok(()) => Progress::Ready,
                    Err(fault) => {
                        self.fail(fault);
                        Progress::Over
                    }
                }
            }
        }
    }

    /// Watches the two silences: the upstream's, which ends the answer, and our own, which the client
    /// must not take for death. Ready when something was done about one of them.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        let beat = self.last_out + self.heartbeat;
        let end = match &self.phase {
            Phase::Relaying(relay) => Some(self.last_in + relay.idle.min(LONG)),
            Phase::Waiting(_) | Phase::Over => None,
        };
        if let Some(end) = end.filter(|end| *end <= now) {
            let fault = match &self.phase {
                Phase::Relaying(relay) => relay.stalled(now - (end - relay.idle.min(LONG))),
                Phase::Waiting(_) | Phase::Over => return Poll::Pending,
            };
            self.fail(fault);
            return Poll::Ready(());
        }
        if beat <= now {
            self.chain.encoder.keep_alive();
            self.last_out = now;
            // Written at once: nothing else is ready to be gathered with it.
            self.empty_polls = EMPTY_POLLS;
            return Poll::Ready(());
        }
        self.timer.as_mut().reset(end.map_or(beat, |end| end.min(beat)));
        self.timer.as_mut().poll(cx)
    }

    fn fail(&mut self, fault: Fault) {
        self.chain.fail(&fault);
        if let Some(record) = &mut self.record {
            record.fault = Some(fault);
        }
        self.phase = Phase::Over;
    }

    fn close(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.read(&mut self.chain.meter);
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Waiting(_) => "waiting",
            Phase::Relaying(_) => "relaying",
            Phase::Over => "over",
        };
        f.debug_struct("Streaming").field("phase", &phase).finish_non_exhaustive()
    }
}

enum Progress {
    /// Something was read.
    Ready,
    /// Nothing is there to be read.
    Empty,
    /// Nothing more will come.
    Over,
}

/// Longer than any wait that means something, and short enough to be added to a time.
const LONG: Duration = Duration::from_hours(24 * 365);

impl Relay {
    fn broke_off(&self, error: &std::io::Error) -> Fault {
        let what =
            format!("{} broke the connection in the middle of the answer: {error}", self.provider);
        Fault::new(Class::Interrupted, what).by(&self.provider)
    }

    fn stalled(&self, silence: Duration) -> Fault {
        let what = format!(
            "{} stopped in the middle of its answer and was silent for {} s",
            self.provider,
            silence.as_secs()
        );
        Fault::new(Class::Timeout, what).by(&self.provider)
    }
}

/// Begins to relay an answer: what was read of it so far goes to the client.
fn take_over(chain: &mut Chain, commit: Commit) -> Phase {
    let Commit { reader, body, rest, first, tools, sealing, idle, provider } = commit;
    chain.tools = tools;
    chain.sealing = Some(sealing);
    for event in first {
        chain.event(event);
    }
    if reader.is_over() {
        if let Some(body) = body {
            linger(body);
        }
        return Phase::Over;
    }
    match body {
        Some(body) => Phase::Relaying(Box::new(Relay { reader, body, rest, idle, provider })),
        None => Phase::Over,
    }
}

/// Reads the end of a body whose answer has ended, so that its connection can be used again. The
/// client does not wait for it.
fn linger(body: AnswerBody) {
    if http_body::Body::is_end_stream(&body) {
        return;
    }
    tokio::spawn(async move {
        let rest = Limited::new(body, GATHER_LIMIT).collect();
        // Whatever comes of it, there is nothing left to do.
        drop(tokio::time::timeout(LINGER, rest).await);
    });
}
