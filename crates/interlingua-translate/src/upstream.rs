//! The upstream's side, whichever protocol it speaks.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Wire};
use interlingua_ir::{Fault, Turn};

use crate::document::Document;
use crate::pipe::Decode;
use crate::target::{Target, Written};
use crate::tools::{Spoken, ToolMap};
use crate::{chat, messages, responses};

/// A request in the words of an upstream.
#[derive(Debug)]
pub struct Request {
    /// The request itself.
    pub written: Written,
    /// Whether it is the client's own, edited in its place: then the answer may go back as it comes.
    pub verbatim: bool,
}

/// Writes a turn for an upstream. `document` is what the turn was read from; where the upstream speaks its
/// protocol and can take it, only what has to be different is changed in it.
///
/// # Errors
///
/// As the protocol's own `write`.
pub fn write(
    wire: Wire,
    document: Option<&Document<'_>>,
    turn: &Turn<'_>,
    target: &Target<'_>,
) -> Result<Request, Fault> {
    if let Some(document) = document.filter(|_| turn.protocol == wire.into()) {
        let forwarded = match wire {
            Wire::Responses => responses::forward(document, turn, target)?,
            Wire::Messages => messages::forward(document, turn, target)?,
            // The dialects of Chat need its rules; what they do not touch, the writer puts back.
            Wire::Chat => None,
        };
        if let Some(written) = forwarded {
            return Ok(Request { written, verbatim: true });
        }
    }
    let written = match wire {
        Wire::Chat => chat::write(turn, target)?,
        Wire::Messages => messages::write(turn, target)?,
        Wire::Responses => responses::write(turn, target)?,
    };
    let dialect = target.dialect;
    let by_the_book = wire == Wire::Chat && dialect.stream.verbatim;
    let by_the_book = by_the_book && dialect.tools.text_calls.is_empty();
    let verbatim = turn.protocol == wire.into() && by_the_book && written.tools.is_empty();
    Ok(Request { written, verbatim })
}

/// Makes a decoder for the answer of an upstream.
///
/// `provider` is named in faults; `seed` differs from answer to answer. `tools` are those that the request
/// offered: calls that a model writes into its text are told by their names. With `verbatim`, the frames
/// follow the events that they mean.
pub fn decoder(
    wire: Wire,
    dialect: Arc<Dialect>,
    provider: &str,
    seed: &str,
    tools: &ToolMap,
    verbatim: Option<Frames>,
) -> Box<dyn Decode> {
    match wire {
        Wire::Chat => {
            let forms = dialect.tools.text_calls.clone();
            let decoder = chat::Decoder::new(dialect, provider, seed);
            match verbatim {
                Some(Frames { usage }) => Box::new(decoder.verbatim(usage)),
                None if forms.is_empty() && tools.nonce().is_none() => Box::new(decoder),
                None => Box::new(Spoken::new(decoder, forms, tools.clone(), seed)),
            }
        }
        Wire::Messages => {
            let decoder = messages::Decoder::new(dialect, provider, seed);
            Box::new(if verbatim.is_some() { decoder.verbatim() } else { decoder })
        }
        Wire::Responses => {
            let decoder = responses::Decoder::new(dialect, provider, seed);
            Box::new(if verbatim.is_some() { decoder.verbatim() } else { decoder })
        }
    }
}

/// Which frames the client is shown.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    /// Those that hold nothing but token counts, which it may not have asked for.
    pub usage: bool,
}
