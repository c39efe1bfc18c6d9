//! Where a provider's key is. The key itself is never said.

use std::path::Path;

use clap::Args;
use interlingua_registry::KeySource;
use interlingua_registry::edit::{KeyDraft, looks_like_key};

use crate::failure::Failure;
use crate::output;

/// Where a provider's key is.
#[derive(Debug, Args)]
pub(super) struct KeyPlace {
    /// The variable that holds the key; several for several keys
    #[arg(long, value_name = "NAME")]
    key_env: Vec<String>,
    /// The file that holds the key and nothing else
    #[arg(long, value_name = "FILE")]
    key_file: Vec<String>,
    /// The program that prints the key, and its arguments
    #[arg(long, value_name = "WORD", num_args = 1..)]
    key_command: Vec<String>,
    /// It needs none
    #[arg(long, conflicts_with_all = ["key_env", "key_file", "key_command", "client_key"])]
    no_key: bool,
    /// Pass the key of each caller on
    #[arg(long, conflicts_with_all = ["key_env", "key_file", "key_command"])]
    client_key: bool,
    // Taken only to be refused with a reason: somebody will try.
    #[arg(long, alias = "api-key", hide = true)]
    key: Option<String>,
}

impl KeyPlace {
    /// Says where a variable that holds a key has to be set.
    pub(super) fn advise(&self) {
        if let Some(name) = self.key_env.first() {
            output::hint(&format!(
                "a gateway finds `{name}` only if it was started with it; start it again if it was not"
            ));
        }
    }

    /// The place, if one is said.
    ///
    /// # Errors
    ///
    /// What is said is a key, or no place. It is not repeated.
    pub(super) fn draft(&self) -> Result<Option<KeyDraft>, Failure> {
        let said = self.key_env.iter().chain(&self.key_file).chain(&self.key_command);
        if self.key.is_some() || said.into_iter().any(|word| looks_like_key(word)) {
            return Err(no_key_here());
        }
        if self.client_key {
            return Ok(Some(KeyDraft::Client));
        }
        let mut sources = Vec::new();
        for name in &self.key_env {
            if !is_variable(name) {
                let what = "`--key-env` wants the name of a variable, such as `MY_API_KEY`";
                return Err(Failure::argument(what));
            }
            sources.push(KeySource::Env(name.clone()));
        }
        for path in &self.key_file {
            sources.push(KeySource::File(absolute(path)?));
        }
        if !self.key_command.is_empty() {
            sources.push(KeySource::Command(self.key_command.clone()));
        }
        Ok((self.no_key || !sources.is_empty()).then_some(KeyDraft::Kept(sources)))
    }
}

/// The gateway may be started elsewhere, so a path has to be whole.
fn absolute(path: &str) -> Result<String, Failure> {
    if path.starts_with("~/") {
        return Ok(path.to_owned());
    }
    let absolute = std::path::absolute(path).map_err(|it| Failure::file(Path::new(path), &it))?;
    match absolute.into_os_string().into_string() {
        Ok(path) => Ok(path),
        Err(_) => Err(Failure::argument("the key file's path is not Unicode, as TOML wants it")),
    }
}

fn is_variable(name: &str) -> bool {
    let first = |c: u8| c.is_ascii_alphabetic() || c == b'_';
    name.bytes().next().is_some_and(first) && name.bytes().all(|c| first(c) || c.is_ascii_digit())
}

fn no_key_here() -> Failure {
    Failure::argument(
        "a key is never an argument: every program on this machine can read it there, and the shell \
         keeps it; put it into a variable, a file or a password store and name that with \
         `--key-env`, `--key-file` or `--key-command`",
    )
}
