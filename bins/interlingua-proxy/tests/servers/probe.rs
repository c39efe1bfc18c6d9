//! `interlingua probe` asks the server as somebody does who knows nothing about it, and a gateway that knows
//! no more than the record that follows works with it.

use std::fs;
use std::io;
use std::process::Command;

use interlingua_testkit::gateway::Setup;
use interlingua_testkit::upstream::Wire;

use crate::checks::{Came, says_something};
use crate::{Bench, PROXY};

/// How long the questions may take together, in seconds.
const PATIENCE: &str = "600";

/// Shows what was found out.
pub(crate) fn probe(bench: &Bench) -> Came {
    let cli = bench.cli.as_ref().ok_or("say where `interlingua` is: run `cargo xtask servers`")?;
    let told = |error: io::Error| error.to_string();
    let config = |dialect| bench.foreign.config(dialect, bench.tap.address());
    let mut gateway = Setup::new(PROXY.as_ref(), &config("generic")).start().map_err(told)?;
    let mut command = Command::new("timeout");
    command.arg(PATIENCE).arg(cli).args(["probe", "up", "--model", bench.foreign.model, "--write"]);
    command.arg("--config").arg(gateway.config());
    // Of the user's own settings nothing counts here.
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("INTERLINGUA_HOME", gateway.home());
    let ran = command.output().map_err(|it| format!("{command:?}: {it}"))?;
    let table = String::from_utf8_lossy(&ran.stdout);
    if !ran.status.success() {
        let log = String::from_utf8_lossy(&ran.stderr);
        return Err(format!("{command:?}: {}\n{table}{log}", ran.status));
    }
    let record = gateway.config().with_file_name("dialects.d/up.toml");
    let (dialect, toml) = match fs::read_to_string(record) {
        Ok(toml) => ("up", toml),
        Err(error) if error.kind() == io::ErrorKind::NotFound => ("generic", String::new()),
        Err(error) => return Err(told(error)),
    };
    let found = |what: &str| format!("as `{dialect}`: {what}\n{table}\n{toml}");
    fs::write(gateway.config(), config(dialect)).map_err(told)?;
    gateway.kill().map_err(told)?;
    gateway.start().map_err(|it| found(&it.to_string()))?;
    let came = says_something(&gateway, bench.foreign.model, Wire::Chat, true);
    came.map(|it| found(&it)).map_err(|it| found(&it))
}
