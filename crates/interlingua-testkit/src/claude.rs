//! The real Claude Code, isolated.
//!
//! It gets an environment of its own: home, settings and working folder lie in one temporary place,
//! nothing is inherited but `PATH`, and what it would send besides its model's requests is switched off.

use std::collections::BTreeMap;
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

const PROGRAM: Program = Program {
    name: "Claude Code",
    variable: "CLAUDE_BIN",
    binary: "claude",
    package: "@anthropic-ai/claude-code",
};

/// What it would do besides asking its model.
const QUIET: [&str; 4] = [
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "DISABLE_AUTOUPDATER",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_TELEMETRY",
];

/// Finds the binary: `CLAUDE_BIN`, else npm's under the workspace's root or under `target/e2e`.
///
/// # Errors
///
/// [`Missing`] says where it was looked for and how to get it.
pub fn find() -> Result<PathBuf, Missing> {
    PROGRAM.find()
}

/// An isolated Claude Code: a home that lives as long as this value, so sessions can be continued.
#[derive(Debug)]
pub struct Claude {
    binary: PathBuf,
    folder: TempDir,
    model: String,
    env: BTreeMap<String, String>,
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
    /// All of stderr.
    pub stderr: String,
}

impl Claude {
    /// One that asks the server at `root`, an address without `/v1`, for `model`.
    ///
    /// # Errors
    ///
    /// If the folders cannot be made.
    pub fn new(binary: &Path, root: &str, key: &str, model: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("claude-").tempdir()?;
        for name in ["home", "settings", "cwd", "tmp"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let mut env: BTreeMap<_, _> =
            QUIET.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect();
        let retries = "CLAUDE_CODE_MAX_RETRIES";
        let own = [("ANTHROPIC_BASE_URL", root), ("ANTHROPIC_AUTH_TOKEN", key), (retries, "2")];
        env.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let limit = Duration::from_mins(1);
        Ok(Self { binary: fs::canonicalize(binary)?, folder, model: model.into(), env, limit })
    }

    /// Adds a variable to its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
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

    /// Its settings: `CLAUDE_CONFIG_DIR`.
    pub fn settings(&self) -> PathBuf {
        self.folder.path().join("settings")
    }

    /// Runs a prompt; only the tools that are named may be used.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn ask(&self, prompt: &str, tools: &[&str]) -> io::Result<Run> {
        self.ask_with(&[], prompt, tools)
    }

    /// Goes on with the last session.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn go_on(&self, prompt: &str, tools: &[&str]) -> io::Result<Run> {
        self.ask_with(&["--continue"], prompt, tools)
    }

    /// Runs a prompt with more options.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn ask_with(&self, options: &[&str], prompt: &str, tools: &[&str]) -> io::Result<Run> {
        let mut arguments = vec!["-p", prompt];
        arguments.extend(OUTPUT);
        arguments.extend(options);
        if !tools.is_empty() {
            arguments.push("--allowedTools");
            arguments.extend(tools);
        }
        self.run(&arguments, None)
    }

    /// Runs a prompt that the user typed with a PNG beside it.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn ask_with_picture(&self, prompt: &str, png: &str) -> io::Result<Run> {
        let arguments = [&["-p", "--input-format", "stream-json"], &OUTPUT[..]].concat();
        self.run(&arguments, Some(typed(prompt, png).into_bytes()))
    }

    /// Runs it with any arguments.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn run(&self, arguments: &[&str], input: Option<Vec<u8>>) -> io::Result<Run> {
        let place = |name| self.folder.path().join(name);
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(["--model", &self.model]);
        command.current_dir(self.cwd()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", place("home")).env("CLAUDE_CONFIG_DIR", self.settings());
        command.env("TMPDIR", place("tmp")).env("LANG", "C.UTF-8").env("TERM", "dumb");
        command.env("NO_PROXY", "127.0.0.1,localhost").envs(&self.env);
        let mut process = Process::spawn_with(&mut command, input)?;
        let Ended { code, events, stdout, stderr } = process.end(self.limit)?;
        Ok(Run { code, events, stdout, stderr })
    }
}

const OUTPUT: [&str; 3] = ["--output-format", "stream-json", "--verbose"];

/// What a user types, with a picture (base64), as a line of its input.
fn typed(prompt: &str, png: &str) -> String {
    let source = json!({ "type": "base64", "media_type": "image/png", "data": png });
    let content = json!([
        { "type": "text", "text": prompt },
        { "type": "image", "source": source },
    ]);
    let line = json!({ "type": "user", "message": { "role": "user", "content": content } });
    format!("{line}\n")
}

impl Run {
    /// The last line, which sums the run up.
    pub fn result(&self) -> &Value {
        let result = self.events.iter().rfind(|it| it["type"] == "result");
        result.unwrap_or(&Value::Null)
    }

    /// What it says in the end, if it succeeded.
    pub fn said(&self) -> Option<&str> {
        let result = self.result();
        result["result"].as_str().filter(|_| result["is_error"] == false)
    }

    /// What it says of its failure, and the status that made it fail.
    pub fn failure(&self) -> Option<(&str, Option<u64>)> {
        let result = self.result();
        let text = result["result"].as_str().filter(|_| result["is_error"] == true)?;
        Some((text, result["api_error_status"].as_u64()))
    }

    /// The blocks of a kind in what the model said: `thinking`, `text`, `tool_use`.
    pub fn blocks(&self, kind: &str) -> Vec<&Value> {
        self.content("assistant").filter(|block| block["type"] == kind).collect()
    }

    /// What the tools answered.
    pub fn results(&self) -> Vec<&Value> {
        self.content("user").filter(|block| block["type"] == "tool_result").collect()
    }

    fn content(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let events = self.events.iter().filter(move |it| it["type"] == kind);
        events.flat_map(|it| it["message"]["content"].as_array().into_iter().flatten())
    }

    /// Whether it replaced its history by a summary.
    pub fn has_compacted(&self) -> bool {
        self.events.iter().any(|it| it["subtype"] == "compact_boundary")
    }

    /// Everything, for the message of a failed assertion.
    pub fn transcript(&self) -> String {
        format!("exit {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell that stands in for it: `-p` means nothing to it, and the prompt names its script.
    fn stand_in(script: &str) -> Run {
        let claude = Claude::new(Path::new("/bin/sh"), "http://127.0.0.1:1", "k", "m").unwrap();
        fs::write(claude.cwd().join("prompt"), format!("cd {}\n{script}\n", place(&claude)))
            .unwrap();
        claude.ask("./prompt", &["Read"]).unwrap()
    }

    fn place(claude: &Claude) -> String {
        claude.folder.path().display().to_string()
    }

    #[test]
    fn it_runs_in_a_place_of_its_own() {
        let run = stand_in(
            "echo \"${HOME#$PWD} ${CLAUDE_CONFIG_DIR#$PWD} $ANTHROPIC_BASE_URL ${CARGO:-none} $*\" >&2; \
             exit 3",
        );
        assert_eq!(run.code, Some(3));
        let expected = "/home /settings http://127.0.0.1:1 none --output-format stream-json \
                        --verbose --allowedTools Read --model m\n";
        assert_eq!(run.stderr, expected);
    }

    #[test]
    fn success_and_failure_are_told_apart() {
        let run = stand_in(r#"echo '{"type":"result","is_error":false,"result":"Done."}'"#);
        assert_eq!((run.said(), run.failure()), (Some("Done."), None));
        let line = r#"{"type":"result","is_error":true,"api_error_status":403,"result":"No."}"#;
        let run = stand_in(&format!("echo '{line}'"));
        assert_eq!((run.said(), run.failure()), (None, Some(("No.", Some(403)))));
    }

    #[test]
    fn a_picture_is_typed_as_one_line() {
        let line = typed("look\nhere", "AA==");
        assert_eq!(line.lines().count(), 1);
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"]["content"][1]["source"]["data"], "AA==");
    }
}
