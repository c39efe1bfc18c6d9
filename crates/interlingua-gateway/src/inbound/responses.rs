//! `POST /v1/responses`

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use interlingua_ir::{Class, Fault};
use interlingua_translate::faults::{self, Caller, Refusal};
use interlingua_translate::responses::{Encoder, Head};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::Context;
use crate::answer::Streaming;
use crate::attempt::{self, Answer, Early, Job};
use crate::body;
use crate::chain::Chain;
use crate::record::{Meter, Record};
use crate::reply::{self, Reply};
use crate::state::State;

/// Answers a turn.
pub(crate) async fn create(context: Context, request: Request<Incoming>) -> Response<Reply> {
    let (parts, body) = request.into_parts();
    let caller = caller(&parts.headers);
    // What is not read yet cannot say how it wants its answer; Codex always streams.
    let streams = caller == Caller::Codex;
    let view = context.state.view();
    let settings = view.snapshot.settings();
    let mut record = Record::new(context.request_id.clone(), "responses");
    record.client.clone_from(&context.tenant);

    let permit = match admit(&context.state, settings.timeouts.queue).await {
        Ok(permit) => permit,
        Err(fault) => return refuse(fault, caller, streams, None, record),
    };
    let (limit, pause) = (settings.limits.body, settings.timeouts.client_body);
    let body = match body::read(&parts.headers, body, limit, pause).await {
        Ok(body) => body,
        Err(fault) => return refuse(fault, caller, streams, None, record),
    };
    let (grace, heartbeat) = (settings.timeouts.commit_grace, settings.timeouts.heartbeat);
    let (expose, etag) = (settings.expose_headers, view.etag.clone());
    let answer_id = uuid::Uuid::now_v7().simple().to_string();
    let job =
        Job { state: Arc::clone(&context.state), view, body, tenant: context.tenant, answer_id };

    let (tell, told) = oneshot::channel();
    let mut told = Told { told, early: None };
    let mut attempts = Box::pin(attempt::run(job, record, tell));
    let begun = tokio::select! {
        biased;
        begun = &mut attempts => Some(begun),
        () = told.wait_for_stream(grace) => None,
    };
    let Some((mut record, result)) = begun else {
        // The client must not be left in silence any longer; who answers is told by the log.
        let head = told.early.map_or_else(no_head, |it| it.head);
        let chain = Chain::new(Encoder::stream(head).caller(caller), Meter::new());
        let streaming = Streaming::wait(chain, attempts, heartbeat, Some(permit));
        return tagged(reply::events(streaming), &etag);
    };
    let Early { head, streaming } =
        told.now().unwrap_or(Early { head: no_head(), streaming: streams });
    let mut response = match result {
        Ok(Answer::Begun(commit)) => {
            record.status = 200;
            let mut shown = reply::text(200, "");
            if expose {
                reply::expose(&mut shown, &record);
            }
            let chain = Chain::new(Encoder::stream(head).caller(caller), Meter::new());
            let streaming = Streaming::relay(chain, record, *commit, heartbeat, Some(permit));
            let mut response = reply::events(streaming);
            let named = shown.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-"));
            response.headers_mut().extend(named.map(|(name, value)| (name.clone(), value.clone())));
            response
        }
        Ok(Answer::Whole(json)) => {
            record.status = 200;
            let mut response = reply::json(200, json);
            if expose {
                reply::expose(&mut response, &record);
            }
            response
        }
        Err(fault) => refuse(fault, caller, streaming, Some(head), record),
    };
    if response.status().is_success() {
        response = tagged(response, &etag);
    }
    response
}

/// Who asks, by what the request says about itself.
pub(crate) fn caller(headers: &HeaderMap) -> Caller {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    Caller::of(text("originator"), text("user-agent"))
}

/// Refuses a request that nothing is known about yet.
pub(crate) fn refused(fault: &Fault, caller: Caller, is_turn: bool) -> Response<Reply> {
    let record = Record::new(String::new(), "responses");
    refuse(fault.clone(), caller, is_turn && caller == Caller::Codex, None, record)
}

fn refuse(
    fault: Fault,
    caller: Caller,
    streaming: bool,
    head: Option<Head>,
    mut record: Record,
) -> Response<Reply> {
    match faults::refuse(&fault, caller, streaming) {
        Refusal::Status { status, retry_after, body } => {
            record.status = status;
            let mut response = reply::json(status, body);
            if let Some(wait) = retry_after {
                reply::retry_after(&mut response, wait);
            }
            reply::expose(&mut response, &record);
            record.fault = Some(fault);
            response
        }
        Refusal::Stream => {
            record.status = 200;
            record.fault = Some(fault.clone());
            let encoder = Encoder::stream(head.unwrap_or_else(no_head)).caller(caller);
            let chain = Chain::new(encoder, Meter::new());
            reply::events(Streaming::failed(chain, record, &fault))
        }
    }
}

/// Waits for a turn among the requests at work.
async fn admit(state: &State, wait: std::time::Duration) -> Result<OwnedSemaphorePermit, Fault> {
    if let Ok(permit) = Arc::clone(&state.in_flight).try_acquire_owned() {
        return Ok(permit);
    }
    let busy = || {
        let mut fault =
            Fault::new(Class::Busy, "the gateway has too many requests at work; try again");
        fault.retry_after = Some(std::time::Duration::from_secs(1));
        fault
    };
    let _waiting = Arc::clone(&state.queue).try_acquire_owned().map_err(|_| busy())?;
    let acquired = tokio::time::timeout(wait, Arc::clone(&state.in_flight).acquire_owned()).await;
    acquired.map_err(|_| busy())?.map_err(|_| busy())
}

/// What the attempts have told about the request.
struct Told {
    told: oneshot::Receiver<Early>,
    early: Option<Early>,
}

impl Told {
    /// Comes back after `grace`, and only for a client that wants its answer piece by piece.
    async fn wait_for_stream(&mut self, grace: std::time::Duration) {
        tokio::time::sleep(grace).await;
        self.early = self.told.try_recv().ok();
        if !self.early.as_ref().is_some_and(|it| it.streaming) {
            std::future::pending::<()>().await;
        }
    }

    fn now(&mut self) -> Option<Early> {
        self.early.take().or_else(|| self.told.try_recv().ok())
    }
}

/// Names an answer to a request that could not be read.
fn no_head() -> Head {
    Head::new(&format!("resp_{}", uuid::Uuid::now_v7().simple()), "", 0)
}

/// Tells Codex which catalog is current, so that it fetches a new one while it runs.
fn tagged(mut response: Response<Reply>, etag: &str) -> Response<Reply> {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(HeaderName::from_static("x-models-etag"), etag);
    }
    response
}
