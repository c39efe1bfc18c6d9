//! A request's body, looked through once for all who need to know its structure.

use bytes::Bytes;
use interlingua_ir::Fault;
use interlingua_protocol::json::{self, Limits};

use crate::incoming::too_complex;
use crate::spans::Spans;

/// A request as it came: who reads it and who changes it in its place ask for the same things.
#[derive(Debug)]
pub struct Document<'b> {
    bytes: &'b [u8],
    shared: Option<&'b Bytes>,
    /// `None` where the bytes are no text.
    spans: Option<Spans<'b>>,
}

impl<'b> Document<'b> {
    /// Looks a body through before anybody parses it.
    ///
    /// # Errors
    ///
    /// [`Class::InvalidRequest`](interlingua_ir::Class::InvalidRequest) when it has more structure than
    /// `limits` allow.
    pub fn of(bytes: &'b [u8], limits: Limits) -> Result<Self, Fault> {
        let containers = json::containers(bytes, limits).map_err(too_complex)?;
        let spans = std::str::from_utf8(bytes).ok().map(|text| Spans::new(text, containers));
        Ok(Self { bytes, shared: None, spans })
    }

    /// As [`of`](Self::of), of bytes that what is made of them may hold on to instead of copying them.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn of_shared(bytes: &'b Bytes, limits: Limits) -> Result<Self, Fault> {
        Ok(Self { shared: Some(bytes), ..Self::of(bytes, limits)? })
    }

    /// The body.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    pub(crate) fn shared(&self) -> Option<&'b Bytes> {
        self.shared
    }

    /// Where things stand in it, if it is text.
    pub(crate) fn spans(&self) -> Option<&Spans<'b>> {
        self.spans.as_ref()
    }
}
