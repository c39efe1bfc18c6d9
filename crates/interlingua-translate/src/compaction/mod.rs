//! Summaries that take the place of a long conversation.
//!
//! A client whose conversation no longer fits asks for one item that stands for all of it. The model
//! that answers the conversation writes it, asked by a fixed prompt and without tools; the client
//! keeps it sealed, as it keeps thoughts, and sends it back in place of what it stands for.

mod gather;
mod shorten;

use interlingua_ir::{
    Class, Fault, Format, Item, Message, Note, NoteKind, Part, Role, Stop, Task, Text, ToolChoice,
    Turn,
};

pub use gather::Gathered;

/// What the model is asked to do with the conversation.
pub const PROMPT: &str = include_str!("prompt.md");

/// What a model reads before a summary.
pub(crate) const HEADING: &str = "Summary of the conversation so far. It replaces all earlier \
     answers, tool calls and results. Go on from where it ends; what it calls done is done.";

/// What a model reads where a summary cannot be opened.
pub(crate) const MISSING: &str = "[A summary of the earlier conversation stood here and cannot be \
     read any more. What was said and done before is unknown: look at the files, and ask the user \
     where it matters. Do not make it up.]";

/// A conversation on its way to being summed up.
#[derive(Debug)]
pub struct Compaction<'a> {
    turn: Turn<'a>,
    dropped: usize,
}

impl<'a> Compaction<'a> {
    /// Turns a client's request into the request for a summary.
    pub fn new(mut turn: Turn<'a>) -> Self {
        turn.task = Task::Compact;
        turn.tools.clear();
        turn.tool_choice = ToolChoice::Unset;
        turn.parallel_calls = None;
        turn.format = Format::Text;
        turn.max_output_tokens = None;
        let parts = vec![Part::Text(Text::plain(PROMPT.trim_end()))];
        turn.items.push(Item::Message(Message { role: Role::User, parts }));
        Self { turn, dropped: 0 }
    }

    /// The request for the model.
    pub fn turn(&self) -> &Turn<'a> {
        &self.turn
    }

    /// About how many tokens the conversation takes: four bytes make one, more or less, in every
    /// language and tokenizer. Images are not counted.
    pub fn tokens(&self) -> u64 {
        shorten::size(&self.turn.items) as u64 / 4
    }

    /// Drops about half of what is old: whole turns, the oldest first, then whole steps of the last
    /// turn, never a call without its result. What the operator and earlier summaries say stays, and so
    /// do the last turn's question and last step. `false` when nothing is left to drop.
    pub fn shorten(&mut self) -> bool {
        let dropped = shorten::drop_older_half(&mut self.turn.items);
        self.dropped += dropped;
        dropped > 0
    }

    /// Tells about what was dropped.
    pub fn note(&self) -> Option<Note> {
        let what = || format!("{} before the summary", self.dropped);
        (self.dropped > 0).then(|| Note::new(NoteKind::TurnsDropped, what()))
    }

    /// Makes the summary of what the model wrote; it says itself what it lacks.
    ///
    /// # Errors
    ///
    /// [`Class::Upstream`] when the model wrote nothing, [`Class::ContentFilter`] when it was stopped.
    pub fn summary(&self, gathered: &Gathered) -> Result<String, Fault> {
        let text = gathered.text();
        if gathered.stop() == Some(Stop::Filtered) {
            let what = "the provider's content filter stopped the summary of the conversation";
            return Err(Fault::new(Class::ContentFilter, what));
        }
        if text.trim().is_empty() {
            let what = "the model was asked to sum up the conversation and wrote nothing; the \
                        conversation stays as it is";
            return Err(Fault::new(Class::Upstream, what));
        }
        let mut summary = String::with_capacity(text.len());
        if self.dropped > 0 {
            summary = format!(
                "[The oldest parts of the conversation did not fit into the model's window and are \
                 missing from this summary: {} turns or steps.]\n\n",
                self.dropped
            );
        }
        summary.push_str(text.trim());
        if gathered.stop() == Some(Stop::Length) {
            summary.push_str("\n\n[The model's output limit cut this summary off here.]");
        }
        Ok(summary)
    }
}
