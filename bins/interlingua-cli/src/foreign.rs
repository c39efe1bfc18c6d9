//! What is the same for every program whose settings we set up and put back.

use std::path::PathBuf;

use interlingua_clients::claude::ClaudeCode;
use interlingua_codex_integration::Codex;
use interlingua_registry::Environment;
use interlingua_registry::files::Files;
use interlingua_registry::foreign::{Beside, Plan, Program, Session, View};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::{output, paths};

/// A program as people know it.
pub(crate) trait Named: Program {
    /// Its name.
    const NAME: &'static str;

    /// Our command for it.
    const COMMAND: &'static str;

    /// The variable that names its folder.
    const VARIABLE: &'static str;

    /// Its folder in the home directory, where the variable names none.
    const HOME: &'static str;

    /// What becomes of its settings, with their secrets hidden.
    fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String;
}

impl Named for Codex {
    const NAME: &'static str = "Codex";
    const COMMAND: &'static str = "codex";
    const VARIABLE: &'static str = "CODEX_HOME";
    const HOME: &'static str = ".codex";

    fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String {
        interlingua_codex_integration::diff(path, before, after)
    }
}

impl Named for ClaudeCode {
    const NAME: &'static str = "Claude Code";
    const COMMAND: &'static str = "claude";
    const VARIABLE: &'static str = "CLAUDE_CONFIG_DIR";
    const HOME: &'static str = ".claude";

    fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String {
        interlingua_clients::diff(path, before, after)
    }
}

/// Looks at the program's folder.
pub(crate) fn look<P: Named>() -> Result<View<P>, Failure> {
    Ok(View::read(Files::new(), &folder::<P>()?, &paths::find()?.state)?)
}

/// Begins to change the program's folder.
pub(crate) fn begin<P: Named>() -> Result<Session<P>, Failure> {
    Ok(Session::begin(Files::new(), &folder::<P>()?, &paths::find()?.state)?)
}

/// Shows what would become of the settings.
pub(crate) fn show<P: Named>(view: &View<P>, after: Option<&str>) -> Result<(), Failure> {
    let path = view.config().display().to_string();
    output::print(&P::diff(&path, view.text(), after))
}

/// Shows what becomes of the settings, and does it.
pub(crate) fn apply<P: Named>(
    session: Session<P>,
    plan: &Plan<P::Key>,
    beside: Option<Beside<'_>>,
) -> Result<(), Failure> {
    show(session.view(), Some(&plan.after))?;
    let path = session.view().config().display().to_string();
    session.apply(plan, beside)?;
    output::say(&match plan.is_noop() {
        true => format!("{path} points to the gateway already"),
        false => format!("changed {path}"),
    });
    Ok(())
}

/// Puts back what was there before us, or only shows it.
pub(crate) fn restore<P: Named>(dry_run: bool) -> Result<(), Failure> {
    let view = look::<P>()?;
    // Who has nothing to put back gets no lock file either.
    let session = match dry_run || !view.has_traces() {
        true => None,
        false => Some(begin::<P>()?),
    };
    let view = session.as_ref().map_or(&view, Session::view);
    let Some(undo) = view.undo()? else {
        nothing(view);
        return Ok(session.map_or(Ok(()), Session::tidy)?);
    };
    show(view, undo.text.as_deref())?;
    for key in &undo.kept {
        output::say(&format!("`{key}` has been changed since, and stays"));
    }
    let path = view.config().display().to_string();
    let Some(session) = session else { return Ok(()) };
    session.restore(&undo)?;
    output::say(&match (&undo.text, undo.kept.is_empty()) {
        (None, _) => format!("removed {path}, which was not there before"),
        (Some(_), true) => format!("put {path} back"),
        (Some(_), false) => format!("put {path} back, but for what you have changed since"),
    });
    Ok(())
}

/// Whether the settings send the program to the gateway, and whose doing that is.
pub(crate) fn set_up<P: Named>(is_active: bool, view: &View<P>) -> String {
    let command = P::COMMAND;
    match (is_active, view.applied().is_some()) {
        (true, true) => format!("yes, by `{command} apply`"),
        (true, false) => "yes, by hand".to_owned(),
        (false, true) => format!("no longer; something has changed since `{command} apply`"),
        (false, false) => "no".to_owned(),
    }
}

/// The keys that we have changed, for people; whether they still are as we left them.
pub(crate) fn key_rows<K: ToString>(keys: &[(K, bool)]) -> impl Iterator<Item = [String; 2]> {
    keys.iter().map(|(key, ours)| {
        let state = if *ours { "ours" } else { "changed since" };
        [String::new(), format!("{}: {state}", key.to_string())]
    })
}

/// The same for programs.
pub(crate) fn keys_json<K: ToString>(keys: &[(K, bool)]) -> Value {
    let keys = keys.iter().map(|(key, ours)| {
        json!({ "key": key.to_string(), "state": if *ours { "ours" } else { "changed" } })
    });
    keys.collect()
}

fn folder<P: Named>() -> Result<PathBuf, Failure> {
    let environment = Environment::of_process();
    if let Some(folder) = environment.get(P::VARIABLE).filter(|it| !it.is_empty()) {
        return Ok(folder.into());
    }
    let home = std::env::home_dir().filter(|it| !it.as_os_str().is_empty());
    let home = home.ok_or_else(|| {
        let (variable, name) = (P::VARIABLE, P::NAME);
        Failure::config(format!("no home directory is known; set `{variable}` to {name}'s folder"))
    })?;
    Ok(home.join(P::HOME))
}

fn nothing<P: Named>(view: &View<P>) {
    output::say(&format!("nothing of ours is in {}", view.config().display()));
    for path in view.elsewhere() {
        output::hint(&format!("set `{}` to the folder of {path} to put that back", P::VARIABLE));
    }
}
