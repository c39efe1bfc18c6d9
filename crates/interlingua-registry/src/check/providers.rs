use std::sync::Arc;

use interlingua_dialect::{AuthScheme, Dialects, Wire, glob_matches};

use super::keys::Keys;
use super::names::{self, Names};
use super::{fields, models};
use crate::address::BaseUrl;
use crate::discovered::Discovered;
use crate::model::{Asked, Model, Models};
use crate::preset::{KeyNeed, Preset};
use crate::problem::{Origin, Problem, did_you_mean};
use crate::provider::{DEMO, KeyState, Provider, Proxy, UpstreamTimeouts, identity};
use crate::raw::{Environment, RawConfig, Table};
use crate::secret::ResolveKey;
use crate::section::{Found, Section};
use crate::settings::Timeouts;

/// Makes providers of what the configuration and the vendors' own variables say.
pub(super) struct Reader<'a> {
    pub(super) environment: &'a Environment,
    discovered: &'a Discovered,
    pub(super) dialects: &'a Dialects,
    pub(super) lacks_dialects: bool,
    keys: &'a dyn ResolveKey,
    pub(super) timeouts: UpstreamTimeouts,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        raw: &'a RawConfig,
        dialects: &'a Dialects,
        keys: &'a dyn ResolveKey,
        timeouts: &Timeouts,
    ) -> Self {
        let timeouts = UpstreamTimeouts {
            connect: timeouts.connect,
            first_byte: timeouts.first_byte,
            idle: timeouts.idle,
        };
        let RawConfig { environment, discovered, lacks_dialects, .. } = raw;
        let lacks_dialects = *lacks_dialects;
        Self { environment, discovered, dialects, lacks_dialects, keys, timeouts }
    }

    /// Those of the configuration in its order, then those that variables switch on, and the demo
    /// if none of them can be used.
    pub(super) fn all(&self, root: &Section<'_>) -> Vec<Arc<Provider>> {
        let mut providers = Vec::new();
        let section = root.table("providers");
        let entries = section.iter().flat_map(Section::entries);
        let ids: Vec<&str> = entries.map(|(id, ..)| id).collect();
        let mut names = Names::new(&ids);
        for (id, origin, node) in section.iter().flat_map(Section::entries) {
            names::check(root, "provider id", id, origin);
            let path = format!("providers.{id}");
            let Some(inner) = root.as_table(path, id, node) else { continue };
            let shortcut = names.shortcut(&inner);
            providers.extend(self.one(id, inner, shortcut).map(Arc::new));
        }
        for preset in Preset::all().iter().filter(|preset| !ids.contains(&preset.id.as_str())) {
            let Some(variable) = self.switched_on(preset) else {
                self.warn_about_half(preset, root);
                continue;
            };
            let empty = Table::default();
            let path = format!("providers.{}", preset.id);
            let section =
                Section::new(path, &empty, Origin::Variable(variable.into()), root.findings);
            providers.extend(self.one(&preset.id, section, None).map(Arc::new));
        }
        if !providers.iter().any(|provider| provider.usable().is_ok()) {
            providers.push(Arc::new(self.demo()));
        }
        providers
    }

    /// The variable that switches a preset on.
    fn switched_on(&self, preset: &'static Preset) -> Option<&'static str> {
        let is_set = |name: &&&str| self.is_set(name);
        let keys: Vec<&str> = preset.key_env.iter().map(String::as_str).collect();
        match preset.key {
            KeyNeed::Required if !preset.base_urls.is_empty() => keys.iter().find(is_set).copied(),
            // Without an address a key is of no use.
            KeyNeed::Required | KeyNeed::Optional => {
                [preset.url_env.as_str()].iter().find(is_set).copied()
            }
        }
    }

    /// Warns of a key for an address that only the user knows and did not tell.
    fn warn_about_half(&self, preset: &Preset, root: &Section<'_>) {
        let Some(key) = preset.key_env.iter().find(|key| self.is_set(key)) else { return };
        if preset.base_urls.is_empty() {
            let what = format!(
                "it is set, but {} is not, so there is no provider `{}`",
                preset.url_env, preset.id
            );
            let origin = Origin::Variable(key.as_str().into());
            let remedy = format!("set {} to the address of the server", preset.url_env);
            root.findings.warning(Problem::new(&origin, what).remedy(remedy));
        }
    }

    fn is_set(&self, name: &str) -> bool {
        let file = format!("{name}_FILE");
        self.environment.get(name).or_else(|| self.environment.get(&file)).is_some()
    }

    fn one(
        &self,
        id: &str,
        section: Section<'_>,
        shortcut: Option<Found<String>>,
    ) -> Option<Provider> {
        let preset = preset(id, &section);
        let from_preset =
            || preset.map_or(Origin::Default, |it| Origin::Preset(it.id.as_str().into()));

        let name = section.text("name");
        let (name, origin) = found_or(name, || {
            (preset.map_or_else(|| id.to_owned(), |preset| preset.name.clone()), from_preset())
        });
        section.row("name", &name, &origin);
        let enabled = section.boolean("enabled").is_none_or(|found| {
            section.row("enabled", &found.value, &found.origin);
            found.value
        });
        let of_preset = || Some(Found { value: preset?.docs.clone()?, origin: from_preset() });
        let docs = section.text("docs").or_else(of_preset).map(|found| {
            section.row("docs", &found.value, &found.origin);
            found.value
        });

        let keys = Keys::read(&section, preset, self.keys);
        let said = section.text("wire");
        let wire = said.as_ref().and_then(|found| Wire::named(&found.value));
        let base_url = self.base_url(id, &section, preset, &keys, wire);
        let dialect = self.dialect(&section, preset, base_url.as_ref(), keys.first(), wire);
        let wire = self.wire(&section, said, dialect.as_deref());
        let allow_insecure = section.boolean("allow_insecure").is_some_and(|found| {
            section.row("allow_insecure", &found.value, &found.origin);
            found.value
        });
        let proxy = fields::proxy(&section);
        let headers = fields::headers(&section);
        let timeouts = self.timeouts(&section);
        let expose = fields::expose(&section);
        let default_model = section.text("default_model");
        let declared = models::declared(&section, self.dialects, dialect.as_deref(), preset);

        // What follows needs a provider that is whole.
        let speaks = dialect.as_deref().and_then(|id| self.dialects.resolve(id, "").ok());
        let known = (base_url, dialect, speaks, wire);
        let (Some(base_url), Some(dialect), Some(speaks), Some(wire)) = known else {
            section.close();
            return None;
        };
        let free = base_url.is_local() || speaks.endpoint.auth.scheme == AuthScheme::None;
        let key_state = keys.state(free);
        keys.row(&section, &key_state);
        if keys.may_travel() && base_url.is_plain() && !base_url.is_local() && !allow_insecure {
            let what = format!("the key of provider `{id}` would travel unencrypted to {base_url}");
            let remedy = "use https://, or set `allow_insecure = true` if you accept that";
            section.problem(Problem::new(&section.origin, what).remedy(remedy));
        }
        let console = preset.and_then(|preset| preset.console.clone());
        if enabled {
            let docs = console.as_deref().or(docs.as_deref());
            keys.warn(id, &section, &key_state, docs);
        }

        let env_model = own_preset(id, preset).and_then(|preset| {
            let variable = preset.model_env.as_deref()?;
            let value = self.environment.get(variable)?.to_owned();
            Some(Found { value, origin: Origin::Variable(variable.into()) })
        });
        let default_model = default_model.or(env_model).or_else(|| {
            let value = preset?.default_model.clone()?;
            let listed = declared.iter().flatten().any(|model| *model.id == *value);
            (declared.is_none() || listed).then(|| Found { value, origin: from_preset() })
        });
        let models = match declared {
            Some(models) => Models::Declared(models),
            None => {
                let first = default_model.as_ref().map(|found| found.value.as_str());
                let identity = identity(&base_url, wire, &keys.there);
                let listing = self.discovered.get(id, &identity);
                let known = models::known(self.dialects, &dialect, preset, first, listing);
                Models::Open { known, asked: Asked::default() }
            }
        };
        if let Some(found) = &default_model {
            section.row("default_model", &found.value, &found.origin);
            let listed = models.listed().iter().any(|model| *model.id == *found.value);
            if !listed && !models.is_open() {
                let names: Vec<&str> = models.listed().iter().map(|model| &*model.id).collect();
                let what = format!("provider `{id}` lists no model `{}`", found.value);
                let remedy = did_you_mean(&found.value, &names);
                section.problem(Problem::new(&found.origin, what).remedy(remedy));
            }
        }
        warn_about_expose(id, &section, expose.as_ref(), &models);
        let provider = Provider {
            id: id.into(),
            name,
            shortcut: shortcut.map(|found| found.value),
            preset: preset.map(|preset| preset.id.as_str()),
            base_url,
            wire,
            dialect,
            speaks: Arc::new(speaks),
            keys: keys.there,
            key_state,
            proxy,
            headers,
            allow_insecure,
            docs,
            console,
            enabled,
            default_model: default_model.map(|found| found.value),
            expose,
            timeouts,
            models,
        };
        section.close();
        Some(provider)
    }

    fn demo(&self) -> Provider {
        Provider {
            id: DEMO.into(),
            name: "Built-in demo".to_owned(),
            shortcut: None,
            preset: None,
            base_url: BaseUrl::parse("http://demo.invalid").expect("a URL without surprises"),
            wire: Wire::Chat,
            dialect: "generic".to_owned(),
            speaks: models::demo(self.dialects).dialect.clone(),
            keys: Vec::new(),
            key_state: KeyState::NotNeeded,
            proxy: Proxy::Direct,
            headers: Vec::new(),
            allow_insecure: false,
            docs: None,
            console: None,
            enabled: true,
            default_model: Some("assistant".to_owned()),
            expose: None,
            timeouts: self.timeouts,
            models: Models::Declared(vec![models::demo(self.dialects)]),
        }
    }
}

fn preset(id: &str, section: &Section<'_>) -> Option<&'static Preset> {
    let Some(found) = section.text("preset") else {
        // A vendor's name alone is enough, but not where somebody else answers under it.
        let elsewhere = section.node("base_url").is_some();
        return Preset::find(id).filter(|_| !elsewhere);
    };
    section.row("preset", &found.value, &found.origin);
    let preset = Preset::find(&found.value);
    if preset.is_none() {
        let ids: Vec<&str> = Preset::all().iter().map(|preset| preset.id.as_str()).collect();
        let what = format!("unknown preset `{}`", found.value);
        section.problem(Problem::new(&found.origin, what).remedy(did_you_mean(&found.value, &ids)));
    }
    preset
}

/// Warns of patterns that fit nothing, because their models silently miss in every picker. Who lists no
/// pattern means it.
fn warn_about_expose(
    id: &str,
    section: &Section<'_>,
    patterns: Option<&Vec<String>>,
    models: &Models,
) {
    let (Some(patterns), known) = (patterns, models.listed()) else { return };
    let fits = |model: &Arc<Model>| patterns.iter().any(|it| glob_matches(it, &model.id));
    if patterns.is_empty() || known.is_empty() || known.iter().any(fits) {
        return;
    }
    let what = format!("`expose` of provider `{id}` fits none of the {} models known", known.len());
    let origin = section.node("expose").map_or(&section.origin, |node| &node.origin);
    let remedy = "a pattern is a whole name, perhaps with `*`: \"qwen3-*\"";
    section.findings.warning(Problem::new(origin, what).remedy(remedy));
}

/// The preset, if the provider is the one that the preset's variables are about.
pub(super) fn own_preset(id: &str, preset: Option<&'static Preset>) -> Option<&'static Preset> {
    preset.filter(|preset| preset.id == id)
}

fn found_or<T>(found: Option<Found<T>>, otherwise: impl FnOnce() -> (T, Origin)) -> (T, Origin) {
    found.map_or_else(otherwise, |found| (found.value, found.origin))
}
