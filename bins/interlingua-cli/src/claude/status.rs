//! `interlingua claude status`

use clap::Args;
use interlingua_clients::claude::{Finding, OwnedKey, Severity, overruled};
use interlingua_registry::Environment;
use serde_json::{Value, json};

use super::inspected::Inspected;
use crate::failure::Failure;
use crate::read::Read;
use crate::{foreign, output, reach};

/// Say what is set up, what has become of it, and what keeps it from working.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    read: Read,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let inspected = Inspected::new(options.read.config.clone(), None)?;
    let Inspected { view, setup, models, findings, .. } = &inspected;
    let gateway = setup.base_url.as_deref().map(|url| (url, reach::gateway(url)));
    let overruled = overruled(view.text().unwrap_or_default(), &Environment::of_process());
    let path = view.config().display().to_string();
    if options.read.json {
        let models = models.iter().map(|(name, model, in_pool)| {
            json!({ "variable": name, "model": model, "in_pool": in_pool })
        });
        return output::print_json(&json!({
            "schema": "interlingua.claude/1",
            "settings": path,
            "exists": view.text().is_some(),
            "applied": view.applied().is_some(),
            "active": inspected.is_active,
            "keys": foreign::keys_json(&setup.keys),
            "models": models.collect::<Vec<_>>(),
            "base_url": setup.base_url,
            "gateway": gateway.as_ref().map(|(_, answer)| answer.word()),
            "overruled": overruled.iter().map(|key| key.name()).collect::<Vec<_>>(),
            "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
        }));
    }
    let row = |name: &str, what: String| [name.to_owned(), what];
    let mut rows =
        vec![row("settings", path), row("set up", foreign::set_up(inspected.is_active, view))];
    rows.extend(foreign::key_rows(&setup.keys));
    for (name, model, in_pool) in models {
        let has =
            if *in_pool { "which the gateway has" } else { "which the gateway does not have" };
        rows.push(row("model", format!("{name}: {model}, {has}")));
    }
    if let Some((url, answer)) = gateway {
        rows.push(row("gateway", format!("{url}: {answer}")));
    }
    for name in overruled.into_iter().map(OwnedKey::name) {
        rows.push(row("shell", format!("{name} is set here, too; the settings beat it")));
    }
    output::print(&output::columns(&rows))?;
    for Finding { severity, evidence, remedy, .. } in findings {
        output::print(&format!("{}: {evidence}\n  {remedy}\n", word(*severity)))?;
    }
    Ok(())
}

fn finding_json(finding: &Finding) -> Value {
    let Finding { id, severity, evidence, remedy } = finding;
    json!({ "id": id, "severity": word(*severity), "evidence": evidence, "remedy": remedy })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fail => "fail",
        Severity::Warn => "warn",
    }
}
