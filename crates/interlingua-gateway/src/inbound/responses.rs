//! `POST /v1/responses`

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use interlingua_ir::Fault;
use interlingua_translate::faults::{self, Caller, Refusal};
use interlingua_translate::responses::{Encoder, Head};
use tokio::sync::oneshot;

use super::{Context, own_key};
use crate::answer::Streaming;
use crate::attempt::{self, Answer, Early, Job};
use crate::body;
use crate::chain::Chain;
use crate::compact::Signs;
use crate::record::{Meter, Record};
use crate::reply::{self, Reply};
use crate::session;

/// Answers a turn.
pub(crate) async fn create(context: Context, request: Request<Incoming>) -> Response<Reply> {
    serve(context, request, false).await
}

/// Answers `POST /v1/responses/compact`: a summary that takes the place of the conversation.
pub(crate) async fn compact(context: Context, request: Request<Incoming>) -> Response<Reply> {
    serve(context, request, true).await
}

async fn serve(context: Context, request: Request<Incoming>, compact: bool) -> Response<Reply> {
    let (parts, body) = request.into_parts();
    let caller = caller(&parts.headers);
    // What is not read yet cannot say how it wants its answer; Codex always streams.
    let streams = caller == Caller::Codex && !compact;
    let route = if compact { "compact" } else { "responses" };
    let view = context.view;
    let settings = view.snapshot.settings();
    let mut record = Record::new(context.request_id.clone(), route);
    record.client.clone_from(&context.tenant);

    let expose = settings.expose_headers;
    let refuse =
        |fault, streaming, head, record| refuse(fault, caller, streaming, head, record, expose);

    let key = context.has_key.then_some(context.tenant.as_str());
    let place = match view.admission.request(key, settings.timeouts.queue).await {
        Ok(place) => place,
        Err(fault) => return refuse(fault, streams, None, record),
    };
    let (limit, pause) = (settings.limits.body, settings.timeouts.client_body);
    let body = match body::read(&parts.headers, body, limit, pause).await {
        Ok(body) => body,
        Err(fault) => return refuse(fault, streams, None, record),
    };
    let (grace, heartbeat) = (settings.timeouts.commit_grace, settings.timeouts.heartbeat);
    let etag = view.etag.clone();
    let answer_id = uuid::Uuid::now_v7().simple().to_string();
    let job = Job {
        state: context.state,
        view,
        body,
        session: session::named(&parts.headers),
        own_key: own_key(&parts.headers, context.has_key),
        tenant: context.tenant,
        answer_id,
        compaction: Signs::of(&parts.headers, compact),
    };

    let asked = record.begun;
    let (tell, told) = oneshot::channel();
    let mut told = Told { told, early: None };
    let mut attempts = Box::pin(attempt::run(job, record, tell));
    let begun = tokio::select! {
        biased;
        begun = &mut attempts => Some(begun),
        () = told.wait_for_stream(grace) => None,
    };
    let Some((mut record, result)) = begun else {
        // The client must not be left in silence any longer; who answers is told by the metadata.
        let head = told.early.map_or_else(no_head, |it| it.head);
        let chain = Chain::new(Encoder::stream(head).caller(caller), Meter::since(asked));
        let streaming = Streaming::wait(chain, attempts, heartbeat, Some(place), expose);
        return tagged(reply::events(streaming), &etag);
    };
    let Early { head, streaming } =
        told.now().unwrap_or(Early { head: no_head(), streaming: streams });
    let answer = match result {
        Ok(answer) => answer,
        Err(fault) => {
            let refused = refuse(fault, streaming, Some(head), record);
            return if refused.status().is_success() { tagged(refused, &etag) } else { refused };
        }
    };
    record.status = 200;
    let shown = expose.then(|| reply::headers(&record));
    let chain = Chain::new(Encoder::stream(head).caller(caller), Meter::since(asked));
    let mut response = match answer {
        Answer::Begun(commit) => {
            reply::events(Streaming::relay(chain, record, *commit, heartbeat, Some(place)))
        }
        Answer::Ready(events) => reply::events(Streaming::ready(chain, record, events)),
        Answer::Whole(json) => reply::json(200, json),
    };
    response.headers_mut().extend(shown.into_iter().flatten());
    tagged(response, &etag)
}

/// Who asks, by what the request says about itself.
pub(crate) fn caller(headers: &HeaderMap) -> Caller {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    Caller::of(text("originator"), text("user-agent"))
}

/// Refuses a request that nothing is known about yet.
pub(crate) fn refused(
    fault: &Fault,
    caller: Caller,
    is_turn: bool,
    request_id: &str,
) -> Response<Reply> {
    let route = if is_turn { "responses" } else { "" };
    let record = Record::new(request_id.to_owned(), route);
    // Nobody was asked, so there is nothing to expose.
    refuse(fault.clone(), caller, is_turn && caller == Caller::Codex, None, record, false)
}

fn refuse(
    fault: Fault,
    caller: Caller,
    streaming: bool,
    head: Option<Head>,
    mut record: Record,
    expose: bool,
) -> Response<Reply> {
    let shown = expose.then(|| reply::headers(&record));
    let mut response = match faults::refuse(&fault, caller, streaming) {
        Refusal::Status { status, retry_after, body } => {
            let status = if fault.code.as_deref() == Some(body::TIMEOUT) { 408 } else { status };
            record.status = status;
            let mut response = reply::json(status, body);
            if let Some(wait) = retry_after {
                reply::retry_after(&mut response, wait);
            }
            record.fault = Some(fault);
            response
        }
        Refusal::Stream => {
            record.status = 200;
            record.fault = Some(fault.clone());
            let encoder = Encoder::stream(head.unwrap_or_else(no_head)).caller(caller);
            let chain = Chain::new(encoder, Meter::since(record.begun));
            reply::events(Streaming::failed(chain, record, &fault))
        }
    };
    response.headers_mut().extend(shown.into_iter().flatten());
    response
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
