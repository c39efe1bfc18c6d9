use interlingua_registry::Secret;
use interlingua_registry::foreign::{self, Gaps, Program};
use serde_json::Value as Json;

use super::options::Options;
use super::owned::{ENV, OWNED, OwnedKey};
use crate::json::{self, EditError, TOLERANT};

/// Settings as they are and as they are to be.
pub type Plan = foreign::Plan<OwnedKey>;

/// What became of our keys; those that stayed as they were are left out.
pub type Changes = foreign::Changes<OwnedKey>;

/// What has been applied to a file, as the journal remembers it.
pub type Applied<'a> = foreign::Applied<'a, OwnedKey>;

/// What a restore gives.
pub type Undo = foreign::Undo<OwnedKey>;

/// Claude Code, whose settings are a `settings.json`.
#[derive(Clone, Copy, Debug)]
pub struct ClaudeCode;

/// How a `settings.json` stands to us.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Where Claude Code takes the gateway to be, if anything is said.
    pub base_url: Option<String>,
    /// What it shows there.
    pub token: Option<Secret>,
    /// The keys that name a model, and what they name.
    pub models: Vec<(OwnedKey, String)>,
    /// The keys that we have changed, and whether they are still as we left them.
    pub keys: Vec<(OwnedKey, bool)>,
}

/// Plans how Claude Code is sent to the gateway. Where what is wanted stands already, nothing changes.
///
/// # Errors
///
/// [`EditError`] when the text is not JSON, or cannot be edited without touching more than our keys.
pub fn plan(
    current: Option<&str>,
    applied: Option<Applied<'_>>,
    options: &Options,
) -> Result<Plan, EditError> {
    foreign::plan::<ClaudeCode>(current, applied, options)
}

/// What the file is to be without us. If nobody else has touched it, that is its base; else our keys
/// are put back one by one, but for those that have got another value since.
///
/// # Errors
///
/// [`EditError`] when the text is not JSON, or cannot be edited without touching more than our keys.
pub fn undo(current: Option<&str>, applied: Applied<'_>) -> Result<Undo, EditError> {
    foreign::undo::<ClaudeCode>(current, applied)
}

impl Program for ClaudeCode {
    const FILE: &'static str = "settings.json";
    const FOLDER: &'static str = "claude";
    const SCHEMA: &'static str = "interlingua.claude-journal/1";

    type Key = OwnedKey;
    type Error = EditError;
    type Setup = Setup;

    fn keys() -> &'static [OwnedKey] {
        &OWNED
    }

    fn check(text: &str) -> Result<(), EditError> {
        let (_, text) = split_mark(text);
        let Some(root) = json::root(text)? else { return Ok(()) };
        json::find_object(text, &root, ENV).map(drop)
    }

    fn source(text: &str, key: OwnedKey) -> Result<Option<String>, EditError> {
        let (_, text) = split_mark(text);
        let Some(root) = json::root(text)? else { return Ok(None) };
        let Some(env) = json::find_object(text, &root, ENV)? else { return Ok(None) };
        let found = json::find(text, env, key.name())?;
        Ok(found.map(|it| json::source(text, it).to_owned()))
    }

    fn set(text: &str, key: OwnedKey, source: Option<&str>, _: Gaps) -> Result<String, EditError> {
        let (mark, text) = split_mark(text);
        let edited = match source {
            Some(source) => put(text, key.name(), source)?,
            None => take(text, key.name())?,
        };
        Ok(format!("{mark}{edited}"))
    }

    fn has_table(text: &str) -> Result<bool, EditError> {
        let (_, text) = split_mark(text);
        let Some(root) = json::root(text)? else { return Ok(false) };
        Ok(json::find_object(text, &root, ENV)?.is_some())
    }

    fn remove_empty_table(text: &str) -> Result<String, EditError> {
        let (mark, text) = split_mark(text);
        let Some(root) = json::root(text)? else { return Ok(format!("{mark}{text}")) };
        let env = json::find_object(text, &root, ENV)?;
        // What stands between the braces, such as a comment, is the user's.
        let is_empty = env.is_some_and(|env| env.range.end - env.range.start == 2);
        let edited = if is_empty { json::remove(text, &root, ENV) } else { text.to_owned() };
        Ok(format!("{mark}{edited}"))
    }

    fn meaning(source: &str) -> Option<Json> {
        let meant = serde_json::from_str(source).ok()?;
        // All variables are texts.
        Some(match meant {
            Json::Number(number) => number.to_string().into(),
            Json::Bool(bool) => bool.to_string().into(),
            meant => meant,
        })
    }

    fn is_blank(text: &str) -> bool {
        matches!(split_mark(text).1.trim(), "" | "{}")
    }

    fn rest(text: &str) -> Result<Json, EditError> {
        let (_, text) = split_mark(text);
        let Some(root) = json::root(text)? else { return Ok(Json::Object(serde_json::Map::new())) };
        json::find_object(text, &root, ENV)?;
        let mut rest: Json =
            jsonc_parser::parse_to_serde_value(text, &TOLERANT).map_err(|_| EditError::Unsafe)?;
        let Some(root) = rest.as_object_mut() else { return Ok(rest) };
        if let Some(Json::Object(env)) = root.get_mut(ENV) {
            for key in OWNED {
                env.remove(key.name());
            }
            if env.is_empty() {
                root.remove(ENV);
            }
        }
        Ok(rest)
    }

    fn setup(text: &str, changes: &Changes) -> Result<Setup, EditError> {
        Self::check(text)?;
        let value = |key: OwnedKey| {
            let source = Self::source(text, key)?;
            let meant = source.and_then(|it| Self::meaning(&it));
            Ok(meant.and_then(|it| it.as_str().map(str::to_owned)).filter(|it| !it.is_empty()))
        };
        let models = OWNED.into_iter().filter(|key| key.is_model());
        let models = models.map(|key| Ok(value(key)?.map(|model| (key, model))));
        Ok(Setup {
            base_url: value(OwnedKey::BASE_URL)?,
            token: value(OwnedKey::TOKEN)?.map(Secret::new),
            models: models.filter_map(Result::transpose).collect::<Result<_, EditError>>()?,
            keys: foreign::standing::<Self>(text, changes)?,
        })
    }

    fn not_safe() -> EditError {
        EditError::Unsafe
    }

    fn not_utf8(at: usize) -> EditError {
        EditError::NotUtf8 { at }
    }
}

/// The byte order mark with which some editors begin a file, and the rest.
pub(super) fn split_mark(text: &str) -> (&str, &str) {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", text),
    }
}

fn put(text: &str, name: &str, source: &str) -> Result<String, EditError> {
    let Some(root) = json::root(text)? else {
        return Ok(json::begin(text, ENV, |style| style.object(name, source)));
    };
    let Some(env) = json::find_object(text, &root, ENV)? else {
        return Ok(json::insert(text, &root, ENV, |style| style.object(name, source)));
    };
    Ok(match json::find(text, env, name)? {
        Some(property) => json::replace(text, property, source),
        None => json::insert(text, env, name, |_| source.to_owned()),
    })
}

fn take(text: &str, name: &str) -> Result<String, EditError> {
    let Some(root) = json::root(text)? else { return Ok(text.to_owned()) };
    let Some(env) = json::find_object(text, &root, ENV)? else { return Ok(text.to_owned()) };
    json::find(text, env, name)?;
    Ok(json::remove(text, env, name))
}
