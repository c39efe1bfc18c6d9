//! What is to be known about a Claude Code that is or is not set up.

use std::path::{Path, PathBuf};

use interlingua_clients::apply::View;
use interlingua_clients::claude::{Facts, Finding, Setup, inspect, is_gateway};
use interlingua_proxy::Loaded;
use interlingua_registry::{Environment, Snapshot};

use super::home::{self, has_model};
use crate::failure::Failure;
use crate::foreign;
use crate::gateway::Gateway;

/// Claude Code's folder, looked at from all sides.
pub(crate) struct Inspected {
    pub(crate) view: View,
    pub(crate) setup: Setup,
    /// Whether the settings name the configured gateway.
    pub(crate) is_active: bool,
    /// The variables that name a model, what they name, and whether the gateway has it.
    pub(crate) models: Vec<(&'static str, String, bool)>,
    pub(crate) findings: Vec<Finding>,
}

impl Inspected {
    /// Looks at it. `loaded` is our own configuration, where it has been read.
    pub(crate) fn new(config: Option<PathBuf>, loaded: Option<&Loaded>) -> Result<Self, Failure> {
        let view: View = foreign::look()?;
        let setup = view.setup()?;
        let gateway = Gateway::new(config);
        let wanted = setup.models.first().map(|(_, model)| model.as_str());
        let loaded = match loaded {
            Some(loaded) => gateway.with_vendor(loaded.clone(), wanted)?,
            None => gateway.load(wanted)?,
        };
        let snapshot = &*loaded.snapshot;
        let models = setup.models.iter();
        let models = models
            .map(|(key, model)| (key.name(), model.clone(), has_model(snapshot, model)))
            .collect();
        // A gateway that chooses its port is wherever Claude Code has been told.
        let configured = gateway.base_url(snapshot).ok().or_else(|| setup.base_url.clone());
        let configured = configured.unwrap_or_default();
        let is_active = setup.base_url.as_deref().is_some_and(|url| is_gateway(url, &configured));
        let findings = view.text().map(|text| findings(text, view.config(), snapshot, &configured));
        let findings = findings.unwrap_or_default();
        Ok(Self { view, setup, is_active, models, findings })
    }
}

/// What is wrong with these settings, here and now.
pub(super) fn findings(
    text: &str,
    path: &Path,
    snapshot: &Snapshot,
    base_url: &str,
) -> Vec<Finding> {
    let layers = home::layers(path);
    let facts = Facts {
        base_url,
        keys: snapshot.client_keys(),
        environment: &Environment::of_process(),
        layers: &layers,
    };
    inspect(text, &facts)
}
