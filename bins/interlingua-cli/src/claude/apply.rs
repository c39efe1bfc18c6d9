//! `interlingua claude apply`

use clap::Args;
use interlingua_clients::apply::View;
use interlingua_clients::claude::Plan;
use interlingua_proxy::Loaded;

use super::inspected::findings;
use super::target::Target;
use crate::failure::Failure;
use crate::{foreign, output};

/// Set Claude Code up, so that it can be put back to the byte.
///
/// Shows what changes in Claude Code's `settings.json`, keeps a copy and replaces it. Only what points
/// Claude Code to the gateway is touched: variables in `env`. Needs no provider, no running gateway and no
/// terminal. The models that Claude Code uses stay if the gateway has them.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// What is to be done, and said.
struct Prepared {
    plan: Plan,
    loaded: Loaded,
    base_url: String,
    hints: Vec<String>,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    if options.dry_run {
        // Looking leaves nothing behind; a session would leave its lock.
        let view = foreign::look()?;
        return foreign::show(&view, Some(&prepare(&options.target, &view)?.plan.after));
    }
    let session = foreign::begin()?;
    let prepared = prepare(&options.target, session.view())?;
    let path = session.view().config().to_owned();
    foreign::apply(session, &prepared.plan, None)?;
    let snapshot = &prepared.loaded.snapshot;
    for finding in findings(&prepared.plan.after, &path, snapshot, &prepared.base_url) {
        output::say(&format!("warning: {}\n  {}", finding.evidence, finding.remedy));
    }
    prepared.hints.iter().for_each(|hint| output::hint(hint));
    output::hint("a Claude Code that runs reads this when it is started anew");
    output::hint("`interlingua claude restore` puts back what was there, to the byte");
    Ok(())
}

fn prepare(target: &Target, view: &View) -> Result<Prepared, Failure> {
    let setup = view.setup()?;
    let loaded = target.gateway.load(target.models.model.as_deref())?;
    let snapshot = &*loaded.snapshot;
    let base_url = target.gateway.base_url(snapshot)?;
    let chosen = target.models.choose(snapshot, &setup)?;
    let token = target.key.token(snapshot, &setup)?;
    let plan = view.plan(&chosen.options(base_url.clone(), token))?;
    let hints = chosen.hints();
    Ok(Prepared { plan, loaded, base_url, hints })
}
