//! Tool calls in pieces, told apart as well as the upstream lets us.

use interlingua_ir::{Attachment, CallHead, Event, Form, Index, Kind, Note, NoteKind, Sink, Text};
use interlingua_protocol::chat::{CallPiece, FunctionPiece};
use interlingua_protocol::json::{Completeness, compact};
use serde_json::value::RawValue;

use crate::surrogates::Halves;

/// The most calls of one answer.
const MAX_CALLS: usize = 1024;

/// The largest input of one call, in bytes.
const MAX_INPUT: usize = 8 << 20;

/// The field of a call in which the upstream keeps what it recognises the call by.
const EXTRA: &str = "extra_content";

/// The calls of an answer.
///
/// By the book, pieces of one call share an `index`, and only the first has an id and a name. Servers
/// leave the index out, give the same index to every call, repeat ids and names, or send names late.
#[derive(Debug)]
pub(super) struct Calls {
    all: Vec<Open>,
    seed: String,
    /// The upstream recognises each call by data that may come late, and goes before it. Then the
    /// client hears of a call when it has ended.
    signed: bool,
}

#[derive(Debug)]
struct Open {
    /// The upstream's index, where it gives one.
    index: Option<u64>,
    /// The upstream's id, where it gives one.
    id: Option<String>,
    /// The id under which the client knows the call, once it does.
    client_id: String,
    name: String,
    form: Form,
    /// Where the call stands in the answer; `None` until its name is known.
    item: Option<Index>,
    /// Input that the client does not know of yet, JSON-escaped.
    early: Vec<u8>,
    /// By what the upstream recognises the call.
    extra: Option<String>,
    halves: Halves,
    whole: Completeness,
    /// How much input has come, in bytes.
    size: usize,
    settled: bool,
}

impl Calls {
    pub(super) fn new(seed: &str, signed: bool) -> Self {
        Self { all: Vec::new(), seed: seed.to_owned(), signed }
    }

    /// Whether the model called anything.
    pub(super) fn any(&self) -> bool {
        self.all.iter().any(|call| call.item.is_some() || (self.signed && !call.name.is_empty()))
    }

    /// Whether a call is not known to be whole.
    pub(super) fn unfinished(&self) -> bool {
        self.all.iter().any(|call| !call.settled && !call.is_whole())
    }

    /// Takes the next piece of some call.
    ///
    /// # Errors
    ///
    /// What limit the upstream has crossed.
    pub(super) fn piece(
        &mut self,
        piece: &CallPiece<'_>,
        next: &mut u32,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        let form = if piece.custom.is_some() { Form::Custom } else { Form::Function };
        let function: &FunctionPiece<'_> = match (&piece.custom, &piece.function) {
            (Some(function), _) | (None, Some(function)) => function,
            (None, None) => &FunctionPiece::default(),
        };
        let read = Read {
            index: piece.index.and_then(|it| it.get().parse().ok()),
            id: piece.id.and_then(id),
            name: function.name.and_then(words).filter(|it| !it.trim().is_empty()),
            input: function.arguments.and_then(input),
        };
        let at = match self.find(&read) {
            Some(at) => at,
            // A piece that says nothing begins nothing.
            None if read.is_empty() => return Ok(()),
            None if self.all.len() == MAX_CALLS => {
                return Err("the answer holds more than 1024 calls");
            }
            None => {
                self.all.push(Open::new(&read, form));
                self.all.len() - 1
            }
        };
        let call = &mut self.all[at];
        if call.settled {
            sink.event(Event::Note(Note::new(
                NoteKind::Dropped,
                "a piece of a call that had ended",
            )));
            return Ok(());
        }
        if call.id.is_none() {
            call.id = read.id;
        }
        if call.index.is_none() {
            call.index = read.index;
        }
        if let (true, Some(name)) = (call.name.is_empty(), read.name) {
            call.name = name;
        }
        if let Some(extra) = piece.extra_content.filter(|it| it.get().starts_with('{')) {
            if self.signed {
                call.extra = Some(extra.get().to_owned());
            } else {
                sink.event(Event::Note(Note::new(NoteKind::Dropped, EXTRA)));
            }
        }
        if call.item.is_none() && !call.name.is_empty() && !self.signed {
            self.announce(at, next, sink);
        }
        let call = &mut self.all[at];
        let Some(text) = read.input.and_then(|input| call.halves.join(input)) else {
            return Ok(());
        };
        call.size += text.stored_len();
        if call.size > MAX_INPUT {
            return Err("the input of a call is larger than 8 MiB");
        }
        match &text {
            Text::Json(inside) => call.whole.push_escaped(inside),
            Text::Plain(plain) => call.whole.push(plain),
        }
        match call.item {
            Some(index) => sink.event(Event::Delta { index, text }),
            None => text.write_json(&mut call.early),
        }
        Ok(())
    }

    /// Ends all calls: whole ones are closed; where the answer was `cut`, the others are dropped.
    ///
    /// # Errors
    ///
    /// What is wrong with a call that nobody can run.
    pub(super) fn settle(
        &mut self,
        cut: bool,
        next: &mut u32,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        for at in 0..self.all.len() {
            let call = &mut self.all[at];
            if std::mem::replace(&mut call.settled, true) {
                continue;
            }
            let whole = !cut || call.is_whole();
            if self.signed && whole && !call.name.is_empty() {
                self.sign(at, next, sink);
                self.announce(at, next, sink);
            }
            let call = &mut self.all[at];
            let Some(index) = call.item else {
                if call.size > 0 && !cut {
                    return Err("the model called a tool without naming it");
                }
                let what = if whole { "a call without a name" } else { "a call that was cut" };
                sink.event(Event::Note(Note::new(NoteKind::Dropped, what)));
                continue;
            };
            if !whole {
                sink.event(Event::Drop { index });
                continue;
            }
            if let Some(text) = call.halves.rest() {
                sink.event(Event::Delta { index, text });
            }
            if call.size == 0 && call.form == Form::Function {
                sink.event(Event::Delta { index, text: Text::plain("{}") });
            }
            sink.event(Event::Close { index });
        }
        Ok(())
    }

    /// Puts what the upstream recognises a call by into a thought without words before it, for there
    /// clients keep what is not theirs.
    fn sign(&mut self, at: usize, next: &mut u32, sink: &mut dyn Sink) {
        let Some(extra) = self.all[at].extra.take() else { return };
        let index = Index(*next);
        *next += 1;
        sink.event(Event::Open { index, kind: Kind::Reasoning });
        let field = EXTRA.into();
        let attachment = Attachment::Provenance { field, json: extra.into() };
        sink.event(Event::Attach { index, attachment });
        sink.event(Event::Close { index });
    }

    /// Opens the call for the client, now that its name is known.
    fn announce(&mut self, at: usize, next: &mut u32, sink: &mut dyn Sink) {
        let taken = |id: &str| self.all.iter().any(|call| call.client_id == id);
        let own = self.all[at].id.clone();
        let renamed = own.as_deref().is_some_and(taken);
        let base = own.unwrap_or_else(|| format!("call_{}_{at}", self.seed));
        let mut id = base.clone();
        let mut nth = at;
        while taken(&id) {
            id = format!("{base}_{nth}");
            nth += 1;
        }
        let index = Index(*next);
        *next += 1;
        let call = &mut self.all[at];
        call.client_id = id;
        call.item = Some(index);
        let head = CallHead {
            id: call.client_id.as_str().into(),
            name: call.name.as_str().into(),
            namespace: None,
            form: call.form,
        };
        sink.event(Event::Open { index, kind: Kind::Call(head) });
        if renamed {
            let what = "a call id that was used twice";
            sink.event(Event::Note(Note::new(NoteKind::Renamed, what)));
        }
        if !call.early.is_empty() {
            let early = String::from_utf8(std::mem::take(&mut call.early));
            let text = Text::Json(early.unwrap_or_default().into());
            sink.event(Event::Delta { index, text });
        }
    }

    /// The call that a piece continues.
    fn find(&self, piece: &Read<'_>) -> Option<usize> {
        let found = match (&piece.id, piece.index) {
            (Some(id), index) => self
                .rposition(|call| {
                    let same_index = call.index.is_none() || index.is_none() || call.index == index;
                    call.id.as_ref() == Some(id) && same_index
                })
                .or_else(|| {
                    let at = self.rposition(|call| index.is_some() && call.index == index)?;
                    self.all[at].id.is_none().then_some(at)
                }),
            (None, Some(index)) => self.rposition(|call| call.index == Some(index)),
            (None, None) => self.all.len().checked_sub(1),
        }?;
        let call = &self.all[found];
        let Some(name) = &piece.name else { return Some(found) };
        let anew = call.whole.is_whole() && piece.input.as_ref().is_some_and(starts_anew);
        let other = !call.name.is_empty() && *name != call.name;
        let another = match (&piece.id, piece.index) {
            // By the book: nothing but these two decides.
            (Some(_), Some(_)) => false,
            // A whole call is not continued by another whole input.
            (Some(_), None) => anew,
            (None, Some(_)) => anew || (other && call.whole.is_whole()),
            (None, None) => anew || other,
        };
        (!another).then_some(found)
    }

    fn rposition(&self, test: impl Fn(&Open) -> bool) -> Option<usize> {
        self.all.iter().rposition(test)
    }
}

impl Open {
    fn new(piece: &Read<'_>, form: Form) -> Self {
        Self {
            index: piece.index,
            id: piece.id.clone(),
            client_id: String::new(),
            name: String::new(),
            form,
            item: None,
            early: Vec::new(),
            extra: None,
            halves: Halves::default(),
            whole: Completeness::default(),
            size: 0,
            settled: false,
        }
    }

    /// Whether the input is known to be complete; that of a custom tool never is.
    fn is_whole(&self) -> bool {
        self.form == Form::Function && self.whole.is_whole()
    }
}

/// A piece, cleaned of the ways in which servers say nothing.
struct Read<'a> {
    index: Option<u64>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Text<'a>>,
}

impl Read<'_> {
    fn is_empty(&self) -> bool {
        self.id.is_none() && self.name.is_none() && self.input.is_none()
    }
}

fn words(raw: &RawValue) -> Option<String> {
    Text::from_json(raw.get()).map(|it| it.to_plain().into_owned())
}

/// An id; LM Studio sends numbers.
fn id(raw: &RawValue) -> Option<String> {
    let id = words(raw).unwrap_or_else(|| raw.get().to_owned());
    (!id.is_empty() && id != "null").then_some(id)
}

/// Input as text; some servers send the arguments as an object.
fn input(raw: &RawValue) -> Option<Text<'_>> {
    let text = match raw.get() {
        json if json.starts_with('"') => Text::from_json(json)?,
        json if json.starts_with(['{', '[']) => Text::from(compact(json)),
        _ => return None,
    };
    Some(text).filter(|it| !it.is_empty())
}

/// Whether an input is a whole value in one piece.
fn starts_anew(input: &Text<'_>) -> bool {
    let mut whole = Completeness::default();
    whole.push(&input.to_plain());
    whole.is_whole()
}
