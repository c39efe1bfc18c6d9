use std::borrow::Cow;
use std::fmt;

use crate::{Note, Text, Usage};

/// One step of a model's answer.
///
/// Text is borrowed from the upstream's frame; call [`Event::into_owned`] to keep an event longer
/// than the frame. What was lost between protocols is an event too, so that it travels with the
/// answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// The upstream accepted the turn and gave it a name.
    Begin {
        /// The upstream's own id of this answer; kept, so that logs on both sides can be joined.
        id: Cow<'a, str>,
        /// The model that answers, as the upstream spells it.
        model: Cow<'a, str>,
    },
    /// A new output item begins.
    Open {
        /// Position of the item in the answer.
        index: Index,
        /// What the item will hold.
        kind: Kind<'a>,
    },
    /// The next piece of an open item.
    Delta {
        /// The item this piece belongs to.
        index: Index,
        /// The piece itself: prose, thought, or a stretch of a call's input.
        text: Text<'a>,
    },
    /// Something that belongs to an open item without being a part of its text.
    Attach {
        /// The item it belongs to.
        index: Index,
        /// What it is.
        attachment: Attachment<'a>,
    },
    /// An open item is complete.
    Close {
        /// The item that ends.
        index: Index,
    },
    /// An open item was cut and will never be complete. Nobody may act on it.
    Drop {
        /// The item that was cut.
        index: Index,
    },
    /// What the upstream sent, for a client of the same protocol. The events that it means have come
    /// before it.
    Frame(Frame<'a>),
    /// Several frames at once, for the same client. The events that they mean have come before them.
    Frames(FrameRun<'a>),
    /// Something could not be carried over as it was.
    Note(Note),
    /// The answer is over.
    End {
        /// Why the model stopped.
        stop: Stop,
        /// What the turn cost, where the upstream said so.
        usage: Option<Usage>,
    },
}

impl Event<'_> {
    /// Detaches the event from the frame it was read from.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Begin { id, model } => {
                Event::Begin { id: id.into_owned().into(), model: model.into_owned().into() }
            }
            Self::Open { index, kind } => Event::Open { index, kind: kind.into_owned() },
            Self::Delta { index, text } => Event::Delta { index, text: text.into_owned() },
            Self::Attach { index, attachment } => {
                Event::Attach { index, attachment: attachment.into_owned() }
            }
            Self::Close { index } => Event::Close { index },
            Self::Drop { index } => Event::Drop { index },
            Self::Frame(frame) => Event::Frame(frame.into_owned()),
            Self::Frames(frames) => Event::Frames(frames.into_owned()),
            Self::Note(note) => Event::Note(note),
            Self::End { stop, usage } => Event::End { stop, usage },
        }
    }

    /// Whether the event carries something of the model: once the client has seen such an event,
    /// nothing may be retried.
    pub fn is_meaningful(&self) -> bool {
        !matches!(self, Self::Begin { .. } | Self::Frame(_) | Self::Frames(_) | Self::Note(_))
    }
}

/// One line per event: the form in which tests and trace logs show a stream.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin { id, model } => write!(f, "begin {id} {model}"),
            Self::Open { index, kind } => write!(f, "open  {index} {kind}"),
            Self::Delta { index, text } => write!(f, "delta {index} {text:?}"),
            Self::Attach { index, attachment } => write!(f, "with  {index} {attachment:?}"),
            Self::Close { index } => write!(f, "close {index}"),
            Self::Drop { index } => write!(f, "drop  {index}"),
            Self::Frame(frame) => write!(f, "frame {}", frame.name.as_deref().unwrap_or("-")),
            Self::Frames(frames) => write!(f, "frames {}", frames.count),
            Self::Note(note) => write!(f, "note  {note}"),
            Self::End { stop, usage: None } => write!(f, "end   {stop:?}"),
            Self::End { stop, usage: Some(usage) } => write!(f, "end   {stop:?} {usage}"),
        }
    }
}

/// Position of an output item in its answer, counted from zero.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Index(pub u32);

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What an output item holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'a> {
    /// Prose for the user.
    Text,
    /// Prose in which the model says that it will not do what it was asked.
    Refusal,
    /// Thought that is not a part of the answer but must survive the round trip.
    Reasoning,
    /// A request to run a tool.
    Call(CallHead<'a>),
    /// A summary of the conversation, which the client keeps in its place. It has no pieces: it
    /// travels as [`Attachment::Sealed`].
    Summary,
}

impl Kind<'_> {
    fn into_owned(self) -> Kind<'static> {
        match self {
            Self::Text => Kind::Text,
            Self::Refusal => Kind::Refusal,
            Self::Reasoning => Kind::Reasoning,
            Self::Call(head) => Kind::Call(head.into_owned()),
            Self::Summary => Kind::Summary,
        }
    }
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Refusal => f.write_str("refusal"),
            Self::Reasoning => f.write_str("reasoning"),
            Self::Summary => f.write_str("summary"),
            Self::Call(head) => {
                write!(f, "{} ", head.form)?;
                if let Some(namespace) = &head.namespace {
                    write!(f, "{namespace}.")?;
                }
                write!(f, "{} {}", head.name, head.id)
            }
        }
    }
}

/// Which tool a call asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct CallHead<'a> {
    /// The id that the tool's result will refer to.
    pub id: Cow<'a, str>,
    /// The tool's name, without its namespace.
    pub name: Cow<'a, str>,
    /// The namespace in which the tool was declared.
    pub namespace: Option<Cow<'a, str>>,
    /// What the pieces of the call's input are.
    pub form: Form,
}

impl CallHead<'_> {
    /// Detaches the head from what it was read from.
    pub fn into_owned(self) -> CallHead<'static> {
        CallHead {
            id: self.id.into_owned().into(),
            name: self.name.into_owned().into(),
            namespace: self.namespace.map(|it| it.into_owned().into()),
            form: self.form,
        }
    }
}

/// What the input of a call is, which follows from how the tool was declared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// JSON arguments.
    Function,
    /// Free text, such as a patch.
    Custom,
    /// JSON arguments of the client's own search for more tools.
    ToolSearch,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Function => "call",
            Self::Custom => "custom call",
            Self::ToolSearch => "tool search",
        })
    }
}

/// Something that belongs to an output item without being a part of its text.
#[derive(Clone, Debug, PartialEq)]
pub enum Attachment<'a> {
    /// A source that the text relies on.
    Citation {
        /// Where it is.
        url: Text<'a>,
        /// What it is called.
        title: Text<'a>,
    },
    /// Data by which the upstream recognises its own thought; it must go back unchanged, and only
    /// there.
    Provenance {
        /// The field of the upstream's protocol in which it travels.
        field: Cow<'a, str>,
        /// The field's value, as JSON.
        json: Cow<'a, str>,
    },
    /// The whole item, sealed for the way through the client's history.
    Sealed(Cow<'a, str>),
}

impl Attachment<'_> {
    fn into_owned(self) -> Attachment<'static> {
        match self {
            Self::Citation { url, title } => {
                Attachment::Citation { url: url.into_owned(), title: title.into_owned() }
            }
            Self::Provenance { field, json } => Attachment::Provenance {
                field: field.into_owned().into(),
                json: json.into_owned().into(),
            },
            Self::Sealed(blob) => Attachment::Sealed(blob.into_owned().into()),
        }
    }
}

/// One frame of an upstream's stream, or its whole answer, in pieces: most of it goes on as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// The frame's `event:` field, if it has one.
    pub name: Option<Cow<'a, str>>,
    /// Its JSON, in order.
    pub pieces: Cow<'a, [Piece<'a>]>,
}

/// Frames of an upstream's stream that follow each other, as they stand in it.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameRun<'a> {
    /// How many.
    pub count: u64,
    /// Their lines in order, with all that frames them: `event: `, `data: `, and the blank line at the end of
    /// each. [`Piece::Json`] stands for what goes on as it came, framing or not; of the answer's id nothing is
    /// told that is not known.
    pub lines: Cow<'a, [Piece<'a>]>,
}

/// A piece of a [`Frame`]. All but [`Piece::Json`] are the insides of JSON strings.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece<'a> {
    /// JSON that goes on as it came.
    Json(Cow<'a, str>),
    /// The model's name, in whose place the client sees the one that it asked for.
    Model(Cow<'a, str>),
    /// The id of a call.
    CallId(Cow<'a, str>),
    /// The answer's id.
    AnswerId(Cow<'a, str>),
    /// Data by which the upstream recognises its own thought. The client sees it sealed.
    Opaque(Cow<'a, str>),
}

impl Frame<'_> {
    fn into_owned(self) -> Frame<'static> {
        Frame {
            name: self.name.map(|it| it.into_owned().into()),
            pieces: self.pieces.into_owned().into_iter().map(Piece::into_owned).collect(),
        }
    }
}

impl FrameRun<'_> {
    fn into_owned(self) -> FrameRun<'static> {
        let lines = self.lines.into_owned().into_iter().map(Piece::into_owned).collect();
        FrameRun { count: self.count, lines }
    }
}

impl Piece<'_> {
    fn into_owned(self) -> Piece<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Json(text) => Piece::Json(owned(text)),
            Self::Model(text) => Piece::Model(owned(text)),
            Self::CallId(text) => Piece::CallId(owned(text)),
            Self::AnswerId(text) => Piece::AnswerId(owned(text)),
            Self::Opaque(text) => Piece::Opaque(owned(text)),
        }
    }
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It was done.
    Complete,
    /// A content filter cut it off.
    Filtered,
    /// It ran into a token limit.
    Length,
    /// It waits for the results of its tool calls.
    ToolUse,
}

/// Where events go.
///
/// Encoders are sinks, and so are meters, recorders and the [`Grammar`](crate::Grammar). Two sinks
/// side by side are a sink: `(encoder, meter)`.
pub trait Sink {
    /// Takes the next event.
    fn event(&mut self, event: Event<'_>);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn event(&mut self, event: Event<'_>) {
        (**self).event(event);
    }
}

impl<A: Sink, B: Sink> Sink for (A, B) {
    fn event(&mut self, event: Event<'_>) {
        self.0.event(event.clone());
        self.1.event(event);
    }
}

impl Sink for Vec<Event<'static>> {
    fn event(&mut self, event: Event<'_>) {
        self.push(event.into_owned());
    }
}
