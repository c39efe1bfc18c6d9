use std::collections::BTreeMap;

use interlingua_ir::Class;
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::shape::{Kind, Shape, block, closed_enum};

block! {
    /// What a stream of the upstream looks like.
    pub struct Stream {
        /// Where usage is expected. It is read wherever it stands.
        pub usage_at: UsageAt,
        /// Whether `[DONE]` ends the stream.
        pub done: Done,
        /// What the upstream's finish reasons mean.
        pub finish_map: BTreeMap<String, Finish>,
        /// What to expect. A parser takes all of them from everybody; the list selects test fixtures.
        pub quirks: Vec<Quirk>,
        /// The stream is by the book, so that a Chat client may see its frames as they came.
        pub verbatim: bool,
    }
}

closed_enum! {
    /// Where usage is found in a stream.
    pub enum UsageAt {
        /// In a last event without choices.
        Trailing = "trailing",
        /// In the event that holds the finish reason.
        FinishChunk = "finish_chunk",
        /// In the first choice.
        Choice = "choice",
        /// In `x_groq`.
        XGroq = "x_groq",
        /// In every event; the last counts.
        EveryChunk = "every_chunk",
        /// In `message_delta` of the Messages protocol.
        MessageDelta = "message_delta",
    }
}

closed_enum! {
    /// Whether `[DONE]` ends the stream.
    pub enum Done {
        /// Always.
        Required = "required",
        /// Sometimes.
        Optional = "optional",
        /// Never.
        Absent = "absent",
    }
}

/// What a finish reason means.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The limit was reached.
    Length,
    /// The model wants tools to be called.
    ToolCalls,
    /// The content was refused.
    ContentFilter,
    /// The answer failed, under HTTP 200.
    Error(Class),
}

impl Finish {
    const ALL: [(&'static str, Self); 8] = [
        ("stop", Self::Stop),
        ("length", Self::Length),
        ("tool_calls", Self::ToolCalls),
        ("content_filter", Self::ContentFilter),
        ("error:overloaded", Self::Error(Class::Overloaded)),
        ("error:context_length", Self::Error(Class::ContextLength)),
        ("error:upstream", Self::Error(Class::Upstream)),
        ("error:content_filter", Self::Error(Class::ContentFilter)),
    ];
    const NAMES: [&'static str; 8] = {
        let mut names = [""; 8];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].0;
            at += 1;
        }
        names
    };
}

impl<'de> Deserialize<'de> for Finish {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        let known = Self::ALL.into_iter().find(|(known, _)| *known == name);
        known
            .map(|(_, finish)| finish)
            .ok_or_else(|| D::Error::unknown_variant(&name, &Self::NAMES))
    }
}

impl Shape for Finish {
    const KIND: Kind = Kind::OneOf(&Self::NAMES, &[]);
}

closed_enum! {
    /// A departure from the standard stream.
    pub enum Quirk {
        /// Comments between events.
        Comments = "comments",
        /// Lines end with CR LF.
        Crlf = "crlf",
        /// Tool calls without `index`.
        MissingIndex = "missing_index",
        /// Several tool calls with one `index`.
        IndexCollision = "index_collision",
        /// Tool calls without id.
        MissingId = "missing_id",
        /// Later pieces of a call with an empty id.
        EmptyId = "empty_id",
        /// Later pieces of a call with the id `"null"`.
        LiteralNullId = "literal_null_id",
        /// Every piece of a call repeats the id.
        IdRepeated = "id_repeated",
        /// The tool's name comes after the id.
        LateName = "late_name",
        /// Arguments as an object.
        ArgsObject = "args_object",
        /// Arguments that stay empty.
        ArgsEmpty = "args_empty",
        /// A call comes in one piece.
        WholeCalls = "whole_calls",
        /// Several calls in one event.
        SeveralCallsPerChunk = "several_calls_per_chunk",
        /// Finish reason `stop` with calls present.
        FinishStopWithCalls = "finish_stop_with_calls",
        /// Finish reason `""`.
        FinishEmpty = "finish_empty",
        /// Events with an empty list of choices.
        EmptyChoices = "empty_choices",
        /// Choices without `delta`.
        NoDelta = "no_delta",
        /// Every delta repeats the role.
        RoleRepeated = "role_repeated",
        /// The role is the empty string.
        RoleEmpty = "role_empty",
        /// `tool_calls` as an empty list.
        EmptyToolCallsArray = "empty_tool_calls_array",
        /// The same reasoning in two fields.
        MirroredReasoning = "mirrored_reasoning",
        /// Failures under HTTP 200.
        ErrorIn200 = "error_in_200",
        /// Error bodies as a line of an event stream.
        ErrorBodySse = "error_body_sse",
        /// Usage with zeros until the end.
        ZeroUsage = "zero_usage",
        /// The old `function_call`.
        LegacyFunctionCall = "legacy_function_call",
        /// `annotations` with citations.
        Annotations = "annotations",
        /// Pieces of a call that hold only metadata.
        MetadataOnlyDelta = "metadata_only_delta",
        /// Choices without `finish_reason`.
        NoFinishKey = "no_finish_key",
    }
}

block! {
    /// Where token counts are found, as dotted paths into `usage`; the first that exists counts.
    pub struct Usage {
        /// Input tokens read from the cache.
        pub cached: Vec<String>,
        /// Input tokens written to the cache.
        pub cache_write: Vec<String>,
        /// Output tokens that are reasoning.
        pub reasoning: Vec<String>,
        /// The output count includes the reasoning.
        pub output_includes_reasoning: bool,
        /// The input count includes what was read from and written to the cache.
        pub input_includes_cached: bool,
    }
}

block! {
    /// How prompts are cached.
    pub struct Cache {
        /// Who decides what is cached.
        pub mode: CacheMode,
        /// The request field that keeps a conversation on one cache.
        pub key_field: Option<String>,
        /// The largest number of cache marks.
        pub max_breakpoints: u32,
        /// Headers that keep a conversation on one server.
        pub session_headers: Vec<String>,
    }
}

closed_enum! {
    /// Who decides what is cached.
    pub enum CacheMode {
        /// The upstream.
        Auto = "auto",
        /// The client, with `cache_control` marks.
        CacheControl = "cache_control",
        /// There is no cache.
        None = "none",
    }
}
