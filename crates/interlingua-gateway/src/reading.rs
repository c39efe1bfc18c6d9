//! Reading an upstream's answer, up to its first word or to its end.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use interlingua_ir::{Class, Event, Fault, Sink};
use interlingua_registry::Provider;
use interlingua_translate::{Decode, Reader, Started};
use interlingua_upstream::{AnswerBody, linger, silent};
use tokio::time::Instant;

/// How long an upstream may be silent.
#[derive(Clone, Copy)]
pub(crate) struct Silence<'s> {
    pub(crate) provider: &'s Provider,
    /// When the request was sent.
    pub(crate) asked: Instant,
}

impl Silence<'_> {
    /// Waits for the next piece of a body; `None` at its end. Comments are signs of life, but if
    /// `speechless`, the first word is due as well.
    async fn next(self, body: &mut AnswerBody, speechless: bool) -> Result<Option<Bytes>, Fault> {
        let Self { provider, asked } = self;
        let idle = provider.timeouts.idle;
        let left = provider.timeouts.first_byte.saturating_sub(asked.elapsed());
        let wait = if speechless { left.min(idle) } else { idle };
        let frame = tokio::time::timeout(wait, body.frame()).await.map_err(|_| {
            if wait < idle {
                return silent(provider);
            }
            let what = format!("{} was silent for {} s in its answer", provider.id, idle.as_secs());
            Fault::new(Class::Timeout, what).by(&provider.id)
        })?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|error| {
            let what = format!("{} broke the connection: {error}", provider.id);
            Fault::new(Class::Interrupted, what).by(&provider.id)
        })?;
        Ok(Some(frame.into_data().unwrap_or_default()))
    }
}

/// An answer up to its first meaningful event.
pub(crate) struct Begun {
    pub(crate) reader: Reader<Box<dyn Decode>>,
    pub(crate) body: Option<AnswerBody>,
    pub(crate) rest: Bytes,
    pub(crate) first: Vec<Event<'static>>,
}

/// Reads an answer up to its first meaningful event, and no further: what follows goes to the client
/// without being kept.
pub(crate) async fn begin(
    mut reader: Reader<Box<dyn Decode>>,
    mut body: AnswerBody,
    silence: Silence<'_>,
) -> Result<Begun, Fault> {
    let mut sink = (Vec::new(), Started::default());
    loop {
        let Some(mut data) = silence.next(&mut body, true).await? else {
            reader.finish(&mut sink)?;
            return Ok(Begun { reader, body: None, rest: Bytes::new(), first: sink.0 });
        };
        while !data.is_empty() {
            // One event at a time; a piece that is cut elsewhere does no harm.
            let end = find_blank_line(&data).unwrap_or(data.len());
            let event = data.split_to(end);
            reader.push(&event, &mut sink)?;
            if sink.1.is_set() || reader.is_over() {
                return Ok(Begun { reader, body: Some(body), rest: data, first: sink.0 });
            }
        }
    }
}

fn find_blank_line(data: &[u8]) -> Option<usize> {
    data.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2)
}

/// Reads a whole answer of `limit` bytes at most, since all of it is kept.
pub(crate) async fn whole(
    mut reader: Reader<Box<dyn Decode>>,
    mut body: AnswerBody,
    silence: Silence<'_>,
    streamed: bool,
    limit: usize,
    sink: &mut (impl Sink + Send),
) -> Result<(), Fault> {
    let mut sink = (sink, Started::default());
    let mut left = limit;
    while let Some(data) = silence.next(&mut body, streamed && !sink.1.is_set()).await? {
        left = left.checked_sub(data.len()).ok_or_else(|| {
            let what =
                format!("the answer of {} is larger than {limit} bytes", silence.provider.id);
            Fault::new(Class::Upstream, what).by(&silence.provider.id)
        })?;
        reader.push(&data, &mut sink)?;
        if reader.is_over() {
            linger(body);
            break;
        }
    }
    reader.finish(&mut sink)
}
