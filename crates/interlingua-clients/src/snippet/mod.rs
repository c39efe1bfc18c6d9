//! What other clients are set up with.
//!
//! Most of these texts are files under `templates`, in the client's own language; the others are JSON. All
//! speak of the same gateway and the same models.

mod client;
mod configs;
mod fill;
mod options;
mod texts;

pub use client::{Client, Flavour, Lang};
pub use options::{Key, Model, Options};

/// What a client is set up with.
#[derive(Clone, Eq, PartialEq)]
pub struct Snippet {
    /// Under which name it may be saved.
    pub file: &'static str,
    /// The language that it is written in.
    pub kind: Kind,
    /// The text. It may hold the client key.
    pub text: String,
    /// What is to be said about it.
    pub notes: Vec<String>,
}

/// The language of a snippet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// One JSON value.
    Json,
    /// A Python program.
    Python,
    /// An `ECMAScript` module for Node.
    JavaScript,
    /// A shell script.
    Shell,
    /// Text for people.
    Text,
}

impl std::fmt::Debug for Snippet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text may hold a key.
        f.debug_struct("Snippet").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Writes down what a client is set up with. A flavour or a language that the client does not have is
/// taken for its first one.
pub fn snippet(client: Client, options: &Options) -> Snippet {
    let mut snippet = match client {
        Client::Opencode => configs::opencode(options),
        Client::Zed => configs::zed(options),
        Client::Roo => configs::roo(options),
        Client::Cursor => texts::cursor(options),
        Client::Trae => texts::trae(options),
        Client::CopilotCli => texts::copilot_cli(options),
        Client::Qwen => texts::qwen(options),
        Client::Autogen => texts::autogen(options),
        Client::OpenaiSdk => texts::openai_sdk(options),
        Client::AnthropicSdk => texts::anthropic_sdk(options),
        Client::Curl => texts::curl(options),
    };
    snippet.notes.extend(options.notes(client));
    snippet
}
