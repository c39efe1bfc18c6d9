//! Asking one candidate.

use std::sync::Arc;

use interlingua_dialect::NonstreamThinking;
use interlingua_ir::{Fault, Note, NoteKind, Origin, Protocol, Task, Turn};
use interlingua_reasoning::Sealing;
use interlingua_registry::{Attempts, Next, ProviderKey, Scrubber, Target};
use interlingua_translate::client::Head;
use interlingua_translate::upstream::{self, Frames};
use interlingua_translate::{
    self as translate, Check, Document, Encode, ReadLimits, Reader, Repairs, Written, verbatim,
    wants_conversation,
};
use interlingua_upstream::{Call, Purpose, Refusal};
use tokio::time::Instant;

use crate::attempt::{Answer, Commit, Job};
use crate::chain::{Chain, Passage};
use crate::fresh::{self, nonce};
use crate::mending::Mending;
use crate::reading::{Begun, Silence, begin, whole};
use crate::recall::{Recall, replays, unkept};
use crate::record::{Meter, Record};
use crate::session;
use crate::stored::Storing;

/// A turn on its way to one target.
pub(crate) struct Errand<'e, 'a> {
    pub(crate) job: &'e Job,
    pub(crate) document: &'e Document<'a>,
    pub(crate) turn: &'e Turn<'a>,
    pub(crate) target: &'e Target,
    pub(crate) key: Option<&'e ProviderKey>,
    pub(crate) session: Option<&'e str>,
    pub(crate) head: &'e Head,
    pub(crate) recall: &'e Recall,
}

impl Errand<'_, '_> {
    /// Asks the target, again where that may help.
    pub(crate) async fn run(&self, record: &mut Record) -> Result<Answer, (Fault, Next)> {
        let view = &self.job.view;
        let provider = &self.target.provider.id;
        let wait = view.snapshot.settings().timeouts.queue;
        let place = view.admission.provider(provider, wait).await;
        let place = place.map_err(|fault| (fault.by(provider), Next::NextTarget))?;
        let begun = Instant::now();
        let mut attempts = Attempts::new();
        let mut mending = Mending::begin(&view.learned, self.target);
        let conversation = self.conversation();
        loop {
            record.attempts += 1;
            let mut refusal =
                match self.ask(record, &mending.repairs, conversation.as_deref()).await {
                    Ok(mut answer) => {
                        mending.learn(&view.learned, self.target);
                        if let Answer::Begun(commit) = &mut answer {
                            commit.place = Some(place);
                        }
                        return Ok(answer);
                    }
                    Err(refusal) => refusal,
                };
            self.scrubber().mask_fault(&mut refusal.fault);
            let repair = mending.mend(&refusal, self.turn);
            let fault = refusal.fault;
            if let Some(repair) = repair {
                tracing::warn!(%provider, %fault, repair, "the request is repaired and sent again");
                record.notes.push(Note::new(NoteKind::Repaired, repair));
                continue;
            }
            match attempts.next(&fault, begun.elapsed(), fresh::fraction()) {
                Next::Retry { wait } => {
                    tracing::warn!(%provider, %fault, ?wait, "trying again");
                    tokio::time::sleep(wait).await;
                }
                next @ (Next::NextTarget | Next::GiveUp) => return Err((fault, next)),
            }
        }
    }

    /// Asks the target once.
    async fn ask(
        &self,
        record: &mut Record,
        repairs: &Repairs,
        conversation: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let Target { provider, model, .. } = self.target;
        let dialect = &model.dialect;
        let forced = dialect.request.nonstream_thinking == NonstreamThinking::ForceStream;
        let stream = self.turn.stream || forced;
        let target = translate::Target {
            dialect,
            provider: &provider.id,
            model: &model.id,
            max_output_tokens: model.max_output_tokens,
            conversation,
            stream,
            repairs,
        };
        let in_own_words = self.turn.protocol == provider.wire.into();
        let in_kind = self.turn.task == Task::Answer && stream == self.turn.stream;
        let own = in_kind.then_some(self.document);
        let request = upstream::write(provider.wire, own, self.turn, &target)?;
        // A Chat client may forget what stands in a frame, so what it has to remember is written anew.
        let is_chat = self.turn.protocol == Protocol::Chat;
        let verbatim = request.verbatim && in_kind && !(is_chat && replays(self.target));
        let keeping = self.recall.keeping(self.job, self.target, verbatim);
        let storing =
            if self.head.is_stored() { Storing::of(self.job, self.document) } else { None };
        let Written { body, tools, unheld, notes } = request.written;
        record.answered = Some((provider.id.to_string(), model.id.to_string()));
        record.key = self.key.map(|key| key.name.clone());
        record.price = model.price;
        record.upstream_request_id = None;
        let kept = record.notes.len();
        record.notes.extend(notes);
        tracing::debug!(
            provider = %provider.id,
            request_id = %record.request_id,
            body = %self.scrubber().mask(String::from_utf8_lossy(&body.to_vec())),
            "sending upstream"
        );
        // A field that survives may need the header that asks for it.
        let call = Call {
            target: self.target,
            key: self.key,
            session: self.session,
            body: body.into_pieces(),
            stream,
            purpose: Purpose::Answer,
            forward: in_own_words.then_some(&self.job.headers),
            request_id: &record.request_id,
        };
        let asked = Instant::now();
        let sent = self.job.state.tools.upstream.send(call).await;
        let reading = async {
            let answer = sent?;
            record.upstream_request_id = answer.request_id;
            let seed = &self.job.answer_id;
            let frames = verbatim.then_some(Frames { usage: self.head.shows_usage() });
            let decoder = upstream::decoder(
                provider.wire,
                Arc::clone(dialect),
                &provider.id,
                seed,
                &tools,
                frames,
            );
            let origin = Origin { provider: provider.id.to_string(), family: dialect.id.clone() };
            let seal = Arc::clone(&self.job.state.tools.seal);
            let sealing =
                (!is_chat).then(|| Sealing::new(seal, &self.job.tenant, origin, seed, nonce));
            let answer_id = (!verbatim).then(|| seed.clone());
            let check = unheld.map(Check::new);
            let passage = Passage { answer: answer_id, tools, keeping, storing, sealing, check };
            let limits = &self.job.view.snapshot.settings().limits;
            let limits = ReadLimits { event: limits.upstream_event, body: limits.upstream_body };
            let reader = Reader::with_limits(decoder, limits);
            let silence = Silence { provider, asked };
            if self.turn.task == Task::Compact {
                let mut events = Vec::new();
                whole(reader, answer.body, silence, stream, limits.body, &mut events).await?;
                Ok(Answer::Ready(events))
            } else if self.turn.stream {
                let begun = begin(reader, answer.body, silence).await?;
                let Begun { reader, body, rest, first } = begun;
                Ok(Answer::Begun(Box::new(Commit {
                    reader,
                    body,
                    rest,
                    first,
                    verbatim,
                    passage,
                    idle: provider.timeouts.idle,
                    provider: provider.id.to_string(),
                    scrubber: self.scrubber(),
                    place: None,
                })))
            } else {
                let encoder = self.head.clone().whole();
                let encoder: Box<dyn Encode> = match verbatim {
                    true => Box::new(
                        verbatim::Encoder::whole(encoder, &self.turn.model)
                            .keep(passage.storing.is_some()),
                    ),
                    false => encoder,
                };
                let mut chain = Chain::new(encoder, Meter::since(record.begun));
                chain.passage = passage;
                let whole =
                    whole(reader, answer.body, silence, stream, limits.body, &mut chain).await;
                if let Some(kept) = chain.keep().filter(|_| whole.is_ok()) {
                    record.notes.extend(kept.await.err().map(|error| unkept(&error)));
                }
                record.read(&chain.meter, chain.encoder.notes());
                whole?;
                let mut out = Vec::new();
                chain.encoder.take(&mut out);
                Ok(Answer::Whole(out))
            }
        };
        let result = reading.await;
        if result.is_err() {
            // What was noted about a request that was refused is noted again about the next one.
            record.notes.truncate(kept);
        }
        result
    }

    /// A name for the conversation, where the target needs one.
    fn conversation(&self) -> Option<String> {
        let Self { job, turn, .. } = self;
        wants_conversation(turn, &self.target.model.dialect).then(|| {
            let seed = session::seed(&job.tenant, self.session, turn);
            job.state.tools.seal.name(&seed.to_le_bytes())
        })
    }

    fn scrubber(&self) -> Scrubber {
        self.job.view.scrubber_for(self.target, self.key)
    }
}
