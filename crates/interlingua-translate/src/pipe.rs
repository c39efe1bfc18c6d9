use std::fmt;
use std::mem;

use interlingua_ir::{Class, Event, Fault, Note, Sink};
use interlingua_protocol::sse::{Frame, FrameError, Framer};

use crate::tools::{Bridge, ToolMap, Unwrapping};

/// The largest event that is read. Images come in base64, and nothing larger is known.
const EVENT_LIMIT: usize = 16 << 20;

/// The largest whole answer that is read.
const BODY_LIMIT: usize = 64 << 20;

/// One upstream protocol's way in.
pub trait Decode: fmt::Debug + Send {
    /// Reads one event of a stream and tells `sink` what it means.
    ///
    /// # Errors
    ///
    /// The upstream's own failure, or [`Class::Upstream`] when it breaks its protocol. The decoder is
    /// of no use afterwards.
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) -> Result<(), Fault>;

    /// Reads as many further events as `stream` begins with and are like the last one, and says how many
    /// bytes of it they took. A decoder that sees each event by itself takes none; one whose answer has ended is
    /// not asked.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    fn run(&mut self, _stream: &[u8], _sink: &mut dyn Sink) -> Result<usize, Fault> {
        Ok(0)
    }

    /// Reads a whole answer.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    fn whole(&mut self, body: &str, sink: &mut dyn Sink) -> Result<(), Fault>;

    /// Takes note that the upstream has nothing more to say.
    ///
    /// # Errors
    ///
    /// [`Class::Interrupted`] when it stopped in the middle of its answer.
    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Fault>;

    /// Whether the answer has ended, so that nothing more needs to be read.
    fn is_over(&self) -> bool;
}

/// One client protocol's way out.
pub trait Encode: Sink + fmt::Debug + Send {
    /// Opens the answer before the upstream has begun it, with events that carry nothing of it.
    fn open(&mut self);

    /// Shows the client that the answer is still being worked on.
    fn keep_alive(&mut self);

    /// Goes on with an answer that was begun by others: its id, and how many events the client has seen.
    fn resume(&mut self, _answer: &str, _events: u64) {}

    /// Adds to the answer what its head could not say any more, such as who answers, where the
    /// protocol has a place for it.
    fn annotate(&mut self, _pairs: &[(&str, String)]) {}

    /// The answer, if it was to be kept and has ended by itself: whole, or cut with a reason.
    fn kept(&mut self) -> Option<Kept> {
        None
    }

    /// What was lost or changed on the way, as far as the answer has come.
    fn notes(&self) -> &[Note];

    /// Ends the answer by telling what went wrong.
    fn fail(&mut self, fault: &Fault);

    /// How many bytes are ready for the client.
    fn pending(&self) -> usize;

    /// Appends the bytes that are ready for the client to `out`; an empty `out` is swapped in, so that
    /// its room is used next.
    fn take(&mut self, out: &mut Vec<u8>);
}

impl<D: Decode + ?Sized> Decode for Box<D> {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
        (**self).frame(frame, sink)
    }

    fn run(&mut self, stream: &[u8], sink: &mut dyn Sink) -> Result<usize, Fault> {
        (**self).run(stream, sink)
    }

    fn whole(&mut self, body: &str, sink: &mut dyn Sink) -> Result<(), Fault> {
        (**self).whole(body, sink)
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Fault> {
        (**self).finish(sink)
    }

    fn is_over(&self) -> bool {
        (**self).is_over()
    }
}

/// An answer as the gateway keeps it, so that it can be asked for again and continued from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// The whole answer, as JSON.
    pub answer: String,
    /// Its items, as a JSON list.
    pub output: String,
}

/// Reads the body of an upstream's answer, whatever form it has.
///
/// An event stream may come where a whole answer was asked for, and the other way round; what it is
/// shows in its first byte. The driver does two things: [`push`](Self::push) what arrived, as often as
/// something arrives, and [`finish`](Self::finish) when the upstream is done.
#[derive(Debug)]
pub struct Reader<D> {
    form: Form,
    limits: ReadLimits,
    decoder: D,
}

/// How much of an upstream's answer is held in memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReadLimits {
    /// One event of a stream, in bytes.
    pub event: usize,
    /// An answer that is not a stream, in bytes.
    pub body: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { event: EVENT_LIMIT, body: BODY_LIMIT }
    }
}

#[derive(Debug)]
enum Form {
    /// Nothing but blanks has come.
    Unknown,
    /// Events.
    Events(Framer),
    /// One document: JSON, or the page of a server that knows nothing of models.
    Whole(Vec<u8>),
}

impl<D: Decode> Reader<D> {
    /// Makes a reader that explains the answer with `decoder`.
    pub fn new(decoder: D) -> Self {
        Self::with_limits(decoder, ReadLimits::default())
    }

    /// Makes a reader with limits of its own.
    pub fn with_limits(decoder: D, limits: ReadLimits) -> Self {
        Self { form: Form::Unknown, limits, decoder }
    }

    /// Takes the next bytes from the upstream, cut anywhere.
    ///
    /// # Errors
    ///
    /// The upstream's failure, or [`Class::Upstream`] when its answer is none. What was understood
    /// before that has reached `sink`.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Fault> {
        if let Form::Unknown = self.form {
            let blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte);
            match bytes.iter().find(|byte| !blank(byte)) {
                None => return Ok(()),
                Some(b'{' | b'[' | b'<') => self.form = Form::Whole(Vec::new()),
                Some(_) => self.form = Form::Events(Framer::new(self.limits.event)),
            }
        }
        match &mut self.form {
            Form::Unknown => Ok(()),
            Form::Whole(body) => {
                if body.len() + bytes.len() > self.limits.body {
                    let limit = self.limits.body;
                    let what = format!("the upstream's answer is larger than {limit} bytes");
                    return Err(Fault::new(Class::Upstream, what));
                }
                body.extend_from_slice(bytes);
                Ok(())
            }
            Form::Events(framer) => {
                let (decoder, limit) = (&mut self.decoder, self.limits.event);
                let each = |frame: Frame<'_>, rest: &[u8]| {
                    step(decoder, frame, sink)?;
                    // A run is not measured frame by frame.
                    if rest.is_empty() || rest.len() > limit || decoder.is_over() {
                        return Ok(0);
                    }
                    decoder.run(rest, sink).map_err(Halt::Fault)
                };
                framer.push_ahead(bytes, each).map_err(Fault::from)
            }
        }
    }

    /// Takes note that the upstream closed the connection or the body.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push); [`Class::Interrupted`] when the answer is not complete.
    pub fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Fault> {
        match mem::replace(&mut self.form, Form::Unknown) {
            Form::Unknown => self.decoder.finish(sink),
            Form::Whole(body) => {
                let text = interlingua_protocol::lossy(&body);
                let start = text.find(['{', '[', '<']).unwrap_or_default();
                self.decoder.whole(text.split_at(start).1, sink)
            }
            Form::Events(mut framer) => {
                let decoder = &mut self.decoder;
                framer.finish(|frame| step(decoder, frame, sink))?;
                self.decoder.finish(sink)
            }
        }
    }

    /// Whether the answer has ended, so that nothing more needs to be read.
    pub fn is_over(&self) -> bool {
        self.decoder.is_over()
    }
}

/// What stops a framer: its own limit, or the decoder's verdict.
enum Halt {
    Frame(FrameError),
    Fault(Fault),
}

impl From<FrameError> for Halt {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<Halt> for Fault {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Fault(fault) => fault,
            Halt::Frame(error) => {
                Self::new(Class::Upstream, format!("the upstream's answer: {error}"))
            }
        }
    }
}

fn step(decoder: &mut impl Decode, frame: Frame<'_>, sink: &mut dyn Sink) -> Result<(), Halt> {
    decoder.frame(frame, sink).map_err(Halt::Fault)
}

/// Upstream bytes in, client bytes out: a [`Reader`] and an encoder joined.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use interlingua_dialect::Dialects;
/// use interlingua_translate::{Pipe, chat, responses};
///
/// let dialect = Dialects::builtin().resolve("mimo", "mimo-v2.5-pro")?;
/// let decoder = chat::Decoder::new(Arc::new(dialect), "mimo", "1");
/// let head = responses::Head::new("resp_1", "mimo/mimo-v2.5-pro", 1_700_000_000);
/// let mut pipe = Pipe::new(decoder, responses::Encoder::stream(head));
///
/// // Whatever the socket gave us goes in, whatever is ready for the client comes out.
/// pipe.push(b"data: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"conte")?;
/// let mut out = Vec::new();
/// pipe.take(&mut out);
/// assert!(out.is_empty());
/// pipe.push(b"nt\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")?;
/// pipe.finish()?;
/// pipe.take(&mut out);
/// assert!(String::from_utf8(out)?.contains("response.completed"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pipe<D, E> {
    reader: Reader<D>,
    tools: ToolMap,
    open: Unwrapping,
    encoder: E,
}

impl<D: Decode, E: Encode> Pipe<D, E> {
    /// Joins a decoder to an encoder.
    pub fn new(decoder: D, encoder: E) -> Self {
        Self {
            reader: Reader::new(decoder),
            tools: ToolMap::default(),
            open: Unwrapping::default(),
            encoder,
        }
    }

    /// Turns the calls of tools back that had to be shown to the model in another way.
    #[must_use]
    pub fn tools(mut self, tools: ToolMap) -> Self {
        self.tools = tools;
        self
    }

    /// Takes the next bytes from the upstream, cut anywhere.
    ///
    /// # Errors
    ///
    /// As [`Reader::push`]. The client is told through [`Encode::fail`]; what it may see is there to
    /// be [taken](Self::take).
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut bridge = Bridge::new(&self.tools, &mut self.open, &mut self.encoder);
        let result = self.reader.push(bytes, &mut bridge);
        result.inspect_err(|fault| self.encoder.fail(fault))
    }

    /// Takes note that the upstream closed the connection or the body.
    ///
    /// # Errors
    ///
    /// As [`Reader::finish`]; the client is told.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let mut bridge = Bridge::new(&self.tools, &mut self.open, &mut self.encoder);
        let result = self.reader.finish(&mut bridge);
        result.inspect_err(|fault| self.encoder.fail(fault))
    }

    /// Appends the bytes that are ready for the client to `out`.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        self.encoder.take(out);
    }
}

/// Remembers whether an event with something of the model has passed.
#[derive(Debug, Default)]
pub struct Started(bool);

impl Started {
    /// Whether such an event has passed. From then on nothing may be retried.
    pub fn is_set(&self) -> bool {
        self.0
    }
}

impl Sink for Started {
    fn event(&mut self, event: Event<'_>) {
        self.0 |= event.is_meaningful();
    }
}
