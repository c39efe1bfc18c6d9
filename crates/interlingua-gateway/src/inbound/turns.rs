//! The routes on which a model answers, in each client's protocol.

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use interlingua_ir::{Fault, Protocol};
use interlingua_translate::client::{self, Head, Ids};
use interlingua_translate::faults::{Caller, Refusal};
use interlingua_translate::{Encode, verbatim};
use tokio::sync::oneshot;

use super::{Context, own_key};
use crate::answer::Streaming;
use crate::attempt::{self, Answer, Early, Job};
use crate::body;
use crate::chain::Chain;
use crate::compact::Signs;
use crate::fresh;
use crate::record::{Meter, Record};
use crate::reply::{self, Form, Reply};
use crate::session;

/// A route, and what it says about the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) protocol: Protocol,
    /// Whether the answer is a summary that takes the place of the conversation.
    pub(crate) compact: bool,
}

impl Route {
    /// Answers in `protocol`.
    pub(crate) fn of(protocol: Protocol) -> Self {
        Self { protocol, compact: false }
    }

    /// `POST /v1/responses/compact`
    pub(crate) fn compact() -> Self {
        Self { protocol: Protocol::Responses, compact: true }
    }

    /// What the log calls it.
    fn name(self) -> &'static str {
        if self.compact { "compact" } else { self.protocol.name() }
    }
}

/// Answers a turn.
pub(crate) async fn serve(
    context: Context,
    request: Request<Incoming>,
    route: Route,
) -> Response<Reply> {
    let (parts, body) = request.into_parts();
    let teller = Teller::new(route.protocol, &parts.headers, &context);
    // What is not read yet cannot say how it wants its answer; Codex always streams.
    let streams = teller.caller == Caller::Codex && !route.compact;
    let view = context.view;
    let settings = view.snapshot.settings();
    let mut record = Record::new(context.request_id.clone(), route.name());
    record.client.clone_from(&context.tenant);

    let key = context.has_key.then_some(context.tenant.as_str());
    let place = match view.admission.request(key, settings.timeouts.queue).await {
        Ok(place) => place,
        Err(fault) => return teller.refuse(fault, streams, None, record),
    };
    let (limit, pause) = (settings.limits.body, settings.timeouts.client_body);
    let body = match body::read(&parts.headers, body, limit, pause).await {
        Ok(body) => body,
        Err(fault) => return teller.refuse(fault, streams, None, record),
    };
    let (grace, heartbeat) = (settings.timeouts.commit_grace, settings.timeouts.heartbeat);
    let etag = view.etag.clone();
    let job = Job {
        protocol: route.protocol,
        state: context.state,
        view,
        body: body.into(),
        session: session::named(&parts.headers),
        own_key: own_key(&parts.headers, context.has_key),
        compaction: Signs::of(&parts.headers, route.compact),
        headers: parts.headers,
        tenant: context.tenant,
        answer_id: fresh::id(),
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
        let head = told.early.map_or_else(|| teller.unread(), |it| it.head);
        let chain = Chain::new(head.stream(teller.caller), Meter::since(asked));
        let streaming = Streaming::wait(chain, attempts, heartbeat, Some(place), teller.expose);
        return tagged(reply::events(streaming), &etag);
    };
    let Early { head, streaming } =
        told.now().unwrap_or_else(|| Early { head: teller.unread(), streaming: streams });
    let answer = match result {
        Ok(answer) => answer,
        Err(fault) => {
            let refused = teller.refuse(fault, streaming, Some(head), record);
            return if refused.status().is_success() { tagged(refused, &etag) } else { refused };
        }
    };
    record.status = 200;
    let shown = teller.expose.then(|| reply::headers(&record));
    let encoder = match &answer {
        Answer::Begun(commit) if commit.verbatim => {
            let own = head.stream(teller.caller);
            let encoder = verbatim::Encoder::stream(own, &record.asked)
                .keep(commit.passage.storing.is_some());
            Box::new(encoder) as Box<dyn Encode>
        }
        _ => head.stream(teller.caller),
    };
    let chain = Chain::new(encoder, Meter::since(asked));
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
fn caller(headers: &HeaderMap) -> Caller {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    Caller::of(text("originator"), text("user-agent"))
}

/// Refuses a request that nothing is known about yet. `turn` is the protocol, if it is to a route of one
/// protocol only.
pub(crate) fn refused(
    fault: &Fault,
    headers: &HeaderMap,
    turn: Option<Protocol>,
    form: Form<'_>,
    request_id: &str,
) -> Response<Reply> {
    let caller = caller(headers);
    let protocol = turn.unwrap_or(match form {
        Form::OpenAi => Protocol::Chat,
        Form::Messages(_) => Protocol::Messages,
    });
    // Nobody was asked, so there is nothing to expose.
    let teller = Teller { protocol, caller, request_id: request_id.to_owned(), expose: false };
    let record = Record::new(request_id.to_owned(), turn.map_or("", Protocol::name));
    let streams = turn == Some(Protocol::Responses) && caller == Caller::Codex;
    teller.refuse(fault.clone(), streams, None, record)
}

/// Tells a client what became of its request, in its own protocol.
struct Teller {
    protocol: Protocol,
    caller: Caller,
    request_id: String,
    /// Whether headers may tell who answered.
    expose: bool,
}

impl Teller {
    fn new(protocol: Protocol, headers: &HeaderMap, context: &Context) -> Self {
        let caller = match protocol {
            Protocol::Responses => caller(headers),
            Protocol::Chat | Protocol::Messages => Caller::Other,
        };
        let expose = context.view.snapshot.settings().expose_headers;
        Self { protocol, caller, request_id: context.request_id.clone(), expose }
    }

    fn refuse(
        &self,
        fault: Fault,
        streaming: bool,
        head: Option<Head>,
        mut record: Record,
    ) -> Response<Reply> {
        let shown = self.expose.then(|| reply::headers(&record));
        let refusal =
            client::refuse(self.protocol, &fault, self.caller, streaming, &self.request_id);
        let mut response = match refusal {
            Refusal::Status { status, retry_after, body } => {
                let timed_out = fault.code.as_deref() == Some(body::TIMEOUT);
                let status = if timed_out { 408 } else { status };
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
                let encoder = head.unwrap_or_else(|| self.unread()).stream(self.caller);
                let chain = Chain::new(encoder, Meter::since(record.begun));
                reply::events(Streaming::failed(chain, record, &fault))
            }
        };
        response.headers_mut().extend(shown.into_iter().flatten());
        response
    }

    /// Names an answer to a request that could not be read.
    fn unread(&self) -> Head {
        let answer = fresh::id();
        Head::unread(self.protocol, Ids { answer: &answer, request: &self.request_id })
    }
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

/// Tells Codex which catalog is current, so that it fetches a new one while it runs.
fn tagged(mut response: Response<Reply>, etag: &str) -> Response<Reply> {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(HeaderName::from_static("x-models-etag"), etag);
    }
    response
}
