//! Runs the binary in a home of its own, with no variable that was not asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A key that must never be seen in any output.
pub(crate) const CANARY: &str = "sk-canary-5f1d";

/// The binary.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_interlingua");

/// A home for one test.
pub(crate) struct Home {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: BTreeMap::new() }
    }

    /// With a configuration.
    pub(crate) fn with(config: &str) -> Self {
        let home = Self::empty();
        fs::write(home.config(), config).unwrap();
        home
    }

    /// And with a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("config.toml")
    }

    /// The text of the configuration.
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    /// The binary, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).env_clear();
        command.env("INTERLINGUA_HOME", self.path()).envs(&self.variables);
        command
    }

    /// Runs the binary to its end. Wherever the canary is set, it is looked for in what is said.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!format!("{ran:?}").contains(CANARY), "a secret was told: {ran:?}");
        ran
    }
}

impl Ran {
    /// Its stdout, if it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Its stderr, if it ended with `code` and without a result.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        self.stderr
    }

    /// Its stdout as JSON of a schema.
    #[track_caller]
    pub(crate) fn json(&self, schema: &str) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        let value: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(value["schema"], schema);
        value
    }
}
