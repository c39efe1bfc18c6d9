//! `interlingua paths`

use clap::Args;
use interlingua_registry::Environment;
use interlingua_registry::load::Paths;
use serde_json::json;

use crate::failure::Failure;
use crate::output;
use interlingua_proxy::StartError;

/// Show where everything is kept.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let paths = find()?;
    if options.json {
        return output::print_json(&json!({
            "schema": "interlingua.paths/1",
            "config": paths.config,
            "system_config": paths.system_config,
            "state": paths.state,
            "cache": paths.cache,
        }));
    }
    let row = |name: &str, path: &std::path::Path| [name.to_owned(), path.display().to_string()];
    let system = paths.system_config.as_deref().map(|it| row("system config", it));
    let mut rows = vec![row("config", &paths.config)];
    rows.extend(system);
    rows.extend([row("state", &paths.state), row("cache", &paths.cache)]);
    output::print(&output::columns(&rows))
}

/// Where everything is kept, by the variables of this process.
pub(crate) fn find() -> Result<Paths, Failure> {
    let paths = Paths::find(&Environment::of_process());
    paths.ok_or_else(|| StartError::NoHome.into())
}
