//! `interlingua doctor`

mod claude;
pub(crate) mod codex;
mod configuration;
mod environment;
mod gateway;
mod listener;
mod machine;
mod modes;
mod online;
mod providers;

use clap::Args;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::read::Read;
use crate::{output, paths};

/// Look at everything that the gateway needs, and say what is wrong.
///
/// Providers are asked for their models, which costs nothing. With `--online` each of them runs a small
/// tool loop, which costs a few tokens. Ends with 1 if something fails.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Have each provider's default model call a tool and go on with the result
    #[arg(long)]
    online: bool,
    /// Mend what can be mended safely: the permissions of our own files
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    read: Read,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let paths = paths::find()?;
    let config = options.read.config.clone().unwrap_or_else(|| paths.config.clone());
    let loaded = options.read.load();
    let mut checks = configuration::check(&loaded);
    let snapshot = loaded.as_ref().ok().map(|loaded| &*loaded.snapshot);
    checks.extend(modes::check(&config, &paths.state, snapshot, options.fix));
    match snapshot {
        Some(snapshot) => {
            checks.extend(environment::check(snapshot, &config));
            checks.extend(listener::check(snapshot));
            checks.extend(gateway::check(snapshot));
            checks.extend(providers::check(snapshot));
            if options.online {
                checks.extend(online::check(snapshot, options.read.config.as_deref()));
            }
            checks.extend(codex::check(options.read.config.clone(), loaded.as_ref().ok()));
            checks.extend(claude::check(options.read.config.clone(), loaded.as_ref().ok()));
        }
        None => checks.push(Check::skip("listener", "the configuration is wrong")),
    }
    checks.extend(machine::check(&paths.state));
    report(&checks, options.read.json)
}

/// Shows what was found.
///
/// # Errors
///
/// When a check failed.
pub(crate) fn report(checks: &[Check], json: bool) -> Result<(), Failure> {
    let failed = checks.iter().filter(|check| check.state == State::Fail).count();
    if json {
        output::print_json(&json!({
            "schema": "interlingua.doctor/1",
            "ok": failed == 0,
            "checks": checks.iter().map(Check::as_json).collect::<Vec<_>>(),
        }))?;
    } else {
        output::print(&text(checks))?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::general(format!("{} failed", output::count(failed, "check")))),
    }
}

/// What one check found out.
#[derive(Debug)]
pub(crate) struct Check {
    /// Stable, for scripts.
    id: String,
    state: State,
    /// What was seen.
    evidence: String,
    /// What to do about it; a command where there is one.
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Ok,
    Warn,
    Fail,
    Skip,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

impl Check {
    fn new(id: impl Into<String>, state: State, evidence: impl Into<String>) -> Self {
        Self { id: id.into(), state, evidence: evidence.into(), fix: None }
    }

    fn ok(id: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(id, State::Ok, evidence)
    }

    fn warn(id: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(id, State::Warn, evidence)
    }

    fn fail(id: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(id, State::Fail, evidence)
    }

    fn skip(id: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(id, State::Skip, evidence)
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    fn as_json(&self) -> Value {
        json!({
            "id": self.id,
            "state": self.state.name(),
            "evidence": self.evidence,
            "fix": self.fix,
        })
    }
}

fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.id.chars().count()).max().unwrap_or(0);
    let lines = checks.iter().map(|Check { id, state, evidence, fix }| {
        let fix = fix.as_ref().filter(|_| *state != State::Ok);
        let fix = fix.map_or(String::new(), |fix| format!("      {:width$}  → {fix}\n", ""));
        format!("{:<4}  {id:<width$}  {evidence}\n{fix}", state.name())
    });
    lines.collect()
}
