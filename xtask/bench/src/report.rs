//! The figures of a run.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::pair::Pair;
use crate::targets;

/// What one server did under one load of one round.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// What was measured side by side has the same number; from 1 for each load.
    pub(crate) round: usize,
    pub(crate) load: &'static str,
    pub(crate) pair: Pair,
    pub(crate) server: &'static str,
    /// In the order in which the table shows them.
    figures: Vec<(String, f64)>,
    /// Resident KiB of the server, looked at while it worked.
    pub(crate) resident: Vec<u64>,
}

impl Sample {
    pub(crate) fn new(round: usize, load: &'static str, pair: Pair, server: &'static str) -> Self {
        Self { round, load, pair, server, figures: Vec::new(), resident: Vec::new() }
    }

    pub(crate) fn put(&mut self, name: &str, value: f64) {
        self.figures.push((name.to_owned(), value));
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    fn is_of(&self, load: &str, pair: Pair, server: &str) -> bool {
        (self.load, self.pair, self.server) == (load, pair, server)
    }
}

/// All samples of a run.
pub(crate) struct Report {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) idle: Option<Idle>,
    /// Which build of the gateway it is: the folder of its binary.
    pub(crate) build: Option<String>,
    rounds: usize,
    /// Only a part of the requests and streams that the loads' names say.
    smoke: bool,
    samples: Vec<Sample>,
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

impl Report {
    pub(crate) fn new(rounds: usize, pairs: &[Pair], smoke: bool) -> Self {
        Self { pairs: pairs.to_vec(), idle: None, build: None, rounds, smoke, samples: Vec::new() }
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// A figure's median over the rounds; NaN where it was not measured.
    pub(crate) fn middle(&self, load: &str, pair: Pair, server: &str, figure: &str) -> f64 {
        let samples = self.samples.iter().filter(|it| it.is_of(load, pair, server));
        median(samples.filter_map(|it| it.get(figure)).collect())
    }

    /// Two servers compared where they were measured side by side, then the median.
    pub(crate) fn compare(
        &self,
        load: &str,
        pair: Pair,
        [one, other]: [&str; 2],
        figure: &str,
        with: impl Fn(f64, f64) -> f64,
    ) -> f64 {
        let samples = |server| self.samples.iter().filter(move |it| it.is_of(load, pair, server));
        let rounds = samples(one).filter_map(|it| {
            let beside = samples(other).find(|beside| beside.round == it.round)?;
            Some(with(it.get(figure)?, beside.get(figure)?))
        });
        median(rounds.collect())
    }

    /// Writes the table, and every sample as a line of JSON.
    pub(crate) fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("table.txt"), format!("{self}\n"))?;
        let mut lines = String::new();
        for it in &self.samples {
            let mut line = json!({
                "round": it.round, "load": it.load, "pair": it.pair.to_string(),
                "server": it.server,
            });
            for (name, value) in &it.figures {
                line[name] = (*value).into();
            }
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        fs::write(folder.join("samples.jsonl"), lines)
    }

    /// What was measured, each once, in the order of the first round.
    fn rows(&self) -> Vec<&Sample> {
        let mut rows: Vec<&Sample> = Vec::new();
        for load in self.samples.iter().map(|it| it.load) {
            for it in self.samples.iter().filter(|it| it.load == load) {
                if !rows.iter().any(|row| row.is_of(it.load, it.pair, it.server)) {
                    rows.push(it);
                }
            }
        }
        rows
    }
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut load = "";
        for row in self.rows() {
            if row.load != load {
                load = row.load;
                write!(f, "{load:<42}")?;
                for (name, _) in &row.figures {
                    write!(f, "{name:>16}")?;
                }
                writeln!(f)?;
            }
            write!(f, "  {:<22}{:<18}", row.pair.to_string(), row.server)?;
            for (name, _) in &row.figures {
                let value = self.middle(load, row.pair, row.server, name);
                write!(f, "{value:>16.3}")?;
            }
            writeln!(f)?;
        }
        let rounds = self.rounds;
        writeln!(
            f,
            "\nmedian of {rounds} rounds, ratios within a round or a turn of it; each answer was checked"
        )?;
        if self.smoke {
            writeln!(f, "smoke: a part of the load, once; no figures to quote")?;
        }
        writeln!(f)?;
        for line in targets::lines(self) {
            writeln!(f, "{line}")?;
        }
        if let Some(build) = &self.build {
            write!(f, "\nthe gateway of target/{build}")?;
        }
        write!(f, "\n{}", machine())
    }
}

/// What the figures depend on.
fn machine() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or("unknown processor").trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(round: usize, server: &'static str, cpu: f64) -> Sample {
        let mut sample = Sample::new(round, "load", Pair::CODEX, server);
        sample.put("cpu_ms", cpu);
        sample
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine is ten times slower in round two; the ratio does not care.
        let mut report = Report::new(3, &[Pair::CODEX], false);
        for (round, gateway, pipe) in [(1, 2.0, 1.0), (2, 30.0, 10.0), (3, 2.2, 1.0)] {
            report.add(sample(round, "gateway", gateway));
            report.add(sample(round, "bytepipe", pipe));
        }
        let servers = ["gateway", "bytepipe"];
        let ratio = report.compare("load", Pair::CODEX, servers, "cpu_ms", |a, b| a / b);
        assert!((ratio - 2.2).abs() < 1e-9);
        assert!(report.compare("other", Pair::CODEX, servers, "cpu_ms", |a, b| a / b).is_nan());
        assert!(report.to_string().contains("responses-chat"));
    }

    #[test]
    fn the_median_of_an_even_count_is_between() {
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
