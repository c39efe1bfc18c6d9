//! What `apply` is to do and what `restore` is to give back, as texts.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml_edit::{Document, Item, Value};

use crate::config::{ConfigOptions, PROVIDER_ID, config_toml};
use crate::edit::{EditError, Gaps, check, parse, remove_empty_table, set};
use crate::owned::{MODEL, OWNED, OwnedKey, PROVIDERS, Place};

/// A `config.toml` as it is and as it is to be.
#[derive(Clone, Eq, PartialEq)]
pub struct Plan {
    /// What a restore is to give: the text before any of our changes, with the user's later ones.
    pub base: Option<String>,
    /// What is there now; nothing if there is no file.
    pub current: Option<String>,
    /// What is to be there.
    pub after: String,
    /// What becomes of our keys, from the base.
    pub changes: Changes,
}

/// What became of our keys; those that stayed as they were are left out.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// Key by key.
    pub keys: Vec<Change>,
    /// Whether our table is new.
    pub new_table: bool,
}

/// What became of one key: TOML sources, nothing where there is no value.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The key.
    pub key: OwnedKey,
    /// Its value before.
    pub before: Option<String>,
    /// Its value after.
    pub after: Option<String>,
}

/// What has been applied to a file, as the journal remembers it.
#[derive(Clone, Copy)]
pub struct Applied<'a> {
    /// What became of our keys.
    pub changes: &'a Changes,
    /// The text that a restore is to give if the file is as we know it; nothing if there was no file.
    pub base: Option<&'a str>,
    /// Whether the file is, byte for byte, as we left it.
    pub untouched: bool,
}

/// What a restore gives.
#[derive(Clone, Eq, PartialEq)]
pub struct Undo {
    /// The text; nothing if the file goes.
    pub text: Option<String>,
    /// The keys that the user has changed since. They stay as they are.
    pub kept: Vec<OwnedKey>,
}

impl Plan {
    /// Whether there is nothing to write.
    pub fn is_noop(&self) -> bool {
        self.current.as_ref() == Some(&self.after)
    }
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
    let keys = changes.keys.iter();
    let keys = keys.map(|it| Ok((it.key, is_same(text, it.key, it.after.as_deref())?)));
    Ok(Setup {
        is_active: text_of("model_provider").as_deref() == Some(PROVIDER_ID)
            && has_table(&document),
        model: text_of("model"),
        base_url: text_of("base_url"),
        keys: keys.collect::<Result<_, _>>()?,
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
    let base = match applied {
        Some(applied) => undo(current, applied)?.text,
        None => current.map(str::to_owned),
    };
    let base_text = base.as_deref().unwrap_or_default();
    let base_document = parse(base_text)?;
    let wanted_text = config_toml(options);
    let wanted = parse(&wanted_text)?;
    // Who has lost the file gets it back with our keys.
    let start = current.unwrap_or(base_text);
    check(start)?;
    let mut after = start.to_owned();
    let mut wishes = Vec::new();
    for key in OWNED {
        let before = key.source(base_text, &base_document);
        let wish = key.source(&wanted_text, &wanted);
        // Whoever can search need not be told how.
        let is_left = wish.is_none() && key.name() == "web_search";
        let wish = if is_left { before.clone() } else { wish };
        if !is_same(&after, key, wish.as_deref())? {
            after = set(&after, key, wish.as_deref(), Gaps::Keep)?;
        }
        wishes.push((key, before, wish));
    }
    verify(start, &after)?;
    verify(base_text, &after)?;
    let keys = changes(&after, wishes)?;
    let changes = Changes { keys, new_table: !has_table(&base_document) };
    Ok(Plan { current: current.map(str::to_owned), after, changes, base })
}

/// What became of the keys, if they became what was wished.
fn changes(
    after: &str,
    wishes: Vec<(OwnedKey, Option<String>, Option<String>)>,
) -> Result<Vec<Change>, EditError> {
    let document = parse(after)?;
    let mut changes = Vec::new();
    for (key, before, wish) in wishes {
        let after = key.source(after, &document);
        if !is_equal(after.as_deref(), wish.as_deref()) {
            return Err(EditError::Unsafe);
        }
        if before != after {
            changes.push(Change { key, before, after });
        }
    }
    Ok(changes)
}

/// What the file is to be without us. If nobody else has touched it, that is its base; else our keys
/// are put back one by one, but for those that have got another value since.
///
/// # Errors
///
/// [`EditError`] when the text is not TOML, or cannot be edited without touching more than our keys.
pub fn undo(current: Option<&str>, applied: Applied<'_>) -> Result<Undo, EditError> {
    let base = || applied.base.map(str::to_owned);
    let Some(current) = current.filter(|_| !applied.untouched) else {
        return Ok(Undo { text: base(), kept: Vec::new() });
    };
    if applied.base == Some(current) {
        return Ok(Undo { text: base(), kept: Vec::new() });
    }
    let mut text = current.to_owned();
    let mut kept = Vec::new();
    for change in &applied.changes.keys {
        if is_same(&text, change.key, change.after.as_deref())? {
            text = set(&text, change.key, change.before.as_deref(), Gaps::Close)?;
        } else if !is_same(&text, change.key, change.before.as_deref())? {
            kept.push(change.key);
        }
    }
    if applied.changes.new_table {
        text = remove_empty_table(&text)?;
    }
    verify(current, &text)?;
    let is_gone = applied.base.is_none() && text.trim().is_empty();
    Ok(Undo { text: (!is_gone).then_some(text), kept })
}

/// Whether a key has this value, however either is written.
fn is_same(text: &str, key: OwnedKey, value: Option<&str>) -> Result<bool, EditError> {
    let found = key.source(text, &parse(text)?);
    Ok(is_equal(found.as_deref(), value))
}

fn is_equal(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || meaning(one) == meaning(other),
        (one, other) => one == other,
    }
}

/// What the source of a value means.
fn meaning(value: &str) -> Option<Json> {
    let value: Value = value.parse().ok()?;
    toml_edit::de::from_str(&format!("it = {value}")).ok()
}

/// Makes sure that two texts differ in our keys only.
fn verify(before: &str, after: &str) -> Result<(), EditError> {
    match foreign(before)? == foreign(after)? {
        true => Ok(()),
        false => Err(EditError::Unsafe),
    }
}

/// All that is not ours.
fn foreign(text: &str) -> Result<Json, EditError> {
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

fn has_table(document: &Document<&str>) -> bool {
    document.get(PROVIDERS).and_then(|it| it.get(PROVIDER_ID)).is_some()
}

// A user's file may hold secrets, so whoever prints these for debugging sees none of its text.

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("changes", &self.changes).finish_non_exhaustive()
    }
}

impl fmt::Debug for Applied<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applied").field("changes", self.changes).finish_non_exhaustive()
    }
}

impl fmt::Debug for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undo").field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = [&self.before, &self.after].map(|value| match value {
            Some(_) if self.key.is_secret() => Some("…"),
            value => value.as_deref(),
        });
        write!(f, "{}: {before:?} -> {after:?}", self.key)
    }
}
