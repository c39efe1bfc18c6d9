//! An answer as a response of the server.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::{Ending, Guard};
use crate::upstream::answer::{Answer, Content};
use crate::upstream::render::{self, Act, Head, Voice};
use crate::upstream::script::Request;
use crate::upstream::thought::Issuer;
use crate::upstream::wire::Wire;

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(super) fn reply(
    request: &Request,
    issuer: Issuer,
    answer: Answer,
    voice: &Voice,
    guard: Guard,
) -> Result<Response<Body>, io::Error> {
    let wire = Wire::of(request).unwrap_or(speaks(request));
    let is_stream = request.body["stream"] == true;
    let head = Head { issuer, body: &request.body, done_line: answer.done_line, voice };
    let whole = |value: Value| (JSON, vec![Act::Send(value.to_string().into())]);
    let (mime, acts) = match &answer.content {
        Content::Pieces(pieces) if is_stream => (EVENTS, render::stream(wire, head, pieces)),
        Content::Pieces(pieces) | Content::Whole(pieces) => {
            (JSON, render::fold(wire, head, pieces))
        }
        Content::Error { code, message } => whole(error(wire, answer.status, code, message)),
        Content::Overflow => whole(overflow(wire)),
        Content::Json(value) => whole(value.clone()),
        Content::Bytes(bytes) => (EVENTS, vec![Act::Send(bytes.clone())]),
        Content::Nothing => {
            guard.end(Ending::Cut);
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    };
    // Whole bodies announce their length, as real servers do; events and cut bodies cannot.
    let length = (mime == JSON && !acts.contains(&Act::Cut)).then(|| length(&acts));
    let mut response = Response::new(body(acts, guard));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.extend(answer.headers);
    Ok(response)
}

/// The protocol of whoever asks for something beside a model's answer.
fn speaks(request: &Request) -> Wire {
    let is_messages = request.header("anthropic-version").is_some();
    if is_messages { Wire::Messages } else { Wire::Chat }
}

fn error(wire: Wire, status: StatusCode, code: &str, message: &str) -> Value {
    match wire {
        Wire::Messages => {
            let error = json!({ "type": kind(status), "message": message });
            json!({ "type": "error", "error": error, "request_id": "req_1" })
        }
        Wire::Chat | Wire::Responses => {
            json!({ "error": { "message": message, "type": code, "code": code } })
        }
    }
}

/// The word that Messages has for a status.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

fn overflow(wire: Wire) -> Value {
    match wire {
        Wire::Messages => {
            let message = "prompt is too long: 140000 tokens > 131072 maximum";
            error(wire, StatusCode::BAD_REQUEST, "", message)
        }
        Wire::Chat => {
            let message = "This model's maximum context length is 131072 tokens. However, your \
                           messages resulted in 140000 tokens.";
            error(wire, StatusCode::BAD_REQUEST, "context_length_exceeded", message)
        }
        Wire::Responses => {
            let message = "Your input exceeds the context window of this model. Please adjust \
                           your input and try again.";
            error(wire, StatusCode::BAD_REQUEST, "context_length_exceeded", message)
        }
    }
}

fn length(acts: &[Act]) -> usize {
    let lengths = acts.iter().map(|act| match act {
        Act::Send(bytes) => bytes.len(),
        Act::Wait(_) | Act::Cut => 0,
    });
    lengths.sum()
}

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// How long bytes before a cut may take to leave this process.
const FLUSH: Duration = Duration::from_millis(30);

fn body(acts: Vec<Act>, guard: Guard) -> Body {
    let steps = stream::unfold((acts.into_iter(), guard), async |(mut acts, guard)| {
        loop {
            match acts.next() {
                Some(Act::Send(bytes)) => return Some((Ok(Frame::data(bytes)), (acts, guard))),
                Some(Act::Wait(time)) => tokio::time::sleep(time).await,
                Some(Act::Cut) => {
                    tokio::time::sleep(FLUSH).await;
                    guard.end(Ending::Cut);
                    let cut = io::ErrorKind::ConnectionReset.into();
                    return Some((Err(cut), (Vec::new().into_iter(), guard)));
                }
                None => {
                    guard.end(Ending::Complete);
                    return None;
                }
            }
        }
    });
    StreamBody::new(steps).boxed_unsync()
}
