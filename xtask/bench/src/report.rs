//! The figures beside their targets.

use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::plan::{BIG, PACED, STREAM, Sample, WHOLE};

/// All samples of a run.
pub(crate) struct Report {
    pub(crate) rounds: usize,
    pub(crate) samples: Vec<Sample>,
    pub(crate) idle: Option<Idle>,
}

/// The gateway without load.
pub(crate) struct Idle {
    /// Milliseconds from the process's start to the first 200 on `/readyz`.
    pub(crate) ready: f64,
    /// Resident MiB.
    pub(crate) resident: f64,
    /// Bytes of the binary.
    pub(crate) binary: u64,
}

/// The middle one; the mean of the two middle ones of an even count; NaN of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => f64::midpoint(values[count / 2 - 1], values[count / 2]),
        count => values[count / 2],
    }
}

impl Report {
    fn values(&self, scenario: &str, server: &str, of: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let wanted =
            self.samples.iter().filter(|it| it.scenario == scenario && it.server == server);
        wanted.map(of).collect()
    }

    /// Two servers compared within each round, then the median.
    fn compare(
        &self,
        scenario: &str,
        [one, other]: [&str; 2],
        of: impl Fn(&Sample) -> f64,
        with: impl Fn(f64, f64) -> f64,
    ) -> f64 {
        let pairs = (1..=self.rounds).filter_map(|round| {
            let find = |server| {
                let mut all = self.samples.iter();
                all.find(|it| it.round == round && it.scenario == scenario && it.server == server)
            };
            Some(with(of(find(one)?), of(find(other)?)))
        });
        median(pairs.collect())
    }

    fn targets(&self) -> Vec<Line> {
        let cpu = |scenario, servers| self.compare(scenario, servers, |it| it.cpu, |a, b| a / b);
        let pair = ["gateway", "bytepipe"];
        let added = self.compare(PACED, ["gateway", "direct"], |it| it.first, |a, b| a - b) / 1e3;
        let mut lines = vec![
            Line::new(
                "bytepipe ÷ nginx, CPU, stream",
                cpu(STREAM, ["bytepipe", "nginx"]),
                2.5,
                "×",
            ),
            Line::new("gateway ÷ bytepipe, CPU, stream", cpu(STREAM, pair), 2.3, "×"),
            Line::new("gateway ÷ bytepipe, CPU, whole", cpu(WHOLE, pair), 4.0, "×"),
            Line::new("gateway ÷ bytepipe, CPU, 1 MB", cpu(BIG, pair), f64::NAN, "×"),
            Line::new("added time to first token, C=1", added, 0.3, "ms"),
        ];
        if let Some(idle) = &self.idle {
            #[expect(clippy::cast_precision_loss, reason = "a binary has fewer than 2^52 bytes")]
            let size = idle.binary as f64 / 1e6;
            lines.push(Line::new("resident when idle", idle.resident, 15.0, "MiB"));
            lines.push(Line::new("start to readyz", idle.ready, 50.0, "ms"));
            lines.push(Line::new("release binary", size, 12.0, "MB"));
        }
        lines
    }

    /// Writes the table, and every sample as a line of JSON.
    pub(crate) fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("table.txt"), self.to_string())?;
        let mut lines = String::new();
        for it in &self.samples {
            let line = json!({
                "round": it.round, "scenario": it.scenario, "server": it.server,
                "cpu_ms": it.cpu, "first_p50_us": it.first, "per_second": it.rate,
            });
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        fs::write(folder.join("samples.jsonl"), lines)
    }
}

/// A figure and its target.
struct Line {
    name: &'static str,
    value: f64,
    target: f64,
    unit: &'static str,
}

impl Line {
    fn new(name: &'static str, value: f64, target: f64, unit: &'static str) -> Self {
        Self { name, value, target, unit }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, target, unit } = self;
        let mut figure = format!("{value:.2} {unit}");
        if value.is_nan() {
            figure = "not measured".into();
        }
        write!(f, "{name:<34}{figure:>14}")?;
        if target.is_nan() {
            return Ok(());
        }
        let verdict = match value.partial_cmp(target) {
            Some(order) if order.is_le() => "reached",
            Some(_) => "MISSED",
            None => "",
        };
        write!(f, "   ≤ {target} {unit:<5} {verdict}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = String::new();
        let head = ["CPU ms/request", "first p50 ms", "answers/s"];
        writeln!(
            table,
            "{:<26}{:<10}{:>16}{:>14}{:>11}",
            "load", "server", head[0], head[1], head[2]
        )?;
        for scenario in [STREAM, WHOLE, PACED, BIG] {
            for server in ["direct", "nginx", "bytepipe", "gateway"] {
                let cpu = median(self.values(scenario, server, |it| it.cpu));
                let first = median(self.values(scenario, server, |it| it.first)) / 1e3;
                let rate = median(self.values(scenario, server, |it| it.rate));
                if cpu.is_nan() {
                    writeln!(table, "{scenario:<26}{server:<10}    missing")?;
                } else {
                    writeln!(
                        table,
                        "{scenario:<26}{server:<10}{cpu:>16.3}{first:>14.2}{rate:>11.0}"
                    )?;
                }
            }
        }
        write!(f, "{table}\nmedian of {} rounds, ratios within a round\n", self.rounds)?;
        for line in self.targets() {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(round: usize, server: &'static str, cpu: f64) -> Sample {
        Sample { round, scenario: STREAM, server, cpu, first: 0.0, rate: 0.0 }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is ten times slower in round two; the ratio does not care.
        let samples = vec![
            sample(1, "gateway", 2.0),
            sample(1, "bytepipe", 1.0),
            sample(2, "gateway", 30.0),
            sample(2, "bytepipe", 10.0),
            sample(3, "gateway", 2.2),
            sample(3, "bytepipe", 1.0),
        ];
        let report = Report { rounds: 3, samples, idle: None };
        let line = report.targets().remove(1);
        assert!((line.value - 2.2).abs() < 1e-9);
        assert!(line.to_string().ends_with("reached"));
        assert!(report.to_string().contains("missing"));
    }

    #[test]
    fn a_missed_target_is_called_so() {
        assert!(Line::new("a", 2.31, 2.3, "×").to_string().ends_with("MISSED"));
        assert!(Line::new("a", f64::NAN, 2.3, "×").to_string().contains("not measured"));
    }

    #[test]
    fn the_median_of_an_even_count_is_between() {
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
