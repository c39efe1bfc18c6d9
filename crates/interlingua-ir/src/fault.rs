use std::fmt;
use std::time::Duration;

/// Why a turn failed.
///
/// One type serves two readers. The *machine* asks [`Fault::blame`] and [`Fault::retry`] and never
/// looks at text. The *human* reads [`Display`](fmt::Display): what happened, whose fault it is and
/// what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What kind of failure it is.
    pub class: Class,
    /// One or two sentences for the person in front of the agent. Never holds a secret.
    pub message: String,
    /// The provider that failed, by its id in the configuration.
    pub provider: Option<String>,
    /// The HTTP status that the upstream chose.
    pub status: Option<u16>,
    /// The upstream's own code, untouched.
    pub code: Option<String>,
    /// The request field that the upstream complained about, untouched.
    pub param: Option<String>,
    /// How long the upstream asked us to wait.
    pub retry_after: Option<Duration>,
    /// Overrules what [`Class::is_transient`] says, where a dialect knows better.
    pub transient: Option<bool>,
}

impl Fault {
    /// Makes a fault of which nothing but its class and its words are known.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            provider: None,
            status: None,
            code: None,
            param: None,
            retry_after: None,
            transient: None,
        }
    }

    /// Names the provider that failed.
    #[must_use]
    pub fn by(mut self, provider: &str) -> Self {
        self.provider = Some(provider.to_owned());
        self
    }

    /// Whose fault it is; decides the HTTP status and which counter moves.
    pub fn blame(&self) -> Blame {
        self.class.blame()
    }

    /// What to do next, as long as the client has not seen a part of the answer.
    ///
    /// Once it has, nothing is ever retried: it would see that part twice.
    pub fn retry(&self) -> Retry {
        match self.transient.unwrap_or(self.class.is_transient()) {
            true => Retry::After(self.retry_after),
            false if self.class.is_about_the_target() => Retry::Elsewhere,
            false => Retry::Never,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// What kind of failure a [`Fault`] is.
///
/// The names of the upstream's failures are those of the dialect records' error rules.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// The client's request does not parse or contradicts itself.
    InvalidRequest,
    /// The client showed no key, or one that we do not know.
    Unauthenticated,
    /// The client may not do this from where it is.
    Forbidden,
    /// The client's request is larger than the gateway accepts.
    TooLarge,
    /// No provider that can be used serves the model.
    ModelNotFound,
    /// The gateway has too much to do.
    Busy,
    /// The gateway failed in a way it should not.
    Internal,

    /// The upstream does not accept our credentials.
    Auth,
    /// The account has no money or no allowance left.
    Quota,
    /// Too many requests for now.
    RateLimit,
    /// The upstream has too much to do.
    Overloaded,
    /// The conversation does not fit into the model's window.
    ContextLength,
    /// The upstream refused the content.
    ContentFilter,
    /// An assistant message came without the reasoning that the upstream wants back.
    ReplayMissing,
    /// The order of calls and results is not what the upstream wants.
    ToolHistoryInvalid,
    /// The upstream refuses a parameter.
    BadParam,
    /// The model failed to write a tool call.
    ToolGenerationFailed,
    /// A feature is not switched on for this account or server.
    FeatureDisabled,
    /// The upstream failed, or sent what its protocol does not allow.
    Upstream,
    /// The stream stopped before the answer was complete.
    Interrupted,
    /// The upstream cannot be reached.
    Unreachable,
    /// The upstream was silent for too long.
    Timeout,
}

impl Class {
    /// Whose fault it is.
    pub fn blame(self) -> Blame {
        match self {
            Self::InvalidRequest
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::TooLarge
            | Self::ModelNotFound
            | Self::ContextLength
            | Self::ContentFilter
            | Self::BadParam => Blame::Client,
            Self::Busy | Self::Internal | Self::ReplayMissing | Self::ToolHistoryInvalid => {
                Blame::Gateway
            }
            Self::Auth
            | Self::Quota
            | Self::RateLimit
            | Self::Overloaded
            | Self::ToolGenerationFailed
            | Self::FeatureDisabled
            | Self::Upstream
            | Self::Interrupted
            | Self::Unreachable
            | Self::Timeout => Blame::Upstream,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::RateLimit
                | Self::Overloaded
                | Self::ToolGenerationFailed
                | Self::Upstream
                | Self::Interrupted
                | Self::Unreachable
                | Self::Timeout
        )
    }

    /// Whether another target might well serve the same request.
    fn is_about_the_target(self) -> bool {
        matches!(self, Self::Auth | Self::Quota | Self::ModelNotFound | Self::FeatureDisabled)
    }

    /// The name by which dialect records, logs and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::ModelNotFound => "model_not_found",
            Self::Busy => "busy",
            Self::Internal => "internal",
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::RateLimit => "rate_limit",
            Self::Overloaded => "overloaded",
            Self::ContextLength => "context_length",
            Self::ContentFilter => "content_filter",
            Self::ReplayMissing => "replay_missing",
            Self::ToolHistoryInvalid => "tool_history_invalid",
            Self::BadParam => "bad_param",
            Self::ToolGenerationFailed => "tool_generation_failed",
            Self::FeatureDisabled => "feature_disabled",
            Self::Upstream => "upstream",
            Self::Interrupted => "stream_interrupted",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose fault a [`Fault`] is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blame {
    /// Whoever sent the request.
    Client,
    /// We.
    Gateway,
    /// The provider.
    Upstream,
}

/// What to do after a [`Fault`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// The same target may succeed, after the wait that it asked for.
    After(Option<Duration>),
    /// Another target may succeed; this one will not.
    Elsewhere,
    /// Nobody will do better with the same request.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_may_know_better_than_the_class() {
        let mut fault = Fault::new(Class::BadParam, "the parameter `x` is not known");
        assert_eq!(fault.retry(), Retry::Never);
        fault.transient = Some(true);
        assert_eq!(fault.retry(), Retry::After(None));
    }

    #[test]
    fn credentials_send_us_elsewhere() {
        assert_eq!(Fault::new(Class::Auth, "").retry(), Retry::Elsewhere);
        assert_eq!(Fault::new(Class::RateLimit, "").retry(), Retry::After(None));
        assert_eq!(Fault::new(Class::ContextLength, "").retry(), Retry::Never);
    }
}
