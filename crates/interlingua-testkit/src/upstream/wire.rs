//! The protocols that a scripted upstream speaks.

use http::Method;

use super::script::Request;

/// One of the three protocols, known by the path that was asked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Wire {
    /// Chat Completions: `POST …/chat/completions`.
    Chat,
    /// Responses: `POST …/responses`.
    Responses,
    /// Messages: `POST …/messages`, and `…/messages/count_tokens` beside it.
    Messages,
}

impl Wire {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];

    /// Its word in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// Where a model is asked, below the base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Responses => "/responses",
            Self::Messages => "/messages",
        }
    }

    /// The protocol in which a request asks a model.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let path = bare(request);
        let asked = |wire: &Self| request.method == Method::POST && path.ends_with(wire.path());
        Self::ALL.into_iter().find(asked)
    }
}

/// Whether a request only asks how long it is.
pub(super) fn counts_tokens(request: &Request) -> bool {
    request.method == Method::POST && bare(request).ends_with("/messages/count_tokens")
}

/// The path without its query.
pub(super) fn bare(request: &Request) -> &str {
    request.path.split('?').next().unwrap_or_default()
}
