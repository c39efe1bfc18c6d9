//! What a change does to a file, for a person to read.

use std::path::Path;

use interlingua_registry::edit::masked;
use similar::TextDiff;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// The difference between two texts of a configuration file, with its secrets hidden. Empty if they
/// are the same.
pub(crate) fn of(path: &Path, before: &str, after: &str) -> String {
    let name = path.display().to_string();
    let (old, new) = (hide(before), hide(after));
    if old == new && before != after {
        return format!("--- {name}\n+++ {name}\nonly what is hidden or invisible changes\n");
    }
    let diff = TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(CONTEXT).header(&name, &name).to_string()
}

/// A text that is no TOML may hold a secret anywhere, so nothing of it is shown.
fn hide(text: &str) -> String {
    masked(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let before = "a = 1\n[providers.x]\nheaders = { x-a = 'canary1' }\n";
        let shown = of(Path::new("f"), before, &before.replace("a = 1", "a = 2"));
        assert!(shown.starts_with("--- f\n+++ f\n@@ -1,3 +1,3 @@\n-a = 1\n+a = 2\n"), "{shown}");
        assert!(!shown.contains("canary") && shown.contains("(hidden)"), "{shown}");
        let shown = of(Path::new("f"), before, &before.replace("canary1", "canary2"));
        assert!(!shown.contains("canary") && shown.contains("only what is hidden"), "{shown}");
        assert_eq!(of(Path::new("f"), before, before), "");
    }
}
