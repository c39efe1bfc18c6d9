use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// How much to say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verbosity {
    /// How often more was asked for.
    pub more: u8,
    /// Whether only failures are to be told.
    pub quiet: bool,
}

/// Sends the log to stderr: for people on a terminal, else one JSON object per line.
///
/// `INTERLINGUA_LOG`, or `RUST_LOG` in its absence, says more exactly what is wanted.
pub fn init(verbosity: Verbosity) {
    let default = match verbosity {
        Verbosity { quiet: true, .. } => "error",
        Verbosity { more: 0, .. } => "warn,interlingua=info",
        Verbosity { more: 1, .. } => {
            "info,interlingua=debug,interlingua_gateway=debug,interlingua_upstream=debug"
        }
        Verbosity { .. } => "debug,interlingua=trace",
    };
    let asked = std::env::var("INTERLINGUA_LOG").or_else(|_| std::env::var("RUST_LOG"));
    let filter =
        asked.ok().and_then(|it| it.parse().ok()).unwrap_or_else(|| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start in one process, as in tests, keeps the first log.
    let result = if io::stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).with_ansi(false).try_init()
    };
    drop(result);
}
