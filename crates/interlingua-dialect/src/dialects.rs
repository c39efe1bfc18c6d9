use serde::Deserialize;
use serde_json::{Map, Value};

use crate::blocks::circular_levels;
use crate::builtin::{BUILTIN, Builtin};
use crate::defaults::Defaults;
use crate::dialect::{Dialect, Wire};
use crate::guess;
use crate::problem::{Problem, Problems, did_you_mean};
use crate::record::{Evidence, Record};
use crate::resolve::{merge, merged};

/// The dialects that are known: those that ship with this crate, and the user's own.
///
/// Making one is cheap; a shipped record is read when it is first asked for.
#[derive(Clone, Debug, Default)]
pub struct Dialects {
    own: Vec<Record>,
}

/// A dialect that nobody has described.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no dialect `{id}`{}", hint(nearest.as_deref()))]
pub struct UnknownDialect {
    /// The name that was asked for.
    pub id: String,
    /// The known name that is closest to it, if one is close.
    pub nearest: Option<String>,
}

impl Dialects {
    /// The dialects that ship with this crate.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Adds the user's own records, given as file names and texts.
    ///
    /// A record may extend a shipped one or another of the user's. It may not take the name of a
    /// shipped one: configuration that names it would silently mean something else.
    ///
    /// # Errors
    ///
    /// All problems of all files, with their places.
    pub fn with<F, T>(
        mut self,
        records: impl IntoIterator<Item = (F, T)>,
    ) -> Result<Self, Vec<Problem>>
    where
        F: AsRef<str>,
        T: AsRef<str>,
    {
        let files: Vec<(F, T)> = records.into_iter().collect();
        let mut found = Vec::new();
        let mut read = Vec::new();
        for (file, text) in &files {
            match Record::parse(file.as_ref(), text.as_ref(), true) {
                Ok(record) => read.push((file.as_ref(), text.as_ref(), record)),
                Err(problems) => found.extend(problems),
            }
        }
        let first_own = self.own.len();
        let mut sources = Vec::new();
        for (file, text, record) in read {
            if self.contains(&record.id) {
                let mut problems = Problems::new(file, text);
                problems.add(
                    record.id_place.as_ref(),
                    format!(
                        "a dialect `{id}` exists already; take another `id`, and \
                         `extends = \"{id}\"` to build on it",
                        id = record.id
                    ),
                );
                found.extend(problems.into_sorted());
            } else {
                self.own.push(record);
                sources.push((file, text));
            }
        }
        for (record, (file, text)) in self.own.iter().skip(first_own).zip(sources) {
            let mut problems = Problems::new(file, text);
            self.check_whole(record, &mut problems);
            found.extend(problems.into_sorted());
        }
        if found.is_empty() { Ok(self) } else { Err(found) }
    }

    /// The names of all dialects: the shipped ones, then the user's.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        BUILTIN.iter().map(|builtin| builtin.id).chain(self.own.iter().map(|own| own.id.as_str()))
    }

    /// Whether there is a dialect of this name.
    pub fn contains(&self, id: &str) -> bool {
        self.ids().any(|known| known == id)
    }

    /// Resolves a dialect for a model: its defaults, the records that it extends, its own, and what
    /// they say about the model's family. An empty model id belongs to no family.
    ///
    /// # Errors
    ///
    /// [`UnknownDialect`] if nobody has described it.
    ///
    /// # Panics
    ///
    /// Never: a record that does not resolve was refused by [`Dialects::with`], and a test resolves
    /// all shipped ones.
    pub fn resolve(&self, id: &str, model: &str) -> Result<Dialect, UnknownDialect> {
        let value = Value::Object(self.fields(id, model)?);
        Ok(Dialect::deserialize(value).expect("records were read by their shape"))
    }

    /// The same as JSON, in which nothing is understood yet: fields that are not set are null.
    /// [`Dialect`] reads it back.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    ///
    /// # Panics
    ///
    /// As [`resolve`](Self::resolve).
    pub fn fields(&self, id: &str, model: &str) -> Result<Map<String, Value>, UnknownDialect> {
        let Some(record) = self.record(id) else {
            let nearest = did_you_mean(id, self.ids()).map(str::to_owned);
            return Err(UnknownDialect { id: id.to_owned(), nearest });
        };
        let chain = self.chain(record).expect("chains were checked when records were added");
        let mut value = merged(&Defaults::get().patch, &chain, model);
        value.insert("id".to_owned(), record.id.as_str().into());
        let title = chain.iter().rev().find_map(|it| it.title.as_deref()).unwrap_or(&record.id);
        value.insert("title".to_owned(), title.into());
        let wire = chain.iter().rev().find_map(|it| it.wire);
        let wire = wire.expect("a record that extends nothing says its wire");
        value.insert("wire".to_owned(), wire.name().into());
        Ok(value)
    }

    /// The dialect of a server about which nothing is known but, perhaps, its protocol.
    pub fn of_stranger(wire: Option<Wire>) -> &'static str {
        match wire {
            Some(Wire::Messages) => "anthropic_compat",
            Some(Wire::Chat | Wire::Responses) | None => "generic",
        }
    }

    /// Guesses the dialect of an address that a user pasted, and of a key by how it begins.
    ///
    /// Either may be empty. Without an address only a beginning that no other dialect uses counts.
    pub fn guess(&self, base_url: &str, key_prefix: &str) -> Option<&str> {
        guess::guess(self.ids().filter_map(|id| self.record(id)), base_url, key_prefix)
    }

    /// How we know what a record says; that of the records that it extends is not repeated.
    pub fn evidence(&self, id: &str) -> &[Evidence] {
        self.record(id).map_or(&[], |record| &record.evidence)
    }

    fn record(&self, id: &str) -> Option<&Record> {
        let builtin = BUILTIN.iter().find(|builtin| builtin.id == id).map(Builtin::record);
        builtin.or_else(|| self.own.iter().find(|own| own.id == id))
    }

    /// The record with all that it extends, root first.
    fn chain<'a>(&'a self, record: &'a Record) -> Result<Vec<&'a Record>, BrokenChain> {
        let mut chain = vec![record];
        let mut at = record;
        while let Some(base) = &at.extends {
            at = self.record(base).ok_or_else(|| BrokenChain::Unknown(base.clone()))?;
            if chain.iter().any(|seen| seen.id == at.id) {
                return Err(BrokenChain::Circle);
            }
            chain.push(at);
        }
        chain.reverse();
        Ok(chain)
    }

    /// Finds what only shows when records are put together.
    fn check_whole(&self, record: &Record, problems: &mut Problems<'_>) {
        let chain = match self.chain(record) {
            Ok(chain) => chain,
            Err(BrokenChain::Circle) => {
                return problems.add(record.extends_place.as_ref(), "`extends` runs in a circle");
            }
            Err(BrokenChain::Unknown(base)) => {
                let nearest = did_you_mean(&base, self.ids()).map(str::to_owned);
                let unknown = UnknownDialect { id: base, nearest };
                return problems.add(record.extends_place.as_ref(), unknown.to_string());
            }
        };
        let bare = merged(&Defaults::get().patch, &chain, "");
        let mut check = |value: &Map<String, Value>, place| {
            let circular = value["thinking"]["effort"].as_object().map(circular_levels);
            for level in circular.unwrap_or_default() {
                let name = level.name();
                problems
                    .add(place, format!("the aliases of `thinking.effort.{name}` run in a circle"));
            }
        };
        check(&bare, record.effort_place.as_ref());
        for family in &record.families {
            let mut value = bare.clone();
            merge(&mut value, &family.patch);
            check(&value, family.place.as_ref());
        }
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

/// Why a record's `extends` leads nowhere.
#[derive(Debug)]
enum BrokenChain {
    Unknown(String),
    Circle,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_record_is_whole() {
        for builtin in &BUILTIN {
            let record = Record::parse(builtin.id, builtin.text, true).unwrap();
            assert_eq!(record.id, builtin.id);
            let mut problems = Problems::new(builtin.id, builtin.text);
            Dialects::builtin().check_whole(&record, &mut problems);
            assert_eq!(problems.into_sorted(), []);
        }
    }
}
