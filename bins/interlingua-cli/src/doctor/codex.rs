//! Whether Codex comes to the gateway, and what may keep it away.

use std::path::PathBuf;

use interlingua_codex_integration::{Finding, HELPER_NAMES, Severity};
use interlingua_proxy::Loaded;
use interlingua_registry::Snapshot;

use super::Check;
use crate::codex::Inspected;
use crate::reach::{self, Answer};

/// Looks at Codex's home. `loaded` is our own configuration, where it has been read.
pub(crate) fn check(config: Option<PathBuf>, loaded: Option<&Loaded>) -> Vec<Check> {
    let inspected = match Inspected::new(config, loaded) {
        Ok(inspected) => inspected,
        Err(error) => return vec![Check::fail("codex.config", error.to_string())],
    };
    let path = inspected.view.config().display().to_string();
    if inspected.view.text().is_none() {
        return vec![Check::skip("codex", format!("{path} is not there"))];
    }
    if !inspected.setup.is_active {
        let mut checks = vec![Check::skip("codex", format!("{path} does not ask the gateway"))];
        // Who does not use us may still wonder what another tool has left.
        checks
            .extend(inspected.findings.iter().filter(|it| it.id != "codex.provider").map(finding));
        return checks;
    }
    let mut checks = vec![Check::ok("codex", format!("{path} asks the gateway"))];
    checks.push(model(&inspected));
    checks.extend(inspected.setup.base_url.as_deref().map(gateway));
    checks.push(helpers(&inspected.loaded.snapshot, inspected.view.text().unwrap_or_default()));
    checks.extend(inspected.findings.iter().map(finding));
    checks
}

fn finding(finding: &Finding) -> Check {
    let Finding { id, severity, line, evidence, remedy } = finding;
    let evidence = match line {
        Some(line) => format!("line {line}: {evidence}"),
        None => evidence.clone(),
    };
    let check = match severity {
        Severity::Fail => Check::fail(*id, evidence),
        Severity::Warn => Check::warn(*id, evidence),
    };
    check.fix(remedy)
}

fn model(inspected: &Inspected) -> Check {
    const ID: &str = "codex.model";
    match (&inspected.setup.model, inspected.in_pool) {
        (Some(model), Some(true)) => Check::ok(ID, format!("the gateway has `{model}`")),
        (Some(model), _) => {
            let check = Check::fail(ID, format!("the gateway has no model `{model}`"));
            check.fix("interlingua codex apply --model <slug>")
        }
        (None, _) => Check::ok(ID, "none is named; Codex takes the first of the catalog"),
    }
}

fn gateway(base_url: &str) -> Check {
    const ID: &str = "codex.gateway";
    let answer = reach::gateway(base_url);
    let evidence = format!("{base_url}: {answer}");
    match answer {
        Answer::Gateway => Check::ok(ID, evidence),
        Answer::Unknown => Check::skip(ID, evidence),
        // Codex waits for ever for a port that nobody holds.
        Answer::Nothing => Check::warn(ID, evidence).fix("interlingua up"),
        Answer::Other => Check::fail(ID, evidence).fix("interlingua codex apply"),
    }
}

/// Whether the names are answered that Codex asks for by itself, whatever model the user has chosen.
fn helpers(snapshot: &Snapshot, config: &str) -> Check {
    const ID: &str = "codex.helpers";
    let missing = HELPER_NAMES.iter().filter(|(name, _)| snapshot.route(Some(name)).is_err());
    let missing: Vec<_> = missing.collect();
    let Some((first, _)) = missing.first() else {
        return Check::ok(ID, "the names that Codex asks for by itself are answered");
    };
    let named: Vec<_> = missing.iter().map(|(name, what)| format!("`{name}` ({what})")).collect();
    let evidence =
        format!("nobody answers for {}, which Codex asks for by itself", named.join(", "));
    let slug = snapshot.suggested_slug().unwrap_or_else(|| "<slug>".to_owned());
    let fix = format!("interlingua aliases set {first} {slug}");
    match wants_helpers(config) {
        true => Check::warn(ID, evidence).fix(fix),
        false => Check::ok(ID, format!("{HELPER_FEATURE} are off, so no alias is needed")),
    }
}

/// What makes Codex ask for a model of its own choice.
const HELPER_FEATURE: &str = "memories";

fn wants_helpers(config: &str) -> bool {
    let config: Option<toml_edit::DocumentMut> = config.trim_start_matches('\u{feff}').parse().ok();
    let feature = config.as_ref().and_then(|it| it.get("features")?.get(HELPER_FEATURE)?.as_bool());
    feature == Some(true)
}
