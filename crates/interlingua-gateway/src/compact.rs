//! Conversations that are replaced by a summary.
//!
//! Codex asks for it in two ways, by an item at the end of the conversation and by a route of its own;
//! a third, an ordinary turn with a question of its own, needs nothing but to be counted.

use std::time::Instant;

use http::HeaderMap;
use interlingua_ir::{Class, Fault, Sink as _, Task, Turn};
use interlingua_translate::client::Head;
use interlingua_translate::compaction::{Compaction, Gathered};
use interlingua_translate::{Document, Encode, responses};
use serde::Deserialize;

use crate::attempt::{self, Answer, Course, Job};
use crate::chain::Chain;
use crate::fresh;
use crate::record::{Meter, Record};
use crate::session;

/// How often a conversation is shortened because the upstream finds it too long.
const TRIES: usize = 4;

/// How much of its window a model needs for the summary itself, at most.
const ROOM: u64 = 8192;

/// What a request's head and route say about compaction.
#[derive(Debug)]
pub(crate) struct Signs {
    /// It came to the route of its own.
    route: bool,
    /// Codex marks it as such, whichever way it goes.
    marked: bool,
    /// The session, by the headers.
    session: Option<String>,
}

impl Signs {
    pub(crate) fn of(headers: &HeaderMap, route: bool) -> Self {
        #[derive(Deserialize)]
        struct Metadata<'a> {
            #[serde(borrow, default)]
            request_kind: Option<&'a str>,
        }
        let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
        let metadata = text("x-codex-turn-metadata");
        let metadata = metadata.and_then(|it| serde_json::from_str::<Metadata<'_>>(it).ok());
        // A sub-agent shares the session of its parent, but not the thread.
        let session = [text("session-id"), text("thread-id")];
        let session = session.iter().flatten().copied().collect::<Vec<_>>().join("\0");
        Self {
            route,
            marked: metadata.is_some_and(|it| it.request_kind == Some("compaction")),
            session: Some(session).filter(|it| !it.is_empty()),
        }
    }

    /// Tells the turn what the route asks for.
    pub(crate) fn apply(&self, turn: &mut Turn<'_>) {
        if self.route {
            turn.task = Task::Compact;
            turn.stream = false;
        }
    }

    /// Counts a compaction of its session.
    ///
    /// # Errors
    ///
    /// When there were so many that they will not end by themselves.
    pub(crate) fn check(&self, job: &Job, turn: &Turn<'_>) -> Result<(), Fault> {
        if turn.task != Task::Compact && !self.marked {
            return Ok(());
        }
        match self.session.as_deref().or_else(|| session::cache_key(turn)) {
            Some(session) => job.state.storms.admit(&job.tenant, session, Instant::now()),
            None => Ok(()),
        }
    }
}

/// Has the conversation summed up by the model that answers it, and seals the summary.
pub(crate) async fn run(
    job: &Job,
    document: &Document<'_>,
    turn: Turn<'_>,
    course: &Course,
    head: &Head,
    record: &mut Record,
) -> Result<Answer, Fault> {
    let streams = turn.stream;
    let mut compaction = Compaction::new(turn);
    // Who is asked first may be too small; another one is asked then.
    let models = course.targets.iter().map(|it| &it.model);
    let known = models.clone().all(|it| !it.window_assumed);
    if let Some(window) = models.map(|it| it.context_window).max().filter(|_| known) {
        let room = window - ROOM.min(window / 8);
        while compaction.tokens() > room && compaction.shorten() {}
    }
    let mut tries = 1;
    let events = loop {
        match attempt::ask(job, document, compaction.turn(), course, head, record).await {
            Ok(Answer::Ready(events)) => break events,
            Ok(other) => return Ok(other),
            Err(fault) if fault.class == Class::ContextLength && tries < TRIES => {
                if !compaction.shorten() {
                    return Err(fault);
                }
                tries += 1;
                tracing::warn!(%fault, "the conversation is shortened to be summed up");
            }
            Err(fault) => return Err(fault),
        }
    };
    let mut gathered = Gathered::default();
    for event in events {
        gathered.event(event);
    }
    let summary = compaction.summary(&gathered)?;
    record.notes.extend(compaction.note());
    let sealed = job.state.tools.seal.seal_summary(&summary, &job.tenant, fresh::nonce());
    let answer = gathered.into_answer(sealed);
    if streams {
        return Ok(Answer::Ready(answer));
    }
    let encoder: Box<dyn Encode> = match head.clone() {
        Head::Responses(head) if job.compaction.route => {
            Box::new(responses::Encoder::compacted(*head))
        }
        head => head.whole(),
    };
    let mut chain = Chain::new(encoder, Meter::since(record.begun));
    for event in answer {
        chain.event(event);
    }
    record.read(&chain.meter, chain.encoder.notes());
    let mut out = Vec::new();
    chain.encoder.take(&mut out);
    Ok(Answer::Whole(out))
}
