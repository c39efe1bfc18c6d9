//! Codex's settings: which keys are ours, and what is wanted of them.

use interlingua_registry::foreign::{self, Gaps, Program, Wish, Wishes};
use serde_json::Value as Json;
use toml_edit::{Document, Item, Value};

use crate::config::{ConfigOptions, PROVIDER_ID, config_toml};
use crate::edit::{self, EditError, parse};
use crate::owned::{MODEL, OWNED, OwnedKey, PROVIDERS, Place};

/// A `config.toml` as it is and as it is to be.
pub type Plan = foreign::Plan<OwnedKey>;

/// What became of our keys; those that stayed as they were are left out.
pub type Changes = foreign::Changes<OwnedKey>;

/// What became of one key.
pub type Change = foreign::Change<OwnedKey>;

/// What has been applied to a file, as the journal remembers it.
pub type Applied<'a> = foreign::Applied<'a, OwnedKey>;

/// What a restore gives.
pub type Undo = foreign::Undo<OwnedKey>;

/// Codex, whose settings are a `config.toml`.
#[derive(Clone, Copy, Debug)]
pub struct Codex;

/// How a `config.toml` stands to us.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Setup {
    /// Whether Codex goes to our provider.
    pub is_active: bool,
    /// The model to start with.
    pub model: Option<String>,
    /// Where Codex takes the gateway to be.
    pub base_url: Option<String>,
    /// The keys that we have changed, and whether they are still as we left them.
    pub keys: Vec<(OwnedKey, bool)>,
}

/// The model that a `config.toml` names.
///
/// # Errors
///
/// [`EditError`] when the text is not TOML.
pub fn configured_model(text: &str) -> Result<Option<String>, EditError> {
    let document = parse(text)?;
    Ok(MODEL.find(&document).and_then(Item::as_str).map(str::to_owned))
}

/// Looks what has become of a `config.toml`.
///
/// # Errors
///
/// [`EditError`] when the text is not TOML.
pub fn setup(text: &str, changes: &Changes) -> Result<Setup, EditError> {
    let document = parse(text)?;
    let text_of = |name: &str| {
        let key = OWNED.into_iter().find(|key| key.name() == name)?;
        key.find(&document)?.as_str().map(str::to_owned)
    };
    Ok(Setup {
        is_active: text_of("model_provider").as_deref() == Some(PROVIDER_ID)
            && has_table(&document),
        model: text_of("model"),
        base_url: text_of("base_url"),
        keys: foreign::standing::<Codex>(text, changes)?,
    })
}

/// Plans how Codex is sent to the gateway. Where the block that is wanted stands already, nothing
/// changes.
///
/// # Errors
///
/// [`EditError`] when the text is not TOML, or cannot be edited without touching more than our keys.
pub fn plan(
    current: Option<&str>,
    applied: Option<Applied<'_>>,
    options: &ConfigOptions,
) -> Result<Plan, EditError> {
    foreign::plan::<Codex>(current, applied, options)
}

/// What the file is to be without us. If nobody else has touched it, that is its base; else our keys
/// are put back one by one, but for those that have got another value since.
///
/// # Errors
///
/// [`EditError`] when the text is not TOML, or cannot be edited without touching more than our keys.
pub fn undo(current: Option<&str>, applied: Applied<'_>) -> Result<Undo, EditError> {
    foreign::undo::<Codex>(current, applied)
}

impl Wishes<OwnedKey> for ConfigOptions {
    fn wish(&self, key: OwnedKey) -> Wish {
        let wanted = config_toml(self);
        let source = parse(&wanted).ok().and_then(|document| key.source(&wanted, &document));
        match source {
            Some(source) => Wish::Source(source),
            // Whoever can search need not be told how.
            None if key.name() == "web_search" => Wish::AsBefore,
            None => Wish::Absent,
        }
    }
}

impl Program for Codex {
    const FILE: &'static str = "config.toml";
    const FOLDER: &'static str = "codex";
    const SCHEMA: &'static str = "interlingua.codex-journal/1";

    type Key = OwnedKey;
    type Error = EditError;
    type Setup = Setup;

    fn keys() -> &'static [OwnedKey] {
        &OWNED
    }

    fn check(text: &str) -> Result<(), EditError> {
        edit::check(text)
    }

    fn source(text: &str, key: OwnedKey) -> Result<Option<String>, EditError> {
        Ok(key.source(text, &parse(text)?))
    }

    fn set(
        text: &str,
        key: OwnedKey,
        source: Option<&str>,
        gaps: Gaps,
    ) -> Result<String, EditError> {
        edit::set(text, key, source, gaps)
    }

    fn has_table(text: &str) -> Result<bool, EditError> {
        Ok(has_table(&parse(text)?))
    }

    fn remove_empty_table(text: &str) -> Result<String, EditError> {
        edit::remove_empty_table(text)
    }

    fn meaning(source: &str) -> Option<Json> {
        let value: Value = source.parse().ok()?;
        toml_edit::de::from_str(&format!("it = {value}")).ok()
    }

    fn rest(text: &str) -> Result<Json, EditError> {
        parse(text)?;
        let mut json: Json = toml_edit::de::from_str(text).map_err(|_| EditError::Unsafe)?;
        let Some(root) = json.as_object_mut() else { return Ok(json) };
        for key in OWNED.iter().filter(|key| key.place() == Place::Root) {
            root.remove(key.name());
        }
        let Some(Json::Object(providers)) = root.get_mut(PROVIDERS) else { return Ok(json) };
        if let Some(Json::Object(ours)) = providers.get_mut(PROVIDER_ID) {
            for key in OWNED.iter().filter(|key| key.place() == Place::Provider) {
                ours.remove(key.name());
            }
            if ours.is_empty() {
                providers.remove(PROVIDER_ID);
            }
        }
        if providers.is_empty() {
            root.remove(PROVIDERS);
        }
        Ok(json)
    }

    fn setup(text: &str, changes: &Changes) -> Result<Setup, EditError> {
        setup(text, changes)
    }

    fn not_safe() -> EditError {
        EditError::Unsafe
    }

    fn not_utf8(at: usize) -> EditError {
        EditError::NotUtf8 { at }
    }
}

fn has_table(document: &Document<&str>) -> bool {
    document.get(PROVIDERS).and_then(|it| it.get(PROVIDER_ID)).is_some()
}
