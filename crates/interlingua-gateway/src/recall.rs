//! Thoughts for clients that forget them: found again before a turn is asked, kept when it is answered.

use std::sync::Arc;

use interlingua_dialect::{Carrier, Wire};
use interlingua_ir::{Note, NoteKind, Origin, Protocol, Turn};
use interlingua_reasoning::{
    Capturing, Fingerprints, Injected, Pending, Prefix, Scope, Store, StoreError, inject, restore,
};
use interlingua_registry::Target;

use crate::attempt::Job;
use crate::fresh::nonce;

/// The conversation up to the answer that is wanted, if thoughts of it may have to be kept.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    before: Option<Prefix>,
}

impl Recall {
    /// Gives the steps of a turn the thoughts that the client did not send, where a target wants them back,
    /// and its calls the ids that their upstreams gave them.
    ///
    /// Its seals have to be open already.
    pub(crate) async fn of(
        job: &Job,
        turn: &mut Turn<'_>,
        targets: &[Target],
        notes: &mut Vec<Note>,
    ) -> Self {
        let mut before = None;
        if targets.iter().any(|target| may_forget(turn.protocol, target)) {
            let scope = Scope { tenant: &job.tenant, session: job.session.as_deref() };
            let prints = Fingerprints::of(turn, scope);
            let wanted = prints.wanted();
            if !wanted.is_empty() {
                match job.state.tools.thoughts.get(wanted.keys()).await {
                    Ok(found) => {
                        let seal = &job.state.tools.seal;
                        let injected = inject(turn, &wanted, &found, seal, &job.tenant);
                        let Injected { restored, missing, notes: unusable } = injected;
                        tracing::debug!(restored, missing, "thoughts were looked for");
                        notes.extend(unusable);
                    }
                    Err(error) => {
                        notes.push(Note::new(NoteKind::ReasoningMissing, error.to_string()));
                    }
                }
            }
            before = Some(prints.end());
        }
        restore(turn);
        Self { before }
    }

    /// Prepares to keep the thoughts of an answer for a client that may forget them. `verbatim` answers
    /// show the client all that it has to send back.
    pub(crate) fn keeping(&self, job: &Job, target: &Target, verbatim: bool) -> Option<Keeping> {
        // That somebody did not think is worth to be known, too: a twin of the conversation may have.
        let before = self.before.filter(|_| !verbatim)?;
        let Target { provider, model, .. } = target;
        let origin = Origin { provider: provider.id.to_string(), family: model.dialect.id.clone() };
        let tools = &job.state.tools;
        let (seal, answer) = (Arc::clone(&tools.seal), &job.answer_id);
        Some(Keeping {
            capturing: Capturing::new(seal, &job.tenant, origin, answer, before, nonce),
            store: Arc::clone(&tools.thoughts),
        })
    }
}

/// Whether a client may not send back what an upstream wants back. Clients that speak Responses carry what
/// they are given, or refer to a stored response; and who speaks Messages to an upstream that speaks it, too,
/// has to send what it would have to send there itself.
fn may_forget(protocol: Protocol, target: &Target) -> bool {
    let carries = match protocol {
        Protocol::Responses => true,
        Protocol::Messages => target.provider.wire == Wire::Messages,
        Protocol::Chat => false,
    };
    !carries && replays(target)
}

/// Whether an upstream takes thoughts back; in Responses all do.
pub(crate) fn replays(target: &Target) -> bool {
    let Target { provider, model, .. } = target;
    provider.wire == Wire::Responses || model.dialect.replay.carrier != Carrier::None
}

/// The thoughts of an answer on their way into the store.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) capturing: Capturing,
    store: Arc<dyn Store>,
}

impl Keeping {
    /// Keeps what there is to keep, once the answer has ended.
    pub(crate) fn keep(&self) -> Option<Pending<'static, ()>> {
        let (key, entry) = self.capturing.entry()?;
        Some(self.store.put(key, entry))
    }
}

/// Tells of what a crash would lose.
pub(crate) fn unkept(error: &StoreError) -> Note {
    Note::new(NoteKind::ReasoningUnkept, error.to_string())
}
