use std::fmt;

use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::Refused;
use super::text::edit;

/// A place of the file that names a model of a provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reference {
    /// `default_model`.
    DefaultModel(String),
    /// An alias, and whether it leads to no other provider.
    Alias {
        /// Its name.
        name: String,
        /// Whether nothing is left of it without the provider.
        only: bool,
    },
    /// A name of `[codex.slots]`.
    Slot(String),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultModel(model) => write!(f, "`default_model` ({model})"),
            Self::Alias { name, only: true } => write!(f, "the alias `{name}`"),
            Self::Alias { name, only: false } => write!(f, "one of the alias `{name}`'s targets"),
            Self::Slot(name) => write!(f, "`{name}` of `[codex.slots]`"),
        }
    }
}

/// Finds what names a model of a provider, directly or by an alias that leads nowhere else.
///
/// # Errors
///
/// The text is not TOML.
pub fn references(text: &str, id: &str) -> Result<Vec<Reference>, Refused> {
    let document: DocumentMut = text.strip_prefix('\u{feff}').unwrap_or(text).parse()?;
    let mut found = Vec::new();
    let mut gone: Vec<&str> = Vec::new();
    for (name, item) in entries(document.get("aliases")) {
        let targets = targets(item);
        let left = targets.iter().filter(|target| !is_of(target, id)).count();
        if left < targets.len() {
            found.push(Reference::Alias { name: name.to_owned(), only: left == 0 });
            gone.extend((left == 0).then_some(name));
        }
    }
    let names = |item: &Item| {
        let slug = item.as_str().filter(|slug| is_of(slug, id) || gone.contains(slug));
        slug.map(str::to_owned)
    };
    found.extend(document.get("default_model").and_then(names).map(Reference::DefaultModel));
    let slots = document.get("codex").and_then(|codex| codex.get("slots"));
    for (name, item) in entries(slots) {
        found.extend(names(item).map(|_| Reference::Slot(name.to_owned())));
    }
    Ok(found)
}

/// Takes out what [`references`] finds.
///
/// # Errors
///
/// The text is not TOML.
pub fn drop_references(text: &str, id: &str) -> Result<String, Refused> {
    let found = references(text, id)?;
    edit(text, |document| {
        for reference in &found {
            match reference {
                Reference::DefaultModel(_) => {
                    document.remove("default_model");
                }
                Reference::Slot(name) => {
                    let slots = document.get_mut("codex").and_then(|codex| codex.get_mut("slots"));
                    drop_entry(slots, name);
                }
                Reference::Alias { name, only: true } => {
                    drop_entry(document.get_mut("aliases"), name);
                }
                Reference::Alias { name, only: false } => {
                    let alias = document.get_mut("aliases").and_then(|it| it.get_mut(name));
                    let targets = alias.and_then(|alias| alias.get_mut("targets"));
                    if let Some(targets) = targets.and_then(Item::as_array_mut) {
                        let first = targets.get(0).map(|it| it.decor().clone());
                        targets.retain(|target| !slug(target).is_some_and(|slug| is_of(slug, id)));
                        if let (Some(target), Some(decor)) = (targets.get_mut(0), first) {
                            *target.decor_mut() = decor;
                        }
                    }
                }
            }
        }
        Ok(())
    })
}

fn drop_entry(table: Option<&mut Item>, name: &str) {
    if let Some(table) = table.and_then(Item::as_table_like_mut) {
        table.remove(name);
    }
}

fn entries(item: Option<&Item>) -> impl Iterator<Item = (&str, &Item)> {
    item.and_then(Item::as_table_like).into_iter().flat_map(TableLike::iter)
}

/// The slugs that an alias leads to.
fn targets(alias: &Item) -> Vec<&str> {
    match alias.as_str() {
        Some(slug) => vec![slug],
        None => {
            let targets = alias.get("targets").and_then(Item::as_array);
            targets.into_iter().flat_map(|list| list.iter().filter_map(slug)).collect()
        }
    }
}

/// A target is a slug, or a table that names one and its weight.
fn slug(target: &Value) -> Option<&str> {
    target.as_str().or_else(|| target.as_inline_table()?.get("model")?.as_str())
}

fn is_of(slug: &str, id: &str) -> bool {
    slug.split_once('/').is_some_and(|(provider, _)| provider == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
default_model = 'work'
[providers.a]
[aliases]
work = 'a/x'
both = { targets = ['a/x', { model = 'b/y', weight = 2 }, { model = 'a/z' }], policy = 'weighted' }
other = 'b/y' # stays
[codex.slots]
one = 'a/x'
two = 'b/y'
three = 'work'
";

    #[test]
    fn what_names_a_provider_is_found_and_taken_out() {
        let found = references(TEXT, "a").unwrap();
        let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "the alias `work`",
            "one of the alias `both`'s targets",
            "`default_model` (work)",
            "`one` of `[codex.slots]`",
            "`three` of `[codex.slots]`",
        ];
        assert_eq!(shown, expected);
        let dropped = drop_references(TEXT, "a").unwrap();
        assert_eq!(references(&dropped, "a").unwrap(), []);
        assert!(
            dropped.contains("both = { targets = [{ model = 'b/y', weight = 2 }]"),
            "{dropped}"
        );
        assert!(
            dropped.contains("other = 'b/y' # stays\n[codex.slots]\ntwo = 'b/y'\n"),
            "{dropped}"
        );
        assert_eq!(references(TEXT, "c").unwrap(), []);
        assert_eq!(drop_references(TEXT, "c").unwrap(), TEXT);
    }
}
