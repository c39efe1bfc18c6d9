//! The official SDKs: scripts that use them, and print one JSON line for each check.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

pub use crate::program::Missing;

use crate::fixtures;
use crate::process::{Ended, Process};

/// A language that the SDKs are written for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Language {
    /// `openai` and `anthropic`, in the environment `target/e2e/venv`.
    Python,
    /// `openai` and `@anthropic-ai/sdk`, in `target/e2e/node_modules`.
    Node,
}

/// What a script found out.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The exit code; `None` when the time limit ended it, or a signal.
    pub code: Option<i32>,
    /// One object for each check: `check`, `ok`, and what else the script tells.
    pub checks: Vec<Value>,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Language {
    /// The interpreter.
    ///
    /// # Errors
    ///
    /// [`Missing`] says where it was looked for and how to get it.
    pub fn find(self) -> Result<PathBuf, Missing> {
        let place = match self {
            Self::Python => "target/e2e/venv/bin/python",
            Self::Node => "target/e2e/node_modules/.bin/node",
        };
        let place = fixtures::workspace().join(place);
        if place.is_file() {
            return Ok(place);
        }
        let (what, hint) = ("the SDKs".to_owned(), "`cargo xtask e2e` fetches them".to_owned());
        Err(Missing { what, hint, places: vec![place] })
    }

    /// Runs a script with the variables `BASE_URL` (without `/v1`), `MODEL` and `API_KEY`, and these
    /// arguments.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn run(
        self,
        script: &Path,
        root: &str,
        model: &str,
        key: &str,
        arguments: &[&str],
    ) -> io::Result<Checked> {
        let interpreter = self.find().map_err(io::Error::other)?;
        let mut command = Command::new(interpreter);
        command.arg(script).args(arguments).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("BASE_URL", root).env("MODEL", model).env("API_KEY", key);
        command.env("SDK_DIR", fixtures::workspace().join("target/e2e"));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("LANG", "C.UTF-8");
        let mut process = Process::spawn(&mut command)?;
        let Ended { code, events, stdout, stderr } = process.end(LIMIT)?;
        Ok(Checked { code, checks: events, stdout, stderr })
    }
}

/// How long one script may take.
const LIMIT: Duration = Duration::from_mins(2);

impl Checked {
    /// The names of the checks that passed.
    pub fn passed(&self) -> Vec<&str> {
        let passed = self.checks.iter().filter(|it| it["ok"] == true);
        passed.filter_map(|it| it["check"].as_str()).collect()
    }

    /// The checks that failed, with their reasons.
    pub fn failed(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|it| it["ok"] != true);
        failed.map(ToString::to_string).collect()
    }

    /// Everything, for the message of a failed assertion.
    pub fn transcript(&self) -> String {
        format!("exit {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}
