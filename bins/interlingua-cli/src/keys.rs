//! `interlingua keys`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use interlingua_proxy::{Start, load};
use interlingua_registry::{EditError, KeyId, edit_add, edit_remove, files, generate};
use serde_json::json;

use crate::failure::Failure;
use crate::read::Read;
use crate::{output, paths};

/// Make, list and revoke the keys of clients.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key and print it, this once
    Add(One),
    /// List whose keys are taken
    List(Read),
    /// Take a key back
    Revoke(One),
}

/// One key, and the file that it is in.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Whose key it is; also the name under which its caller is logged
    id: KeyId,
    /// The configuration file to change instead of the usual one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Add(one) => add(one),
        Command::List(options) => list(options),
        Command::Revoke(one) => revoke(one),
    }
}

fn add(one: &One) -> Result<(), Failure> {
    let path = one.path()?;
    let text = files::read(&path).map_err(|it| Failure::file(&path, &it))?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    let (key, hash) = generate(random);
    let edited = edit_add(&text, &one.id, &hash).map_err(failure)?;
    files::write(&path, &edited).map_err(|it| Failure::file(&path, &it))?;
    output::print(&format!("{}\n", key.expose()))?;
    output::hint(&format!(
        "this is the only time the key is shown; {} holds its hash",
        path.display()
    ));
    output::hint("a running gateway asks every caller for a key from now on");
    Ok(())
}

fn revoke(one: &One) -> Result<(), Failure> {
    let path = one.path()?;
    let text = files::read(&path).map_err(|it| Failure::file(&path, &it))?;
    let edited = edit_remove(&text, &one.id).map_err(failure)?;
    files::write(&path, &edited).map_err(|it| Failure::file(&path, &it))?;
    output::say(&format!("revoked `{}` in {}", one.id, path.display()));
    // Without its last key a listener that others reach is refused, and then nothing has changed for them.
    let loaded =
        load(&Start { config: one.config.clone(), ..Start::default() }).map_err(|error| {
            let hint = "a running gateway goes on as before and takes the key until this is mended";
            Failure::from(error).hint(hint)
        })?;
    output::hint("a running gateway takes the key no more");
    if loaded.snapshot.client_keys().is_open() {
        output::hint("no client key is left: whoever reaches the gateway may use it");
    }
    Ok(())
}

fn list(options: &Read) -> Result<(), Failure> {
    let loaded = options.load()?;
    let keys = loaded.snapshot.client_keys();
    if options.json {
        let keys: Vec<_> = keys.iter().map(|key| json!({ "id": key.id.as_str() })).collect();
        return output::print_json(&json!({ "schema": "interlingua.keys/1", "keys": keys }));
    }
    if keys.is_open() {
        output::say("no client key is configured: whoever reaches the gateway may use it");
    }
    keys.iter().try_for_each(|key| output::print(&format!("{}\n", key.id)))
}

impl One {
    fn path(&self) -> Result<PathBuf, Failure> {
        match &self.config {
            Some(path) => Ok(path.clone()),
            None => Ok(paths::find()?.config),
        }
    }
}

fn failure(error: EditError) -> Failure {
    match error {
        EditError::Taken(_) | EditError::Unknown(_) => Failure::argument(error),
        EditError::Toml(ref why) => Failure::config(format!("{error}: {why}")),
        error => Failure::config(error),
    }
}
