use std::slice;

use interlingua_registry::{ASSUMED_WINDOW, KEY_PLACEHOLDER, PoolEntry, Secret};

use super::client::{Client, Flavour, Lang};

/// What an answer is taken to have at most where nobody tells, in tokens; a quarter of a smaller window.
const ASSUMED_OUTPUT: u64 = 32_000;

/// What a snippet speaks of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the gateway's API begins, such as `http://127.0.0.1:8787/v1`.
    pub base_url: String,
    /// How the client proves that it may call.
    pub key: Key,
    /// The model to start with.
    pub model: Model,
    /// The model for titles and the like, where a client has one; nothing means the same.
    pub small: Option<String>,
    /// All models that the client is to know, the first one included.
    pub models: Vec<Model>,
    /// The protocol; nothing means the client's usual one, or all.
    pub flavour: Option<Flavour>,
    /// The language; nothing means the client's usual one.
    pub lang: Option<Lang>,
    /// What a program asks.
    pub prompt: String,
}

/// How a client proves that it may call.
#[derive(Clone, Debug)]
pub enum Key {
    /// By this key, which is written out.
    Text(Secret),
    /// By the key in the environment variable of this name, where the client reads one.
    Variable(String),
}

/// What a client is told about a model.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Model {
    /// Its name at the gateway.
    pub slug: String,
    /// For humans.
    pub name: String,
    /// In tokens.
    pub context_window: u64,
    /// Whether nobody told the window.
    pub window_assumed: bool,
    /// In tokens, where that is known.
    pub max_output_tokens: Option<u64>,
    /// Whether it is sent images: unless it is known not to see them, since the gateway can replace one that is
    /// refused, but nobody could send one that was never offered.
    pub images: bool,
    /// Whether it thinks before it answers. Where that is not known, it is taken not to.
    pub reasoning: bool,
}

impl Model {
    /// What is known of a model of the pool.
    pub fn of(entry: &PoolEntry) -> Self {
        let model = &entry.model;
        Self {
            slug: entry.slug.to_string(),
            name: model.name.clone().unwrap_or_else(|| entry.slug.to_string()),
            context_window: model.context_window,
            window_assumed: model.window_assumed,
            max_output_tokens: model.max_output_tokens,
            images: model.images.unwrap_or(true),
            reasoning: model.reasoning == Some(true),
        }
    }

    /// A model of which only the name is known.
    pub fn unknown(slug: &str) -> Self {
        Self {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            context_window: ASSUMED_WINDOW,
            window_assumed: true,
            max_output_tokens: None,
            images: true,
            reasoning: false,
        }
    }

    /// How long an answer may be, in tokens: what is known, else what is hardly too much.
    pub(super) fn output(&self) -> u64 {
        self.max_output_tokens.unwrap_or_else(|| ASSUMED_OUTPUT.min(self.context_window / 4))
    }

    /// What is left for the prompt, in tokens.
    pub(super) fn input(&self) -> u64 {
        self.context_window.saturating_sub(self.output())
    }
}

impl Options {
    /// The gateway's address with its version.
    pub(super) fn base_url(&self) -> String {
        format!("{}/v1", self.root_url())
    }

    /// The gateway's address without its version.
    pub(super) fn root_url(&self) -> &str {
        crate::claude::root_url(&self.base_url)
    }

    /// The protocol that the client is to speak.
    pub(super) fn flavour(&self, client: Client) -> Flavour {
        let known = client.flavours();
        self.flavour.filter(|it| known.contains(it)).unwrap_or(known[0])
    }

    /// The key where a client can read no variable.
    pub(super) fn written_key(&self) -> &str {
        match &self.key {
            Key::Text(key) => key.expose(),
            Key::Variable(_) => KEY_PLACEHOLDER,
        }
    }

    /// What is to be said about any snippet for this client.
    pub(super) fn notes(&self, client: Client) -> Vec<String> {
        let mut notes = Vec::new();
        let needs_text = matches!(client, Client::Cursor | Client::Trae | Client::Roo);
        if needs_text && matches!(self.key, Key::Variable(_)) {
            notes.push(format!("write your client key for `{KEY_PLACEHOLDER}`"));
        }
        let (shown, instead) = match client {
            Client::Opencode | Client::Zed | Client::Roo => {
                (&*self.models, "a small one stands there")
            }
            Client::Trae => (slice::from_ref(&self.model), "a small one stands there"),
            Client::CopilotCli => (slice::from_ref(&self.model), "none is given"),
            Client::Cursor
            | Client::Qwen
            | Client::Autogen
            | Client::OpenaiSdk
            | Client::AnthropicSdk
            | Client::Curl => (&[][..], ""),
        };
        let assumed = shown.iter().filter(|it| it.window_assumed);
        let assumed: Vec<_> = assumed.map(|it| format!("`{}`", it.slug)).collect();
        if !assumed.is_empty() {
            notes.push(format!(
                "nobody tells the window of {}, so {instead}; say `context_window` in the gateway's \
                 configuration",
                assumed.join(", ")
            ));
        }
        notes
    }
}
