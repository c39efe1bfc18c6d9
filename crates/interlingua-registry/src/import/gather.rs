use super::{Import, Imported, Note};
use crate::address::BaseUrl;
use crate::check::RESERVED;
use crate::edit::{KeyDraft, ModelDraft, ProviderDraft, looks_like_key};
use crate::pool::MAX_PROVIDER_ID;
use crate::secret::{KeySource, Secret, tidy_key};

/// Shorter ones only stand where a tool wants some key and the server wants none.
const SHORTEST_KEY: usize = 12;

/// Most providers of one file, and models of one provider.
const MOST: usize = 500;

/// Collects what a reader finds, and makes it fit: ids, shortcuts, addresses, keys.
pub(super) struct Gather<'t> {
    taken: &'t [String],
    import: Import,
}

/// A provider as a file has it.
#[derive(Default)]
pub(super) struct Raw {
    /// What the file calls it.
    pub(super) name: String,
    /// What it is to be called here, before that is made to fit.
    pub(super) id: String,
    pub(super) shortcut: Option<String>,
    pub(super) base_url: String,
    pub(super) key: RawKey,
    /// What needs no care.
    pub(super) draft: ProviderDraft,
}

/// What a file says about a key.
#[derive(Default)]
pub(super) enum RawKey {
    #[default]
    Unsaid,
    /// The name of a variable.
    Variable(String),
    /// The key itself.
    Literal(String),
}

impl<'t> Gather<'t> {
    pub(super) fn new(taken: &'t [String]) -> Self {
        Self { taken, import: Import::default() }
    }

    pub(super) fn done(self) -> Import {
        self.import
    }

    pub(super) fn note(&mut self, about: &str, what: impl Into<String>) {
        let about = about.chars().filter(|it| !it.is_control()).take(80).collect();
        self.import.notes.push(Note { about, what: what.into() });
    }

    /// Takes a provider if it can be had.
    pub(super) fn add(&mut self, raw: Raw) {
        let name = raw.name.clone();
        if self.import.providers.len() >= MOST {
            return self.note(&name, format!("not taken: more than {MOST} providers"));
        }
        let base_url = match BaseUrl::parse(&raw.base_url) {
            Ok(base_url) => base_url,
            Err(why) => return self.note(&name, format!("not taken: its address {why}")),
        };
        let has_key = !matches!(&raw.key, RawKey::Unsaid);
        if has_key && base_url.is_plain() && !base_url.is_local() {
            let what =
                "not taken: its key would travel unencrypted; add it by hand if you accept that";
            return self.note(&name, what);
        }
        let Some(id) = self.id(&name, &raw.id) else { return };
        let mut draft = ProviderDraft { id, base_url: Some(base_url.to_string()), ..raw.draft };
        draft.shortcut =
            raw.shortcut.and_then(|shortcut| self.shortcut(&name, &shortcut, &draft.id));
        if draft.models.len() > MOST {
            self.note(&name, format!("only {MOST} of its models are taken"));
            draft.models.truncate(MOST);
        }
        draft.models = unique(draft.models);
        let listed = |model: &String| draft.models.iter().any(|it| it.id == *model);
        if let Some(model) =
            draft.default_model.clone().filter(|it| !draft.models.is_empty() && !listed(it))
        {
            // A list is strict, so what is asked for first has to be on it.
            draft.models.insert(0, ModelDraft::new(&model));
        }
        let key = self.key(&name, raw.key, &base_url, &mut draft);
        self.import.providers.push(Imported { draft, key });
    }

    fn id(&mut self, name: &str, wanted: &str) -> Option<String> {
        let id = fit(wanted);
        if id.is_empty() {
            self.note(name, "not taken: its name has no letter from which an id could be made");
            return None;
        }
        if self.taken.contains(&id) {
            self.note(name, format!("not taken: there is a provider or shortcut `{id}` already"));
            return None;
        }
        let is_free = |id: &String, import: &Import| {
            !RESERVED.contains(&id.as_str())
                && !self.taken.contains(id)
                && !import
                    .providers
                    .iter()
                    .any(|it| it.draft.id == *id || it.draft.shortcut.as_ref() == Some(id))
        };
        let short: String = id.chars().take(MAX_PROVIDER_ID - 4).collect();
        let others = (2..1000).map(|n| format!("{short}-{n}"));
        let free = [id.clone()].into_iter().chain(others).find(|id| is_free(id, &self.import))?;
        if free != id {
            self.note(name, format!("`{id}` is reserved or taken, so its id is `{free}` here"));
        } else if free != wanted {
            self.note(name, format!("its id is `{free}` here"));
        }
        Some(free)
    }

    fn shortcut(&mut self, name: &str, wanted: &str, own: &str) -> Option<String> {
        let shortcut = fit(wanted);
        if shortcut == own || shortcut.is_empty() {
            return None;
        }
        let is_taken =
            RESERVED.contains(&shortcut.as_str())
                || self.taken.contains(&shortcut)
                || self.import.providers.iter().any(|it| {
                    it.draft.id == shortcut || it.draft.shortcut.as_ref() == Some(&shortcut)
                });
        if is_taken {
            self.note(name, format!("its shortcut `{shortcut}` is taken, so it gets none"));
            return None;
        }
        Some(shortcut)
    }

    /// Says where the key is to be found; gives the one that the file holds.
    fn key(
        &mut self,
        name: &str,
        key: RawKey,
        base_url: &BaseUrl,
        draft: &mut ProviderDraft,
    ) -> Option<Secret> {
        let variable = |name: String| Some(KeyDraft::Kept(vec![KeySource::Env(name)]));
        let own = || own_variable(&draft.id);
        match key {
            RawKey::Variable(name) if looks_like_key(&name) => {
                draft.key = variable(own());
                Some(Secret::new(name))
            }
            RawKey::Variable(name) => {
                draft.key = variable(name);
                None
            }
            RawKey::Literal(key) if key.trim().len() >= SHORTEST_KEY => match tidy_key(&key) {
                Ok(secret) => {
                    draft.key = variable(own());
                    Some(secret)
                }
                Err(why) => {
                    draft.key = variable(own());
                    self.note(name, format!("its key is not taken: it {why}"));
                    None
                }
            },
            RawKey::Literal(key) => {
                if !key.trim().is_empty() {
                    self.note(
                        name,
                        "what stands for its key is too short to be one, so it is left out",
                    );
                }
                draft.key = (!base_url.is_local()).then(own).and_then(variable);
                None
            }
            RawKey::Unsaid => None,
        }
    }
}

/// The variable for the key of a provider that has none yet.
fn own_variable(id: &str) -> String {
    // No shell sets a variable whose name begins with a digit.
    let underscore = if id.starts_with(|it: char| it.is_ascii_digit()) { "_" } else { "" };
    format!("{underscore}{}_API_KEY", id.to_uppercase().replace('-', "_"))
}

/// Makes an id of a name.
fn fit(name: &str) -> String {
    let mut id = String::new();
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            id.push(letter);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let id: String = id.trim_start_matches('_').chars().take(MAX_PROVIDER_ID).collect();
    id.trim_end_matches('-').to_owned()
}

/// Each model once, and no name twice.
fn unique(models: Vec<ModelDraft>) -> Vec<ModelDraft> {
    let mut seen: Vec<String> = models.iter().map(|model| model.id.clone()).collect();
    let mut unique: Vec<ModelDraft> = Vec::new();
    for mut model in models {
        if unique.iter().any(|it| it.id == model.id) {
            continue;
        }
        model.aliases.retain(|alias| {
            let is_new = !alias.is_empty() && !seen.contains(alias);
            if is_new {
                seen.push(alias.clone());
            }
            is_new
        });
        unique.push(model);
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn names_become_ids() {
        for (name, id) in [
            ("OpenRouter", "openrouter"),
            ("My Box (2)", "my-box-2"),
            ("硅基流动 SiliconFlow", "siliconflow"),
            ("__x", "x"),
            ("硅基", ""),
            ("a".repeat(40).as_str(), "a".repeat(32).as_str()),
        ] {
            assert_eq!(fit(name), id);
        }
    }
}
