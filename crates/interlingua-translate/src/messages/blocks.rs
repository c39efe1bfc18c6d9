//! The blocks of an answer, and the items that they become.

use interlingua_dialect::Dialect;
use interlingua_ir::{
    Attachment, CallHead, Class, Event, Form, Index, Kind, Note, NoteKind, Sink, Text,
};
use interlingua_protocol::json::{Completeness, compact};
use interlingua_protocol::messages as wire;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::surrogates::Halves;

/// The most blocks of one answer.
const MAX_BLOCKS: usize = 4096;

/// The largest input of one call, in bytes.
const MAX_INPUT: usize = 8 << 20;

/// Why an answer cannot be read on.
pub(super) type Broken = (Class, &'static str);

/// The blocks of an answer.
///
/// Each becomes an item as soon as it says something. A call whose input is not known to be whole stays
/// open until the upstream tells why it stopped: only then it is clear whether the call was cut.
#[derive(Debug)]
pub(super) struct Blocks {
    list: Vec<Block>,
    next: u32,
    seed: String,
}

#[derive(Debug)]
struct Block {
    /// The upstream's index.
    wire: u64,
    kind: BlockKind,
    /// Where the block stands in our answer, once it says something.
    item: Option<Index>,
    halves: Halves,
    /// A call's id, as its client knows it.
    id: String,
    /// A call's input that came with its beginning.
    early: String,
    whole: Completeness,
    /// How much of a call's input has come, in bytes.
    size: usize,
    /// Sources that wait for the prose they belong to.
    sources: Vec<(String, String)>,
    /// The upstream has signed the thought.
    signed: bool,
    /// Nothing of it can come any more.
    ended: bool,
    settled: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BlockKind {
    Text,
    Thinking,
    Redacted,
    Call,
    /// Something that no other protocol has a word for.
    Other,
}

impl BlockKind {
    fn of(kind: &str) -> Self {
        match kind {
            "text" => Self::Text,
            "thinking" => Self::Thinking,
            "redacted_thinking" => Self::Redacted,
            "tool_use" => Self::Call,
            _ => Self::Other,
        }
    }
}

impl Blocks {
    pub(super) fn new(seed: &str) -> Self {
        Self { list: Vec::new(), next: 0, seed: seed.to_owned() }
    }

    /// Whether the model has called something.
    pub(super) fn any_call(&self) -> bool {
        self.list.iter().any(|block| block.kind == BlockKind::Call)
    }

    /// Whether the model has said, thought or called something.
    pub(super) fn any(&self) -> bool {
        self.list.iter().any(|block| block.item.is_some() || block.kind == BlockKind::Other)
    }

    /// Whether a call is not known to be whole.
    pub(super) fn unfinished(&self) -> bool {
        let open = |block: &&Block| block.kind == BlockKind::Call && !block.settled;
        self.list.iter().filter(open).any(|block| !block.ended || !block.is_whole())
    }

    /// The block that the upstream means by an index; the latest one if it gives none.
    pub(super) fn find(&self, index: Option<&RawValue>) -> Option<usize> {
        match number(index) {
            Some(wire) => self.list.iter().rposition(|block| block.wire == wire && !block.ended),
            None => self.list.iter().rposition(|block| !block.ended),
        }
    }

    pub(super) fn kind(&self, at: usize) -> BlockKind {
        self.list[at].kind
    }

    /// The id under which the client knows a call.
    pub(super) fn call_id(&self, at: usize) -> &str {
        &self.list[at].id
    }

    /// Begins a block and gives its position.
    ///
    /// # Errors
    ///
    /// What limit the upstream has crossed, or what nobody could work with.
    pub(super) fn start(
        &mut self,
        index: Option<&RawValue>,
        block: &wire::AnswerBlock<'_>,
        sink: &mut dyn Sink,
    ) -> Result<usize, Broken> {
        // An index that is used again belongs to the new block from now on.
        if let Some(before) = self.find(index).filter(|_| index.is_some()) {
            self.stop(before, sink);
        }
        let kind = BlockKind::of(block.kind.as_ref().map_or("", |it| it.as_str()));
        let at = self.push(index, kind)?;
        match kind {
            BlockKind::Text => {
                self.cite(at, block.citations, sink);
                self.say(at, block.text.and_then(text), sink);
            }
            BlockKind::Thinking => {
                self.say(at, block.thinking.and_then(text), sink);
                self.sign(at, block.signature, sink);
            }
            BlockKind::Redacted => {
                if let Some(data) = block.data {
                    let index = self.open(at, Kind::Reasoning, sink);
                    provenance(index, "redacted_thinking", data, sink);
                }
            }
            BlockKind::Call => self.call(at, block, sink)?,
            BlockKind::Other => {}
        }
        Ok(at)
    }

    /// Begins a block that the upstream forgot to begin.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub(super) fn implied(
        &mut self,
        index: Option<&RawValue>,
        kind: BlockKind,
    ) -> Result<usize, Broken> {
        self.push(index, kind)
    }

    /// Takes the next piece of prose or thought. What is empty opens nothing.
    pub(super) fn say(&mut self, at: usize, text: Option<Text<'_>>, sink: &mut dyn Sink) {
        let Some(text) = text.filter(|it| !it.is_empty()) else { return };
        let kind = match self.list[at].kind {
            BlockKind::Text => Kind::Text,
            _ => Kind::Reasoning,
        };
        let index = self.open(at, kind, sink);
        if let Some(text) = self.list[at].halves.join(text) {
            sink.event(Event::Delta { index, text });
        }
        for (url, title) in std::mem::take(&mut self.list[at].sources) {
            cited(index, url, title, sink);
        }
    }

    /// Takes that by which the upstream recognises its thought.
    pub(super) fn sign(&mut self, at: usize, json: Option<&RawValue>, sink: &mut dyn Sink) {
        let Some(json) = json.filter(|it| it.get().starts_with('"')) else { return };
        if json.get() == "\"\"" {
            return;
        }
        let index = self.open(at, Kind::Reasoning, sink);
        provenance(index, "signature", json, sink);
        self.list[at].signed = true;
    }

    /// Whether a thought has said something and was not signed.
    pub(super) fn lacks_signature(&self, at: usize) -> bool {
        let block = &self.list[at];
        block.kind == BlockKind::Thinking && block.item.is_some() && !block.signed
    }

    /// Takes the sources of a text: one, or a list of them.
    pub(super) fn cite(&mut self, at: usize, json: Option<&RawValue>, sink: &mut dyn Sink) {
        for (url, title) in json.map(sources).unwrap_or_default() {
            match (url, self.list[at].item) {
                (Some(url), Some(index)) => cited(index, url, title, sink),
                (Some(url), None) => self.list[at].sources.push((url, title)),
                (None, _) => {
                    let what = "citation of a document";
                    sink.event(Event::Note(Note::new(NoteKind::Dropped, what)));
                }
            }
        }
    }

    /// Takes the next piece of a call's input.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub(super) fn input(
        &mut self,
        at: usize,
        text: Option<Text<'_>>,
        sink: &mut dyn Sink,
    ) -> Result<(), Broken> {
        let block = &mut self.list[at];
        let Some((index, text)) = block.item.zip(text.filter(|it| !it.is_empty())) else {
            return Ok(());
        };
        let Some(text) = block.halves.join(text) else { return Ok(()) };
        block.size += text.stored_len();
        if block.size > MAX_INPUT {
            return Err((Class::Upstream, "the input of a call is larger than 8 MiB"));
        }
        match &text {
            Text::Json(inside) => block.whole.push_escaped(inside),
            Text::Plain(plain) => block.whole.push(plain),
        }
        sink.event(Event::Delta { index, text });
        Ok(())
    }

    /// Ends a block. A call that may have been cut stays open.
    pub(super) fn stop(&mut self, at: usize, sink: &mut dyn Sink) {
        let block = &mut self.list[at];
        block.ended = true;
        let Some(index) = block.item.filter(|_| !block.settled) else { return };
        if block.kind == BlockKind::Call {
            if block.size == 0 && !block.early.is_empty() {
                let input = std::mem::take(&mut block.early);
                block.size = input.len();
                block.whole.push(&input);
                sink.event(Event::Delta { index, text: Text::from(input) });
            }
            if !block.is_whole() {
                return;
            }
        }
        block.close(index, sink);
    }

    /// Ends all blocks: where the answer was `cut`, calls that are not whole are dropped.
    pub(super) fn settle(&mut self, cut: bool, sink: &mut dyn Sink) {
        for at in 0..self.list.len() {
            self.stop(at, sink);
            let block = &mut self.list[at];
            let Some(index) = block.item.filter(|_| !block.settled) else {
                if !block.sources.is_empty() {
                    block.sources.clear();
                    let what = "citation without text";
                    sink.event(Event::Note(Note::new(NoteKind::Dropped, what)));
                }
                continue;
            };
            if cut {
                block.settled = true;
                sink.event(Event::Drop { index });
                continue;
            }
            if block.size == 0 {
                sink.event(Event::Delta { index, text: Text::plain("{}") });
            }
            block.close(index, sink);
        }
    }

    fn push(&mut self, index: Option<&RawValue>, kind: BlockKind) -> Result<usize, Broken> {
        if self.list.len() == MAX_BLOCKS {
            return Err((Class::Upstream, "the answer holds more than 4096 blocks"));
        }
        let after = self.list.last().map_or(0, |block| block.wire.saturating_add(1));
        self.list.push(Block {
            wire: number(index).unwrap_or(after),
            kind,
            item: None,
            halves: Halves::default(),
            id: String::new(),
            early: String::new(),
            whole: Completeness::default(),
            size: 0,
            sources: Vec::new(),
            signed: false,
            ended: false,
            settled: false,
        });
        Ok(self.list.len() - 1)
    }

    fn call(
        &mut self,
        at: usize,
        block: &wire::AnswerBlock<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Broken> {
        let words = |raw: Option<&RawValue>| {
            raw.and_then(text).map_or(String::new(), |it| it.to_plain().into_owned())
        };
        let name = words(block.name);
        if name.trim().is_empty() {
            return Err((Class::ToolGenerationFailed, "the model called a tool without naming it"));
        }
        let own = words(block.id);
        let taken = |id: &str| self.list.iter().any(|it| it.id == id);
        let renamed = !own.is_empty() && taken(&own);
        let base = if own.is_empty() { format!("toolu_{}_{at}", self.seed) } else { own };
        let mut id = base.clone();
        let mut nth = at;
        while taken(&id) {
            id = format!("{base}_{nth}");
            nth += 1;
        }
        let index = Index(self.next);
        self.next += 1;
        let call = &mut self.list[at];
        call.id = id;
        call.item = Some(index);
        call.early = match block.input.map_or("", RawValue::get) {
            json if json.starts_with('{') => compact(json),
            // Some servers send the arguments as text.
            json => Text::from_json(json).unwrap_or(Text::EMPTY).to_plain().into_owned(),
        };
        if call.early == "{}" {
            call.early.clear();
        }
        let head = CallHead {
            id: call.id.as_str().into(),
            name: name.into(),
            namespace: None,
            form: Form::Function,
        };
        sink.event(Event::Open { index, kind: Kind::Call(head) });
        if renamed {
            let what = "a call id that was used twice";
            sink.event(Event::Note(Note::new(NoteKind::Renamed, what)));
        }
        Ok(())
    }

    /// The item of a block, which is opened if it is not yet.
    fn open(&mut self, at: usize, kind: Kind<'_>, sink: &mut dyn Sink) -> Index {
        if let Some(index) = self.list[at].item {
            return index;
        }
        let index = Index(self.next);
        self.next += 1;
        self.list[at].item = Some(index);
        sink.event(Event::Open { index, kind });
        index
    }
}

impl Block {
    /// Whether a call's input is known to be complete.
    fn is_whole(&self) -> bool {
        self.whole.is_whole()
    }

    fn close(&mut self, index: Index, sink: &mut dyn Sink) {
        self.settled = true;
        if let Some(text) = self.halves.rest() {
            sink.event(Event::Delta { index, text });
        }
        sink.event(Event::Close { index });
    }
}

/// Whether an upstream's error rules find an error in something that is none by its kind.
pub(super) fn is_error(dialect: &Dialect, json: &str) -> bool {
    dialect.classify_event(json).is_some()
}

pub(super) fn text(raw: &RawValue) -> Option<Text<'_>> {
    Text::from_json(raw.get())
}

fn number(raw: Option<&RawValue>) -> Option<u64> {
    raw?.get().parse().ok()
}

fn provenance(index: Index, field: &'static str, json: &RawValue, sink: &mut dyn Sink) {
    let attachment = Attachment::Provenance { field: field.into(), json: json.get().into() };
    sink.event(Event::Attach { index, attachment });
}

fn cited(index: Index, url: String, title: String, sink: &mut dyn Sink) {
    let attachment = Attachment::Citation { url: url.into(), title: title.into() };
    sink.event(Event::Attach { index, attachment });
}

/// Where sources are, if anywhere, and what they are called.
fn sources(json: &RawValue) -> Vec<(Option<String>, String)> {
    #[derive(Deserialize)]
    struct Source {
        #[serde(default)]
        url: Option<String>,
        #[serde(default)]
        title: Option<String>,
    }
    let json = json.get();
    let sources: Vec<Source> = match json.starts_with('[') {
        true => serde_json::from_str(json).unwrap_or_default(),
        false => serde_json::from_str(json).into_iter().collect(),
    };
    sources.into_iter().map(|it| (it.url, it.title.unwrap_or_default())).collect()
}
