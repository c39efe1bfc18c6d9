use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use crate::demo;

/// How long an upstream may take to end its body after its answer has ended, and how much it may send
/// meanwhile, for its connection to be used again.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_LIMIT: usize = 64 << 10;

/// The body of an answer, wherever it comes from.
#[derive(Debug)]
pub enum AnswerBody {
    /// A connection.
    Http(Incoming),
    /// The built-in model.
    Demo(demo::Replay),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Http(body) => Pin::new(body).poll_frame(cx).map_err(io::Error::other),
            Self::Demo(replay) => replay.poll(cx).map(|piece| piece.map(|it| Ok(Frame::data(it)))),
        }
    }
}

/// Reads the end of a body whose answer has ended, so that its connection can be used again. Nobody
/// waits for it.
pub fn linger(body: AnswerBody) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(async move {
        let rest = Limited::new(body, LINGER_LIMIT).collect();
        // Whatever comes of it, there is nothing left to do.
        drop(tokio::time::timeout(LINGER, rest).await);
    });
}
