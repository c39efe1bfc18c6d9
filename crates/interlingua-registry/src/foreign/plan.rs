//! What is to stand in a program's settings, and what a restore gives back, as texts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::program::{Gaps, OwnKey, Program, Wish, Wishes};

/// Settings as they are and as they are to be.
#[derive(Clone, Eq, PartialEq)]
pub struct Plan<K: OwnKey> {
    /// What a restore is to give: the text before any of our changes, with the user's later ones.
    pub base: Option<String>,
    /// What is there now; nothing if there is no file.
    pub current: Option<String>,
    /// What is to be there.
    pub after: String,
    /// What becomes of our keys, from the base.
    pub changes: Changes<K>,
}

/// What became of our keys; those that stayed as they were are left out.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: serde::de::DeserializeOwned"))]
pub struct Changes<K: OwnKey> {
    /// Key by key.
    pub keys: Vec<Change<K>>,
    /// Whether the table that they stand in is new.
    pub new_table: bool,
}

/// What became of one key: sources, nothing where there is no value.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: serde::de::DeserializeOwned"))]
pub struct Change<K: OwnKey> {
    /// The key.
    pub key: K,
    /// Its value before.
    pub before: Option<String>,
    /// Its value after.
    pub after: Option<String>,
}

/// What has been applied to a file, as the journal remembers it.
#[derive(Clone, Copy)]
pub struct Applied<'a, K: OwnKey> {
    /// What became of our keys.
    pub changes: &'a Changes<K>,
    /// The text that a restore is to give if the file is as we know it; nothing if there was no file.
    pub base: Option<&'a str>,
    /// Whether the file is, byte for byte, as we left it.
    pub untouched: bool,
}

/// What a restore gives.
#[derive(Clone, Eq, PartialEq)]
pub struct Undo<K: OwnKey> {
    /// The text; nothing if the file goes.
    pub text: Option<String>,
    /// The keys that the user has changed since. They stay as they are.
    pub kept: Vec<K>,
}

impl<K: OwnKey> Plan<K> {
    /// Whether there is nothing to write.
    pub fn is_noop(&self) -> bool {
        self.current.as_ref() == Some(&self.after)
    }
}

impl<K: OwnKey> Default for Changes<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), new_table: false }
    }
}

/// Plans how a program is sent to the gateway. Where what is wanted stands already, nothing changes.
///
/// # Errors
///
/// The text cannot be read, or not be edited without touching more than our keys.
pub fn plan<P: Program>(
    current: Option<&str>,
    applied: Option<Applied<'_, P::Key>>,
    wishes: &impl Wishes<P::Key>,
) -> Result<Plan<P::Key>, P::Error> {
    let base = match applied {
        Some(applied) => undo::<P>(current, applied)?.text,
        None => current.map(str::to_owned),
    };
    let base_text = base.as_deref().unwrap_or_default();
    P::check(base_text)?;
    // Who has lost the file gets it back with our keys.
    let start = current.unwrap_or(base_text);
    P::check(start)?;
    let mut after = start.to_owned();
    let mut wanted = Vec::new();
    for key in P::keys().iter().copied() {
        let before = P::source(base_text, key)?;
        let wish = match wishes.wish(key) {
            Wish::Source(source) => Some(source),
            Wish::Absent => None,
            Wish::AsBefore => before.clone(),
        };
        if !is_same::<P>(&after, key, wish.as_deref())? {
            after = P::set(&after, key, wish.as_deref(), Gaps::Keep)?;
        }
        wanted.push((key, before, wish));
    }
    verify::<P>(start, &after)?;
    verify::<P>(base_text, &after)?;
    let keys = changes::<P>(&after, wanted)?;
    let changes = Changes { keys, new_table: !P::has_table(base_text)? };
    Ok(Plan { current: current.map(str::to_owned), after, changes, base })
}

type Wanted<K> = (K, Option<String>, Option<String>);

/// What became of the keys, if they became what was wished.
fn changes<P: Program>(
    after: &str,
    wanted: Vec<Wanted<P::Key>>,
) -> Result<Vec<Change<P::Key>>, P::Error> {
    let mut changes = Vec::new();
    for (key, before, wish) in wanted {
        let after = P::source(after, key)?;
        if !is_equal::<P>(after.as_deref(), wish.as_deref()) {
            return Err(P::not_safe());
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
/// The text cannot be read, or not be edited without touching more than our keys.
pub fn undo<P: Program>(
    current: Option<&str>,
    applied: Applied<'_, P::Key>,
) -> Result<Undo<P::Key>, P::Error> {
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
        if is_same::<P>(&text, change.key, change.after.as_deref())? {
            text = P::set(&text, change.key, change.before.as_deref(), Gaps::Close)?;
        } else if !is_same::<P>(&text, change.key, change.before.as_deref())? {
            kept.push(change.key);
        }
    }
    if applied.changes.new_table {
        text = P::remove_empty_table(&text)?;
    }
    verify::<P>(current, &text)?;
    let is_gone = applied.base.is_none() && P::is_blank(&text);
    Ok(Undo { text: (!is_gone).then_some(text), kept })
}

/// The keys that we have changed, and whether they still are as we left them.
///
/// # Errors
///
/// The text cannot be read.
pub fn standing<P: Program>(
    text: &str,
    changes: &Changes<P::Key>,
) -> Result<Vec<(P::Key, bool)>, P::Error> {
    let keys = changes.keys.iter();
    keys.map(|it| Ok((it.key, is_same::<P>(text, it.key, it.after.as_deref())?))).collect()
}

/// Whether a key has this value, however either is written.
fn is_same<P: Program>(text: &str, key: P::Key, value: Option<&str>) -> Result<bool, P::Error> {
    let found = P::source(text, key)?;
    Ok(is_equal::<P>(found.as_deref(), value))
}

fn is_equal<P: Program>(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || P::meaning(one) == P::meaning(other),
        (one, other) => one == other,
    }
}

/// Makes sure that two texts differ in our keys only.
fn verify<P: Program>(before: &str, after: &str) -> Result<(), P::Error> {
    match P::rest(before)? == P::rest(after)? {
        true => Ok(()),
        false => Err(P::not_safe()),
    }
}

// A user's file may hold secrets, so whoever prints these for debugging sees none of its text.

impl<K: OwnKey> fmt::Debug for Plan<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("changes", &self.changes).finish_non_exhaustive()
    }
}

impl<K: OwnKey> fmt::Debug for Applied<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applied").field("changes", self.changes).finish_non_exhaustive()
    }
}

impl<K: OwnKey> fmt::Debug for Undo<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undo").field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl<K: OwnKey> fmt::Debug for Change<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = [&self.before, &self.after].map(|value| match value {
            Some(_) if self.key.is_secret() => Some("…"),
            value => value.as_deref(),
        });
        write!(f, "{}: {before:?} -> {after:?}", self.key)
    }
}
