//! `interlingua codex`

mod catalog;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use interlingua_codex_integration::{Access, Choice, ConfigOptions, Offer, config_toml};
use interlingua_proxy::{Loaded, Start, StartError, load};
use interlingua_registry::{PoolMap, Preset, Snapshot};

use crate::failure::Failure;
use crate::output;

/// Point the Codex CLI to the gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a `config.toml` for Codex, and nothing else
    Print(Print),
}

/// Print a `config.toml` for Codex, and nothing else.
///
/// The gateway need not run. Nothing is written but what is asked for; put the text into
/// `~/.codex/config.toml`, or beside what is there already.
#[derive(Debug, Args)]
pub(crate) struct Print {
    /// The model to start with: a slug, a provider, a shortcut
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Print the model catalog instead
    #[arg(long, conflicts_with_all = ["env_key", "catalog_file", "base_url"])]
    catalog: bool,
    /// Let Codex take the client key from this variable
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = ENV_KEY)]
    env_key: Option<String>,
    /// Also write the catalog into this file and point Codex to it, for Codex before 0.159
    #[arg(long, value_name = "FILE")]
    catalog_file: Option<PathBuf>,
    /// Where Codex reaches the gateway, if not at the configured address
    #[arg(long, value_name = "URL", conflicts_with = "listen", value_parser = base_url)]
    base_url: Option<String>,
    /// Where the gateway listens, if not at the configured address
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The variable that holds the client key unless another is named.
const ENV_KEY: &str = "INTERLINGUA_KEY";

pub(crate) fn run(Command::Print(print): &Command) -> Result<(), Failure> {
    let loaded = print.load()?;
    let snapshot = &*loaded.snapshot;
    let choice = offer(snapshot).choose(print.model.as_deref()).map_err(|error| {
        output::hint("what variables switch on is known only where they are set");
        Failure::argument(error)
    })?;
    if print.catalog {
        return output::print(&format!("{}\n", catalog::of(snapshot, &choice).as_json()));
    }
    let base_url = match &print.base_url {
        Some(url) => url.clone(),
        None => listener_url(snapshot)?,
    };
    let env_key = match &print.env_key {
        None if !snapshot.client_keys().is_open() => Some(ENV_KEY.to_owned()),
        asked => asked.clone(),
    };
    let text = config_toml(&ConfigOptions {
        base_url,
        model: choice.slug.clone(),
        access: env_key.clone().map_or_else(Access::local, Access::EnvKey),
        catalog: catalog::source(print.catalog_file.as_deref(), snapshot, &choice)?,
        search: choice.can_search(),
    });
    output::print(&text)?;
    hints(print, snapshot, &choice, env_key.as_deref());
    Ok(())
}

impl Print {
    /// Reads the configuration. A vendor that is asked for by name is known without any: its key need
    /// be set only where the gateway runs.
    fn load(&self) -> Result<Loaded, StartError> {
        let (config, listen) = (self.config.clone(), self.listen.clone());
        let start = Start { config, listen, preset: None };
        let loaded = load(&start)?;
        let wanted = self.model.as_deref().unwrap_or_default();
        let known = offer(&loaded.snapshot).choose(self.model.as_deref()).is_ok();
        match vendor(wanted).filter(|preset| !known && loaded.snapshot.provider(preset).is_none()) {
            Some(preset) => load(&Start { preset: Some(preset.to_owned()), ..start }),
            None => Ok(loaded),
        }
    }
}

/// The vendor preset that a slug or a provider's id belongs to.
fn vendor(wanted: &str) -> Option<&'static str> {
    let id = PoolMap::split(wanted).map_or(wanted, |(provider, _)| provider);
    let preset = Preset::find(id).filter(|preset| !preset.base_urls.is_empty());
    preset.map(|preset| preset.id.as_str())
}

fn offer(snapshot: &Snapshot) -> Offer<'_> {
    Offer {
        pool: snapshot.pool(),
        providers: snapshot.providers(),
        default_model: snapshot.default_model(),
    }
}

/// The address that a client on this machine uses.
fn listener_url(snapshot: &Snapshot) -> Result<String, Failure> {
    let listeners = &snapshot.settings().listen;
    let Some(listener) = listeners.first() else {
        return Err(Failure::config("`listen` names no address"));
    };
    let address = listener.address;
    if address.port() == 0 {
        let what = "the gateway chooses its port when it starts; say where it is with `--base-url`";
        return Err(Failure::argument(what));
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(format!("http://{}/v1", SocketAddr::new(ip, address.port())))
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

fn hints(print: &Print, snapshot: &Snapshot, choice: &Choice<'_>, env_key: Option<&str>) {
    let provider = choice.provider;
    if provider.is_demo() {
        output::hint(
            "this is the built-in demo model, a script; print again once a provider can be used",
        );
    } else if let Err(why) = provider.usable() {
        output::hint(&format!(
            "`{}` cannot be used here: {why}; where the gateway runs it has to be",
            provider.id
        ));
    }
    if choice.model.is_none() && provider.default_slug().as_deref() != Some(&choice.slug) {
        output::hint(&format!(
            "Codex gives tools only to models in the gateway's catalog; list `{}` under \
             `[[providers.{}.models]]` of the gateway's configuration",
            choice.slug, provider.id
        ));
    }
    match env_key {
        Some(name) if snapshot.client_keys().is_open() => {
            output::hint(&format!("Codex reads `{name}`; any text will do while no key is needed"));
        }
        Some(name) => output::hint(&format!(
            "the gateway wants a client key and keeps its hash only; set `{name}` to what \
             `interlingua keys add` printed, where Codex runs"
        )),
        None => {}
    }
    if print.catalog_file.is_some() {
        output::hint("the catalog does not follow the configuration; print again when it changes");
    }
    output::hint("it goes into `~/.codex/config.toml`, beside what is there already");
}
