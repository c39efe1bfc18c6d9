//! `interlingua claude print`

use clap::Args;
use interlingua_clients::claude::{Setup, settings_json};
use interlingua_registry::{KEY_PLACEHOLDER, Secret};

use super::target::Target;
use crate::failure::Failure;
use crate::output;

/// Print a `settings.json` for Claude Code, and nothing else.
///
/// The gateway need not run. Nothing is written; `claude apply` puts the same into Claude Code's own file,
/// and `claude --settings <FILE>` takes it for one session.
#[derive(Debug, Args)]
pub(crate) struct Print {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(print: &Print) -> Result<(), Failure> {
    let target = &print.target;
    let loaded = target.gateway.load(target.models.model.as_deref())?;
    let snapshot = &*loaded.snapshot;
    let nothing = Setup::default();
    let chosen = target.models.choose(snapshot, &nothing)?;
    let placeholder = || Secret::new(KEY_PLACEHOLDER.to_owned());
    let (token, is_placeholder) = match target.key.token(snapshot, &nothing) {
        // What is printed can be filled in.
        Err(_) if target.key.is_unnamed() => (placeholder(), true),
        token => (token?, false),
    };
    let base_url = target.gateway.base_url(snapshot)?;
    output::print(&settings_json(&chosen.options(base_url, token)))?;
    chosen.hints().iter().for_each(|hint| output::hint(hint));
    if is_placeholder {
        output::hint(&format!(
            "the gateway keeps the hash of its keys only; write yours for `{KEY_PLACEHOLDER}`"
        ));
    }
    output::hint("`interlingua claude apply` puts it beside what is in `~/.claude/settings.json`");
    Ok(())
}
