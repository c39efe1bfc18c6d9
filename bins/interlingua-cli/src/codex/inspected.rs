//! What is to be known about a Codex that is or is not set up.

use std::path::PathBuf;

use interlingua_codex_integration::apply::View;
use interlingua_codex_integration::{Facts, Finding, Setup, inspect};
use interlingua_proxy::Loaded;
use interlingua_registry::Environment;

use super::target::Target;
use crate::choice::offer;
use crate::failure::Failure;
use crate::foreign;

/// Codex's home, looked at from all sides.
pub(crate) struct Inspected {
    pub(crate) view: View,
    pub(crate) setup: Setup,
    /// Our own configuration.
    pub(crate) loaded: Loaded,
    /// Whether the gateway has the model that Codex starts with, if one is named.
    pub(crate) in_pool: Option<bool>,
    /// The catalog files that are ours.
    pub(crate) catalogs: Vec<String>,
    pub(crate) findings: Vec<Finding>,
}

impl Inspected {
    /// Looks at it. `loaded` is our own configuration, where it has been read.
    pub(crate) fn new(config: Option<PathBuf>, loaded: Option<&Loaded>) -> Result<Self, Failure> {
        let view: View = foreign::look()?;
        let setup = view.setup()?;
        let target = Target::new(None, config);
        let loaded = match loaded {
            Some(loaded) => target.with_vendor(loaded.clone(), setup.model.as_deref())?,
            None => target.load(setup.model.as_deref())?,
        };
        let in_pool = setup.model.as_deref().map(|model| {
            let snapshot = &loaded.snapshot;
            let unlisted = snapshot.unlisted(None);
            offer(snapshot).has(model) || unlisted.iter().any(|it| *it.slug == *model)
        });
        let catalogs = view.applied().map(|home| home.beside.iter().map(|it| it.path.clone()));
        let catalogs: Vec<_> = catalogs.into_iter().flatten().collect();
        // A gateway that chooses its port is wherever Codex has been told.
        let configured = target.base_url(&loaded.snapshot).ok().or_else(|| setup.base_url.clone());
        let facts = Facts {
            base_url: configured.as_deref().unwrap_or_default(),
            catalogs: &catalogs,
            environment: &Environment::of_process(),
        };
        let findings = view.text().map(|text| inspect(text, &facts)).unwrap_or_default();
        Ok(Self { view, setup, loaded, in_pool, catalogs, findings })
    }
}
