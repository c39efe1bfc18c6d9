//! Which server answers which load, in which order.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::report::{Idle, Report};
use crate::request;
use crate::servers::Server;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// The gateway's release binary; without it only the relays are measured.
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Rounds; every figure is the median over them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// One short round, to see that everything works.
    #[arg(long)]
    smoke: bool,
    /// Also writes the table and the rounds' figures into this folder.
    #[arg(long)]
    save: Option<PathBuf>,
}

/// One kind of load.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    body: usize,
    stream: bool,
    connections: usize,
    requests: usize,
    /// Between an answer and the next request; the first delta of such an answer comes alone.
    pause: Duration,
}

/// A real first request plus nine tool round trips.
const SMALL: usize = 63_000;
/// A long session.
const LARGE: usize = 1_040_000;

pub(crate) const STREAM: &str = "stream, 63 KB, C=64";
pub(crate) const WHOLE: &str = "whole, 63 KB, C=64";
pub(crate) const PACED: &str = "stream, 63 KB, C=1 paced";
pub(crate) const BIG: &str = "stream, 1 MB, C=4";

const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: STREAM,
        body: SMALL,
        stream: true,
        connections: 64,
        requests: 3_000,
        pause: Duration::ZERO,
    },
    Scenario {
        name: WHOLE,
        body: SMALL,
        stream: false,
        connections: 64,
        requests: 8_000,
        pause: Duration::ZERO,
    },
    Scenario {
        name: PACED,
        body: SMALL,
        stream: true,
        connections: 1,
        requests: 300,
        pause: Duration::from_millis(2),
    },
    Scenario {
        name: BIG,
        body: LARGE,
        stream: true,
        connections: 4,
        requests: 300,
        pause: Duration::ZERO,
    },
];

/// What one server did in one scenario of one round.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) scenario: &'static str,
    pub(crate) server: &'static str,
    /// Processor milliseconds of the server's process for each request.
    pub(crate) cpu: f64,
    /// Microseconds to the first word of the answer, half of the requests were faster.
    pub(crate) first: f64,
    /// Answers in a second.
    pub(crate) rate: f64,
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("interlingua-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = measure(options, &folder);
    fs::remove_dir_all(&folder)?;
    let report = result?;
    println!("{report}");
    if let Some(folder) = &options.save {
        report.save(folder)?;
    }
    Ok(())
}

fn measure(options: &Options, folder: &Path) -> Result<Report, Box<dyn Error>> {
    let rounds = if options.smoke { 1 } else { options.rounds.max(1) };
    let mock = Server::mock()?;
    let mut servers = vec![Server::bytepipe(&mock.address)?];
    servers.extend(Server::nginx(folder, &mock.address)?);
    let mut idle = None;
    if let Some(binary) = &options.gateway {
        idle = Some(look_idle(binary, folder, &mock.address)?);
        servers.push(Server::gateway(binary, folder, &mock.address)?);
    }
    servers.push(mock);

    let mut samples = Vec::new();
    for server in &servers {
        for scenario in SCENARIOS {
            one(server, &Scenario { requests: 20, ..scenario }, folder, 0)?;
        }
    }
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for mut scenario in SCENARIOS {
            if options.smoke {
                scenario.requests /= 10;
            }
            // A different server comes first each time, so that no one always has the warm machine.
            servers.rotate_left(1);
            for server in &servers {
                samples.push(one(server, &scenario, folder, round)?);
            }
        }
    }
    Ok(Report { rounds, samples, idle })
}

/// Runs one load against one server.
fn one(
    server: &Server,
    scenario: &Scenario,
    folder: &Path,
    round: usize,
) -> Result<Sample, Box<dyn Error>> {
    let (size, stream, paced) = (scenario.body, scenario.stream, !scenario.pause.is_zero());
    let body = folder.join(format!("{size}-{stream}-{paced}.json"));
    if !body.exists() {
        fs::write(&body, request::body(size, stream, paced))?;
    }
    let (path, expect) = match (server.name, scenario.stream) {
        ("gateway", true) => ("/v1/responses", "responses-stream"),
        ("gateway", false) => ("/v1/responses", "responses-whole"),
        (_, true) => ("/v1/chat/completions", "chat-stream"),
        (_, false) => ("/v1/chat/completions", "chat-whole"),
    };
    let before = server.cpu()?;
    let output = Command::new(std::env::current_exe()?)
        .args(["load", "--address", &server.address, "--path", path, "--expect", expect])
        .args(["--connections", &scenario.connections.to_string()])
        .args(["--requests", &scenario.requests.to_string()])
        .args(["--pause", &scenario.pause.as_micros().to_string()])
        .arg("--body")
        .arg(&body)
        .output()?;
    let cpu = server.cpu()?.saturating_sub(before);
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the load generator failed ({error}): {said}"))?;
    let answers = report["answers"].as_u64().unwrap_or_default();
    if report["errors"] != 0 || answers != scenario.requests as u64 {
        let (server, scenario, errors) = (server.name, scenario.name, &report["errors"]);
        let first = &report["error"];
        return Err(
            format!("{server}, {scenario}: {errors} wrong answers; the first: {first}").into()
        );
    }
    let number = |field: &str| report[field].as_f64().unwrap_or(f64::NAN);
    let requests = f64::from(u32::try_from(answers)?);
    Ok(Sample {
        round,
        scenario: scenario.name,
        server: server.name,
        cpu: cpu.as_secs_f64() * 1e3 / requests,
        first: number("first_p50_us"),
        rate: requests / number("seconds"),
    })
}

/// What a gateway costs that has nothing to do; the median of some starts.
fn look_idle(binary: &Path, folder: &Path, upstream: &str) -> Result<Idle, Box<dyn Error>> {
    let (mut starts, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let server = Server::gateway(binary, folder, upstream)?;
        starts.push(server.ready.unwrap_or_default().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(300));
        resident.push(f64::from(u32::try_from(server.resident()?)?) / 1024.0);
    }
    Ok(Idle {
        ready: crate::report::median(starts),
        resident: crate::report::median(resident),
        binary: fs::metadata(binary)?.len(),
    })
}
