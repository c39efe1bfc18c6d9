//! A streamed answer: upstream bytes in, client bytes out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use interlingua_ir::{Class, Event, Fault, Sink as _};
use interlingua_reasoning::Pending;
use interlingua_registry::Scrubber;
use interlingua_translate::{Decode, Reader};
use interlingua_upstream::{AnswerBody, linger};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::admission::Place;
use crate::attempt::{Answer, Commit};
use crate::chain::Chain;
use crate::recall::unkept;
use crate::record::Record;
use crate::reply;

/// How much is gathered at most before it is written, whatever else is ready.
const GATHER_LIMIT: usize = 64 << 10;

/// How often the upstream must have had nothing to give before what is gathered is written.
///
/// hyper hands over one piece of a body per turn of the scheduler and polls a body twice in a turn.
/// Writing at the first or the second empty poll would make one system call per piece even when all
/// pieces are there; the third comes after the connection has had its turn. No timer is involved:
/// a piece that comes alone is written in the same instant.
const EMPTY_POLLS: u8 = 3;

/// The future that finds somebody to answer.
pub(crate) type Attempts = Pin<Box<dyn Future<Output = (Record, Result<Answer, Fault>)> + Send>>;

/// The body of a streamed answer.
pub(crate) struct Streaming {
    phase: Phase,
    chain: Chain,
    record: Option<Record>,
    /// How much the last write took: as much room as the next one will need.
    room: usize,
    empty_polls: u8,
    heartbeat: Duration,
    last_in: Instant,
    last_out: Instant,
    /// Something came or went since the clock was last looked at, which costs more than to relay it.
    heard: bool,
    told: bool,
    /// Whether the answer itself tells who answers.
    expose: bool,
    timer: Pin<Box<Sleep>>,
    _place: Option<Place>,
}

enum Phase {
    /// Nobody has answered yet; the client sees neutral events.
    Waiting(Attempts),
    /// The answer is on its way.
    Relaying(Box<Relay>),
    /// The answer is complete, and its end waits until what has to be kept of it is.
    Keeping(Pending<'static, ()>),
    /// Nothing more will come.
    Over,
}

/// An upstream's answer on its way.
struct Relay {
    reader: Reader<Box<dyn Decode>>,
    body: AnswerBody,
    /// What was read from the upstream before the answer was committed to, and not looked at.
    rest: Bytes,
    idle: Duration,
    provider: String,
    scrubber: Scrubber,
    _place: Option<OwnedSemaphorePermit>,
}

impl Streaming {
    /// Begins an answer that has been committed to.
    pub(crate) fn relay(
        mut chain: Chain,
        record: Record,
        commit: Commit,
        heartbeat: Duration,
        place: Option<Place>,
    ) -> Self {
        let phase = take_over(&mut chain, commit);
        Self::new(phase, chain, Some(record), heartbeat, place)
    }

    /// Opens an answer that nobody has begun yet. Who answers is told in its metadata if `expose` says
    /// so, since its head is gone by then.
    pub(crate) fn wait(
        mut chain: Chain,
        attempts: Attempts,
        heartbeat: Duration,
        place: Option<Place>,
        expose: bool,
    ) -> Self {
        chain.encoder.open();
        let mut waiting = Self::new(Phase::Waiting(attempts), chain, None, heartbeat, place);
        waiting.expose = expose;
        waiting
    }

    /// An answer that is complete.
    pub(crate) fn ready(mut chain: Chain, record: Record, events: Vec<Event<'static>>) -> Self {
        for event in events {
            chain.event(event);
        }
        Self::new(Phase::Over, chain, Some(record), Duration::MAX, None)
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
        place: Option<Place>,
    ) -> Self {
        let now = Instant::now();
        let timer = Box::pin(tokio::time::sleep(heartbeat.min(LONG)));
        Self {
            phase,
            chain,
            record,
            room: 0,
            empty_polls: 0,
            heartbeat: heartbeat.min(LONG),
            last_in: now,
            last_out: now,
            heard: false,
            told: false,
            expose: false,
            timer,
            _place: place,
        }
    }

    /// Gives the next bytes for the client; `None` when there are no more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let progress = self.advance(cx);
            let pending = self.chain.encoder.pending();
            match progress {
                Progress::Over => {
                    self.close();
                    return match pending {
                        0 => Poll::Ready(None),
                        _ => self.write(),
                    };
                }
                Progress::Held => return Poll::Pending,
                Progress::Ready if self.is_held() => {}
                Progress::Ready if pending >= GATHER_LIMIT => return self.write(),
                Progress::Ready => self.empty_polls = 0,
                Progress::Empty if pending > 0 => {
                    self.empty_polls += 1;
                    // The first token is what somebody waits for, and the head goes out with it.
                    if self.room == 0 || self.empty_polls >= EMPTY_POLLS {
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

    fn is_held(&self) -> bool {
        matches!(self.phase, Phase::Keeping(_))
    }

    fn write(&mut self) -> Poll<Option<Bytes>> {
        let mut out = Vec::with_capacity(self.room);
        self.chain.encoder.take(&mut out);
        self.room = out.len().min(GATHER_LIMIT);
        self.empty_polls = 0;
        self.told = true;
        Poll::Ready(Some(out.into()))
    }

    /// Takes one step: reads what the upstream has, or takes over from the attempts.
    fn advance(&mut self, cx: &mut Context<'_>) -> Progress {
        match &mut self.phase {
            Phase::Over => Progress::Over,
            Phase::Keeping(kept) => match kept.as_mut().poll(cx) {
                Poll::Pending => Progress::Held,
                Poll::Ready(kept) => {
                    if let (Err(error), Some(record)) = (kept, &mut self.record) {
                        record.notes.push(unkept(&error));
                    }
                    self.phase = Phase::Over;
                    Progress::Over
                }
            },
            Phase::Waiting(attempts) => match attempts.as_mut().poll(cx) {
                Poll::Pending => Progress::Empty,
                Poll::Ready((mut record, result)) => {
                    // The head of the answer went out long ago.
                    record.status = 200;
                    if self.expose {
                        self.chain.encoder.annotate(&reply::metadata(&record));
                    }
                    self.record = Some(record);
                    self.heard = true;
                    match result {
                        Ok(Answer::Begun(commit)) => {
                            self.phase = take_over(&mut self.chain, *commit);
                            Progress::Ready
                        }
                        Ok(Answer::Ready(events)) => {
                            for event in events {
                                self.chain.event(event);
                            }
                            self.phase = Phase::Over;
                            Progress::Over
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
                            return match finished {
                                Ok(()) => self.ended(),
                                Err(fault) => {
                                    self.fail(fault);
                                    Progress::Over
                                }
                            };
                        }
                    }
                } else {
                    relay.reader.push(&rest, &mut self.chain)
                };
                self.heard = true;
                match result {
                    Ok(()) if relay.reader.is_over() => {
                        if let Phase::Relaying(relay) =
                            std::mem::replace(&mut self.phase, Phase::Over)
                        {
                            linger(relay.body);
                        }
                        self.ended()
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
        if std::mem::take(&mut self.heard) {
            self.last_in = now;
        }
        if std::mem::take(&mut self.told) {
            self.last_out = now;
        }
        let beat = self.last_out + self.heartbeat;
        let end = match &self.phase {
            Phase::Relaying(relay) => Some(self.last_in + relay.idle.min(LONG)),
            Phase::Waiting(_) | Phase::Keeping(_) | Phase::Over => None,
        };
        if let Some(end) = end.filter(|end| *end <= now) {
            let fault = match &self.phase {
                Phase::Relaying(relay) => relay.stalled(now - (end - relay.idle.min(LONG))),
                Phase::Waiting(_) | Phase::Keeping(_) | Phase::Over => return Poll::Pending,
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

    /// Takes note that the upstream has ended its answer.
    fn ended(&mut self) -> Progress {
        self.phase = last(&mut self.chain);
        match self.phase {
            Phase::Keeping(_) => Progress::Ready,
            _ => Progress::Over,
        }
    }

    fn fail(&mut self, mut fault: Fault) {
        if let Phase::Relaying(relay) = &self.phase {
            relay.scrubber.mask_fault(&mut fault);
        }
        self.chain.fail(&fault);
        if let Some(record) = &mut self.record {
            record.fault = Some(fault);
        }
        self.phase = Phase::Over;
    }

    fn close(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.read(&self.chain.meter, self.chain.encoder.notes());
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
            Phase::Keeping(_) => "keeping",
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
    /// What is ready must not be seen yet.
    Held,
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
    let Commit { reader, body, rest, first, passage, idle, provider, scrubber, place, .. } = commit;
    chain.passage = passage;
    for event in first {
        chain.event(event);
    }
    if reader.is_over() {
        if let Some(body) = body {
            linger(body);
        }
        return last(chain);
    }
    match body {
        Some(body) => Phase::Relaying(Box::new(Relay {
            reader,
            body,
            rest,
            idle,
            provider,
            scrubber,
            _place: place,
        })),
        None => last(chain),
    }
}

/// What is left to do for an answer that its upstream has ended.
fn last(chain: &mut Chain) -> Phase {
    chain.keep().map_or(Phase::Over, Phase::Keeping)
}
