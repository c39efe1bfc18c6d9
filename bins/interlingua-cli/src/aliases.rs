//! `interlingua aliases`

use clap::{Args, Subcommand};
use interlingua_registry::edit::{remove_alias, set_alias};
use interlingua_registry::{Alias, AliasTarget, Policy, Snapshot};
use serde_json::json;

use crate::change::Target;
use crate::failure::Failure;
use crate::output;
use crate::read::Read;

/// Give models names of your own, and chains of models that stand in for each other.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the aliases and who would answer now
    List(Read),
    /// Make a name stand for a model, or for several
    Set(Set),
    /// Take a name away
    Remove {
        /// The name
        name: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Make a name stand for a model, or for several.
///
/// Several are asked one after the other until one answers. With `--weighted` each session has its own,
/// as often as the weights say: `a/x=3 b/y=1`.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The name
    name: String,
    /// The models, the preferred one first
    #[arg(required = true, value_name = "SLUG")]
    slugs: Vec<String>,
    /// Spread sessions instead of preferring the first
    #[arg(long)]
    weighted: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(options) => list(options),
        Command::Set(options) => set(options),
        Command::Remove { name, target } => {
            let file = target.open()?;
            let text = remove_alias(file.text(), name)?;
            file.commit(&file.with(text)?).map(drop)
        }
    }
}

fn set(options: &Set) -> Result<(), Failure> {
    let targets: Vec<_> = options.slugs.iter().map(|it| target(it, options.weighted)).collect();
    let policy = if options.weighted { Policy::Weighted } else { Policy::Failover };
    let file = options.target.open()?;
    let text = set_alias(file.text(), &options.name, &targets, policy)?;
    file.commit(&file.with(text)?).map(drop)
}

/// A slug, and where they count, its weight behind the last `=`.
fn target(word: &str, weighted: bool) -> AliasTarget {
    let parts = word.rsplit_once('=').filter(|_| weighted);
    match parts.and_then(|(slug, weight)| Some((slug, weight.parse().ok()?))) {
        Some((slug, weight)) => AliasTarget { slug: slug.to_owned(), weight },
        None => AliasTarget { slug: word.to_owned(), weight: 1 },
    }
}

fn list(options: &Read) -> Result<(), Failure> {
    let loaded = options.load()?;
    let snapshot = &loaded.snapshot;
    if options.json {
        let aliases: Vec<_> = snapshot
            .aliases()
            .iter()
            .map(|alias| {
                let targets: Vec<_> = alias
                    .targets
                    .iter()
                    .map(|it| json!({ "slug": it.slug, "weight": it.weight }))
                    .collect();
                let (policy, slot) = (alias.policy.name(), alias.slot);
                let now = state(alias, snapshot);
                json!({ "name": alias.name, "policy": policy, "targets": targets, "slot": slot, "now": now })
            })
            .collect();
        let schema = "interlingua.aliases/1";
        return output::print_json(&json!({ "schema": schema, "aliases": aliases }));
    }
    let rows: Vec<_> = snapshot
        .aliases()
        .iter()
        .map(|alias| [alias.name.clone(), shown(alias), state(alias, snapshot)])
        .collect();
    output::print(&output::columns(&rows))?;
    if rows.is_empty() {
        output::hint("make one with `interlingua aliases set <name> <provider>/<model>`");
    }
    Ok(())
}

fn shown(alias: &Alias) -> String {
    let target = |it: &AliasTarget| match it.weight {
        1 => it.slug.clone(),
        weight => format!("{} x{weight}", it.slug),
    };
    let between = if alias.policy == Policy::Weighted { ", " } else { " > " };
    alias.targets.iter().map(target).collect::<Vec<_>>().join(between)
}

/// Who would answer now, or why nobody would.
fn state(alias: &Alias, snapshot: &Snapshot) -> String {
    match snapshot.route(Some(&alias.name)) {
        Ok(route) if alias.targets.len() == route.targets.len() => "ready".to_owned(),
        Ok(route) => format!("{} of {} ready", route.targets.len(), alias.targets.len()),
        Err(error) => error.to_string(),
    }
}
