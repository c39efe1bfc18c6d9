//! `interlingua codex status`

use clap::Args;
use interlingua_codex_integration::{Finding, Severity};
use serde_json::{Value, json};

use super::inspected::Inspected;
use crate::failure::Failure;
use crate::read::Read;
use crate::{foreign, output, reach};

/// Say what is set up, and what has become of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    read: Read,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let Inspected { view, setup, in_pool, catalogs, findings, .. } =
        Inspected::new(options.read.config.clone(), None)?;
    let gateway = setup.base_url.as_deref().map(|url| (url, reach::gateway(url)));
    let config = view.config().display().to_string();
    if options.read.json {
        return output::print_json(&json!({
            "schema": "interlingua.codex/1",
            "config": config,
            "exists": view.text().is_some(),
            "applied": view.applied().is_some(),
            "active": setup.is_active,
            "keys": foreign::keys_json(&setup.keys),
            "model": setup.model,
            "model_in_pool": in_pool,
            "base_url": setup.base_url,
            "gateway": gateway.as_ref().map(|(_, answer)| answer.word()),
            "catalog_file": catalogs.first(),
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
        }));
    }
    let row = |name: &str, what: String| [name.to_owned(), what];
    let mut rows =
        vec![row("config", config), row("set up", foreign::set_up(setup.is_active, &view))];
    rows.extend(foreign::key_rows(&setup.keys));
    rows.push(row(
        "model",
        match (&setup.model, in_pool) {
            (Some(model), Some(true)) => format!("{model}, which the gateway has"),
            (Some(model), _) => format!("{model}, which the gateway does not have"),
            (None, _) => "none is named; Codex takes the first".to_owned(),
        },
    ));
    if let Some((url, answer)) = gateway {
        rows.push(row("gateway", format!("{url}: {answer}")));
    }
    output::print(&output::columns(&rows))?;
    for Finding { severity, line, evidence, remedy, .. } in &findings {
        let severity = word(*severity);
        let line = line.map_or(String::new(), |line| format!("line {line}: "));
        output::print(&format!("{severity}: {line}{evidence}\n  {remedy}\n"))?;
    }
    Ok(())
}

fn finding_json(finding: &Finding) -> Value {
    let Finding { id, severity, line, evidence, remedy } = finding;
    json!({
        "id": id, "severity": word(*severity), "line": line, "evidence": evidence, "remedy": remedy,
    })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fail => "fail",
        Severity::Warn => "warn",
    }
}
