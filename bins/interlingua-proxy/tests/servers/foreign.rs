//! The servers: how they are started, and how what they do differs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

/// A server that nobody here wrote.
pub(crate) struct Foreign {
    pub(crate) name: &'static str,
    /// Its record.
    pub(crate) dialect: &'static str,
    pub(crate) command: fn(&Path, SocketAddr) -> Command,
    /// What answers 200 once it is ready, and how long that may take.
    pub(crate) ready: &'static str,
    pub(crate) limit: Duration,
    /// A model that talks, and one that calls a tool when it has to.
    pub(crate) model: &'static str,
    pub(crate) caller: &'static str,
    /// Whether the server makes the model call the tool that is named, and write what a schema says.
    pub(crate) forces: bool,
    /// What becomes of a model that is not there, and of a prompt that does not fit.
    pub(crate) unknown: Fate,
    pub(crate) overlong: Fate,
    /// A field that the server refuses, and what becomes of the request.
    pub(crate) refused: fn() -> (&'static str, Value),
    pub(crate) refusal: Fate,
}

/// What a client is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// An answer of the model.
    Answered,
    /// An error of this class, by its name among the records' classes.
    Refused(&'static str),
}

impl Foreign {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|it| it.name == name)
    }

    /// The configuration of a gateway that knows the server by a record.
    pub(crate) fn config(&self, dialect: &str, address: SocketAddr) -> String {
        let mut models = vec![self.model, self.caller, UNKNOWN];
        models.dedup();
        let models = models.iter().map(|id| {
            format!("[[providers.up.models]]\nid = \"{id}\"\ncontext_window = {CONTEXT}\n")
        });
        let models = models.collect::<String>();
        format!(
            "[providers.up]\nbase_url = \"http://{address}/v1\"\ndialect = \"{dialect}\"\n{models}"
        )
    }
}

/// A model that no server has.
pub(crate) const UNKNOWN: &str = "no-such-model";

/// The window of the tiny model, in tokens; `model.py` has the same.
pub(crate) const CONTEXT: usize = 4096;

static ALL: [Foreign; 2] = [
    Foreign {
        name: "llamacpp",
        dialect: "llamacpp",
        command: |folder, address| {
            let mut command = Command::new(folder.join("build/bin/llama-server"));
            command.arg("--model").arg(folder.join("tiny.gguf")).args(["--alias", "tiny"]);
            command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
            // One at a time, and always the same: what is recorded is what the next run says, too.
            command.args(["--parallel", "1", "--threads", "1", "--seed", "1", "--no-warmup"]);
            // Of a tiny model's words none is so likely that the others may be left out.
            command.args(["--min-p", "0", "--top-p", "1", "--top-k", "0"]);
            command.args(["--ctx-size", &CONTEXT.to_string(), "--jinja"]);
            command.env("LD_LIBRARY_PATH", folder.join("build/bin"));
            command
        },
        ready: "/health",
        limit: Duration::from_secs(60),
        model: "tiny",
        caller: "tiny",
        forces: true,
        unknown: Fate::Answered,
        overlong: Fate::Refused("context_length"),
        refused: || ("top_logprobs", json!(2)),
        refusal: Fate::Refused("bad_param"),
    },
    Foreign {
        name: "transformers",
        dialect: "transformers",
        command: |folder, address| {
            // By the interpreter: a script knows where it was made, and folders are moved.
            let mut command = Command::new(folder.join("venv/bin/python"));
            command.arg(folder.join("venv/bin/transformers")).args(["serve", "--device", "cpu"]);
            command.args(["--host", "127.0.0.1", "--port", &address.port().to_string()]);
            command.args(["--default-seed", "7"]);
            // A model's name is its folder; nothing is fetched.
            command.current_dir(folder).env("HF_HUB_OFFLINE", "1").env("OMP_NUM_THREADS", "1");
            command
        },
        ready: "/health",
        // It loads a whole machine-learning framework first.
        limit: Duration::from_secs(180),
        model: "tiny",
        caller: "caller",
        forces: false,
        unknown: Fate::Refused("upstream_error"),
        overlong: Fate::Answered,
        refused: || ("top_k", json!(5)),
        refusal: Fate::Answered,
    },
];
