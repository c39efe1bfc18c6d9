//! What Linux tells about a running process.

use std::fs;
use std::time::Duration;

/// A process, by its number.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Processor time of all its threads so far, user and system.
    pub(crate) fn cpu(self) -> Result<Duration, String> {
        let stat = self.read("stat")?;
        // The second field is the name in parentheses and may hold blanks.
        let (_, fields) = stat.rsplit_once(')').ok_or("bad stat line")?;
        let ticks =
            fields.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<u64>().ok());
        Ok(Duration::from_millis(ticks.sum::<u64>() * MILLIS_PER_TICK))
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(self) -> Result<u64, String> {
        self.status("VmRSS:")
    }

    /// The most resident memory in KiB since [`Process::forget_peak`].
    pub(crate) fn peak(self) -> Result<u64, String> {
        self.status("VmHWM:")
    }

    /// Lets [`Process::peak`] begin anew.
    pub(crate) fn forget_peak(self) -> Result<(), String> {
        let path = format!("/proc/{}/clear_refs", self.0);
        fs::write(&path, "5").map_err(|it| format!("{path}: {it}"))
    }

    fn status(self, field: &str) -> Result<u64, String> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("process {} tells no {field}", self.0))
    }

    fn read(self, file: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).map_err(|it| format!("{path}: {it}"))
    }
}

/// Linux shows processor time in hundredths of a second, whatever its own clock does.
const MILLIS_PER_TICK: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_forgotten() {
        let own = Process(std::process::id());
        let block = vec![1_u8; 64 << 20];
        assert!(std::hint::black_box(&block).iter().all(|it| *it == 1));
        let before = own.peak().unwrap();
        drop(block);
        own.forget_peak().unwrap();
        assert!(own.peak().unwrap() + (32 << 10) < before);
        assert!(own.resident().unwrap() > 0);
    }
}
