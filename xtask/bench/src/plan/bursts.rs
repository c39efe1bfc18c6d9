//! Answers that come at once: processor time for each request, and the time to its first token.

use std::error::Error;
use std::time::Duration;

use crate::lab::{Lab, Load};
use crate::pace::Pace;
use crate::pair::Pair;
use crate::report::Report;
use crate::servers::{DIRECT, NGINX, Server};

/// A real first request plus nine tool round trips.
pub(super) const SMALL: usize = 63_000;

const BASE: Load = Load {
    name: "",
    size: SMALL,
    stream: true,
    pace: Pace::Burst,
    connections: 64,
    requests: 2_000,
    pause: Duration::ZERO,
    ramp: Duration::ZERO,
};

pub(crate) const STREAM: Load = Load { name: "stream, 63 KB, C=64", ..BASE };

pub(crate) const WHOLE: Load =
    Load { name: "whole, 63 KB, C=64", stream: false, requests: 6_000, ..BASE };

pub(crate) const FIRST: Load = Load {
    name: "stream, 63 KB, C=1 paced",
    pace: Pace::Start,
    connections: 1,
    requests: 60,
    pause: Duration::from_millis(2),
    ..BASE
};

/// How often the servers take turns in a round of [`FIRST`]: what they differ by is less than what a virtual
/// processor's speed changes within seconds.
const TURNS: usize = 5;

/// Before anything counts.
pub(super) const WARM: Load = Load { name: "warm", connections: 4, requests: 20, ..BASE };

pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let mut servers = vec![lab.bytepipe()?];
    servers.extend(lab.gateway()?);
    servers.extend(Server::nginx(&lab.folder, &lab.mock.address)?);
    for server in servers.iter().chain([&lab.mock]) {
        for pair in &lab.pairs {
            lab.fire(server, *pair, &WARM, 0)?;
            lab.fire(server, *pair, &Load { stream: false, ..WARM }, 0)?;
        }
    }
    for round in 1..=lab.rounds {
        eprintln!("bursts, round {round} of {}", lab.rounds);
        for (nth, pair) in lab.pairs.iter().enumerate() {
            measure_pair(lab, &mut servers, *pair, nth == 0, round, report)?;
        }
    }
    Ok(())
}

fn measure_pair(
    lab: &Lab,
    servers: &mut [Server],
    pair: Pair,
    is_first_pair: bool,
    round: usize,
    report: &mut Report,
) -> Result<(), Box<dyn Error>> {
    for (mut load, mut turns) in [(STREAM, 1), (WHOLE, 1), (FIRST, TURNS)] {
        if lab.smoke {
            load.requests /= 4;
            turns = 1;
        }
        for turn in 1..=turns {
            // A different server comes first each time, so that no one always has the warm machine.
            servers.rotate_left(1);
            let each = servers.iter().chain([&lab.mock]);
            for server in each.filter(|it| is_needed(it.name, &load, is_first_pair)) {
                report.add(lab.fire(server, pair, &load, (round - 1) * turns + turn)?);
            }
        }
    }
    Ok(())
}

/// The yardsticks that are the same for every pair are applied to one of them.
fn is_needed(server: &str, load: &Load, is_first_pair: bool) -> bool {
    match server {
        NGINX => is_first_pair,
        DIRECT => is_first_pair || load.name == FIRST.name,
        _ => true,
    }
}
