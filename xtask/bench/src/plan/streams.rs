//! A thousand streams at a time, at the speed of models: memory for each, gaps, processor time.

use std::error::Error;
use std::time::Duration;

use super::bursts::{SMALL, WARM};
use crate::lab::{Lab, Load};
use crate::pace::Pace;
use crate::pair::Pair;
use crate::report::{Report, Sample};
use crate::servers::{DIRECT, Server};

/// All of them are open from the end of the ramp to the end of the first: three of five seconds.
pub(crate) const SLOW: Load = Load {
    name: "1,000 streams, 5 deltas/s",
    size: SMALL,
    stream: true,
    pace: Pace::Slow,
    connections: 1_000,
    requests: 1_000,
    pause: Duration::ZERO,
    ramp: Duration::from_secs(1),
};

pub(crate) const QUICK: Load =
    Load { name: "1,000 streams, 50 deltas/s", pace: Pace::Quick, ..SLOW };

/// One pair that translates and the lanes; what a stream costs at this speed is the sockets' work.
const PAIRS: [&str; 4] = ["responses-chat", "chat-book", "messages-messages", "messages-chat"];

/// A server is started for each sample, so that memory which it keeps from before hides nothing.
pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let is_streamed = |it: &&Pair| PAIRS.contains(&it.to_string().as_str());
    for round in 1..=lab.rounds {
        for pair in lab.pairs.iter().filter(is_streamed) {
            eprintln!("streams, {pair}, round {round} of {}", lab.rounds);
            for mut load in [SLOW, QUICK] {
                if lab.smoke {
                    (load.connections, load.requests) = (100, 100);
                }
                let mut servers = vec![lab.bytepipe()?];
                servers.extend(lab.gateway()?);
                servers.rotate_left(round % 2);
                for server in servers.iter().chain([&lab.mock]) {
                    report.add(one(lab, server, *pair, &load, round)?);
                }
            }
        }
    }
    Ok(())
}

fn one(
    lab: &Lab,
    server: &Server,
    pair: Pair,
    load: &Load,
    round: usize,
) -> Result<Sample, Box<dyn Error>> {
    lab.fire(server, pair, &WARM, 0)?;
    let before = server.process().resident()?;
    let mut sample = lab.fire(server, pair, load, round)?;
    if server.name == DIRECT {
        // It holds its requests for nobody, so its memory is no yardstick.
        return Ok(sample);
    }
    let each = |kib: u64| -> Result<f64, Box<dyn Error>> {
        let grown = u32::try_from(kib.saturating_sub(before))?;
        Ok(f64::from(grown) / f64::from(u32::try_from(load.connections)?))
    };
    let mut seen = std::mem::take(&mut sample.resident);
    seen.sort_unstable();
    let most = seen.last().copied().unwrap_or_default();
    let usual = seen.get(seen.len() / 2).copied().unwrap_or_default();
    sample.put("kib_per_stream", each(most)?);
    sample.put("kib_usual", each(usual)?);
    Ok(sample)
}
