//! Who may read and change our files.

#[cfg(unix)]
use std::fs::{self, Permissions};
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;

use interlingua_registry::Snapshot;

use super::Check;

/// What must not be allowed to others, and how much it matters.
#[cfg(unix)]
struct Rule {
    path: PathBuf,
    id: &'static str,
    /// Bits that fail.
    never: u32,
    /// Bits that deserve a look.
    better_not: u32,
}

#[cfg(unix)]
const WRITE: u32 = 0o022;
#[cfg(unix)]
const ANY: u32 = 0o077;

/// Checks the configuration, the state, and files with keys; takes away what is too much if `mend`.
#[cfg(unix)]
pub(super) fn check(
    config: &Path,
    state: &Path,
    snapshot: Option<&Snapshot>,
    mend: bool,
) -> Vec<Check> {
    let rules = rules(config, state, snapshot);
    let mut checks: Vec<Check> = rules.iter().filter_map(|rule| apply(rule, mend)).collect();
    if checks.is_empty() {
        checks.push(Check::ok("modes", "nobody else reads or changes our files"));
    }
    checks
}

#[cfg(not(unix))]
pub(super) fn check(_: &Path, _: &Path, _: Option<&Snapshot>, _: bool) -> Vec<Check> {
    vec![Check::skip("modes", "this system has no file modes")]
}

#[cfg(unix)]
fn rules(config: &Path, state: &Path, snapshot: Option<&Snapshot>) -> Vec<Rule> {
    let rule = |path: &Path, id, never, better_not| {
        let path = path.to_owned();
        Rule { path, id, never, better_not }
    };
    let mut rules =
        vec![rule(config, "modes.config", WRITE, 0), rule(state, "modes.state", WRITE, ANY)];
    let own_keys = config.with_file_name("keys");
    rules.push(rule(&own_keys, "modes.keys", WRITE, ANY));
    for folder in [state, &own_keys] {
        let id = if folder == state { "modes.state" } else { "modes.keys" };
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        rules.extend(files.map(|file| rule(&file.path(), id, ANY, 0)));
    }
    let keys = snapshot.into_iter().flat_map(Snapshot::providers).flat_map(|it| &it.keys);
    // A key from a file is called by that file's name.
    let named = keys.filter_map(|key| key.name.strip_prefix("file ").map(Path::new));
    let named = named.filter(|path| !path.starts_with(&own_keys));
    rules.extend(named.map(|path| rule(path, "modes.keys", ANY, 0)));
    rules
}

/// Nothing if all is well, or if there is no such file.
#[cfg(unix)]
fn apply(rule: &Rule, mend: bool) -> Option<Check> {
    // A link has no mode of its own; what it leads to has.
    let mode = fs::metadata(&rule.path).ok()?.permissions().mode() & 0o7777;
    let excess = mode & (rule.never | rule.better_not);
    if excess == 0 {
        return None;
    }
    let path = rule.path.display();
    let right = mode & !excess;
    let evidence = format!("{path} has mode {mode:o}, others may {}", may(excess));
    if mend && fs::set_permissions(&rule.path, Permissions::from_mode(right)).is_ok() {
        return Some(Check::ok(rule.id, format!("{path} had mode {mode:o} and has {right:o} now")));
    }
    let check = match mode & rule.never {
        0 => Check::warn(rule.id, evidence),
        _ => Check::fail(rule.id, evidence),
    };
    Some(check.fix(format!("chmod {right:o} {path}")))
}

#[cfg(unix)]
fn may(excess: u32) -> &'static str {
    match (excess & 0o044 != 0, excess & 0o022 != 0) {
        (true, true) => "read and change it",
        (false, true) => "change it",
        (true, false) => "read it",
        (false, false) => "enter it",
    }
}
