//! The real opencode, isolated.
//!
//! It gets an environment of its own: its four folders and the working folder lie in one temporary
//! place, nothing is inherited but `PATH`, and nothing is fetched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

pub use crate::program::Missing;

use crate::process::{Ended, Process};
use crate::program::Program;
use crate::upstream::Wire;

const PROGRAM: Program = Program {
    name: "opencode",
    variable: "OPENCODE_BIN",
    binary: "opencode",
    package: "opencode-ai",
};

/// What it would fetch.
const QUIET: [&str; 5] = [
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_SHARE",
];

/// Finds the binary: `OPENCODE_BIN`, else npm's under the workspace's root or under `target/e2e`.
///
/// # Errors
///
/// [`Missing`] says where it was looked for and how to get it.
pub fn find() -> Result<PathBuf, Missing> {
    PROGRAM.find()
}

/// An isolated opencode: its folders live as long as this value, so sessions can be continued.
#[derive(Debug)]
pub struct Opencode {
    binary: PathBuf,
    folder: TempDir,
    limit: Duration,
}

/// How one run ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The exit code; `None` when the time limit ended it, or a signal.
    pub code: Option<i32>,
    /// What it printed, one JSON object per line.
    pub events: Vec<Value>,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr, its log included.
    pub stderr: String,
}

impl Opencode {
    /// One that asks the server at `base_url`, an address with `/v1`, for `model`, over the protocol
    /// that the package for this flavour speaks.
    ///
    /// # Errors
    ///
    /// If the folders cannot be made.
    pub fn new(
        binary: &Path,
        flavour: Wire,
        base_url: &str,
        key: &str,
        model: &str,
    ) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("opencode-").tempdir()?;
        for name in ["home", "config", "data", "cache", "state", "cwd", "tmp"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let opencode =
            Self { binary: fs::canonicalize(binary)?, folder, limit: Duration::from_mins(1) };
        let config = config(flavour, base_url, key, model);
        fs::write(opencode.cwd().join("opencode.json"), config.to_string())?;
        Ok(opencode)
    }

    /// How long one run may take; a minute unless set.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The folder it works in.
    pub fn cwd(&self) -> PathBuf {
        self.folder.path().join("cwd")
    }

    /// Runs a prompt.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn ask(&self, prompt: &str) -> io::Result<Run> {
        self.ask_with(prompt, &[])
    }

    /// Goes on with the last session.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn go_on(&self, prompt: &str) -> io::Result<Run> {
        self.ask_with(prompt, &["--continue"])
    }

    /// Runs a prompt with more options behind it, for example `["-f", "a.png"]`.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn ask_with(&self, prompt: &str, options: &[&str]) -> io::Result<Run> {
        let place = |name| self.folder.path().join(name);
        let mut command = Command::new(&self.binary);
        command.args(["run", "--print-logs", "--format", "json", prompt]).args(options);
        command.current_dir(self.cwd()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", place("home")).env("TMPDIR", place("tmp"));
        command.env("XDG_CONFIG_HOME", place("config")).env("XDG_DATA_HOME", place("data"));
        command.env("XDG_CACHE_HOME", place("cache")).env("XDG_STATE_HOME", place("state"));
        command.env("LANG", "C.UTF-8").env("TERM", "dumb").env("NO_PROXY", "127.0.0.1,localhost");
        command.envs(QUIET.map(|name| (name, "1")));
        let mut process = Process::spawn(&mut command)?;
        let Ended { code, events, stdout, stderr } = process.end(self.limit)?;
        Ok(Run { code, events, stdout, stderr })
    }
}

fn config(flavour: Wire, base_url: &str, key: &str, model: &str) -> Value {
    let package = match flavour {
        Wire::Chat => "@ai-sdk/openai-compatible",
        Wire::Responses => "@ai-sdk/openai",
        Wire::Messages => "@ai-sdk/anthropic",
    };
    let entry = json!({
        "name": "A model", "reasoning": true, "tool_call": true, "attachment": true,
        "modalities": { "input": ["text", "image"], "output": ["text"] },
        "limit": { "context": 100_000, "output": 16_000 },
    });
    let provider = json!({
        "npm": package, "name": "The gateway",
        "options": { "baseURL": base_url, "apiKey": key },
        "models": { model: entry },
    });
    json!({
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": false,
        "share": "disabled",
        "permission": { "*": "allow" },
        "model": format!("gw/{model}"),
        "small_model": format!("gw/{model}"),
        "provider": { "gw": provider },
    })
}

impl Run {
    /// What the agent said.
    pub fn said(&self) -> Vec<&str> {
        let texts = self.events.iter().filter(|it| it["type"] == "text");
        texts.filter_map(|it| it["part"]["text"].as_str()).collect()
    }

    /// The errors it told, as JSON.
    pub fn errors(&self) -> Vec<String> {
        let errors = self.events.iter().filter(|it| it["type"] == "error");
        errors.map(|it| it["error"].to_string()).collect()
    }

    /// The calls that it ran.
    pub fn calls(&self) -> Vec<&Value> {
        self.events.iter().filter(|it| it["type"] == "tool_use").map(|it| &it["part"]).collect()
    }

    /// Everything, for the message of a failed assertion.
    pub fn transcript(&self) -> String {
        format!("exit {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}
