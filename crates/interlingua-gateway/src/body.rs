//! Reading a request's body within its limits.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use interlingua_ir::{Class, Fault};

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
        return Err(too_large(limit));
    }
    let mut read = Vec::with_capacity(declared);
    loop {
        let frame = tokio::time::timeout(pause, body.frame()).await.map_err(|_| {
            let what = format!("the body stopped arriving for {} s", pause.as_secs());
            invalid("request_timeout", what)
        })?;
        let Some(frame) = frame else { return Ok(read) };
        let frame = frame
            .map_err(|error| invalid("invalid_body", format!("the body broke off: {error}")))?;
        let piece: Bytes = frame.into_data().unwrap_or_default();
        if read.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        read.extend_from_slice(&piece);
    }
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
