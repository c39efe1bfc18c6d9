//! Answers to clients: their bodies, their headers, their errors.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use interlingua_ir::Fault;
use interlingua_translate::{faults, messages};

use crate::answer::Streaming;
use crate::record::Record;
use crate::socket::Activity;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Reply {
    content: Content,
    /// Told when the answer is sent, so that the connection's idle time begins.
    activity: Option<Activity>,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Stream(Box<Streaming>),
}

impl Reply {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { content: Content::Whole(Some(bytes).filter(|it| !it.is_empty())), activity: None }
    }

    pub(crate) fn stream(streaming: Streaming) -> Self {
        Self { content: Content::Stream(Box::new(streaming)), activity: None }
    }

    pub(crate) fn tell(&mut self, activity: Activity) {
        self.activity = Some(activity);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(activity) = &self.activity {
            activity.quiet();
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.get_mut().content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|it| Ok(Frame::data(it)))),
            Content::Stream(streaming) => {
                streaming.poll(cx).map(|bytes| bytes.map(|it| Ok(Frame::data(it))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |it| it.len() as u64))
            }
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Response<Reply> {
    with_type(status, "application/json", body)
}

/// An answer with a text body.
pub(crate) fn text(status: u16, body: impl Into<Bytes>) -> Response<Reply> {
    with_type(status, "text/plain; charset=utf-8", body)
}

/// An answer that needs no body.
pub(crate) fn empty(status: u16) -> Response<Reply> {
    with_status(status, "")
}

fn with_status(status: u16, body: impl Into<Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn with_type(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Response<Reply> {
    let mut response = with_status(status, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// An answer that is an event stream.
pub(crate) fn events(streaming: Streaming) -> Response<Reply> {
    let mut response = Response::new(Reply::stream(streaming));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// In which form a client reads errors that no turn is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'r> {
    /// That of OpenAI's APIs.
    OpenAi,
    /// That of the Messages API, which repeats the id of the request.
    Messages(&'r str),
}

/// An error.
pub(crate) fn error(form: Form<'_>, fault: &Fault) -> Response<Reply> {
    let (status, _) = match form {
        Form::OpenAi => faults::status(fault.class),
        Form::Messages(_) => messages::faults::status(fault.class),
    };
    error_with(status, form, fault)
}

/// An error with a status of its own.
pub(crate) fn error_with(status: u16, form: Form<'_>, fault: &Fault) -> Response<Reply> {
    let body = match form {
        Form::OpenAi => faults::body(fault, faults::status(fault.class).1),
        Form::Messages(request_id) => messages::faults::body(fault, request_id),
    };
    let mut response = json(status, body);
    if let Some(wait) = fault.retry_after {
        retry_after(&mut response, wait);
    }
    response
}

/// Says how long to wait, in whole seconds, rounded up.
pub(crate) fn retry_after(response: &mut Response<Reply>, wait: std::time::Duration) {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
}

/// The headers that tell who answered and what was lost, as far as that is known when they are sent.
pub(crate) fn headers(record: &Record) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let told = told(record).map(|(header, _, value)| (header, value));
    let upstream = record.upstream_request_id.clone().unwrap_or_default();
    for (name, value) in told.into_iter().chain([("x-upstream-request-id", upstream)]) {
        // A model's name may hold what no header may.
        let shown: String = value.chars().filter(char::is_ascii).take(MAX_HEADER).collect();
        if let (false, Ok(value)) = (shown.is_empty(), HeaderValue::from_str(&shown)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// The same for the metadata of an answer whose head went out before anybody had answered.
pub(crate) fn metadata(record: &Record) -> Vec<(&'static str, String)> {
    let told = told(record).into_iter().map(|(_, name, value)| (name, value));
    told.filter(|(_, value)| !value.is_empty()).collect()
}

/// Who answered and what was lost: as a header, in metadata, and the value.
fn told(record: &Record) -> [(&'static str, &'static str, String); 4] {
    let (provider, model) = record.answered.clone().unwrap_or_default();
    let attempts = if record.attempts == 0 { String::new() } else { record.attempts.to_string() };
    [
        ("x-interlingua-provider", "interlingua_provider", provider),
        ("x-interlingua-model", "interlingua_model", model),
        ("x-interlingua-attempts", "interlingua_attempts", attempts),
        ("x-interlingua-notes", "interlingua_notes", record.notes_line()),
    ]
}

/// The longest value that we put into a header of our own.
const MAX_HEADER: usize = 1024;
