use std::fmt;
use std::sync::Arc;

use interlingua_dialect::BuiltinWebSearch;
use interlingua_registry::{Model, PoolEntry, PoolMap, Provider};

/// What a model can be chosen from: the parts of a configuration that matter here.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The models.
    pub pool: &'a PoolMap,
    /// All providers, those without a listed model included.
    pub providers: &'a [Arc<Provider>],
    /// The model that the user wants unless he says otherwise.
    pub default_model: Option<&'a str>,
}

/// A model to start Codex with.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    /// `<provider>/<model>`
    pub slug: String,
    /// Whose it is; it may lack its key here and have it where the gateway runs.
    pub provider: &'a Arc<Provider>,
    /// What is known of it. Nothing, if an open provider does not list it; the catalog then lacks it
    /// too.
    pub model: Option<&'a Arc<Model>>,
}

impl Choice<'_> {
    /// Whether the upstream can search the web for it.
    pub fn can_search(&self) -> bool {
        let search = self.model.map(|model| model.dialect.tools.builtin_web_search);
        search.is_some_and(|search| search != BuiltinWebSearch::None)
    }
}

/// Why no model can be chosen.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChooseError {
    /// Nothing has that name.
    #[error("there is no model, provider or shortcut `{wanted}`{}", Names("nearest", near))]
    Unknown {
        /// What was wanted.
        wanted: String,
        /// The names closest to it, the closest first.
        near: Vec<String>,
    },
    /// Several providers have a model of that name.
    #[error("several providers have a model `{wanted}`{}", Names("say which", slugs))]
    Ambiguous {
        /// What was wanted.
        wanted: String,
        /// The slugs that it may stand for.
        slugs: Vec<String>,
    },
    /// The provider passes any name on, but lists none.
    #[error("no model of provider `{provider}` is known; name one: `{provider}/<model>`")]
    NoneKnown {
        /// The provider's id.
        provider: String,
    },
    /// There is no provider at all.
    #[error("no provider is configured")]
    Empty,
}

impl<'a> Offer<'a> {
    /// Finds the model that somebody wants: a slug, a provider's id or shortcut (its default model,
    /// else its first), or a model's name that only one provider has. Who wants nothing gets the
    /// default model, else the first one that can be used; while no provider can be used, that is
    /// the demo.
    ///
    /// What is named is chosen also if its key is missing here: the gateway may run elsewhere.
    ///
    /// # Errors
    ///
    /// [`ChooseError`] names the nearest slugs.
    pub fn choose(&self, wanted: Option<&str>) -> Result<Choice<'a>, ChooseError> {
        match wanted.filter(|wanted| !wanted.is_empty()) {
            Some(wanted) => self.named(wanted),
            None => self.suggested(),
        }
    }

    /// Whether the gateway answers for a slug: because the pool lists it, or because its provider
    /// passes any name on. What is missing here, such as a key, may be there where the gateway runs.
    pub fn has(&self, slug: &str) -> bool {
        self.by_slug(slug).is_some()
    }

    fn suggested(&self) -> Result<Choice<'a>, ChooseError> {
        let default = self.default_model.and_then(|slug| self.by_slug(slug));
        if let Some(choice) = default.filter(|choice| choice.provider.usable().is_ok()) {
            return Ok(choice);
        }
        let usable = || self.providers.iter().filter(|provider| provider.usable().is_ok());
        let first = usable().find_map(|provider| self.of_provider(provider).ok());
        first.ok_or_else(|| match usable().next() {
            Some(provider) => ChooseError::NoneKnown { provider: provider.id.to_string() },
            None => ChooseError::Empty,
        })
    }

    fn named(&self, wanted: &str) -> Result<Choice<'a>, ChooseError> {
        if let Some(entry) = self.pool.get(wanted) {
            return Ok(listed(entry));
        }
        let is_meant =
            |it: &&Arc<Provider>| *it.id == *wanted || it.shortcut.as_deref() == Some(wanted);
        if let Some(provider) = self.providers.iter().find(is_meant) {
            return self.of_provider(provider);
        }
        let has_name = |entry: &&PoolEntry| {
            let aliases = entry.model.aliases.iter().map(String::as_str);
            !entry.provider.is_demo() && aliases.chain([&*entry.model.id]).any(|it| it == wanted)
        };
        // A bare name means a usable model, as it does for the gateway.
        let named: Vec<_> = self.pool.iter().filter(has_name).collect();
        match named[..] {
            [only] => return Ok(listed(only)),
            [] => {}
            [..] => {
                let slugs = named.iter().map(|entry| entry.slug.to_string()).collect();
                return Err(ChooseError::Ambiguous { wanted: wanted.to_owned(), slugs });
            }
        }
        let unknown =
            || ChooseError::Unknown { wanted: wanted.to_owned(), near: self.nearest(wanted) };
        self.by_slug(wanted).ok_or_else(unknown)
    }

    /// The model of a slug, listed or passed on by an open provider.
    fn by_slug(&self, slug: &str) -> Option<Choice<'a>> {
        if let Some(entry) = self.pool.get(slug) {
            return Some(listed(entry));
        }
        let (id, _) = PoolMap::split(slug)?;
        let provider = self.providers.iter().find(|provider| *provider.id == *id)?;
        let choice = Choice { slug: slug.to_owned(), provider, model: None };
        provider.models.is_open().then_some(choice)
    }

    fn of_provider(&self, provider: &'a Arc<Provider>) -> Result<Choice<'a>, ChooseError> {
        let none = || ChooseError::NoneKnown { provider: provider.id.to_string() };
        let slug = provider.default_slug().ok_or_else(none)?;
        self.by_slug(&slug).ok_or_else(none)
    }

    /// The three names closest to one that is none: slugs, and providers if it could be one.
    fn nearest(&self, wanted: &str) -> Vec<String> {
        let slugs = self.pool.all().map(|entry| &*entry.slug);
        let ids = self.providers.iter().map(|provider| &*provider.id);
        let ids = ids.filter(|_| !wanted.contains('/'));
        let likeness = |name: &str| {
            let whole = strsim::jaro_winkler(wanted, name);
            whole.max(strsim::jaro_winkler(model_of(wanted), model_of(name)))
        };
        let mut names: Vec<_> = slugs.chain(ids).map(|name| (likeness(name), name)).collect();
        names.sort_by(|a, b| b.0.total_cmp(&a.0));
        names.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
    }
}

fn model_of(name: &str) -> &str {
    PoolMap::split(name).map_or(name, |(_, model)| model)
}

fn listed(entry: &PoolEntry) -> Choice<'_> {
    Choice { slug: entry.slug.to_string(), provider: &entry.provider, model: Some(&entry.model) }
}

/// A remedy that consists of names.
struct Names<'a>(&'static str, &'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(remedy, names) = self;
        for (n, name) in names.iter().enumerate() {
            match n {
                0 => write!(f, "; {remedy}: `{name}`")?,
                _ => write!(f, ", `{name}`")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{HOUSE, offer, snapshot};

    /// Checks the slug that is chosen, or the error.
    #[track_caller]
    fn check(config: &str, variables: &[&str], wanted: Option<&str>, expected: &str) {
        let snapshot = snapshot(config, variables);
        let shown = match offer(&snapshot).choose(wanted) {
            Ok(choice) => choice.slug,
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_model_is_found_by_every_name_it_has() {
        for (wanted, expected) in [
            ("mimo/mimo-v2.5", "mimo/mimo-v2.5"),
            ("mimo", "mimo/mimo-v2.5-pro"),
            ("house", "house/qwen3-coder"),
            ("h", "house/qwen3-coder"),
            ("house/coder", "house/qwen3-coder"),
            ("coder", "house/qwen3-coder"),
            ("llama-4", "house/llama-4"),
            ("mimo/mimo-v9", "mimo/mimo-v9"),
            // The key is not there, but it may be where the gateway runs.
            ("deepseek", "deepseek/deepseek-v4-pro"),
        ] {
            check(HOUSE, &["MIMO_API_KEY"], Some(wanted), expected);
        }
    }

    #[test]
    fn what_does_not_exist_is_told_with_what_is_near() {
        check(
            HOUSE,
            &[],
            Some("house/qwen-coder"),
            "there is no model, provider or shortcut `house/qwen-coder`; nearest: \
             `house/qwen3-coder`, `house/llama-4`, `deepseek/deepseek-v4-pro`",
        );
        check(
            HOUSE,
            &[],
            Some("huose"),
            "there is no model, provider or shortcut `huose`; nearest: `house`, \
             `house/llama-4`, `house/qwen3-coder`",
        );
        let twice = HOUSE.replace("\n[providers.mimo]", TWIN);
        check(
            &twice,
            &[],
            Some("llama-4"),
            "several providers have a model `llama-4`; say which: `house/llama-4`, `twin/llama-4`",
        );
    }

    const TWIN: &str =
        "\n[providers.twin]\nbase_url = 'http://127.0.0.1:1/v1'\nmodels = [{ id = 'llama-4' }]\n";

    #[test]
    fn who_wants_nothing_gets_what_works() {
        check("default_model = 'mimo/mimo-v9'", &["MIMO_API_KEY"], None, "mimo/mimo-v9");
        check("", &["MIMO_API_KEY", "DEEPSEEK_API_KEY"], None, "mimo/mimo-v2.5-pro");
        let config = format!("default_model = 'deepseek/deepseek-flash'\n{HOUSE}");
        check(&config, &["DEEPSEEK_API_KEY"], None, "deepseek/deepseek-flash");
        check(&config, &[], None, "house/qwen3-coder");
    }

    #[test]
    fn without_a_usable_provider_there_is_the_demo() {
        check("", &[], None, "demo/assistant");
        check("[providers.mimo]", &[], None, "demo/assistant");
        check("", &[], Some("demo"), "demo/assistant");
        check("", &[], Some(""), "demo/assistant");
    }

    #[test]
    fn an_open_provider_without_models_asks_for_a_name() {
        let config = "[providers.x]\nbase_url = 'http://127.0.0.1:1/v1'";
        let none = "no model of provider `x` is known; name one: `x/<model>`";
        check(config, &[], None, none);
        check(config, &[], Some("x"), none);
        check(config, &[], Some("x/a/b"), "x/a/b");
    }

    #[test]
    fn the_record_says_who_can_search() {
        let snapshot = snapshot(HOUSE, &["MIMO_API_KEY"]);
        let can_search = |wanted| offer(&snapshot).choose(Some(wanted)).unwrap().can_search();
        assert!(can_search("mimo"));
        assert!(!can_search("house"));
        assert!(!can_search("mimo/mimo-v9"));
    }
}
