use interlingua_dialect::Wire;

use super::setting::Setting;
use crate::secret::KeySource;

/// A provider as it is to be written into the file; what is not said is not written.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProviderDraft {
    /// Part of every slug.
    pub id: String,
    /// For humans.
    pub name: Option<String>,
    /// A short name for the command line.
    pub shortcut: Option<String>,
    /// The preset that fills in what is not said.
    pub preset: Option<String>,
    /// Where it is.
    pub base_url: Option<String>,
    /// What is spoken to it.
    pub wire: Option<Wire>,
    /// The dialect's id.
    pub dialect: Option<String>,
    /// Where its keys are.
    pub key: Option<KeyDraft>,
    /// Header fields for every request.
    pub headers: Vec<(String, String)>,
    /// How it is reached.
    pub proxy: Option<String>,
    /// Patterns of the models that enter the catalog.
    pub expose: Option<Vec<String>>,
    /// The model to offer first.
    pub default_model: Option<String>,
    /// The vendor's documentation.
    pub docs: Option<String>,
    /// Whether it takes part.
    pub enabled: Option<bool>,
    /// Its models, if they are to be listed.
    pub models: Vec<ModelDraft>,
}

impl ProviderDraft {
    /// A provider of which nothing but its id is said.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// Its fields in the order in which people read them; models stand apart.
    pub(super) fn fields(&self) -> Vec<(&'static str, Setting)> {
        let text = |it: &Option<String>| it.as_deref().map(Setting::from);
        let headers = self.headers.iter().map(|(name, it)| (name.clone(), it.as_str().into()));
        let headers: Vec<_> = headers.collect();
        let fields = [
            ("name", text(&self.name)),
            ("shortcut", text(&self.shortcut)),
            ("preset", text(&self.preset)),
            ("base_url", text(&self.base_url)),
            ("wire", self.wire.map(|wire| wire.name().into())),
            ("dialect", text(&self.dialect)),
            ("key", self.key.as_ref().map(KeyDraft::setting)),
            ("headers", (!headers.is_empty()).then_some(Setting::Table(headers))),
            ("proxy", text(&self.proxy)),
            ("expose", self.expose.as_ref().map(Setting::texts)),
            ("default_model", text(&self.default_model)),
            ("docs", text(&self.docs)),
            ("enabled", self.enabled.map(Setting::from)),
        ];
        fields.into_iter().filter_map(|(key, setting)| Some((key, setting?))).collect()
    }
}

/// Where the keys of a provider are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyDraft {
    /// There; none means that it needs none.
    Kept(Vec<KeySource>),
    /// With each caller, whose own key is passed on.
    Client,
}

impl KeyDraft {
    /// As the file says it.
    pub fn setting(&self) -> Setting {
        match self {
            Self::Client => Setting::Table(vec![("client".to_owned(), true.into())]),
            Self::Kept(sources) => match sources.as_slice() {
                [source] => place(source),
                sources => Setting::List(sources.iter().map(place).collect()),
            },
        }
    }
}

fn place(source: &KeySource) -> Setting {
    let (kind, setting) = match source {
        KeySource::Env(name) => ("env", name.as_str().into()),
        KeySource::File(path) => ("file", path.as_str().into()),
        KeySource::Command(argv) => ("command", Setting::texts(argv)),
    };
    Setting::Table(vec![(kind.to_owned(), setting)])
}

/// A model as it is to be written into the file.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelDraft {
    /// The upstream's spelling.
    pub id: String,
    /// For humans.
    pub name: Option<String>,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// In tokens.
    pub context_window: Option<u64>,
    /// In tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether it sees images.
    pub images: Option<bool>,
    /// Whether it thinks before it answers.
    pub reasoning: Option<bool>,
    /// Whether it searches the web by itself.
    pub search: Option<bool>,
    /// Whether it is to call several tools at once.
    pub parallel_calls: Option<bool>,
}

impl ModelDraft {
    /// A model of which nothing but its id is said.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    pub(super) fn fields(&self) -> Vec<(&'static str, Setting)> {
        let aliases = (!self.aliases.is_empty()).then(|| Setting::texts(&self.aliases));
        let fields = [
            ("id", Some(self.id.as_str().into())),
            ("name", self.name.as_deref().map(Setting::from)),
            ("aliases", aliases),
            ("context_window", self.context_window.map(Setting::from)),
            ("max_output_tokens", self.max_output_tokens.map(Setting::from)),
            ("images", self.images.map(Setting::from)),
            ("reasoning", self.reasoning.map(Setting::from)),
            ("search", self.search.map(Setting::from)),
            ("parallel_calls", self.parallel_calls.map(Setting::from)),
        ];
        fields.into_iter().filter_map(|(key, setting)| Some((key, setting?))).collect()
    }
}
