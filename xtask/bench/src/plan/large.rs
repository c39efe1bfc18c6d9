//! Requests of a long session: processor time, and how much memory they take on their way.

use std::error::Error;
use std::time::Duration;

use super::bursts::WARM;
use crate::lab::{Lab, Load};
use crate::pace::Pace;
use crate::pair::Wire;
use crate::report::Report;

pub(crate) const LARGE: Load = Load {
    name: "stream, 1 MB, C=4",
    size: 1_040_000,
    stream: true,
    pace: Pace::Burst,
    connections: 4,
    requests: 300,
    pause: Duration::ZERO,
    ramp: Duration::ZERO,
};

/// A server is started for each sample, so that memory which it keeps from before hides nothing.
pub(super) fn measure(lab: &Lab, report: &mut Report) -> Result<(), Box<dyn Error>> {
    for round in 1..=lab.rounds {
        eprintln!("large requests, round {round} of {}", lab.rounds);
        for pair in lab.pairs.iter().filter(|it| it.client == Wire::Responses) {
            let mut servers = vec![lab.bytepipe()?];
            servers.extend(lab.gateway()?);
            servers.rotate_left(round % 2);
            for server in &servers {
                let load = Load { requests: if lab.smoke { 100 } else { LARGE.requests }, ..LARGE };
                lab.fire(server, *pair, &WARM, 0)?;
                let process = server.process();
                process.forget_peak()?;
                let before = process.resident()?;
                let mut sample = lab.fire(server, *pair, &load, round)?;
                let growth = process.peak()?.saturating_sub(before) * 1024;
                let bodies = load.connections * load.size;
                sample.put("memory_per_byte", ratio(growth, bodies as u64));
                report.add(sample);
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}
