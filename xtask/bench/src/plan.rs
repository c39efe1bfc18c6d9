//! Which server answers which load, in which order.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::lab::{Folder, Lab};
use crate::pair::{Pair, Provider};
use crate::report::{Idle, Report, median};
use crate::servers::Server;
use crate::targets;

mod bursts;
mod large;
mod streams;

pub(crate) use bursts::{FIRST, STREAM, WHOLE};
pub(crate) use large::LARGE;
pub(crate) use streams::{QUICK, SLOW};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// The gateway's release binary; without it only the relays are measured.
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// Rounds; every figure is the median over them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Everything once and short, to see that it works; only what is far off fails.
    #[arg(long)]
    smoke: bool,
    /// Only these pairs.
    #[arg(long, value_delimiter = ',')]
    pairs: Vec<Pair>,
    /// Only answers that come at once, and time to the first token.
    #[arg(long)]
    bursts: bool,
    /// Only a thousand slow streams at a time.
    #[arg(long)]
    streams: bool,
    /// Only large requests.
    #[arg(long)]
    large: bool,
    /// Also writes the table and the rounds' figures into this folder.
    #[arg(long)]
    save: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    allow_sockets()?;
    let folder = Folder::new()?;
    let lab = Lab {
        folder: folder.path().to_owned(),
        mock: Server::mock()?,
        // It is started in a folder of its own.
        binary: options.gateway.as_ref().map(|it| it.canonicalize()).transpose()?,
        pairs: if options.pairs.is_empty() { Pair::all() } else { options.pairs.clone() },
        rounds: if options.smoke { 1 } else { options.rounds.max(1) },
        smoke: options.smoke,
    };
    let mut report = Report::new(lab.rounds, &lab.pairs, lab.smoke);
    let build = lab.binary.as_deref().and_then(Path::parent).and_then(Path::file_name);
    report.build = build.map(|it| it.to_string_lossy().into_owned());
    let result = measure(&lab, options, &mut report);
    // What was measured before something went wrong is worth a look.
    println!("{report}");
    result?;
    if let Some(folder) = &options.save {
        report.save(folder)?;
    }
    let far = if options.smoke { targets::far_off(&report) } else { Vec::new() };
    if far.is_empty() { Ok(()) } else { Err(format!("far off: {}", far.join("; ")).into()) }
}

fn measure(lab: &Lab, options: &Options, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let every = !(options.bursts || options.streams || options.large);
    if every && let Some(binary) = &lab.binary {
        report.idle = Some(look_idle(binary, lab)?);
    }
    if every || options.bursts {
        bursts::measure(lab, report)?;
    }
    if every || options.large {
        large::measure(lab, report)?;
    }
    if every || options.streams {
        streams::measure(lab, report)?;
    }
    Ok(())
}

/// A thousand streams are two thousand sockets of a relay; the servers inherit what is allowed here.
fn allow_sockets() -> Result<(), Box<dyn Error>> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(())
}

/// What a gateway costs that has nothing to do; the median of some starts.
fn look_idle(binary: &Path, lab: &Lab) -> Result<Idle, Box<dyn Error>> {
    let (mut starts, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let server = Server::gateway(binary, &lab.folder, &lab.mock.address, &[Provider::Chat])?;
        starts.push(server.ready.unwrap_or_default().as_secs_f64() * 1e3);
        std::thread::sleep(std::time::Duration::from_millis(300));
        resident.push(f64::from(u32::try_from(server.process().resident()?)?) / 1024.0);
    }
    Ok(Idle {
        ready: median(starts),
        resident: median(resident),
        binary: fs::metadata(binary)?.len(),
    })
}
