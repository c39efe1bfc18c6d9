//! `interlingua config`

use clap::Subcommand;
use interlingua_proxy::StartError;
use interlingua_registry::{Problem, Snapshot};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{self, count};
use crate::read::Read;

/// Check or show the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check everything and report all problems at once
    Check(Read),
    /// Show every effective value; secrets appear by their name only
    Show {
        #[command(flatten)]
        options: Read,
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check(options) => check(options),
        Command::Show { options, origin } => show(options, *origin),
    }
}

fn check(options: &Read) -> Result<(), Failure> {
    let result = options.load();
    if options.json {
        let (problems, warnings) = match &result {
            Ok(loaded) => (Vec::new(), loaded.snapshot.warnings().iter().map(as_json).collect()),
            Err(StartError::Config(problems)) => (problems.iter().map(as_json).collect(), vec![]),
            // Without a home folder there is nothing to check.
            Err(_) => return result.map(drop).map_err(Failure::from),
        };
        output::print_json(&json!({
            "schema": "interlingua.check/1",
            "ok": problems.is_empty(),
            "problems": problems,
            "warnings": warnings,
        }))?;
    }
    let loaded = result?;
    if !options.json {
        for warning in loaded.snapshot.warnings() {
            output::say(&format!("warning: {warning}"));
        }
        output::print(&format!("ok: {}\n", summary(&loaded.snapshot)))?;
    }
    Ok(())
}

fn show(options: &Read, origin: bool) -> Result<(), Failure> {
    let loaded = options.load()?;
    let rows = loaded.snapshot.rows();
    if options.json {
        let values: Vec<_> = rows
            .iter()
            .map(
                |it| json!({ "path": it.path, "value": it.value, "origin": it.origin.to_string() }),
            )
            .collect();
        return output::print_json(&json!({ "schema": "interlingua.config/1", "values": values }));
    }
    let text = match origin {
        true => output::columns(
            &rows
                .iter()
                .map(|it| [it.path.clone(), it.value.clone(), it.origin.to_string()])
                .collect::<Vec<_>>(),
        ),
        false => output::columns(
            &rows.iter().map(|it| [it.path.clone(), it.value.clone()]).collect::<Vec<_>>(),
        ),
    };
    output::print(&text)
}

/// The configuration in one line.
fn summary(snapshot: &Snapshot) -> String {
    let providers = snapshot.providers();
    let usable: Vec<_> = providers.iter().filter(|it| it.usable().is_ok()).collect();
    let answering = match usable.iter().any(|it| it.is_demo()) {
        true => "no provider can be used, the demo answers".to_owned(),
        false => {
            format!("{} of {} can be used", usable.len(), count(providers.len(), "provider"))
        }
    };
    let listen: Vec<_> =
        snapshot.settings().listen.iter().map(|it| it.address.to_string()).collect();
    format!(
        "{answering}; {}; {}; listening on {}",
        count(snapshot.pool().iter().count(), "model"),
        count(snapshot.client_keys().iter().count(), "client key"),
        listen.join(", ")
    )
}

fn as_json(problem: &Problem) -> Value {
    let place = problem.origin.file();
    json!({
        "origin": problem.origin.to_string(),
        "file": place.map(|it| &*it.file),
        "line": place.map(|it| it.line),
        "column": place.map(|it| it.column),
        "what": problem.what,
        "remedy": problem.remedy,
        "docs": problem.docs,
    })
}
