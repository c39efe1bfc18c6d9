use crate::scenarios::Scenario;

pub(crate) const CASES: &[(&str, fn())] = &[];
pub(crate) fn all() -> Vec<Scenario> {
    Vec::new()
}
