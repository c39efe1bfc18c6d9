//! Where the real clients are.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::fixtures;

/// A client that npm brings.
pub(crate) struct Program {
    /// What people call it.
    pub(crate) name: &'static str,
    /// The variable that names another binary.
    pub(crate) variable: &'static str,
    /// The binary's name.
    pub(crate) binary: &'static str,
    /// The package that holds it.
    pub(crate) package: &'static str,
}

impl Program {
    /// The binary that the variable names, else npm's under the workspace's root or under `target/e2e`.
    pub(crate) fn find(&self) -> Result<PathBuf, Missing> {
        self.find_from(std::env::var_os(self.variable), fixtures::workspace())
    }

    fn find_from(&self, variable: Option<OsString>, root: &Path) -> Result<PathBuf, Missing> {
        let places = match variable {
            Some(path) => vec![PathBuf::from(path)],
            None => ["node_modules/.bin", "target/e2e/node_modules/.bin"]
                .map(|place| root.join(place).join(self.binary))
                .to_vec(),
        };
        let found = places.iter().find(|it| it.is_file()).cloned();
        found.ok_or_else(|| Missing {
            what: format!("the real {}", self.name),
            hint: format!(
                "`npm i --prefix target/e2e {}`, or set {} to a {} binary",
                self.package, self.variable, self.binary
            ),
            places,
        })
    }
}

/// There is no such client on this machine.
#[derive(Debug)]
pub struct Missing {
    pub(crate) what: String,
    pub(crate) places: Vec<PathBuf>,
    pub(crate) hint: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is missing; looked for ", self.what)?;
        for (index, place) in self.places.iter().enumerate() {
            write!(f, "{}`{}`", if index == 0 { "" } else { " and " }, place.display())?;
        }
        write!(f, "\nhint: {}", self.hint)
    }
}

impl std::error::Error for Missing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_client_names_the_remedy() {
        let program =
            Program { name: "Any", variable: "ANY_BIN", binary: "any", package: "@some/any" };
        let missing = program.find_from(None, Path::new("/nowhere")).unwrap_err().to_string();
        assert!(missing.contains("npm i --prefix target/e2e @some/any"), "{missing}");
        assert!(missing.contains("/nowhere/node_modules/.bin/any"), "{missing}");
        let missing = program.find_from(Some("/x/any".into()), Path::new("/nowhere")).unwrap_err();
        assert!(missing.to_string().contains("`/x/any`"));
    }
}
