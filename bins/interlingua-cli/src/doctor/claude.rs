//! Whether Claude Code comes to the gateway, and what may keep it away.

use std::path::PathBuf;

use interlingua_clients::claude::{Finding, Severity};
use interlingua_proxy::Loaded;

use super::Check;
use crate::claude::Inspected;
use crate::reach::{self, Answer};

/// Looks at Claude Code's folder. `loaded` is our own configuration, where it has been read.
pub(super) fn check(config: Option<PathBuf>, loaded: Option<&Loaded>) -> Vec<Check> {
    const ID: &str = "claude";
    let inspected = match Inspected::new(config, loaded) {
        Ok(inspected) => inspected,
        Err(error) => return vec![Check::fail("claude.json", error.to_string())],
    };
    let path = inspected.view.config().display().to_string();
    if inspected.view.text().is_none() {
        return vec![Check::skip(ID, format!("{path} is not there"))];
    }
    let Some(base_url) = &inspected.setup.base_url else {
        return vec![Check::skip(ID, format!("{path} does not ask the gateway"))];
    };
    let mut checks = Vec::new();
    if inspected.is_active {
        checks.push(Check::ok(ID, format!("{path} asks the gateway")));
        checks.extend(inspected.models.iter().map(model));
        checks.push(gateway(base_url));
    } else {
        checks.push(Check::skip(ID, format!("{path} asks somebody else")));
        // Whoever chose that is not to be told what to change.
        if inspected.view.applied().is_none() {
            return checks;
        }
    }
    checks.extend(inspected.findings.iter().map(finding));
    checks
}

fn model((variable, model, in_pool): &(&'static str, String, bool)) -> Check {
    const ID: &str = "claude.model";
    match in_pool {
        true => Check::ok(ID, format!("`{variable}`: the gateway has `{model}`")),
        false => Check::fail(ID, format!("`{variable}`: the gateway has no model `{model}`"))
            .fix("interlingua claude apply --model <slug>"),
    }
}

fn gateway(base_url: &str) -> Check {
    const ID: &str = "claude.gateway";
    let answer = reach::gateway(base_url);
    let evidence = format!("{base_url}: {answer}");
    match answer {
        Answer::Gateway => Check::ok(ID, evidence),
        Answer::Unknown => Check::skip(ID, evidence),
        Answer::Nothing => Check::warn(ID, evidence).fix("interlingua up"),
        Answer::Other => Check::fail(ID, evidence).fix("interlingua claude apply"),
    }
}

fn finding(finding: &Finding) -> Check {
    let Finding { id, severity, evidence, remedy } = finding;
    let check = match severity {
        Severity::Fail => Check::fail(*id, evidence),
        Severity::Warn => Check::warn(*id, evidence),
    };
    check.fix(remedy)
}
