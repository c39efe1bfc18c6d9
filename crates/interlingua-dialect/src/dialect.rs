use crate::blocks::{
    Cache, Effort, Endpoint, Messages, ReasoningOut, Replay, Request, Responses, Stream, Thinking,
    Tools, UnknownLevel, Usage, Vision,
};
use crate::errors::Errors;
use crate::shape::{Field, Kind, Shape, block, closed_enum};

block! {
    /// One upstream's habits, complete: the result of resolving a record for a model.
    pub struct Dialect {
        /// How configuration refers to it.
        pub id: String,
        /// Its name for humans.
        pub title: String,
        /// The protocol that it is a dialect of.
        pub wire: Wire,
        /// Where the upstream is and how it wants to be asked.
        pub endpoint: Endpoint,
        /// Where reasoning appears in answers.
        pub reasoning_out: ReasoningOut,
        /// How reasoning has to be sent back.
        pub replay: Replay,
        /// How thinking is switched and steered.
        pub thinking: Thinking,
        /// How the request body departs from the standard.
        pub request: Request,
        /// How tools, calls and results are written.
        pub tools: Tools,
        /// What the list of messages must look like.
        pub messages: Messages,
        /// What images may look like.
        pub vision: Vision,
        /// What a stream looks like.
        pub stream: Stream,
        /// Where token counts are found.
        pub usage: Usage,
        /// What it takes where it is asked in Responses.
        pub responses: Responses,
        /// What refusals mean.
        pub errors: Errors,
        /// How prompts are cached.
        pub cache: Cache,
    }
}

closed_enum! {
    /// A protocol between agents and models.
    pub enum Wire {
        /// Chat Completions.
        Chat = "chat",
        /// Anthropic's Messages.
        Messages = "messages",
        /// OpenAI's Responses.
        Responses = "responses",
    }
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Messages, Self::Responses];

    /// The one of that name, as records and configurations have it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wire| wire.name() == name)
    }
}

impl From<Wire> for interlingua_ir::Protocol {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Chat => Self::Chat,
            Wire::Messages => Self::Messages,
            Wire::Responses => Self::Responses,
        }
    }
}

/// The answer to a wish for an effort level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EffortChoice<'a> {
    /// Ask for a level.
    Set {
        /// The level that the upstream is asked for.
        level: Effort,
        /// The request fields that ask for it: names and compact JSON.
        fields: &'a [(String, String)],
        /// Whether it is the level that was wanted.
        exact: bool,
    },
    /// Ask for nothing; the upstream decides.
    LeaveOut,
    /// Refuse the request.
    Refuse,
}

impl Dialect {
    /// The request fields that ask for a level, with aliases followed; none if there is no such level.
    pub fn effort(&self, level: Effort) -> Option<&[(String, String)]> {
        self.thinking.effort.get(level).map(|found| &found.fields[..])
    }

    /// What to do about a wish for a level, in the client's own word.
    ///
    /// A word that is no level has no nearest one either: it is left out, or refused if the record
    /// says so.
    pub fn effort_or_policy(&self, wanted: &str) -> EffortChoice<'_> {
        let table = &self.thinking.effort;
        let level = wanted.parse::<Effort>().ok();
        let found = level.and_then(|level| match (table.get(level), self.thinking.unknown_level) {
            (None, UnknownLevel::Nearest) => table.nearest(level),
            (found, _) => found,
        });
        match (found, self.thinking.unknown_level) {
            (Some(found), _) => EffortChoice::Set {
                level: found.level,
                fields: &found.fields,
                exact: Some(found.level) == level,
            },
            (None, UnknownLevel::Refuse) => EffortChoice::Refuse,
            (None, UnknownLevel::Nearest | UnknownLevel::Omit) => EffortChoice::LeaveOut,
        }
    }
}

/// The blocks that records and their families patch: all fields of a dialect but those that name it.
pub(crate) const BLOCKS: &[Field] = match Dialect::KIND {
    Kind::Table(fields) => fields.split_at(3).1,
    _ => panic!("a block is a table"),
};
