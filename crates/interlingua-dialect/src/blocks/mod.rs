//! The blocks of a record, one struct each. A field is documented here and nowhere else.

mod conversation;
mod endpoint;
mod fields;
mod reasoning;
mod request;
mod responses;
mod stream;
mod thinking;
mod tools;

pub use conversation::{
    AssistantNullContent, Consecutive, EmptyAssistant, ImageScheme, ImageUrlForm, Images,
    LastAssistant, Messages, NameField, TextParts, ToolResultImages, UserAfterTool, Vision,
};
pub use endpoint::{Auth, AuthScheme, BaseUrl, Endpoint, Plan};
pub use fields::Fields;
pub use reasoning::{
    Carrier, Foreign, OnMissing, ReasoningDetails, ReasoningField, ReasoningOut, ReasoningParts,
    Replay, ReplayRule, ReplayScope, Tags, WhenThinkingOff,
};
pub use request::{
    Clamp, DeveloperRole, JsonObjectRule, JsonSchemaRule, MaxTokensField, NonstreamThinking,
    Request, StreamUsage, SystemPlacement,
};
pub use responses::Responses;
pub use stream::{Cache, CacheMode, Done, Finish, Quirk, Stream, Usage, UsageAt};
pub(crate) use thinking::circular_levels;
pub use thinking::{
    Budget, Effort, EffortLevel, EffortTable, Thinking, ThinkingDefault, UnknownEffort,
    UnknownLevel,
};
pub use tools::{
    AnyofParentType, BuiltinWebSearch, ChoiceNamedAs, ChoiceRequiredAs, ForcedWithThinking, IdRule,
    OfferedIn, ParallelRule, Refs, ResultContent, ResultName, StrictRule, TextCalls,
    ToolChoiceKind, ToolSchema, Tools, TupleItems,
};
