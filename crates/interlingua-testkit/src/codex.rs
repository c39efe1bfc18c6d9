//! The real Codex, isolated.
//!
//! It gets an environment of its own: home, configuration, temporary folder and working folder lie in
//! one temporary place, nothing is inherited but `PATH`, no proxy is used.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

pub use crate::program::Missing;

use crate::process::{Ended, Process};
use crate::program::Program;

const PROGRAM: Program =
    Program { name: "Codex", variable: "CODEX_BIN", binary: "codex", package: "@openai/codex" };

/// Finds the binary: `CODEX_BIN`, else npm's under the workspace's root or under `target/e2e`.
///
/// # Errors
///
/// [`Missing`] says where it was looked for and how to get it.
pub fn find() -> Result<PathBuf, Missing> {
    PROGRAM.find()
}

/// A picture for scenarios with images: a red square of 16 × 16 pixels, as PNG.
pub const PICTURE: &[u8] = include_bytes!("../assets/red.png");

/// An MCP server for Codex to start with `python3`: its tool `echo` says the text again, `look` returns
/// the PNG that its first argument holds in base64.
pub fn mcp_server() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/echo_mcp_server.py")
}

/// An isolated Codex: a home that lives as long as this value, so threads can be resumed.
#[derive(Debug)]
pub struct Codex {
    binary: PathBuf,
    folder: TempDir,
    env: BTreeMap<String, String>,
    limit: Duration,
}

/// How one run ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The exit code; `None` when the time limit ended it, or a signal.
    pub code: Option<i32>,
    /// What it printed, one JSON object per line of `exec --json`. Other lines are left out.
    pub events: Vec<Value>,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Codex {
    /// An empty home with this `config.toml`.
    ///
    /// # Errors
    ///
    /// If the folders cannot be made.
    pub fn new(binary: &Path, config: &str) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("codex-").tempdir()?;
        for name in ["home", "cwd", "tmp"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let codex = Self {
            binary: fs::canonicalize(binary)?,
            folder,
            env: BTreeMap::new(),
            limit: Duration::from_mins(1),
        };
        codex.configure(config)?;
        Ok(codex)
    }

    /// Replaces `config.toml`.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn configure(&self, config: &str) -> io::Result<()> {
        fs::write(self.home().join("config.toml"), config)
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

    /// Its home: `CODEX_HOME` and `HOME`.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder it works in.
    pub fn cwd(&self) -> PathBuf {
        self.folder.path().join("cwd")
    }

    /// Runs a prompt: `exec --json` with full access.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn exec(&self, prompt: &str) -> io::Result<Run> {
        self.exec_with(&[], prompt)
    }

    /// Runs a prompt with more options, for example `["--image", "a.png"]`.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn exec_with(&self, options: &[&str], prompt: &str) -> io::Result<Run> {
        let mut arguments = vec!["exec", "--json", "--skip-git-repo-check"];
        arguments.extend(["-s", "danger-full-access"]);
        arguments.extend(options);
        // `--image` takes a list; the dashes end it.
        arguments.extend(["--", prompt]);
        self.run(&arguments)
    }

    /// Goes on with the last thread.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn resume(&self, prompt: &str) -> io::Result<Run> {
        let options =
            ["--json", "--skip-git-repo-check", "-c", "sandbox_mode=\"danger-full-access\""];
        self.run(&[&["exec", "resume", "--last"], &options[..], &["--", prompt]].concat())
    }

    /// Runs it with any arguments.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> io::Result<Run> {
        self.start(arguments)?.wait()
    }

    /// Starts it and comes back at once, for scenarios in which something happens meanwhile.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(&self, arguments: &[&str]) -> io::Result<Running> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.cwd()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home()).env("CODEX_HOME", self.home());
        command.env("TMPDIR", self.folder.path().join("tmp"));
        command.env("LANG", "C.UTF-8").env("NO_PROXY", "127.0.0.1,localhost");
        command.envs(&self.env);
        Ok(Running { process: Process::spawn(&mut command)?, limit: self.limit })
    }
}

/// A Codex at work.
#[derive(Debug)]
pub struct Running {
    process: Process,
    limit: Duration,
}

impl Running {
    /// Waits for its end, or ends it after the time limit.
    ///
    /// # Errors
    ///
    /// If the process cannot be waited for.
    pub fn wait(mut self) -> io::Result<Run> {
        let Ended { code, events, stdout, stderr } = self.process.end(self.limit)?;
        Ok(Run { code, events, stdout, stderr })
    }
}

impl Run {
    /// The finished items of a kind: `agent_message`, `command_execution`, `file_change`, `reasoning`,
    /// `mcp_tool_call`, `error` …
    pub fn items(&self, kind: &str) -> Vec<&Value> {
        let done = self.events.iter().filter(|it| it["type"] == "item.completed");
        done.map(|it| &it["item"]).filter(|it| it["type"] == kind).collect()
    }

    /// What the agent said.
    pub fn messages(&self) -> Vec<&str> {
        self.items("agent_message").into_iter().filter_map(|it| it["text"].as_str()).collect()
    }

    /// The errors it told, those of reconnecting included.
    pub fn errors(&self) -> Vec<&str> {
        let texts = self.events.iter().filter_map(|it| match it["type"].as_str()? {
            "error" => it["message"].as_str(),
            "turn.failed" => it["error"]["message"].as_str(),
            _ => None,
        });
        texts.collect()
    }

    /// Everything, for the message of a failed assertion.
    pub fn transcript(&self) -> String {
        format!("exit {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mcp_server_says_the_text_again() {
        let server = mcp_server();
        let ask = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}"#;
        let codex = Codex::new(Path::new("/bin/sh"), "").unwrap();
        let script = format!("echo '{ask}' | python3 {}", server.display());
        let run = codex.run(&["-c", &script]).unwrap();
        assert_eq!(
            run.events[0]["result"]["content"][0]["text"],
            "echo: hi",
            "{}",
            run.transcript()
        );
    }

    #[test]
    fn it_runs_in_a_place_of_its_own() {
        let codex = Codex::new(Path::new("/bin/sh"), "model = \"m\"\n").unwrap().env("MARK", "7");
        let script = "echo '{\"type\":\"x\"}'; echo \"$HOME $PWD $MARK ${CARGO:-none}\" >&2; \
                      cat \"$CODEX_HOME/config.toml\" > copy; exit 3";
        let run = codex.run(&["-c", script]).unwrap();
        assert_eq!(run.code, Some(3));
        assert_eq!(run.events[0]["type"], "x");
        let expected = format!("{} {} 7 none\n", codex.home().display(), codex.cwd().display());
        assert_eq!(run.stderr, expected);
        assert_eq!(fs::read_to_string(codex.cwd().join("copy")).unwrap(), "model = \"m\"\n");
    }

    #[test]
    fn a_run_that_does_not_end_is_ended_with_its_children() {
        let codex = Codex::new(Path::new("/bin/sh"), "").unwrap().limit(Duration::from_millis(200));
        let run = codex.run(&["-c", "echo said; sleep 60 & sleep 60"]).unwrap();
        assert_eq!(run.code, None);
        assert_eq!(run.stdout, "said\n");
    }
}
