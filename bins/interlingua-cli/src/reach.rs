//! Whether a gateway of ours answers.

use std::fmt;
use std::time::Duration;

use crate::local;

/// A gateway on the same machine answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is at an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// A gateway of ours.
    Gateway,
    /// Something else.
    Other,
    /// Nothing.
    Nothing,
    /// Nobody has looked, because it speaks TLS.
    Unknown,
}

/// Looks who answers at a base URL such as `http://127.0.0.1:8787/v1`.
pub(crate) fn gateway(base_url: &str) -> Answer {
    let Some(host) = host(base_url) else { return Answer::Unknown };
    match local::version(&host, PATIENCE) {
        Ok(Some(_)) => Answer::Gateway,
        Ok(None) => Answer::Other,
        Err(_) => Answer::Nothing,
    }
}

/// Host and port of a base URL; nothing if it speaks TLS.
pub(crate) fn host(base_url: &str) -> Option<String> {
    let host = base_url.strip_prefix("http://")?.split('/').next().unwrap_or_default();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if has_port { host.to_owned() } else { format!("{host}:80") })
}

impl Answer {
    /// For programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Gateway => "answers",
            Self::Other => "other",
            Self::Nothing => "silent",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "the gateway answers",
            Self::Other => "something else answers there",
            Self::Nothing => "nothing answers; start it with `interlingua up`",
            Self::Unknown => "not asked, since it speaks TLS",
        })
    }
}
