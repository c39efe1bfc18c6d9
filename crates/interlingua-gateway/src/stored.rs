//! Responses that are kept, so that a client can refer to one by its id.

use std::sync::Arc;

use bytes::Bytes;
use interlingua_ir::{Class, Fault, Protocol, Task, Turn};
use interlingua_reasoning::{Entry, Key, Mark, Pending, SealKeys, Store};
use interlingua_translate::{Document, Kept, responses};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::attempt::Job;
use crate::fresh::nonce;

/// A response and the conversation that it ends, as JSON.
#[derive(Deserialize, Serialize)]
struct Record<'r> {
    #[serde(borrow)]
    answer: &'r RawValue,
    /// What the client sent, and what it was answered.
    #[serde(borrow)]
    items: &'r RawValue,
}

/// A request that continues from a response, with all that came before.
pub(crate) struct Continued {
    /// The response's id.
    pub(crate) previous: String,
    /// The request as if the client had sent everything.
    pub(crate) body: Bytes,
}

/// Puts the conversation that a request continues before what it says itself; nothing if it continues none.
///
/// # Errors
///
/// When the response is not kept, or not any more, or when nobody can tell now. Nothing is answered without
/// what came before.
pub(crate) async fn continued(
    job: &Job,
    document: &Document<'_>,
) -> Result<Option<Continued>, Fault> {
    if job.protocol != Protocol::Responses {
        return Ok(None);
    }
    let Some(id) = responses::previous(document)? else { return Ok(None) };
    let tools = &job.state.tools;
    let found = find(&*tools.responses, &tools.seal, &job.tenant, &id).await;
    let Some(found) = found else {
        away(&*tools.responses, &id)?;
        let what = format!(
            "the response `{id}` is not kept here, or not any more; send the whole conversation in \
             `input` instead of `previous_response_id`"
        );
        let mut fault = Fault::new(Class::InvalidRequest, what);
        fault.param = Some("previous_response_id".to_owned());
        fault.code = Some("previous_response_not_found".to_owned());
        return Err(fault);
    };
    let record: Record<'_> = serde_json::from_str(&found).map_err(|_| {
        Fault::new(Class::Internal, format!("what is kept of the response `{id}` cannot be read"))
    })?;
    let body = responses::expand(document, record.items.get())?.into();
    Ok(Some(Continued { previous: id, body }))
}

/// Whether the client wants its response kept, which the API does unless it is told not to. The word is
/// for us: no upstream has to keep it, too.
pub(crate) fn is_wanted(turn: &mut Turn<'_>) -> bool {
    if turn.protocol != Protocol::Responses {
        return false;
    }
    let asked = turn.params.iter().find(|param| param.name == "store");
    let wanted = asked.is_none_or(|param| param.json.get() == "true");
    turn.params.retain(|param| param.name != "store");
    wanted && turn.task == Task::Answer
}

/// The answer that is kept under an id, as JSON.
pub(crate) async fn answer(
    store: &dyn Store,
    seal: &SealKeys,
    tenant: &str,
    id: &str,
) -> Option<String> {
    let found = find(store, seal, tenant, id).await?;
    let record: Record<'_> = serde_json::from_str(&found).ok()?;
    Some(record.answer.get().to_owned())
}

/// Forgets a response, and tells whether there was one.
pub(crate) async fn forget(store: &dyn Store, tenant: &str, id: &str) -> bool {
    store.remove(Key::named(tenant, id)).await.unwrap_or_default()
}

/// Nobody knows what is kept while the place where it is does not answer.
///
/// # Errors
///
/// [`Class::Busy`] then: the same request may succeed later.
pub(crate) fn away(store: &dyn Store, id: &str) -> Result<(), Fault> {
    if store.stats().degraded.is_none() {
        return Ok(());
    }
    let what = format!("the store that may keep the response `{id}` does not answer; try again");
    Err(Fault::new(Class::Busy, what))
}

async fn find(store: &dyn Store, seal: &SealKeys, tenant: &str, id: &str) -> Option<String> {
    let found = store.get(&[Key::named(tenant, id)]).await;
    let found =
        found.inspect_err(|error| tracing::warn!(%error, "a response is not found")).ok()?;
    let sealed = found.into_iter().next()??;
    seal.open_response(std::str::from_utf8(&sealed).ok()?, tenant).ok()
}

/// An answer on its way into the store.
#[derive(Debug)]
pub(crate) struct Storing {
    seal: Arc<SealKeys>,
    store: Arc<dyn Store>,
    tenant: String,
    /// What the client sent.
    items: String,
}

impl Storing {
    /// Prepares to keep the answer to a request that can be read.
    pub(crate) fn of(job: &Job, document: &Document<'_>) -> Option<Self> {
        let tools = &job.state.tools;
        Some(Self {
            seal: Arc::clone(&tools.seal),
            store: Arc::clone(&tools.responses),
            tenant: job.tenant.clone(),
            items: responses::items(document).ok()?.into_owned(),
        })
    }

    /// Keeps the answer under the id that the client knows it by.
    pub(crate) fn keep(self, kept: &Kept) -> Option<Pending<'static, ()>> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let Named { id } = serde_json::from_str(&kept.answer).ok()?;
        let items = responses::join(&self.items, &kept.output);
        let record = Record {
            answer: serde_json::from_str(&kept.answer).ok()?,
            items: serde_json::from_str(&items).ok()?,
        };
        let record = serde_json::to_string(&record).ok()?;
        let sealed = self.seal.seal_response(&record, &self.tenant, nonce());
        let entry = Entry { mark: Mark::of(record.as_bytes()), bytes: sealed.into() };
        Some(self.store.put(Key::named(&self.tenant, &id), entry))
    }
}
