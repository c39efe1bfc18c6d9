use std::fmt;

/// A loss or a change, told instead of hidden.
///
/// Translation never fails because the target has no word for something; it says so. Notes reach the
/// log and the `x-interlingua-notes` response header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// What happened, for counters.
    pub kind: NoteKind,
    /// What it happened to: a field, a tool, an item. Short and free of the user's words.
    pub subject: String,
}

impl Note {
    /// Makes a note.
    pub fn new(kind: NoteKind, subject: impl Into<String>) -> Self {
        Self { kind, subject: subject.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind.name(), self.subject)
    }
}

/// What a [`Note`] tells.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NoteKind {
    /// The target has no place for it; it was left out.
    Dropped,
    /// It was put differently, because the target has no word for it.
    Changed,
    /// An image or another part was replaced by a placeholder.
    Omitted,
    /// Something was missing that the target insists on, and was filled in.
    FilledIn,
    /// A tool result whose call is gone, or a second result of one call.
    StrayResult,
    /// Reasoning that the upstream wants back is gone.
    ReasoningMissing,
    /// Reasoning of another provider was held back.
    ReasoningForeign,
    /// Reasoning that the client may forget could not be kept for it.
    ReasoningUnkept,
    /// Sealed reasoning could not be opened.
    ReasoningUnreadable,
    /// Nobody could count, so it was estimated.
    Estimated,
    /// A field or a value that no rule knows.
    Unknown,
    /// The same call id was used twice, and the second was renamed.
    Renamed,
    /// The upstream refused once and accepted a repaired request.
    Repaired,
    /// Somebody who was to answer did not, and another one was asked.
    Skipped,
    /// A mistake in a patch that the model wrote was mended.
    PatchRepaired,
    /// The summary that stands for a part of the conversation could not be opened.
    SummaryUnreadable,
    /// Old turns did not fit into the model's window and are missing from a summary.
    TurnsDropped,
    /// The answer does not follow the schema that its upstream was only asked to follow.
    SchemaMismatch,
    /// Something that means nothing to a model was left out, as with every request of its client;
    /// see [`NoteKind::is_quiet`].
    Housekeeping,
}

impl NoteKind {
    /// The name by which headers, logs and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Changed => "changed",
            Self::Omitted => "omitted",
            Self::FilledIn => "filled-in",
            Self::StrayResult => "stray-result",
            Self::ReasoningMissing => "reasoning-missing",
            Self::ReasoningForeign => "reasoning-foreign",
            Self::ReasoningUnkept => "reasoning-unkept",
            Self::ReasoningUnreadable => "reasoning-unreadable",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
            Self::Renamed => "renamed",
            Self::Repaired => "repaired",
            Self::Skipped => "skipped",
            Self::PatchRepaired => "patch-repaired",
            Self::SummaryUnreadable => "summary-unreadable",
            Self::TurnsDropped => "turns-dropped",
            Self::SchemaMismatch => "schema-mismatch",
            Self::Housekeeping => "housekeeping",
        }
    }

    /// Whether the note is worth a line in a debug log and no more: a header that says the same with
    /// every answer says nothing.
    pub fn is_quiet(self) -> bool {
        self == Self::Housekeeping
    }
}
