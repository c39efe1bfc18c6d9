//! The keys of a provider.

use crate::preset::{KeyNeed, Preset};
use crate::problem::{Origin, Problem};
use crate::provider::{KeyState, MissingKey, ProviderKey};
use crate::raw::{Node, Value};
use crate::secret::{KeyError, KeySource, ResolveKey, Secret};
use crate::section::Section;

/// What is said about a provider's keys, and those of them that are there.
pub(super) struct Keys {
    sources: Vec<(KeySource, Origin)>,
    needs: Needs,
    pub(super) there: Vec<ProviderKey>,
    /// The variable that holds the first of them.
    variable: Option<String>,
    missing: Vec<(MissingKey, Origin)>,
}

/// Whether a provider has to have a key.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Needs {
    One,
    None,
    /// The caller's own.
    OfClient,
    /// Nobody said; it depends on where the provider is.
    Unsaid,
}

impl Keys {
    /// Reads where the keys are kept, and fetches them.
    pub(super) fn read(
        section: &Section<'_>,
        preset: Option<&'static Preset>,
        resolver: &dyn ResolveKey,
    ) -> Self {
        let (sources, needs) = match section.node("key") {
            Some(node) => said(section, node),
            None => usual(preset, resolver),
        };
        let (mut there, mut missing, mut variable) = (Vec::new(), Vec::new(), None);
        for (source, origin) in &sources {
            let name = source.to_string();
            match resolver.resolve(source) {
                Ok(secret) => {
                    if let KeySource::Env(name) = source
                        && there.is_empty()
                    {
                        variable = Some(name.clone());
                    }
                    there.push(ProviderKey { name, secret });
                }
                Err(why) => missing.push((MissingKey { name, why }, origin.clone())),
            }
        }
        Self { sources, needs, there, variable, missing }
    }

    /// The key that is there.
    pub(super) fn first(&self) -> Option<&Secret> {
        self.there.first().map(|key| &key.secret)
    }

    /// The variable that holds it.
    pub(super) fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }

    /// Whether the provider has the key that it needs; it needs none if it is `free` and nobody says
    /// otherwise.
    pub(super) fn state(&self, free: bool) -> KeyState {
        match (self.needs, self.there.is_empty()) {
            (Needs::OfClient, _) => KeyState::OfClient,
            (_, false) => KeyState::Ready,
            (Needs::None, true) => KeyState::NotNeeded,
            (Needs::Unsaid, true) if free => KeyState::NotNeeded,
            (Needs::One | Needs::Unsaid, true) => {
                KeyState::Missing(self.missing.iter().map(|(it, _)| it.clone()).collect())
            }
        }
    }

    /// Whether some key is sent.
    pub(super) fn may_travel(&self) -> bool {
        !self.there.is_empty() || self.needs == Needs::OfClient
    }

    pub(super) fn row(&self, section: &Section<'_>, state: &KeyState) {
        let origin = self.sources.first().map_or(&section.origin, |(_, origin)| origin);
        section.row("key", &self.show(state), origin);
    }

    fn show(&self, state: &KeyState) -> String {
        match (state, self.sources.as_slice()) {
            (KeyState::NotNeeded, _) => "(none needed)".to_owned(),
            (KeyState::OfClient, _) => "(the caller's own)".to_owned(),
            (_, []) => "(none)".to_owned(),
            (_, sources) => {
                let show = |(source, _): &(KeySource, Origin)| {
                    let name = source.to_string();
                    match self.missing.iter().find(|(missing, _)| missing.name == name) {
                        Some((missing, _)) => format!("{name} ({})", missing.why),
                        None => format!("{name} (set)"),
                    }
                };
                sources.iter().map(show).collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// Warns of keys that are not there.
    pub(super) fn warn(
        &self,
        id: &str,
        section: &Section<'_>,
        state: &KeyState,
        docs: Option<&str>,
    ) {
        match state {
            KeyState::NotNeeded | KeyState::OfClient => {}
            KeyState::Missing(_) if self.missing.is_empty() => {
                let what = format!("provider `{id}` cannot be used: no key is configured");
                let remedy = "add `key = { env = \"NAME\" }`, or `key = []` if it needs none";
                let warning = Problem::new(&section.origin, what).remedy(remedy).docs(docs);
                section.findings.warning(warning);
            }
            KeyState::Missing(_) | KeyState::Ready => {
                let cannot = if *state == KeyState::Ready {
                    "goes without one of its keys"
                } else {
                    "cannot be used"
                };
                for (key, origin) in &self.missing {
                    // A preset has no place that one could look at.
                    let origin = if origin.file().is_some() { origin } else { &section.origin };
                    let what = format!("provider `{id}` {cannot}: {key}");
                    let remedy = "set it and start again";
                    let warning = Problem::new(origin, what).remedy(remedy).docs(docs);
                    section.findings.warning(warning);
                }
            }
        }
    }
}

/// What the configuration says.
fn said(section: &Section<'_>, node: &Node) -> (Vec<(KeySource, Origin)>, Needs) {
    let nodes = match &node.value {
        Value::List(nodes) if nodes.is_empty() => return (Vec::new(), Needs::None),
        Value::List(nodes) => nodes.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let (mut sources, mut of_client) = (Vec::new(), false);
    for key in nodes.iter().filter_map(|node| key(section, node)) {
        match key {
            Key::Kept(source, origin) => sources.push((source, origin)),
            Key::OfClient => of_client = true,
        }
    }
    if of_client && nodes.len() > 1 {
        let what = "the caller's own key and a kept one exclude each other";
        let remedy = "make a provider of its own for each";
        section.problem(Problem::new(&node.origin, what).remedy(remedy));
    }
    (sources, if of_client { Needs::OfClient } else { Needs::One })
}

/// What a vendor's preset says; the first of its variables that is set counts.
fn usual(
    preset: Option<&'static Preset>,
    resolver: &dyn ResolveKey,
) -> (Vec<(KeySource, Origin)>, Needs) {
    let Some(preset) = preset else { return (Vec::new(), Needs::Unsaid) };
    let sources: Vec<_> = preset.key_env.iter().map(|name| KeySource::Env(name.clone())).collect();
    let is_there = |source: &&KeySource| !matches!(resolver.resolve(source), Err(KeyError::Unset));
    let source = sources.iter().find(is_there).or(sources.first()).cloned();
    let origin = Origin::Preset(preset.id.as_str().into());
    let needs = match preset.key {
        KeyNeed::Required => Needs::One,
        KeyNeed::Optional => Needs::Unsaid,
    };
    (source.map(|source| (source, origin)).into_iter().collect(), needs)
}

/// Where a key is kept, or that each caller brings its own.
enum Key {
    Kept(KeySource, Origin),
    OfClient,
}

fn key(section: &Section<'_>, node: &Node) -> Option<Key> {
    let wanted = "write { env = \"NAME\" }, { file = \"/path\" }, { command = [\"program\", \"argument\"] } or { client = true }";
    let refuse = |what: &str| {
        section.problem(Problem::new(&node.origin, what).remedy(wanted));
        None
    };
    let table = match (&node.value, &node.origin) {
        (Value::Table(table), _) => table,
        // `INTERLINGUA_PROVIDERS__X__KEY` holds the key itself.
        (Value::Loose(_), Origin::Variable(name)) => {
            return Some(Key::Kept(KeySource::Env(name.to_string()), node.origin.clone()));
        }
        (Value::Text(_) | Value::Loose(_), _) => {
            return refuse("a key does not belong into the configuration, only where it is kept");
        }
        _ => return refuse("`key` does not say where the key is kept"),
    };
    let inner = Section::new(section.path("key"), table, node.origin.clone(), section.findings);
    let env = inner.text("env").map(|found| KeySource::Env(found.value));
    let file = inner.text("file").map(|found| KeySource::File(found.value));
    let command = inner.texts("command").map(|found| {
        KeySource::Command(found.value.into_iter().map(|argument| argument.value).collect())
    });
    let of_client = inner.boolean("client").is_some_and(|found| found.value);
    inner.close();
    let mut sources = [env, file, command].into_iter().flatten();
    match (sources.next(), sources.next()) {
        (None, _) if of_client => Some(Key::OfClient),
        (Some(_), _) if of_client => refuse("`key` names more than one place"),
        (Some(KeySource::Command(argv)), None) if argv.is_empty() => refuse("`command` is empty"),
        (Some(source), None) => Some(Key::Kept(source, node.origin.clone())),
        (None, _) => refuse("`key` does not say where the key is kept"),
        (Some(_), Some(_)) => refuse("`key` names more than one place"),
    }
}
