use crate::errors::Pattern;
use crate::shape::{block, closed_enum};

block! {
    /// How tools, calls and results are written.
    pub struct Tools {
        /// Where tools are offered.
        pub offered_in: OfferedIn,
        /// Tool types that are accepted.
        pub types: Vec<String>,
        /// Types of further tools that a client of the same protocol may offer, as patterns.
        pub server_types: Vec<String>,
        /// A client of the same protocol may offer tools that are loaded when they are searched for.
        pub deferred: bool,
        /// The upstream's own web search, by the way it is asked for.
        pub builtin_web_search: BuiltinWebSearch,
        /// What becomes of `strict`.
        pub strict: StrictRule,
        /// Values of `tool_choice` that are accepted.
        pub choice: Vec<ToolChoiceKind>,
        /// What a required call is asked for with.
        pub choice_required_as: ChoiceRequiredAs,
        /// What a call of one tool is asked for with.
        pub choice_named_as: ChoiceNamedAs,
        /// What becomes of a forced call while thinking is on.
        pub forced_with_thinking: ForcedWithThinking,
        /// What becomes of `parallel_tool_calls`.
        pub parallel: ParallelRule,
        /// The largest number of tools.
        pub max: u32,
        /// The longest tool name, in characters.
        pub name_max: u32,
        /// What a tool name must look like, as a regular expression without regard to case.
        pub name_pattern: Pattern,
        /// What a call id must look like.
        pub id_rule: IdRule,
        /// What a parameter schema must look like.
        pub schema: ToolSchema,
        /// Whether a result carries the tool's name.
        pub result_name: ResultName,
        /// What a result may hold.
        pub result_content: ResultContent,
        /// Two tools of one name are refused. Only the first is ever sent.
        pub dedupe_names: bool,
        /// Forms of calls that are read where the model writes them into its text. They are looked for
        /// at the beginnings of lines, outside of fenced code.
        pub text_calls: Vec<TextCalls>,
    }
}

closed_enum! {
    /// A form in which a model writes calls into its text.
    pub enum TextCalls {
        /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>`
        ToolCallTags = "tool_call_tags",
        /// `[TOOL_CALLS]` and a list of `{"name": …, "arguments": {…}}`
        ToolCallsList = "tool_calls_list",
        /// A fenced block `json action` with `{"tool": …, "parameters": {…}}`
        JsonActionFence = "json_action_fence",
        /// A line `#Tool Call` and below it `{"name": …, "arguments": {…}}`
        ToolCallHeading = "tool_call_heading",
    }
}

block! {
    /// What a parameter schema must look like.
    pub struct ToolSchema {
        /// The root must be an object.
        pub root_object: bool,
        /// What becomes of `$ref`.
        pub refs: Refs,
        /// What becomes of a `type` beside `anyOf`.
        pub anyof_parent_type: AnyofParentType,
        /// What becomes of `items` as a list.
        pub tuple_items: TupleItems,
        /// Keys to remove at every level.
        pub drop_keys: Vec<String>,
    }
}

closed_enum! {
    /// Where tools are offered.
    pub enum OfferedIn {
        /// In the protocol's own fields.
        Fields = "fields",
        /// In the prompt, for models that have no tools: they write their calls into the text, in an
        /// envelope of ours.
        Prompt = "prompt",
    }
}

closed_enum! {
    /// The upstream's own web search, by the way it is asked for.
    pub enum BuiltinWebSearch {
        /// There is none.
        None = "none",
        /// A tool of type `web_search`.
        WebSearch = "web_search",
        /// A tool of type `builtin_function`; its call is answered with its own arguments.
        BuiltinFunction = "builtin_function",
        /// A tool of type `browser_search`.
        BrowserSearch = "browser_search",
        /// An entry of `plugins`.
        Plugin = "plugin",
        /// A tool of type `web_search_20250305`.
        WebSearch20250305 = "web_search_20250305",
    }
}

closed_enum! {
    /// What becomes of a tool's `strict`.
    pub enum StrictRule {
        /// It passes.
        Pass = "pass",
        /// It is left out.
        Drop = "drop",
        /// It passes if every tool has it, else it is left out.
        AllOrNothing = "all_or_nothing",
    }
}

closed_enum! {
    /// A value of `tool_choice`.
    pub enum ToolChoiceKind {
        /// The model decides.
        Auto = "auto",
        /// No call.
        None = "none",
        /// Some call, in OpenAI's word.
        Required = "required",
        /// Some call, in Anthropic's and Mistral's word.
        Any = "any",
        /// A call of the named tool.
        Named = "named",
        /// Calls of some of the tools only.
        Allowed = "allowed_tools",
    }
}

closed_enum! {
    /// What a required call is asked for with.
    pub enum ChoiceRequiredAs {
        /// `required`
        Required = "required",
        /// `any`
        Any = "any",
        /// `auto`: it cannot be forced.
        Auto = "auto",
    }
}

closed_enum! {
    /// What a call of one tool is asked for with.
    pub enum ChoiceNamedAs {
        /// The name.
        Named = "named",
        /// Only this tool, and a required call.
        FilterRequired = "filter_required",
        /// `auto`: it cannot be forced.
        Auto = "auto",
    }
}

closed_enum! {
    /// What becomes of a forced call while thinking is on.
    pub enum ForcedWithThinking {
        /// Nothing: both work together.
        Ok = "ok",
        /// The call is no longer forced.
        ToAuto = "to_auto",
        /// Thinking is switched off for this request.
        DisableThinking = "disable_thinking",
    }
}

closed_enum! {
    /// What becomes of `parallel_tool_calls`.
    pub enum ParallelRule {
        /// It passes.
        Pass = "pass",
        /// It is left out.
        Drop = "drop",
        /// `true` is written, whatever the client says.
        Always = "always",
        /// `false` is written, whatever the client says.
        Never = "never",
    }
}

closed_enum! {
    /// What a call id must look like.
    pub enum IdRule {
        /// Anything.
        Any = "any",
        /// At most 40 characters.
        Max40 = "max40",
        /// Exactly nine letters or digits.
        Alnum9 = "alnum9",
        /// At most 64 letters, digits, underscores and hyphens.
        Anthropic64 = "anthropic64",
    }
}

closed_enum! {
    /// What becomes of `$ref` in a schema.
    pub enum Refs {
        /// It passes.
        Pass = "pass",
        /// It is replaced by what it refers to.
        Inline = "inline",
    }
}

closed_enum! {
    /// What becomes of a `type` beside `anyOf`.
    pub enum AnyofParentType {
        /// It passes.
        Pass = "pass",
        /// It moves into the branches.
        PushDown = "push_down",
    }
}

closed_enum! {
    /// What becomes of `items` as a list.
    pub enum TupleItems {
        /// It passes.
        Pass = "pass",
        /// It becomes `prefixItems`.
        PrefixItems = "prefix_items",
    }
}

closed_enum! {
    /// Whether a result carries the tool's name.
    pub enum ResultName {
        /// If the client sent one.
        Keep = "keep",
        /// Never.
        Drop = "drop",
        /// Always.
        Add = "add",
    }
}

closed_enum! {
    /// What a result may hold.
    pub enum ResultContent {
        /// One string.
        String = "string",
        /// Text parts.
        TextParts = "text_parts",
        /// Any parts.
        AnyParts = "any_parts",
    }
}
