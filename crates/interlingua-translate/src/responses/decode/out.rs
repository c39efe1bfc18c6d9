//! What the items of an answer share.

use interlingua_ir::{Class, Event, Index, Note, NoteKind, Sink};

/// What one item has to know of the others, and the way out.
#[derive(Debug)]
pub(super) struct Out {
    next: u32,
    /// Makes the ids unique that the upstream forgets to give.
    pub(super) seed: String,
    /// The ids of the calls, as the client knows them.
    pub(super) call_ids: Vec<String>,
    /// A call is complete.
    pub(super) called: bool,
    /// The client sees the frames themselves, so that nothing is lost on the way to it.
    pub(super) quiet: bool,
    told: Vec<String>,
}

/// What went wrong with an item.
pub(super) type Trouble = (Class, &'static str);

impl Out {
    pub(super) fn new(seed: &str) -> Self {
        Self {
            next: 0,
            seed: seed.to_owned(),
            call_ids: Vec::new(),
            called: false,
            quiet: false,
            told: Vec::new(),
        }
    }

    /// Whether anything has come.
    pub(super) fn has_any(&self) -> bool {
        self.next > 0
    }

    /// The next free index.
    pub(super) fn index(&mut self) -> Index {
        let index = Index(self.next);
        self.next += 1;
        index
    }

    pub(super) fn note(&self, kind: NoteKind, what: &str, sink: &mut dyn Sink) {
        if !self.quiet {
            sink.event(Event::Note(Note::new(kind, what)));
        }
    }

    /// Notes what would be told with every item otherwise.
    pub(super) fn note_once(&mut self, kind: NoteKind, what: &str, sink: &mut dyn Sink) {
        /// How many different things of one answer are told.
        const MAX_TOLD: usize = 16;
        if self.told.len() < MAX_TOLD && !self.told.iter().any(|it| it == what) {
            self.told.push(what.to_owned());
            self.note(kind, what, sink);
        }
    }
}
