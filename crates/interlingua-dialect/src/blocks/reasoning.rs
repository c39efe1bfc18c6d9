use crate::shape::{block, closed_enum};

block! {
    /// Where reasoning appears in answers.
    pub struct ReasoningOut {
        /// Fields of a delta that hold it; the first that is not empty wins.
        pub fields: Vec<ReasoningField>,
        /// Whether `reasoning_details` holds it, and in whose form.
        pub details: ReasoningDetails,
        /// Whether content parts hold it, and in whose form.
        pub parts: ReasoningParts,
        /// Whether to look for tags inside the content.
        pub tags: Tags,
        /// Pieces may repeat everything so far: only the new end counts.
        pub snapshots: bool,
        /// The same piece may come twice in a row.
        pub dedupe_repeats: bool,
    }
}

closed_enum! {
    /// A field of a delta or a message that holds reasoning as text.
    pub enum ReasoningField {
        /// `reasoning_content`
        ReasoningContent = "reasoning_content",
        /// `reasoning`
        Reasoning = "reasoning",
        /// `reasoning_text`
        ReasoningText = "reasoning_text",
    }
}

closed_enum! {
    /// Whose form of `reasoning_details` is used.
    pub enum ReasoningDetails {
        /// Nobody's.
        None = "none",
        /// OpenRouter's: summaries, encrypted blocks and text.
        Openrouter = "openrouter",
        /// `MiniMax`'s: text only.
        Minimax = "minimax",
    }
}

closed_enum! {
    /// Whose form of content parts carries reasoning.
    pub enum ReasoningParts {
        /// Nobody's.
        None = "none",
        /// Mistral's `thinking` parts.
        Mistral = "mistral",
        /// Anthropic's `thinking` and `redacted_thinking` blocks.
        Anthropic = "anthropic",
    }
}

closed_enum! {
    /// Where to look for `<think>`-like tags.
    pub enum Tags {
        /// Nowhere.
        Never = "never",
        /// Only at the very start of the content.
        Leading = "leading",
        /// The content begins inside the reasoning; only the closing tag is visible.
        ImplicitOpen = "implicit_open",
    }
}

block! {
    /// How reasoning has to be sent back on assistant messages.
    pub struct Replay {
        /// Whether the upstream insists.
        pub rule: ReplayRule,
        /// How far back it looks.
        pub scope: ReplayScope,
        /// Where it wants to find it.
        pub carrier: Carrier,
        /// The bytes must come back unchanged: they are signed or encrypted.
        pub opaque: bool,
        /// What to do while thinking is off.
        pub when_thinking_off: WhenThinkingOff,
        /// What passes in place of a text that is lost; none if nothing does.
        pub placeholder: Option<String>,
        /// What to do about a text that is lost.
        pub on_missing: OnMissing,
        /// What to do with the reasoning of another model.
        pub foreign: Foreign,
        /// Nothing has to come back while the model itself decides whether to think.
        pub adaptive_exempt: bool,
        /// Where the placeholder stands in a carrier that is an object, as a dotted path.
        pub placeholder_path: Option<String>,
        /// Formats of `reasoning_details` whose text is refused without its signature, as patterns.
        pub signed_formats: Vec<String>,
    }
}

closed_enum! {
    /// Whether the upstream wants its reasoning back.
    pub enum ReplayRule {
        /// It refuses a request that holds any.
        Forbid = "forbid",
        /// It does not look at it.
        Ignored = "ignored",
        /// It answers better with it.
        Optional = "optional",
        /// It refuses an assistant message with tool calls and without reasoning.
        RequiredToolCalls = "required_tool_calls",
        /// It refuses any assistant message without reasoning.
        RequiredAll = "required_all",
    }
}

closed_enum! {
    /// How far back reasoning counts.
    pub enum ReplayScope {
        /// To the last user message.
        CurrentTurn = "current_turn",
        /// To the beginning.
        AllTurns = "all_turns",
    }
}

closed_enum! {
    /// Where reasoning travels when it is sent back.
    pub enum Carrier {
        /// Nowhere.
        None = "none",
        /// The message's field `reasoning_content`.
        ReasoningContent = "reasoning_content",
        /// The message's field `reasoning`.
        Reasoning = "reasoning",
        /// The message's list `reasoning_details`.
        ReasoningDetails = "reasoning_details",
        /// Tags at the start of the content.
        ContentTags = "content_tags",
        /// Content parts of type `thinking`.
        ContentParts = "content_parts",
        /// Content blocks of the Messages protocol.
        ThinkingBlocks = "thinking_blocks",
        /// `extra_content` of each tool call.
        ToolCallExtraContent = "tool_call_extra_content",
    }
}

closed_enum! {
    /// What to do with earlier reasoning while thinking is off.
    pub enum WhenThinkingOff {
        /// Send it all the same.
        Send = "send",
        /// Leave it out.
        Omit = "omit",
    }
}

closed_enum! {
    /// What to do about reasoning that is required and lost.
    pub enum OnMissing {
        /// Send the placeholder.
        Placeholder = "placeholder",
        /// Switch thinking off for this request.
        DisableThinking = "disable_thinking",
        /// Turn the calls, and their outputs, into text.
        StripToolCalls = "strip_tool_calls",
        /// Nothing.
        None = "none",
    }
}

closed_enum! {
    /// What to do with the reasoning of another model.
    pub enum Foreign {
        /// Treat it as lost.
        Drop = "drop",
        /// Send it: only its presence is checked.
        Keep = "keep",
    }
}
