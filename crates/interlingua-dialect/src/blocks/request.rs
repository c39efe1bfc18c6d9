use std::collections::BTreeMap;

use super::Fields;
use crate::shape::{block, closed_enum};

block! {
    /// How the upstream's request body departs from the standard.
    pub struct Request {
        /// The field that limits the answer's length.
        pub max_tokens_field: MaxTokensField,
        /// A request without that field is refused.
        pub max_tokens_required: bool,
        /// The smallest limit that is accepted, in tokens.
        pub min_max_tokens: u32,
        /// Fields that must not be sent.
        pub drop: Vec<String>,
        /// Fields that have another name here: from the standard's to the upstream's.
        pub rename: BTreeMap<String, String>,
        /// Fields to send always.
        pub set: Fields,
        /// Limits of numeric fields.
        pub clamp: BTreeMap<String, Clamp>,
        /// Fields that are null are refused. None is ever sent.
        pub drop_nulls: bool,
        /// What becomes of the role `developer`.
        pub developer_role: DeveloperRole,
        /// Where system messages may stand.
        pub system: SystemPlacement,
        /// How to ask for usage in a stream.
        pub stream_usage: StreamUsage,
        /// What becomes of `response_format` `json_object`.
        pub json_object: JsonObjectRule,
        /// What becomes of `response_format` `json_schema`.
        pub json_schema: JsonSchemaRule,
        /// A response format and tools may be in one request.
        pub format_with_tools: bool,
        /// Whether thinking works without streaming.
        pub nonstream_thinking: NonstreamThinking,
    }
}

block! {
    /// The limits of a numeric field.
    pub struct Clamp {
        /// The smallest value.
        pub min: Option<f64>,
        /// The largest value.
        pub max: Option<f64>,
        /// The only value.
        pub fixed: Option<f64>,
    }
}

closed_enum! {
    /// The field that limits the answer's length.
    pub enum MaxTokensField {
        /// `max_tokens`
        MaxTokens = "max_tokens",
        /// `max_completion_tokens`
        MaxCompletionTokens = "max_completion_tokens",
    }
}

closed_enum! {
    /// What becomes of the role `developer`.
    pub enum DeveloperRole {
        /// It stays.
        Keep = "keep",
        /// It becomes `system`.
        System = "system",
    }
}

closed_enum! {
    /// Where system messages may stand.
    pub enum SystemPlacement {
        /// Anywhere.
        Any = "any",
        /// Only at the beginning.
        FirstOnly = "first_only",
        /// Only at the beginning, and only one.
        MergeFirst = "merge_first",
        /// Nowhere: they become user messages.
        ToUser = "to_user",
        /// In a field of the request.
        TopLevel = "top_level",
    }
}

closed_enum! {
    /// How to ask for usage in a stream.
    pub enum StreamUsage {
        /// With `stream_options.include_usage`.
        StreamOptions = "stream_options",
        /// Not needed: it always comes.
        Always = "always",
        /// It cannot be had, and asking is refused.
        Omit = "omit",
    }
}

closed_enum! {
    /// What becomes of a wish for any JSON object.
    pub enum JsonObjectRule {
        /// It passes.
        Native = "native",
        /// It is left out.
        Drop = "drop",
    }
}

closed_enum! {
    /// What becomes of a wish for a JSON schema.
    pub enum JsonSchemaRule {
        /// It passes.
        Native = "native",
        /// It becomes a wish for any JSON object, and the schema goes into the prompt.
        ToJsonObject = "to_json_object",
        /// It is left out.
        Drop = "drop",
    }
}

closed_enum! {
    /// Whether thinking works without streaming.
    pub enum NonstreamThinking {
        /// It does.
        Ok = "ok",
        /// It does not: stream, and collect.
        ForceStream = "force_stream",
    }
}
