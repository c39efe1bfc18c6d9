use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{CallHead, Text};

/// One request to a model: the conversation so far, the tools, and how to answer.
///
/// A turn borrows from the request that it was read from. It is a superset of what the protocols
/// can say: what two of them share is a field, what only one of them knows stays in
/// [`Turn::extras`] as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Turn<'a> {
    /// The protocol in which the client asked: what only it has a word for goes back only to it.
    pub protocol: Protocol,
    /// The model that the client asked for; empty when it asked for none.
    pub model: Cow<'a, str>,
    /// What to do with the conversation.
    pub task: Task,
    /// The conversation, oldest item first.
    pub items: Vec<Item<'a>>,
    /// The tools that the model may call, in the client's order.
    pub tools: Vec<Tool<'a>>,
    /// Whether the model has to call one of them.
    pub tool_choice: ToolChoice<'a>,
    /// Whether the model may call several tools at once.
    pub parallel_calls: Option<bool>,
    /// How much to think.
    pub thinking: Thinking<'a>,
    /// The form of the answer.
    pub format: Format<'a>,
    /// The most tokens that the answer may take.
    pub max_output_tokens: Option<u64>,
    /// Whether the client wants the answer piece by piece.
    pub stream: bool,
    /// Sampling and housekeeping parameters, under the names that Chat Completions gives them.
    pub params: Vec<Param<'a>>,
    /// What the client's protocol says and no other protocol has a word for.
    pub extras: Vec<Extra<'a>>,
}

impl<'a> Turn<'a> {
    /// Puts an item before the one at `at`; what [`Turn::extras`] says of later items moves with them.
    pub fn insert(&mut self, at: usize, item: Item<'a>) {
        self.items.insert(at, item);
        for extra in &mut self.extras {
            if let Place::Item(item) | Place::Part { item, .. } = &mut extra.place
                && *item >= at
            {
                *item += 1;
            }
        }
    }
}

/// A protocol between agents and models.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// OpenAI's Responses.
    #[default]
    Responses,
    /// Chat Completions.
    Chat,
    /// Anthropic's Messages.
    Messages,
}

impl Protocol {
    /// The word by which configuration, logs and dialect records call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::Chat => "chat",
            Self::Messages => "messages",
        }
    }
}

/// What a request wants of its conversation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Task {
    /// An answer.
    #[default]
    Answer,
    /// A summary that takes its place.
    Compact,
}

/// A parameter that is passed on as it is, where the target knows it.
#[derive(Clone, Debug)]
pub struct Param<'a> {
    /// Its name in Chat Completions.
    pub name: &'static str,
    /// Its value.
    pub json: &'a RawValue,
}

/// Something only the client's own protocol knows, kept as it arrived.
#[derive(Clone, Debug)]
pub struct Extra<'a> {
    /// Where it stood.
    pub place: Place,
    /// The name of its field.
    pub name: Cow<'a, str>,
    /// Its value.
    pub json: &'a RawValue,
}

/// Where in a request something stood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// At the top.
    Top,
    /// In the item of this position in [`Turn::items`].
    Item(usize),
    /// In a part of an item: of a message, or of a tool's output.
    Part {
        /// The item's position in [`Turn::items`].
        item: usize,
        /// The part's position in it.
        part: usize,
    },
    /// In the tool of this position in [`Turn::tools`].
    Tool(usize),
}

/// One entry of a conversation.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// Somebody said something.
    Message(Message<'a>),
    /// The model thought.
    Reasoning(Reasoning<'a>),
    /// The model asked for a tool.
    Call(Call<'a>),
    /// A tool answered.
    Output(Output<'a>),
    /// What came before was summed up.
    Summary(Summary<'a>),
    /// An entry that no other protocol has a word for; its JSON is kept.
    Other {
        /// What the client's protocol calls it.
        kind: Cow<'a, str>,
        /// All of it.
        json: &'a RawValue,
    },
}

/// What somebody said.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who.
    pub role: Role,
    /// What.
    pub parts: Vec<Part<'a>>,
}

/// Who says something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The operator's rules.
    System,
    /// The operator's rules, in the words of newer OpenAI models.
    Developer,
    /// The person, or the agent in its name.
    User,
    /// The model.
    Assistant,
}

/// A part of a message or of a tool's output.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// Prose.
    Text(Text<'a>),
    /// Prose in which the model declined.
    Refusal(Text<'a>),
    /// A picture.
    Image {
        /// A `data:` or `https:` URL.
        url: Text<'a>,
        /// How closely to look.
        detail: Option<Text<'a>>,
    },
    /// A document, such as a PDF.
    File {
        /// A `data:` or `https:` URL, or the id that the client's provider knows it by.
        url: Text<'a>,
        /// What it is called.
        name: Option<Text<'a>>,
    },
    /// Something to be heard.
    Audio {
        /// The recording, in Base64.
        data: Text<'a>,
        /// Its form, such as `wav` or `mp3`.
        format: Text<'a>,
    },
    /// A part of another kind; its JSON is kept.
    Other {
        /// What the client's protocol calls it.
        kind: Cow<'a, str>,
        /// All of it.
        json: &'a RawValue,
    },
}

/// What every thought begins with that a gateway of this kind has sealed.
pub const SEALED_THOUGHT: &str = "il1.";

/// What every summary begins with that a gateway of this kind has sealed.
pub const SEALED_SUMMARY: &str = "ilc1.";

/// What the model thought.
#[derive(Clone, Debug, Default)]
pub struct Reasoning<'a> {
    /// The copy that people can read, in the order of its pieces.
    pub readable: Vec<Text<'a>>,
    /// The copy that travels sealed through the client's history.
    pub sealed: Option<Text<'a>>,
    /// The thought itself, once its seal is opened.
    pub thought: Option<Thought>,
}

/// A thought with its origin.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Thought {
    /// Who thought it; `None` when the client's history does not tell.
    pub origin: Option<Origin>,
    /// The upstream's answer that it was a part of. Thoughts of one answer belong to one message.
    pub answer: String,
    /// The thought in words.
    pub text: String,
    /// Data by which the upstream recognises its own thought: field and JSON.
    pub provenance: Vec<(String, String)>,
    /// The ids of the calls that followed from it, as far as they were known when it ended.
    pub calls: Vec<String>,
}

/// Who thought a thought.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    /// The provider's id.
    pub provider: String,
    /// The family of models that can read each other's thoughts.
    pub family: String,
}

/// A request to run a tool.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Which tool.
    pub head: CallHead<'a>,
    /// Its input: JSON arguments, or free text, as the form says.
    pub input: Text<'a>,
}

/// What a tool answered.
#[derive(Clone, Debug)]
pub struct Output<'a> {
    /// The id of the call.
    pub call_id: Cow<'a, str>,
    /// The answer.
    pub parts: Vec<Part<'a>>,
    /// Whether the client says that the tool failed.
    pub is_error: bool,
}

/// A summary that stands for a part of the conversation.
#[derive(Clone, Debug, Default)]
pub struct Summary<'a> {
    /// The copy that travels sealed through the client's history.
    pub sealed: Option<Text<'a>>,
    /// The summary itself, once its seal is opened.
    pub text: Option<String>,
}

/// A tool that the model may call.
#[derive(Clone, Debug)]
pub enum Tool<'a> {
    /// A tool with JSON arguments.
    Function(Function<'a>),
    /// A tool that takes free text.
    Custom {
        /// Its name.
        name: Cow<'a, str>,
        /// What it does.
        description: Option<Text<'a>>,
        /// The form that its input has to have.
        format: Option<&'a RawValue>,
    },
    /// The client's own search for more tools.
    ToolSearch(Function<'a>),
    /// A search that the upstream runs itself; its options stand in [`Turn::extras`].
    WebSearch,
    /// A tool of another kind; its JSON is kept.
    Other {
        /// What the client's protocol calls it.
        kind: Cow<'a, str>,
        /// All of it.
        json: &'a RawValue,
    },
}

/// A tool with JSON arguments.
#[derive(Clone, Debug)]
pub struct Function<'a> {
    /// Its name, without its namespace.
    pub name: Cow<'a, str>,
    /// The group it was declared in.
    pub namespace: Option<Cow<'a, str>>,
    /// What the group is about; only its first tool carries it.
    pub namespace_description: Option<Text<'a>>,
    /// What it does.
    pub description: Option<Text<'a>>,
    /// The JSON Schema of its arguments.
    pub parameters: Option<&'a RawValue>,
    /// Whether the arguments must follow the schema to the letter.
    pub strict: Option<bool>,
}

/// Whether the model has to call a tool.
#[derive(Clone, Debug, Default)]
pub enum ToolChoice<'a> {
    /// The client did not say.
    #[default]
    Unset,
    /// It may.
    Auto,
    /// It must not.
    None,
    /// It must.
    Required,
    /// It must call this one.
    Named {
        /// Its name.
        name: Cow<'a, str>,
        /// Its namespace.
        namespace: Option<Cow<'a, str>>,
    },
    /// Something else; its JSON is kept.
    Other(&'a RawValue),
}

/// How much to think.
#[derive(Clone, Debug, Default)]
pub struct Thinking<'a> {
    /// The level, in the words of the client.
    pub effort: Option<Cow<'a, str>>,
    /// The most tokens to spend on it.
    pub budget: Option<u64>,
}

/// The form of the answer.
#[derive(Clone, Debug, Default)]
pub enum Format<'a> {
    /// Prose.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// What the schema is called.
        name: Text<'a>,
        /// What it is for.
        description: Option<Text<'a>>,
        /// The schema.
        schema: &'a RawValue,
        /// Whether the answer must follow it to the letter.
        strict: Option<bool>,
    },
}
