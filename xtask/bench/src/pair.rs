//! The protocols, the gateway's providers, and the ways between them.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wire {
    Chat,
    Responses,
    Messages,
}

impl Wire {
    pub(crate) const ALL: [Self; 3] = [Self::Responses, Self::Messages, Self::Chat];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// Where a server of this protocol is asked.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }
}

/// A provider in the gateway's configuration; all of them are the mock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Chat Completions, read with care.
    Chat,
    /// Chat Completions by the book.
    Book,
    Responses,
    Messages,
}

impl Provider {
    const ALL: [Self; 4] = [Self::Chat, Self::Book, Self::Responses, Self::Messages];

    /// Its id in the configuration, and so the head of its model's slug.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Book => "book",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    pub(crate) fn wire(self) -> Wire {
        match self {
            Self::Chat | Self::Book => Wire::Chat,
            Self::Responses => Wire::Responses,
            Self::Messages => Wire::Messages,
        }
    }

    /// Its part of the configuration; `{upstream}` stands for the mock's address.
    pub(crate) fn config(self) -> &'static str {
        match self {
            Self::Chat => include_str!("../providers/chat.toml"),
            Self::Book => include_str!("../providers/book.toml"),
            Self::Responses => include_str!("../providers/responses.toml"),
            Self::Messages => include_str!("../providers/messages.toml"),
        }
    }
}

/// A way through the gateway: what the client speaks, and who is asked. Written `responses-chat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) client: Wire,
    pub(crate) provider: Provider,
}

impl Pair {
    /// Codex with a Chat Completions server: the way that the gateway was made for first.
    pub(crate) const CODEX: Self = Self { client: Wire::Responses, provider: Provider::Chat };

    /// All ways: six that translate, three that pass frames on, and Chat that is mended for Chat.
    pub(crate) fn all() -> Vec<Self> {
        let ways = |client| Provider::ALL.map(|provider| Self { client, provider });
        let every = Wire::ALL.into_iter().flat_map(ways);
        // To others it makes no difference whether a Chat stream is by the book.
        every.filter(|it| it.provider != Provider::Book || it.client == Wire::Chat).collect()
    }

    /// Whether frames pass as they are.
    pub(crate) fn is_lane(self) -> bool {
        self.client == self.provider.wire() && self.provider != Provider::Chat
    }

    /// The model that the client asks for.
    pub(crate) fn model(self) -> String {
        format!("{}/{MODEL}", self.provider.name())
    }
}

/// The mock's only model.
pub(crate) const MODEL: &str = "bench";

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.client.name(), self.provider.name())
    }
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::all();
        all.iter().find(|it| it.to_string() == text).copied().ok_or_else(|| {
            let names: Vec<_> = all.iter().map(Self::to_string).collect();
            format!("the pairs are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lanes_and_seven_that_translate() {
        let all = Pair::all();
        assert_eq!(all.len(), 10);
        let lanes: Vec<_> = all.iter().filter(|it| it.is_lane()).map(Pair::to_string).collect();
        assert_eq!(lanes, ["responses-responses", "messages-messages", "chat-book"]);
    }

    #[test]
    fn a_pair_is_read_as_it_is_written() {
        assert!(Pair::all().iter().all(|it| it.to_string().parse() == Ok(*it)));
        let told = "messages-book".parse::<Pair>().unwrap_err();
        assert!(told.contains("messages-chat") && !told.contains("messages-book"));
    }
}
