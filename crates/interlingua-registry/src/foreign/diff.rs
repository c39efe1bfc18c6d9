//! What becomes of somebody else's settings, shown without their secrets.

use std::ops::Range;

use similar::TextDiff;

use crate::edit::looks_like_key;
use crate::keys::LOCAL_TOKEN;

/// Lines that are shown around a change.
const CONTEXT: usize = 3;

/// Parts of names whose values are nobody's business.
const NAMES: [&str; 6] = ["token", "secret", "password", "apikey", "api_key", "authorization"];

/// Tables whose values may all be secrets.
const TABLES: [&str; 3] = ["env", "headers", "http_headers"];

/// What of a value may be secret.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Secrecy {
    /// Texts that look like a key.
    #[default]
    Keys,
    /// Whatever stands in it.
    Within,
    /// The whole.
    All,
}

impl Secrecy {
    /// Of the value under a name, in a table of which this may be secret.
    #[must_use]
    pub fn under(self, name: &str) -> Self {
        let name = name.to_lowercase().replace('-', "_");
        match self {
            Self::Keys if NAMES.iter().any(|part| name.contains(part)) => Self::All,
            Self::Keys if TABLES.contains(&&*name) => Self::Within,
            _ => self.within(),
        }
    }

    /// Of the values in a list of which this may be secret.
    #[must_use]
    pub fn within(self) -> Self {
        if self == Self::Keys { Self::Keys } else { Self::All }
    }

    /// Whether a text is to be hidden.
    pub fn hides(self, text: &str) -> bool {
        text != LOCAL_TOKEN && (self == Self::All || looks_like_key(text))
    }
}

/// What becomes of a file, as a unified diff. Nothing stands for a file that is not there.
///
/// What `secrets` finds in a text is shown as `…`, on whichever side and however it is written, since people
/// paste such things into bug reports. Where it finds that it cannot read the text, no line is shown.
pub fn diff(
    path: &str,
    before: Option<&str>,
    after: Option<&str>,
    secrets: impl Fn(&str) -> Option<Vec<Range<usize>>>,
) -> String {
    let [old, new] = [before, after].map(|text| masked(text.unwrap_or_default(), &secrets));
    let name = |text: Option<&str>| if text.is_some() { path } else { "/dev/null" };
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(CONTEXT).header(name(before), name(after)).to_string()
}

fn masked(text: &str, secrets: impl Fn(&str) -> Option<Vec<Range<usize>>>) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Nobody knows what is secret in what cannot be read.
    let Some(mut spans) = secrets(text) else { return "…\n".repeat(text.lines().count()) };
    spans.sort_by_key(|span| span.start);
    let mut masked = text.to_owned();
    for span in spans.into_iter().rev() {
        masked.replace_range(span, "\"…\"");
    }
    masked
}
