//! `interlingua status`

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use interlingua_proxy::{Start, load};
use serde_json::{Value, json};

use crate::codex::ENV_KEY;
use crate::failure::Failure;
use crate::local::{self, NoStatus};
use crate::{output, store};

/// Show what the running gateway does, and what it could not keep in step.
///
/// Exit code 69 if no gateway runs, 1 if it does not use what stands in the files or could not keep
/// something in step.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the gateway listens, if not at the configured address
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A configuration file, laid over the usual ones
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let (config, listen) = (options.config.clone(), options.listen.clone());
    let address = match load(&Start { config, listen, preset: None }) {
        Ok(loaded) => local::address(&loaded.snapshot),
        // A file that is wrong is the very thing to ask a gateway about.
        Err(error) => match options.listen.as_deref().unwrap_or("127.0.0.1:8787").parse() {
            Ok(address) => Some(address),
            Err(_) => return Err(error.into()),
        },
    };
    let address = address.ok_or_else(|| {
        Failure::argument("the gateway chooses its port when it starts; say where with `--listen`")
    })?;
    let status = local::status(&address).map_err(|why| match why {
        NoStatus::Silent(error) => Failure::unavailable(format!(
            "no gateway at {address}: {error}; `interlingua up` starts one"
        )),
        NoStatus::WantsKey => {
            Failure::argument(format!("the gateway wants a client key; set `{ENV_KEY}` to one"))
        }
        NoStatus::Other => Failure::unavailable(format!("what answers at {address} is no gateway")),
    })?;
    if options.json {
        let mut status = status.clone();
        status["address"] = json!(address.to_string());
        output::print_json(&status)?;
    } else {
        output::print(&text(&status, &address.to_string()))?;
    }
    if is_in_step(&status) { Ok(()) } else { Err(Failure::silent()) }
}

fn is_in_step(status: &Value) -> bool {
    status["configuration"]["refused"].is_null()
        && status["failures"].as_array().is_none_or(Vec::is_empty)
}

fn text(status: &Value, address: &str) -> String {
    let configuration = &status["configuration"];
    let pool = if status["catalog"]["pool"] == true { "on" } else { "off" };
    let mut rows = vec![
        ["gateway".to_owned(), format!("{} at http://{address}", word(&status["version"]))],
        [
            "configuration".to_owned(),
            format!("number {}, {}", configuration["number"], ago(&configuration["since"])),
        ],
        ["models".to_owned(), format!("{}, the pool is {pool}", status["models"])],
    ];
    for provider in status["providers"].as_array().into_iter().flatten() {
        let state = match provider["why"].as_str() {
            Some(why) => format!("not usable: {why}"),
            None => {
                let known = provider["models"].as_u64().and_then(|it| usize::try_from(it).ok());
                format!("ready, {} known", output::count(known.unwrap_or_default(), "model"))
            }
        };
        rows.push([format!("provider {}", word(&provider["id"])), state]);
    }
    rows.extend(store::rows(status));
    let away = store::away(status).map(|it| {
        let seconds = it.as_secs();
        format!("\nthe store has been away for {seconds} s; the gateway goes on with what it remembers itself\n")
    });
    let refused = configuration["refused"]["why"].as_str().map(|why| {
        let since = ago(&configuration["refused"]["at"]);
        format!("\nNOT in force ({since}); the gateway goes on with the one before:\n{why}\n")
    });
    let failures = status["failures"].as_array().into_iter().flatten().map(|failure| {
        let (what, why) = (word(&failure["what"]), word(&failure["why"]));
        format!("\nfailed: {what} ({}): {why}\n", ago(&failure["at"]))
    });
    [output::columns(&rows)].into_iter().chain(away).chain(refused).chain(failures).collect()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn ago(at: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
    match now.saturating_sub(at.as_u64().unwrap_or(now)) {
        0..60 => "just now".to_owned(),
        60..120 => "a minute ago".to_owned(),
        seconds @ 120..7_200 => format!("{} minutes ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} hours ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}
