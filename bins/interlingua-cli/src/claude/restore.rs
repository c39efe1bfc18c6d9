//! `interlingua claude restore`

use clap::Args;
use interlingua_clients::apply::View;
use interlingua_clients::claude::Undo;
use interlingua_clients::diff;

use super::home;
use crate::failure::Failure;
use crate::output;

/// Put back what was there before `apply`.
///
/// If nobody else has changed Claude Code's `settings.json` since, it is put back to the byte. Otherwise
/// our keys are put back one by one; those that have got another value since stay, and are named.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let view = home::look()?;
    // Who has nothing to put back gets no lock file either.
    if options.dry_run || !view.has_traces() {
        match view.undo()? {
            Some(undo) => show(&view, &undo)?,
            None => nothing(&view),
        }
        return Ok(());
    }
    let session = home::begin()?;
    let Some(undo) = session.view().undo()? else {
        nothing(session.view());
        return Ok(session.tidy()?);
    };
    show(session.view(), &undo)?;
    let path = session.view().config().display().to_string();
    session.restore(&undo)?;
    output::say(&match (&undo.text, undo.kept.is_empty()) {
        (None, _) => format!("removed {path}, which was not there before"),
        (Some(_), true) => format!("put {path} back"),
        (Some(_), false) => format!("put {path} back, but for what you have changed since"),
    });
    Ok(())
}

fn show(view: &View, undo: &Undo) -> Result<(), Failure> {
    let path = view.config().display().to_string();
    output::print(&diff(&path, view.text(), undo.text.as_deref()))?;
    for key in &undo.kept {
        output::say(&format!("`{key}` has been changed since, and stays"));
    }
    Ok(())
}

fn nothing(view: &View) {
    output::say(&format!("nothing of ours is in {}", view.config().display()));
    for path in view.elsewhere() {
        output::hint(&format!("set `CLAUDE_CONFIG_DIR` to the folder of {path} to put that back"));
    }
}
