//! One load against one server.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::pace::Pace;
use crate::pair::{Pair, Provider};
use crate::report::Sample;
use crate::request::{self, Request};
use crate::servers::{GATEWAY, Server};

/// One kind of load.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// Bytes of a request, about.
    pub(crate) size: usize,
    pub(crate) stream: bool,
    pub(crate) pace: Pace,
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    /// Between an answer and the next request.
    pub(crate) pause: Duration,
    /// From the first request to the last connection's first request.
    pub(crate) ramp: Duration,
}

/// What is there to measure with.
pub(crate) struct Lab {
    pub(crate) folder: PathBuf,
    pub(crate) mock: Server,
    /// The gateway's binary; without it only relays are measured.
    pub(crate) binary: Option<PathBuf>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) rounds: usize,
    pub(crate) smoke: bool,
}

impl Lab {
    /// A gateway that was just started, with the providers of all pairs.
    pub(crate) fn gateway(&self) -> Result<Option<Server>, String> {
        let Some(binary) = &self.binary else { return Ok(None) };
        let mut providers: Vec<Provider> = Vec::new();
        for pair in &self.pairs {
            if !providers.contains(&pair.provider) {
                providers.push(pair.provider);
            }
        }
        Server::gateway(binary, &self.folder, &self.mock.address, &providers).map(Some)
    }

    pub(crate) fn bytepipe(&self) -> Result<Server, String> {
        Server::bytepipe(&self.mock.address)
    }

    /// Lets a server answer a load. Relays get the client's request for the upstream's path, and so carry
    /// what the gateway carries: the client's bytes up, the upstream's bytes down.
    ///
    /// # Errors
    ///
    /// If a single answer is wrong.
    pub(crate) fn fire(
        &self,
        server: &Server,
        pair: Pair,
        load: &Load,
        round: usize,
    ) -> Result<Sample, Box<dyn Error>> {
        let is_gateway = server.name == GATEWAY;
        let (path, answer, expect) = match is_gateway {
            true if pair.is_lane() => (request::path(pair.client), pair.client, "lane"),
            true => (request::path(pair.client), pair.client, "meaning"),
            false => (pair.provider.wire().path().to_owned(), pair.provider.wire(), "same"),
        };
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["load", "--address", &server.address, "--path", &path]);
        command.args(["--client", pair.client.name(), "--answer", answer.name()]);
        command.args(["--expect", expect, "--deltas", &load.pace.deltas().to_string()]);
        command.args(["--connections", &load.connections.to_string()]);
        command.args(["--requests", &load.requests.to_string()]);
        command.args(["--pause", &load.pause.as_micros().to_string()]);
        command.args(["--ramp", &load.ramp.as_millis().to_string()]);
        command.arg("--body").arg(self.body(pair, load)?);
        if !load.stream {
            command.arg("--whole");
        }
        let watch = load.pace.gap().is_some();
        if watch {
            command.arg("--watch");
        }

        let process = server.process();
        let before = process.cpu()?;
        let (said, resident) = run(&mut command, || watch.then(|| process.resident()))?;
        let cpu = process.cpu()?.saturating_sub(before);
        let answers = said["answers"].as_u64().unwrap_or_default();
        if said["errors"] != 0 || answers != load.requests as u64 {
            let (server, load) = (server.name, load.name);
            let (errors, first) = (&said["errors"], &said["error"]);
            let what = format!("{pair}, {load}, {server}: {errors} wrong answers; the first:");
            return Err(format!("{what} {first}").into());
        }
        let requests = f64::from(u32::try_from(answers)?);
        let mut sample = Sample::new(round, load.name, pair, server.name);
        sample.put("cpu_ms", cpu.as_secs_f64() * 1e3 / requests);
        sample.put("first_p50_ms", number(&said["first_p50_us"]) / 1e3);
        if watch {
            for gap in ["p50", "p99", "max"] {
                let micros = number(&said[format!("gap_{gap}_us")]);
                sample.put(&format!("gap_{gap}_ms"), micros / 1e3);
            }
            sample.resident = resident;
        } else {
            sample.put("per_second", requests / number(&said["seconds"]));
        }
        Ok(sample)
    }

    fn body(&self, pair: Pair, load: &Load) -> std::io::Result<PathBuf> {
        let Load { size, stream, pace, .. } = *load;
        let file = self.folder.join(format!("{pair}-{size}-{stream}-{}.json", pace.name()));
        if !file.exists() {
            fs::write(&file, Request { pair, size, stream, pace }.body())?;
        }
        Ok(file)
    }
}

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a load generator, looks at something meanwhile, and gives what it said and what was seen.
fn run(
    command: &mut Command,
    mut look: impl FnMut() -> Option<Result<u64, String>>,
) -> Result<(Value, Vec<u64>), Box<dyn Error>> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut seen = Vec::new();
    // Its report is a line and fits into the pipe.
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Some(value) = look() {
            seen.push(value?);
        }
        std::thread::sleep(LOOK);
    };
    let (mut said, mut complaint) = (String::new(), String::new());
    child.stdout.take().ok_or("no stdout")?.read_to_string(&mut said)?;
    child.stderr.take().ok_or("no stderr")?.read_to_string(&mut complaint)?;
    let report = serde_json::from_str(&said)
        .map_err(|error| format!("the load generator failed ({error}), {status}: {complaint}"))?;
    Ok((report, seen))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// A folder that goes when this is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("interlingua-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        drop(fs::remove_dir_all(&self.0));
    }
}
