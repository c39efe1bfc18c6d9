//! Finding somebody to answer a turn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use interlingua_dialect::{Fix, NonstreamThinking, Wire};
use interlingua_ir::{Class, Event, Fault, Note, NoteKind, Origin, Turn};
use interlingua_reasoning::{Sealing, open};
use interlingua_registry::{Attempts, Next, Provider, ProviderKey, Route, Skipped, Target};
use interlingua_translate::tools::ToolMap;
use interlingua_translate::{Encode as _, ReadLimits, Reader, Started, chat, json, responses};
use interlingua_upstream::{AnswerBody, Call, Refusal, linger, silent};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::candidates::{Candidate, arrange, candidates, is_wider};
use crate::chain::Chain;
use crate::record::{Meter, Record};
use crate::scrub::Scrubber;
use crate::session;
use crate::state::{State, View};

/// A turn to be answered.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) state: Arc<State>,
    pub(crate) view: Arc<View>,
    /// The client's request.
    pub(crate) body: Vec<u8>,
    pub(crate) tenant: String,
    /// What a header calls the client's session.
    pub(crate) session: Option<String>,
    /// The client's own key for a provider, if it brings one.
    pub(crate) own_key: Option<ProviderKey>,
    /// What the answer is called, without prefix; unique.
    pub(crate) answer_id: String,
}

/// What is known as soon as the request is read.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) head: responses::Head,
    pub(crate) streaming: bool,
}

/// An answer that the client may see now. From here on nothing is retried.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) reader: Reader<chat::Decoder>,
    /// `None` when the upstream has closed it.
    pub(crate) body: Option<AnswerBody>,
    /// What was read and not looked at.
    pub(crate) rest: Bytes,
    /// The events up to the first that carries something of the model.
    pub(crate) first: Vec<Event<'static>>,
    pub(crate) tools: ToolMap,
    pub(crate) sealing: Sealing,
    pub(crate) idle: Duration,
    pub(crate) provider: String,
    /// Masks secrets in what the upstream says when it fails.
    pub(crate) scrubber: Scrubber,
    /// The place among the requests at work with the provider.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

/// What came of a turn.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It has begun, piece by piece.
    Begun(Box<Commit>),
    /// It is complete: its JSON.
    Whole(Vec<u8>),
}

/// Answers a turn: tries target after target until one of them has begun, or, for a client that wants
/// it whole, has ended.
///
/// The request is read at the first poll; what is known then goes through `early` at once.
pub(crate) async fn run(
    job: Job,
    mut record: Record,
    early: oneshot::Sender<Early>,
) -> (Record, Result<Answer, Fault>) {
    let result = answer(&job, &mut record, early).await;
    if let Err(fault) = &result {
        record.fault = Some(fault.clone());
    }
    (record, result)
}

async fn answer(
    job: &Job,
    record: &mut Record,
    early: oneshot::Sender<Early>,
) -> Result<Answer, Fault> {
    let snapshot = &job.view.snapshot;
    let limits = &snapshot.settings().limits;
    let limits = json::Limits { depth: limits.json_depth, nodes: limits.json_nodes };
    let (mut turn, notes) = responses::read(&job.body, limits)?;
    record.asked = turn.model.to_string();
    record.notes = notes;
    let head = responses::Head::of(&turn, &format!("resp_{}", job.answer_id), now(), now);
    // Whoever listens may have stopped; then nobody needs to know.
    drop(early.send(Early { head: head.clone(), streaming: turn.stream }));

    let model = Some(turn.model.as_ref()).filter(|it| !it.is_empty());
    let mut route = snapshot.route(model)?;
    let session = session::of(job.session.as_deref(), &turn).map(str::to_owned);
    let is_choice = route.is_choice() || route.targets.iter().any(|it| it.provider.keys.len() > 1);
    let seed = is_choice.then(|| session::seed(&job.tenant, session.as_deref(), &turn));
    let seed = seed.unwrap_or_default();
    arrange(&mut route, &turn, seed, &job.state.moved);
    for Skipped { slug, why } in &route.skipped {
        record.notes.push(Note::new(NoteKind::Skipped, format!("{slug}: {why}")));
    }
    record.notes.extend(narrower_window(&route));
    record.notes.extend(open(&mut turn, &job.state.tools.seal, &job.tenant));

    let Route { targets, .. } = &route;
    let mut waiting = candidates(targets, job.own_key.as_ref(), seed, &job.state.failures)?;
    // What `waiting` holds is asked from its end.
    waiting.reverse();
    let mut last = None;
    while let Some(candidate) = waiting.pop() {
        let Candidate { target, key } = candidate;
        let session = session.as_deref();
        let errand = Errand { job, turn: &turn, target, key, session, head: &head };
        let (fault, next) = match errand.run(record).await {
            Ok(answer) => {
                job.state.failures.succeeded(candidate.id());
                if targets.len() > 1 {
                    let is_first = target.slug == targets[0].slug;
                    let now = std::time::Instant::now();
                    job.state.moved.answered(seed, &target.slug, is_first, now);
                }
                return Ok(answer);
            }
            Err(failed) => failed,
        };
        let now = std::time::Instant::now();
        job.state.failures.failed(candidate.id(), &fault, now);
        match next {
            // A longer window may do what this one could not.
            Next::GiveUp if fault.class == Class::ContextLength => {
                waiting.retain(|it| is_wider(&it.target.model, &target.model));
                if waiting.is_empty() {
                    return Err(fault);
                }
            }
            Next::GiveUp => return Err(fault),
            // Another key opens no other server.
            _ if is_about_the_server(fault.class) => {
                waiting.retain(|it| it.target.slug != target.slug);
            }
            _ => {}
        }
        if !waiting.is_empty() {
            let key = key.filter(|_| target.provider.keys.len() > 1);
            let with = key.map(|key| format!(" with {}", key.name)).unwrap_or_default();
            let what = format!("{}{with}: {}", target.slug, fault.class.name());
            tracing::warn!(target = %target.slug, %fault, "asking the next one");
            record.notes.push(Note::new(NoteKind::Skipped, what));
        }
        last = Some(fault);
    }
    Err(last.unwrap_or_else(|| {
        let what = format!("no provider that can be used now serves `{}`", turn.model);
        Fault::new(Class::ModelNotFound, what)
    }))
}

/// Tells of a window that the client wished for by the model's name, and does not get.
fn narrower_window(route: &Route) -> Option<Note> {
    let (wanted, model) = (route.wanted_window?, &route.targets.first()?.model);
    let what = format!("window of {wanted} tokens: {} has {}", model.id, model.context_window);
    (model.context_window < wanted).then(|| Note::new(NoteKind::Changed, what))
}

/// Whether a failure is the server's and not that of the account behind a key.
fn is_about_the_server(class: Class) -> bool {
    matches!(
        class,
        Class::Overloaded
            | Class::Upstream
            | Class::Interrupted
            | Class::Unreachable
            | Class::Timeout
            | Class::ModelNotFound
    )
}

/// A turn on its way to one target.
struct Errand<'e, 'a> {
    job: &'e Job,
    turn: &'e Turn<'a>,
    target: &'e Target,
    key: Option<&'e ProviderKey>,
    session: Option<&'e str>,
    head: &'e responses::Head,
}

impl Errand<'_, '_> {
    /// Asks the target, again where that may help.
    async fn run(&self, record: &mut Record) -> Result<Answer, (Fault, Next)> {
        let view = &self.job.view;
        let provider = &self.target.provider.id;
        let wait = view.snapshot.settings().timeouts.queue;
        let place = view.admission.provider(provider, wait).await;
        let place = place.map_err(|fault| (fault.by(provider), Next::NextTarget))?;
        let begun = Instant::now();
        let mut attempts = Attempts::new();
        let mut repairs = chat::Repairs::default();
        loop {
            record.attempts += 1;
            let Refusal { mut fault, fix } = match self.ask(record, &repairs).await {
                Ok(Answer::Begun(mut commit)) => {
                    commit.place = Some(place);
                    return Ok(Answer::Begun(commit));
                }
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            view.scrubber.mask_fault(&mut fault);
            let fix = fix.or((fault.class == Class::ReplayMissing).then_some(Fix::AddPlaceholder));
            if let Some(fix) = fix.filter(|_| repairs.is_empty())
                && repairs.add(fix, fault.param.as_deref())
            {
                tracing::warn!(%provider, %fault, fix = fix.name(), "the request is repaired and sent again");
                record.notes.push(Note::new(NoteKind::Repaired, fix.name()));
                continue;
            }
            match attempts.next(&fault, begun.elapsed(), jitter()) {
                Next::Retry { wait } => {
                    tracing::warn!(%provider, %fault, ?wait, "trying again");
                    tokio::time::sleep(wait).await;
                }
                next @ (Next::NextTarget | Next::GiveUp) => return Err((fault, next)),
            }
        }
    }

    /// Asks the target once.
    async fn ask(&self, record: &mut Record, repairs: &chat::Repairs) -> Result<Answer, Refusal> {
        let Target { provider, model, .. } = self.target;
        if provider.wire != Wire::Chat {
            let what = format!(
                "{} is configured with a wire that this version does not speak; use `wire = \"chat\"`",
                provider.id
            );
            return Err(Fault::new(Class::FeatureDisabled, what).by(&provider.id).into());
        }
        let dialect = &model.dialect;
        let forced = dialect.request.nonstream_thinking == NonstreamThinking::ForceStream;
        let stream = self.turn.stream || forced;
        let target =
            chat::Target { dialect, provider: &provider.id, model: &model.id, stream, repairs };
        let chat::Written { body, tools, notes } = chat::write(self.turn, &target)?;
        record.answered = Some((provider.id.to_string(), model.id.to_string()));
        record.key = self.key.map(|key| key.name.clone());
        record.price = model.price;
        let kept = record.notes.len();
        record.notes.extend(notes);
        tracing::debug!(
            provider = %provider.id,
            request_id = %record.request_id,
            body = %self.job.view.scrubber.mask(String::from_utf8_lossy(&body)),
            "sending upstream"
        );
        let call = Call {
            target: self.target,
            key: self.key,
            session: self.session,
            body: Bytes::from(body),
            stream,
            request_id: &record.request_id,
        };
        let asked = Instant::now();
        let sent = self.job.state.tools.upstream.send(call).await;
        let reading = async {
            let answer = sent?;
            record.upstream_request_id = answer.request_id;
            let seed = &self.job.answer_id;
            let decoder = chat::Decoder::new(Arc::clone(dialect), &provider.id, seed);
            let origin = Origin { provider: provider.id.to_string(), family: dialect.id.clone() };
            let seal = Arc::clone(&self.job.state.tools.seal);
            let sealing = Sealing::new(seal, &self.job.tenant, origin, seed, nonce);
            let limits = &self.job.view.snapshot.settings().limits;
            let limits = ReadLimits { event: limits.upstream_event, body: limits.upstream_body };
            let reader = Reader::with_limits(decoder, limits);
            let silence = Silence { provider, asked };
            if self.turn.stream {
                let begun = begin(reader, answer.body, silence).await?;
                let Begun { reader, body, rest, first } = begun;
                Ok(Answer::Begun(Box::new(Commit {
                    reader,
                    body,
                    rest,
                    first,
                    tools,
                    sealing,
                    idle: provider.timeouts.idle,
                    provider: provider.id.to_string(),
                    scrubber: self.job.view.scrubber.clone(),
                    place: None,
                })))
            } else {
                let encoder = responses::Encoder::whole(self.head.clone());
                let mut chain = Chain::new(encoder, Meter::new());
                chain.tools = tools;
                chain.sealing = Some(sealing);
                let whole = whole(reader, answer.body, silence, stream, &mut chain).await;
                record.read(&chain.meter, chain.encoder.notes());
                whole.map(Answer::Whole).map_err(Refusal::from)
            }
        };
        let result = reading.await;
        if result.is_err() {
            // What was noted about a request that was refused is noted again about the next one.
            record.notes.truncate(kept);
        }
        result
    }
}

/// How long an upstream may be silent.
#[derive(Clone, Copy)]
struct Silence<'s> {
    provider: &'s Provider,
    /// When the request was sent.
    asked: Instant,
}

impl Silence<'_> {
    /// Waits for the next piece of a body; `None` at its end. Comments are signs of life, but if
    /// `speechless`, the first word is due as well.
    async fn next(self, body: &mut AnswerBody, speechless: bool) -> Result<Option<Bytes>, Fault> {
        let Self { provider, asked } = self;
        let idle = provider.timeouts.idle;
        let left = provider.timeouts.first_byte.saturating_sub(asked.elapsed());
        let wait = if speechless { left.min(idle) } else { idle };
        let frame = tokio::time::timeout(wait, body.frame()).await.map_err(|_| {
            if wait < idle {
                return silent(provider);
            }
            let what = format!("{} was silent for {} s in its answer", provider.id, idle.as_secs());
            Fault::new(Class::Timeout, what).by(&provider.id)
        })?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|error| {
            let what = format!("{} broke the connection: {error}", provider.id);
            Fault::new(Class::Interrupted, what).by(&provider.id)
        })?;
        Ok(Some(frame.into_data().unwrap_or_default()))
    }
}

/// An answer up to its first meaningful event.
struct Begun {
    reader: Reader<chat::Decoder>,
    body: Option<AnswerBody>,
    rest: Bytes,
    first: Vec<Event<'static>>,
}

/// Reads an answer up to its first meaningful event, and no further: what follows goes to the client
/// without being kept.
async fn begin(
    mut reader: Reader<chat::Decoder>,
    mut body: AnswerBody,
    silence: Silence<'_>,
) -> Result<Begun, Fault> {
    let mut sink = (Vec::new(), Started::default());
    loop {
        let Some(mut data) = silence.next(&mut body, true).await? else {
            reader.finish(&mut sink)?;
            return Ok(Begun { reader, body: None, rest: Bytes::new(), first: sink.0 });
        };
        while !data.is_empty() {
            // One event at a time; a piece that is cut elsewhere does no harm.
            let end = find_blank_line(&data).unwrap_or(data.len());
            let event = data.split_to(end);
            reader.push(&event, &mut sink)?;
            if sink.1.is_set() || reader.is_over() {
                return Ok(Begun { reader, body: Some(body), rest: data, first: sink.0 });
            }
        }
    }
}

fn find_blank_line(data: &[u8]) -> Option<usize> {
    data.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2)
}

/// Reads a whole answer.
async fn whole(
    mut reader: Reader<chat::Decoder>,
    mut body: AnswerBody,
    silence: Silence<'_>,
    streamed: bool,
    chain: &mut Chain,
) -> Result<Vec<u8>, Fault> {
    let mut sink = (chain, Started::default());
    while let Some(data) = silence.next(&mut body, streamed && !sink.1.is_set()).await? {
        reader.push(&data, &mut sink)?;
        if reader.is_over() {
            linger(body);
            break;
        }
    }
    reader.finish(&mut sink)?;
    let (chain, _) = sink;
    let mut out = Vec::new();
    chain.encoder.take(&mut out);
    Ok(out)
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs())
}

fn nonce() -> [u8; 12] {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).expect("the operating system gives random bytes");
    nonce
}

fn jitter() -> f64 {
    f64::from(u32::from_le_bytes(nonce()[..4].try_into().expect("four bytes")))
        / f64::from(u32::MAX)
}
