//! The fields that can be set one by one, and how their values are read from words.

use std::fmt;
use std::str::FromStr;

use super::setting::Setting;
use crate::address::{BadUrl, BaseUrl};
use crate::problem::did_you_mean;

/// A field of a provider, or of one of its models.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// The model, if it is one of a model.
    pub(super) model: Option<String>,
    /// The table below the provider that it is in, such as `timeouts`.
    pub(super) table: Option<String>,
    pub(super) name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Text,
    Url,
    Boolean,
    Count,
    Texts,
    Toml,
}

const OF_PROVIDER: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("shortcut", Kind::Text),
    ("preset", Kind::Text),
    ("base_url", Kind::Url),
    ("wire", Kind::Text),
    ("dialect", Kind::Text),
    ("key", Kind::Toml),
    ("headers", Kind::Toml),
    ("proxy", Kind::Text),
    ("allow_insecure", Kind::Boolean),
    ("expose", Kind::Texts),
    ("default_model", Kind::Text),
    ("docs", Kind::Text),
    ("enabled", Kind::Boolean),
    ("timeouts", Kind::Toml),
    ("timeouts.connect", Kind::Text),
    ("timeouts.first_byte", Kind::Text),
    ("timeouts.idle", Kind::Text),
];

const OF_MODEL: &[(&str, Kind)] = &[
    ("name", Kind::Text),
    ("aliases", Kind::Texts),
    ("context_window", Kind::Count),
    ("max_output_tokens", Kind::Count),
    ("images", Kind::Boolean),
    ("reasoning", Kind::Boolean),
    ("search", Kind::Boolean),
    ("parallel_calls", Kind::Boolean),
    ("price", Kind::Toml),
];

/// `name`, `timeouts.idle`, `headers.x-team`, or `models.<id>.context_window`: the id may hold dots.
impl FromStr for Field {
    type Err = BadField;

    fn from_str(text: &str) -> Result<Self, BadField> {
        if let Some(name) = text.strip_prefix("headers.").filter(|name| !name.is_empty()) {
            return Ok(Self::new(None, Some("headers"), name, Kind::Text));
        }
        let (model, path, known) = match text.strip_prefix("models.") {
            Some(rest) => {
                let (model, field) = rest.rsplit_once('.').ok_or(BadField::Model)?;
                (Some(model), field, OF_MODEL)
            }
            None if text == "models" => return Err(BadField::Model),
            None => (None, text, OF_PROVIDER),
        };
        let Some((_, kind)) = known.iter().find(|(name, _)| *name == path) else {
            let mut names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            if model.is_none() {
                names.extend(["headers.<name>", "models.<id>.<field>"]);
            }
            let remedy = did_you_mean(path, &names);
            return Err(BadField::Unknown { field: path.to_owned(), remedy });
        };
        Ok(match path.split_once('.') {
            Some((table, name)) => Self::new(model, Some(table), name, *kind),
            None => Self::new(model, None, path, *kind),
        })
    }
}

impl Field {
    fn new(model: Option<&str>, table: Option<&str>, name: &str, kind: Kind) -> Self {
        let (model, table) = (model.map(str::to_owned), table.map(str::to_owned));
        Self { model, table, name: name.to_owned(), kind }
    }

    /// Whether it is this field of the provider itself.
    pub fn is(&self, name: &str) -> bool {
        self.model.is_none() && self.table.is_none() && self.name == name
    }

    /// Reads the value that somebody typed for it.
    ///
    /// # Errors
    ///
    /// [`BadField`] says what is wanted instead. It does not repeat the value, which may be a key.
    pub fn read(&self, typed: &str) -> Result<Setting, BadField> {
        let typed = typed.trim();
        let of_headers = self.table.as_deref() == Some("headers");
        if looks_like_key(typed) || (of_headers && is_key_header(&self.name)) {
            return Err(BadField::Key);
        }
        let wanted = |wanted| BadField::Kind { field: self.to_string(), wanted };
        match self.kind {
            Kind::Text => Ok(typed.into()),
            Kind::Url => Ok(Setting::Text(BaseUrl::parse(typed)?.to_string())),
            Kind::Boolean => {
                typed.parse::<bool>().map(Setting::from).map_err(|_| wanted("`true` or `false`"))
            }
            Kind::Count => {
                let digits = typed.replace('_', "");
                digits.parse::<u64>().map(Setting::from).map_err(|_| wanted("a whole number"))
            }
            Kind::Texts => Ok(texts(typed)),
            Kind::Toml => match Setting::parse(typed) {
                Some(setting) if holds_key(&setting) => Err(BadField::Key),
                Some(setting @ (Setting::Table(_) | Setting::List(_))) => Ok(setting),
                _ => Err(wanted(match self.name.as_str() {
                    "key" => "a place, such as `{ env = \"NAME\" }`, or `[]` for none",
                    _ => "a table, as TOML writes it: `{ name = \"value\" }`",
                })),
            },
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model.as_ref().map(|model| format!("models.{model}"));
        model.iter().chain(&self.table).try_for_each(|above| write!(f, "{above}."))?;
        f.write_str(&self.name)
    }
}

/// Words between commas, or a TOML list.
fn texts(typed: &str) -> Setting {
    if typed.starts_with('[')
        && let Some(list @ Setting::List(_)) = Setting::parse(typed)
    {
        return list;
    }
    Setting::texts(typed.split(',').map(str::trim).filter(|word| !word.is_empty()))
}

/// Why a field cannot be set.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadField {
    /// There is no such field.
    #[error("there is no field `{field}`; {remedy}")]
    Unknown {
        /// What was typed.
        field: String,
        /// What was probably meant.
        remedy: String,
    },
    /// The list of models is not one field.
    #[error(
        "models are changed one by one: `models.<id>.<field>=<value>`, `--model`, `--remove-model`"
    )]
    Model,
    /// The value is of another kind.
    #[error("`{field}` wants {wanted}")]
    Kind {
        /// The field.
        field: String,
        /// What it wants.
        wanted: &'static str,
    },
    /// The value is no base URL.
    #[error("`base_url` {0}")]
    Url(#[from] BadUrl),
    /// The value is a key.
    #[error(
        "this looks like a key, which belongs neither into the configuration nor onto a command \
         line, where others can read it; put it into a variable or a file and name that"
    )]
    Key,
}

/// Header fields that carry a key, whatever they hold.
pub fn is_key_header(name: &str) -> bool {
    const NAMES: &[&str] =
        &["api-key", "authorization", "cookie", "proxy-authorization", "x-api-key"];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a key stands anywhere in a value.
fn holds_key(setting: &Setting) -> bool {
    match setting {
        Setting::Text(text) => looks_like_key(text),
        Setting::List(settings) => settings.iter().any(holds_key),
        Setting::Table(entries) => {
            entries.iter().any(|(name, setting)| is_key_header(name) || holds_key(setting))
        }
        Setting::Integer(_) | Setting::Fraction(_) | Setting::Boolean(_) => false,
    }
}

/// How keys of vendors begin.
const KEY_BEGINNINGS: &[&str] =
    &["sk-", "sk_", "tp-", "il_", "gsk_", "xai-", "hf_", "nvapi-", "AIza", "Bearer "];

/// Whether a text is more likely a key than anything that belongs into a configuration.
pub fn looks_like_key(text: &str) -> bool {
    let begins = KEY_BEGINNINGS.iter().any(|beginning| text.starts_with(beginning));
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    let random = text.len() >= 32
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic);
    (begins && text.len() >= 10) || random
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, typed: &str, expected: &Setting) {
        assert_eq!(&field.parse::<Field>().unwrap().read(typed).unwrap(), expected);
    }

    #[test]
    fn values_are_read_as_their_field_wants_them() {
        check("name", " In house ", &"In house".into());
        check("base_url", "https://x.test/v1/chat/completions", &"https://x.test/v1".into());
        check("enabled", "false", &false.into());
        check("expose", "qwen3-*, glm-*", &Setting::texts(["qwen3-*", "glm-*"]));
        check("expose", "[]", &Setting::List(Vec::new()));
        check("key", "[]", &Setting::List(Vec::new()));
        check("key", "{ env = 'K' }", &Setting::Table(vec![("env".into(), "K".into())]));
        check("headers.x-team", "blue", &"blue".into());
        check("models.v2.5-pro.context_window", "1_000_000", &1_000_000.into());
        for path in ["name", "timeouts.idle", "headers.x-a", "models.v2.5-pro.context_window"] {
            assert_eq!(path.parse::<Field>().unwrap().to_string(), path);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_its_value() {
        let refused = |field: &str, typed: &str| {
            let error = field.parse::<Field>().and_then(|field| field.read(typed)).unwrap_err();
            assert!(!error.to_string().contains("canary"), "{error}");
            error
        };
        assert!(refused("bas_url", "").to_string().contains("did you mean `base_url`"));
        assert!(refused("nothing", "").to_string().contains("headers.<name>, models.<id>.<field>"));
        assert_eq!(refused("models", "x"), BadField::Model);
        assert_eq!(refused("key", "sk-canary-1234"), BadField::Key);
        assert_eq!(refused("headers.authorization", "Bearer canary-1234"), BadField::Key);
        assert_eq!(refused("headers.X-Api-Key", "canary"), BadField::Key);
        assert_eq!(refused("headers", "{ cookie = 'canary' }"), BadField::Key);
        assert_eq!(refused("key", "[{ env = 'sk-canary-1234' }]"), BadField::Key);
        assert!(matches!(refused("enabled", "canary"), BadField::Kind { .. }));
        assert!(matches!(refused("key", "canary"), BadField::Kind { .. }));
        assert!(matches!(refused("base_url", "ftp://canary"), BadField::Url(BadUrl::Scheme)));
    }

    #[test]
    fn keys_are_told_from_names() {
        for key in ["sk-1234567890", "tp-abcdefghij", "0123456789abcdef0123456789abcdef"] {
            assert!(looks_like_key(key), "{key}");
        }
        for name in [
            "MIMO_API_KEY",
            "sk-",
            "claude-sonnet-4-20250514-thinking-preview-long",
            "~/.keys/mimo",
        ] {
            assert!(!looks_like_key(name), "{name}");
        }
    }
}
