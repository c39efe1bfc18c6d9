//! Whether the configuration can be used.

use interlingua_proxy::{Loaded, StartError};
use interlingua_registry::Problem;

use super::{Check, State};
use crate::output::count;

const ID: &str = "config";

/// One check for each problem and each warning, or one that all is well.
pub(super) fn check(loaded: &Result<Loaded, StartError>) -> Vec<Check> {
    match loaded {
        Ok(loaded) => {
            let warnings = loaded.snapshot.warnings();
            if warnings.is_empty() {
                let providers = loaded.snapshot.providers().iter().filter(|it| !it.is_demo());
                return vec![Check::ok(ID, count(providers.count(), "provider"))];
            }
            warnings.iter().map(|warning| of(warning, State::Warn)).collect()
        }
        Err(StartError::Config(problems)) => {
            problems.iter().map(|problem| of(problem, State::Fail)).collect()
        }
        Err(error) => vec![Check::fail(ID, error.to_string())],
    }
}

fn of(problem: &Problem, state: State) -> Check {
    let check = Check::new(ID, state, format!("{}: {}", problem.origin, problem.what));
    Check { fix: problem.remedy.clone(), ..check }
}
