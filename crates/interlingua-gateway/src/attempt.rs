//! Finding somebody to answer a turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use interlingua_ir::{Class, Event, Fault, Note, NoteKind, Protocol, Retry, Task, Turn};
use interlingua_reasoning::open;
use interlingua_registry::{Next, ProviderKey, Route, Scrubber, SkipReason, Skipped, Target};
use interlingua_translate::client::{self, Head, Ids};
use interlingua_translate::{Decode, Document, Reader, json};
use interlingua_upstream::AnswerBody;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::candidates::{Candidate, arrange, candidates, is_wider, leave_out_keyless};
use crate::chain::Passage;
use crate::compact::{self, Signs};
use crate::errand::Errand;
use crate::recall::Recall;
use crate::record::Record;
use crate::session;
use crate::state::{State, View};
use crate::stored::{self, Continued};

/// A turn to be answered.
#[derive(Debug)]
pub(crate) struct Job {
    /// In which the client asks.
    pub(crate) protocol: Protocol,
    pub(crate) state: Arc<State>,
    pub(crate) view: Arc<View>,
    /// The client's request.
    pub(crate) body: Bytes,
    /// Its headers, of which some go on to an upstream of the same protocol.
    pub(crate) headers: HeaderMap,
    pub(crate) tenant: String,
    /// What a header calls the client's session.
    pub(crate) session: Option<String>,
    /// The client's own key for a provider, if it brings one.
    pub(crate) own_key: Option<ProviderKey>,
    /// What the answer is called, without prefix; unique.
    pub(crate) answer_id: String,
    /// What the request's head and route say about compaction.
    pub(crate) compaction: Signs,
}

/// What is known as soon as the request is read.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) head: Head,
    pub(crate) streaming: bool,
}

/// An answer that the client may see now. From here on nothing is retried.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) reader: Reader<Box<dyn Decode>>,
    /// `None` when the upstream has closed it.
    pub(crate) body: Option<AnswerBody>,
    /// What was read and not looked at.
    pub(crate) rest: Bytes,
    /// The events up to the first that carries something of the model.
    pub(crate) first: Vec<Event<'static>>,
    /// Whether the upstream's frames may go to the client as they come.
    pub(crate) verbatim: bool,
    pub(crate) passage: Passage,
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
    /// It is complete: its events.
    Ready(Vec<Event<'static>>),
}

/// Answers a turn: tries target after target until one of them has begun, or, for a client that wants
/// it whole, has ended.
///
/// The request is read at the first poll; what is known then goes through `early` at once.
pub(crate) async fn run(
    mut job: Job,
    mut record: Record,
    early: oneshot::Sender<Early>,
) -> (Record, Result<Answer, Fault>) {
    let result = read(&mut job, &mut record, early).await;
    if let Err(fault) = &result {
        record.fault = Some(fault.clone());
    }
    (record, result)
}

async fn read(
    job: &mut Job,
    record: &mut Record,
    early: oneshot::Sender<Early>,
) -> Result<Answer, Fault> {
    let limits = &job.view.snapshot.settings().limits;
    let limits = json::Limits { depth: limits.json_depth, nodes: limits.json_nodes };
    let Continued { previous, body } = {
        let document = Document::of_shared(&job.body, limits)?;
        match stored::continued(job, &document).await? {
            None => return answer(job, &document, None, record, early).await,
            Some(continued) => continued,
        }
    };
    job.body = body;
    let document = Document::of_shared(&job.body, limits)?;
    answer(job, &document, Some(&previous), record, early).await
}

async fn answer(
    job: &Job,
    document: &Document<'_>,
    previous: Option<&str>,
    record: &mut Record,
    early: oneshot::Sender<Early>,
) -> Result<Answer, Fault> {
    let (mut turn, notes) = client::read(job.protocol, document)?;
    job.compaction.apply(&mut turn);
    record.asked = turn.model.to_string();
    record.notes = notes;
    let ids = Ids { answer: &job.answer_id, request: &record.request_id };
    let store = stored::is_wanted(&mut turn);
    let head = Head::of(&turn, ids, now).stored(store, previous);
    // Whoever listens may have stopped; then nobody needs to know.
    drop(early.send(Early { head: head.clone(), streaming: turn.stream }));

    let course = Course::of(job, &turn, record)?;
    record.notes.extend(open(&mut turn, &job.state.tools.seal, &job.tenant));
    let recall = Recall::of(job, &mut turn, &course.targets, &mut record.notes).await;
    let course = Course { recall, ..course };
    job.compaction.check(job, &turn)?;
    match turn.task {
        Task::Answer => ask(job, document, &turn, &course, &head, record).await,
        Task::Compact => compact::run(job, document, turn, &course, &head, record).await,
    }
}

/// Whom a turn is to ask, and for which conversation.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) targets: Vec<Target>,
    session: Option<String>,
    seed: u64,
    /// Where the conversation belongs, if there is a choice.
    home: Option<Arc<str>>,
    recall: Recall,
}

impl Course {
    fn of(job: &Job, turn: &Turn<'_>, record: &mut Record) -> Result<Self, Fault> {
        let model = Some(turn.model.as_ref()).filter(|it| !it.is_empty());
        let mut route = job.view.snapshot.route(model)?;
        if job.own_key.is_none() {
            leave_out_keyless(&mut route, &mut record.notes)?;
        }
        let session = session::of(job.session.as_deref(), turn).map(str::to_owned);
        let is_choice =
            route.is_choice() || route.targets.iter().any(|it| it.provider.keys.len() > 1);
        let seed = is_choice.then(|| session::seed(&job.tenant, session.as_deref(), turn));
        let seed = seed.unwrap_or_default();
        let home = arrange(&mut route, turn, seed, &job.state.moved);
        for Skipped { slug, why } in &route.skipped {
            record.notes.push(Note::new(NoteKind::Skipped, format!("{slug}: {why}")));
        }
        record.notes.extend(narrower_window(&route));
        Ok(Self { targets: route.targets, session, seed, home, recall: Recall::default() })
    }
}

/// Asks candidate after candidate until one answers.
pub(crate) async fn ask(
    job: &Job,
    document: &Document<'_>,
    turn: &Turn<'_>,
    course: &Course,
    head: &Head,
    record: &mut Record,
) -> Result<Answer, Fault> {
    let Course { targets, session, seed, home, recall } = course;
    let State { failures, moved, .. } = &*job.state;
    let mut waiting = VecDeque::from(candidates(targets, job.own_key.as_ref(), *seed, failures));
    if waiting.front().is_some_and(|first| first.pause.is_none()) {
        let cooling = waiting.iter().filter(|candidate| candidate.pause.is_some());
        let why = SkipReason::Cooling.to_string();
        record.notes.extend(cooling.map(|candidate| skipped(candidate, &why)));
    }
    let mut last = None;
    while let Some(candidate) = waiting.pop_front() {
        let Candidate { target, key, .. } = candidate;
        failures.asked(|| candidate.id(), Instant::now());
        let session = session.as_deref();
        let errand = Errand { job, document, turn, target, key, session, head, recall };
        let result = errand.run(record).await;
        let now = Instant::now();
        let (fault, next) = match result {
            Ok(answer) => {
                failures.succeeded(|| candidate.id());
                if let Some(home) = home {
                    moved.answered(*seed, &target.slug, target.slug == *home, now);
                }
                return Ok(answer);
            }
            Err(failed) => failed,
        };
        failures.failed(candidate.id(), &fault, now);
        match next {
            // A longer window may do what this one could not.
            Next::GiveUp if fault.class == Class::ContextLength => {
                waiting.retain(|it| {
                    it.target.slug != target.slug && is_wider(&it.target.model, &target.model)
                });
            }
            Next::GiveUp => return Err(fault),
            // Another key opens no other server.
            _ if is_about_the_server(fault.class) => {
                waiting.retain(|it| it.target.slug != target.slug);
            }
            _ => {}
        }
        if !waiting.is_empty() {
            tracing::warn!(target = %target.slug, %fault, "asking the next one");
            record.notes.push(skipped(&candidate, fault.class.name()));
        }
        // One who may do better later is worth more to the client than another who never will.
        if !last.as_ref().is_some_and(may_pass) || may_pass(&fault) {
            last = Some(fault);
        }
    }
    Err(last.unwrap_or_else(|| {
        let what = format!("no provider that can be used now serves `{}`", turn.model);
        Fault::new(Class::ModelNotFound, what)
    }))
}

/// Tells of a candidate that did not answer; of its key only where it has another.
fn skipped(candidate: &Candidate<'_>, why: &str) -> Note {
    let Candidate { target, key, .. } = candidate;
    let key = key.filter(|_| target.provider.keys.len() > 1);
    let with = key.map(|key| format!(" with {}", key.name)).unwrap_or_default();
    Note::new(NoteKind::Skipped, format!("{}{with}: {why}", target.slug))
}

/// Tells of a window that the client wished for by the model's name, and does not get.
fn narrower_window(route: &Route) -> Option<Note> {
    let (wanted, model) = (route.wanted_window?, &route.targets.first()?.model);
    let what = format!("window of {wanted} tokens: {} has {}", model.id, model.context_window);
    (model.context_window < wanted).then(|| Note::new(NoteKind::Changed, what))
}

/// Whether the same request may succeed later with whoever failed.
fn may_pass(fault: &Fault) -> bool {
    matches!(fault.retry(), Retry::After(_))
}

/// Whether a failure is the server's, or that of our places with it, and not that of the account behind
/// a key.
fn is_about_the_server(class: Class) -> bool {
    matches!(
        class,
        Class::Busy
            | Class::Overloaded
            | Class::Upstream
            | Class::Interrupted
            | Class::Unreachable
            | Class::Timeout
            | Class::ModelNotFound
    )
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs())
}
