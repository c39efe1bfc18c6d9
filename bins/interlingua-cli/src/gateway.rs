//! Which gateway a client is pointed to, as the arguments say it.

use std::path::PathBuf;

use clap::Args;
use interlingua_proxy::{Loaded, Start, StartError, load};
use interlingua_registry::{PoolMap, Preset, Snapshot};

use crate::choice::offer;
use crate::failure::Failure;
use crate::local;

/// The gateway, and the configuration that it has.
#[derive(Clone, Debug, Args)]
pub(crate) struct Gateway {
    /// Where the client reaches the gateway, if not at the configured address
    #[arg(long, value_name = "URL", conflicts_with = "listen", value_parser = base_url)]
    base_url: Option<String>,
    /// Where the gateway listens, if not at the configured address
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Gateway {
    /// The configured one.
    pub(crate) fn new(config: Option<PathBuf>) -> Self {
        Self { base_url: None, listen: None, config }
    }

    /// Reads the configuration. A vendor that is wanted by name is known without any: its key need
    /// be set only where the gateway runs.
    pub(crate) fn load(&self, wanted: Option<&str>) -> Result<Loaded, StartError> {
        let (config, listen) = (self.config.clone(), self.listen.clone());
        let start = Start { config, listen, preset: None };
        self.with_vendor(load(&start)?, wanted)
    }

    /// The same, where the configuration has been read.
    pub(crate) fn with_vendor(
        &self,
        loaded: Loaded,
        wanted: Option<&str>,
    ) -> Result<Loaded, StartError> {
        let known = offer(&loaded.snapshot).choose(wanted).is_ok();
        let vendor = vendor(wanted.unwrap_or_default());
        match vendor.filter(|preset| !known && loaded.snapshot.provider(preset).is_none()) {
            Some(preset) => {
                let (config, listen) = (self.config.clone(), self.listen.clone());
                load(&Start { config, listen, preset: Some(preset.to_owned()) })
            }
            None => Ok(loaded),
        }
    }

    /// Where the client reaches the gateway.
    pub(crate) fn base_url(&self, snapshot: &Snapshot) -> Result<String, Failure> {
        match &self.base_url {
            Some(url) => Ok(url.clone()),
            None => listener_url(snapshot),
        }
    }
}

/// The vendor preset that a slug or a provider's id belongs to.
fn vendor(wanted: &str) -> Option<&'static str> {
    let id = PoolMap::split(wanted).map_or(wanted, |(provider, _)| provider);
    let preset = Preset::find(id).filter(|preset| !preset.base_urls.is_empty());
    preset.map(|preset| preset.id.as_str())
}

/// The address that a client on this machine uses.
fn listener_url(snapshot: &Snapshot) -> Result<String, Failure> {
    let address = local::address(snapshot).ok_or_else(|| {
        Failure::argument(
            "the gateway chooses its port when it starts; say where it is with `--base-url`",
        )
    })?;
    Ok(format!("http://{address}/v1"))
}

fn base_url(text: &str) -> Result<String, &'static str> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err("write it like http://127.0.0.1:8787/v1"),
    }
}
