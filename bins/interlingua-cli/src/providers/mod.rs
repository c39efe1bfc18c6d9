//! `interlingua providers`

mod add;
mod address;
pub(crate) mod attempt;
mod edit;
mod keys;
mod list;
mod models;
mod remove;
mod reorder;
mod switch;
mod test;

use std::sync::Arc;

use clap::Subcommand;
use interlingua_registry::{Provider, Snapshot};

use crate::failure::Failure;

/// Add, change and try the providers of models.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the providers and say which can be used
    List(list::Options),
    /// Add a provider: a vendor by its name, or any server by its address
    Add(Box<add::Options>),
    /// Change fields of a provider
    Edit(Box<edit::Options>),
    /// Remove a provider
    Remove(remove::Options),
    /// Let a provider take part again
    Enable(switch::Options),
    /// Keep a provider, but do not use it
    Disable(switch::Options),
    /// Put some providers before the others
    Reorder(reorder::Options),
    /// Ask a provider for its models, to see whether address and key are right
    Test(test::Options),
    /// List the models of a provider
    Models(models::Options),
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::List(options) => list::run(options),
        Command::Add(options) => add::run(options),
        Command::Edit(options) => edit::run(options),
        Command::Remove(options) => remove::run(options),
        Command::Enable(options) => switch::run(options, true),
        Command::Disable(options) => switch::run(options, false),
        Command::Reorder(options) => reorder::run(options),
        Command::Test(options) => test::run(options),
        Command::Models(options) => models::run(options),
    }
}

/// The provider of an id or a shortcut.
pub(crate) fn find<'s>(snapshot: &'s Snapshot, word: &str) -> Result<&'s Arc<Provider>, Failure> {
    let is_it = |it: &&Arc<Provider>| *it.id == *word || it.shortcut.as_deref() == Some(word);
    snapshot.providers().iter().find(is_it).ok_or_else(|| {
        let ids: Vec<_> = snapshot.providers().iter().map(|it| &*it.id).collect();
        Failure::argument(format!("there is no provider `{word}`; there are: {}", ids.join(", ")))
    })
}
