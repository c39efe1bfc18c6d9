//! Child processes with a time limit and an environment of their own.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(5);

/// A child in a process group of its own, so that what it starts ends with it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What it wrote so far.
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// How a child ended, and what it said.
pub(crate) struct Ended {
    /// The exit code; `None` when the time limit ended it, or a signal.
    pub(crate) code: Option<i32>,
    /// The lines of stdout that are JSON.
    pub(crate) events: Vec<Value>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        Self::spawn_with(command, None)
    }

    /// Gives it something to read.
    pub(crate) fn spawn_with(command: &mut Command, input: Option<Vec<u8>>) -> io::Result<Self> {
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().map_err(|error| {
            let program = command.get_program().display();
            io::Error::new(error.kind(), format!("cannot start {program}: {error}"))
        })?;
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            // A child that ends without reading is told by its exit code.
            std::thread::spawn(move || drop(pipe.write_all(&input)));
        }
        let stdout = Output::follow(child.stdout.take());
        let stderr = Output::follow(child.stderr.take());
        Ok(Self { child, stdout, stderr })
    }

    /// Waits for its end; `None` when it still runs after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits for its end, or ends it after `limit`, and takes what it wrote.
    pub(crate) fn end(&mut self, limit: Duration) -> io::Result<Ended> {
        let status = self.wait(limit)?;
        if status.is_none() {
            self.signal("KILL")?;
        }
        let stdout = self.stdout.finish();
        let events = stdout.lines().filter_map(|line| serde_json::from_str(line).ok());
        Ok(Ended {
            code: status.and_then(|status| status.code()),
            events: events.collect(),
            stderr: self.stderr.finish(),
            stdout,
        })
    }

    /// Sends a signal, for example `TERM`, to the whole group.
    pub(crate) fn signal(&self, name: &str) -> io::Result<()> {
        let group = format!("-{}", self.child.id());
        // The shell's own `kill`: a small system has no program of that name.
        let kill = ["-c", "kill -s \"$0\" -- \"$1\"", name, &group];
        let status = Command::new("sh").args(kill).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other("kill failed")) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Fails only if the group ended in this moment.
            drop(self.signal("KILL"));
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// What a child writes, collected while it runs.
#[derive(Debug)]
pub(crate) struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Output {
    fn follow(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let collected = Arc::clone(&bytes);
        let thread = pipe.map(|mut pipe| {
            std::thread::spawn(move || {
                let mut buffer = [0; 8192];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    let mut bytes = collected.lock().unwrap_or_else(PoisonError::into_inner);
                    bytes.extend_from_slice(&buffer[..count]);
                }
            })
        });
        Self { bytes, thread }
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything, once the child has ended. A grandchild that holds the pipe is not waited for.
    pub(crate) fn finish(&mut self) -> String {
        let end = Instant::now() + Duration::from_secs(2);
        while self.thread.as_ref().is_some_and(|it| !it.is_finished()) && Instant::now() < end {
            std::thread::sleep(POLL);
        }
        self.text()
    }
}
