//! Reading a request's body within its limits.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use interlingua_ir::{Class, Fault};

/// The code of a fault that is the client's silence; its status is 408.
pub(crate) const TIMEOUT: &str = "request_timeout";

/// How much memory is taken for a body before it arrives.
const BEFOREHAND: usize = 1 << 20;

/// How much of a body is read that is too large, and for how long.
const DRAIN_LIMIT: usize = 64 << 20;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Reads a body of at most `limit` bytes.
///
/// # Errors
///
/// [`Class::TooLarge`] from the declared length alone if that is enough, and
/// [`Class::InvalidRequest`] when the client stops in the middle, is silent for longer than `pause`, or
/// has compressed the body.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    limit: usize,
    pause: Duration,
) -> Result<Vec<u8>, Fault> {
    if let Some(coding) = headers.get(CONTENT_ENCODING).filter(|it| *it != "identity") {
        let coding = coding.to_str().unwrap_or_default();
        let what =
            format!("the body is compressed (`{coding}`), which is not taken; send it plain");
        return Err(invalid("unsupported_content_encoding", what));
    }
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limit {
        drain(body);
        return Err(too_large(limit));
    }
    // What is only declared takes no memory yet.
    let mut read = Vec::with_capacity(declared.min(BEFOREHAND));
    loop {
        let frame = tokio::time::timeout(pause, body.frame()).await.map_err(|_| {
            let what = format!("the body stopped arriving for {} s", pause.as_secs());
            invalid(TIMEOUT, what)
        })?;
        let Some(frame) = frame else { return Ok(read) };
        let frame = frame
            .map_err(|error| invalid("invalid_body", format!("the body broke off: {error}")))?;
        let piece: Bytes = frame.into_data().unwrap_or_default();
        if read.len() + piece.len() > limit {
            drain(body);
            return Err(too_large(limit));
        }
        read.extend_from_slice(&piece);
    }
}

/// Reads on for a moment what nobody wants. A client that is still sending when its connection closes
/// sees the connection broken, and not the answer that says why.
fn drain(body: Incoming) {
    tokio::spawn(async move {
        let rest = Limited::new(body, DRAIN_LIMIT).collect();
        // Whatever comes of it, there is nothing left to do.
        drop(tokio::time::timeout(DRAIN_TIME, rest).await);
    });
}

fn too_large(limit: usize) -> Fault {
    let what = format!(
        "the request is larger than {limit} bytes; shorten the conversation or raise `limits.body`"
    );
    Fault::new(Class::TooLarge, what)
}

fn invalid(code: &str, what: String) -> Fault {
    let mut fault = Fault::new(Class::InvalidRequest, what);
    fault.code = Some(code.to_owned());
    fault
}
