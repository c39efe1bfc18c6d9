use std::str::FromStr;

/// A client that takes a snippet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Client {
    /// opencode
    Opencode,
    /// Cursor
    Cursor,
    /// Trae
    Trae,
    /// Zed
    Zed,
    /// Roo Code, and Cline with the same words
    Roo,
    /// The Copilot CLI
    CopilotCli,
    /// Qwen Code
    Qwen,
    /// `AutoGen`
    Autogen,
    /// The openai packages
    OpenaiSdk,
    /// The anthropic packages
    AnthropicSdk,
    /// curl
    Curl,
}

/// The protocol that a client is told to speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flavour {
    /// Chat Completions
    Chat,
    /// Responses
    Responses,
    /// Messages
    Messages,
}

/// The language of a program that uses a package.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lang {
    /// Python
    Python,
    /// JavaScript for Node
    Node,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Opencode,
        Self::Cursor,
        Self::Trae,
        Self::Zed,
        Self::Roo,
        Self::CopilotCli,
        Self::Qwen,
        Self::Autogen,
        Self::OpenaiSdk,
        Self::AnthropicSdk,
        Self::Curl,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opencode => "opencode",
            Self::Cursor => "cursor",
            Self::Trae => "trae",
            Self::Zed => "zed",
            Self::Roo => "roo",
            Self::CopilotCli => "copilot-cli",
            Self::Qwen => "qwen",
            Self::Autogen => "autogen",
            Self::OpenaiSdk => "openai-sdk",
            Self::AnthropicSdk => "anthropic-sdk",
            Self::Curl => "curl",
        }
    }

    /// What is printed for it.
    pub fn about(self) -> &'static str {
        match self {
            Self::Opencode => "an `opencode.json`",
            Self::Cursor => "what Cursor's settings ask for",
            Self::Trae => "what Trae's settings ask for",
            Self::Zed => "the part of Zed's `settings.json`",
            Self::Roo => "settings that Roo Code imports; Cline has the same fields",
            Self::CopilotCli => "variables for the Copilot CLI",
            Self::Qwen => "variables for Qwen Code",
            Self::Autogen => "a program that uses AutoGen",
            Self::OpenaiSdk => "a program that uses the openai package",
            Self::AnthropicSdk => "a program that uses the anthropic package",
            Self::Curl => "requests by curl, in all three protocols",
        }
    }

    /// The protocols that it can be told to speak, the usual one first.
    pub fn flavours(self) -> &'static [Flavour] {
        use Flavour::{Chat, Messages, Responses};
        match self {
            Self::Opencode | Self::Zed | Self::CopilotCli | Self::Curl => {
                &[Chat, Responses, Messages]
            }
            Self::OpenaiSdk => &[Chat, Responses],
            Self::AnthropicSdk => &[Messages],
            Self::Cursor | Self::Trae | Self::Roo | Self::Qwen | Self::Autogen => &[Chat],
        }
    }

    /// The languages in which it can be printed, the usual one first; none if there is no choice.
    pub fn langs(self) -> &'static [Lang] {
        match self {
            Self::OpenaiSdk | Self::AnthropicSdk => &[Lang::Python, Lang::Node],
            _ => &[],
        }
    }
}

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }
}

impl Lang {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Python, Self::Node];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
        }
    }
}

impl FromStr for Client {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or(())
    }
}

impl FromStr for Flavour {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or(())
    }
}

impl FromStr for Lang {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or(())
    }
}
