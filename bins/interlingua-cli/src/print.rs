//! `interlingua print`

use clap::{Args, Subcommand};
use interlingua_codex_integration::{CatalogSource, KEY_PLACEHOLDER, cc_switch};
use serde_json::json;

use crate::codex::Target;
use crate::failure::Failure;
use crate::output;

/// Print what another program is set up with.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print what cc-switch takes for Codex: two texts to paste, or one link to open
    CcSwitch(CcSwitch),
}

#[derive(Debug, Args)]
pub(crate) struct CcSwitch {
    #[command(flatten)]
    target: Target,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    let Command::CcSwitch(CcSwitch { target, json }) = command;
    let loaded = target.load(target.model.as_deref())?;
    let snapshot = &*loaded.snapshot;
    let choice = target.choose(snapshot, None, &[])?;
    let made = cc_switch(&target.options(snapshot, &choice, CatalogSource::Gateway)?);
    if *json {
        output::print_json(&json!({
            "schema": "interlingua.cc-switch/1",
            "auth": made.auth_json,
            "config": made.config_toml,
            "link": made.link,
        }))?;
    } else {
        output::print(&format!(
            "# auth.json: Add provider, Codex, Custom\n{}\n# config.toml\n{}\n# link\n{}\n",
            made.auth_json, made.config_toml, made.link
        ))?;
    }
    output::hint(
        "the key is readable inside the link; show it to nobody who must not have the key",
    );
    output::hint(
        "the link carries no model catalog; paste the texts to get Codex's tools for all models",
    );
    if made.auth_json.contains(KEY_PLACEHOLDER) {
        output::hint(&format!(
            "the gateway keeps the hash of its keys only; write yours for `{KEY_PLACEHOLDER}`"
        ));
    }
    Ok(())
}
