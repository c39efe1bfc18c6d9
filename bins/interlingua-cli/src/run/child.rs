//! A program that takes this one's place, while this one stays to clean up.

use std::io;
use std::process::{Command, ExitStatus};

/// Runs a program to its end; its exit code, or 128 and the signal that ended it.
///
/// Ctrl-C reaches the program by itself, since it has the same terminal. A signal that only this process
/// gets is passed on. Neither ends this process before the program.
pub(super) fn run(mut program: Command) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let mut signals = signals::Signals::new()?;
        let mut child = program.spawn()?;
        let id = child.id();
        let mut wait = tokio::task::spawn_blocking(move || child.wait());
        loop {
            tokio::select! {
                ended = &mut wait => return ended.map_err(io::Error::other)?,
                signal = signals.next() => signals::pass_on(signal, id),
            }
        }
    })?;
    Ok(code(status))
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(signal).map_or(1, |signal| 128 | signal);
    }
    status.code().map_or(1, |code| u8::try_from(code & 0xff).unwrap_or(1))
}

#[cfg(unix)]
mod signals {
    use std::io;
    use std::process::{Command, Stdio};

    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Those that would end this process.
    pub(super) struct Signals {
        interrupt: Signal,
        quit: Signal,
        terminate: Signal,
        hangup: Signal,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
            })
        }

        /// The name of the next one that has to be passed on.
        pub(super) async fn next(&mut self) -> &'static str {
            loop {
                tokio::select! {
                    _ = self.interrupt.recv() => {}
                    _ = self.quit.recv() => {}
                    _ = self.terminate.recv() => return "TERM",
                    _ = self.hangup.recv() => return "HUP",
                }
            }
        }
    }

    /// The shell has a `kill` where the system has none.
    pub(super) fn pass_on(signal: &str, id: u32) {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("kill -{signal} {id}")]).stderr(Stdio::null());
        // It may have ended in this moment.
        drop(shell.status());
    }
}

#[cfg(not(unix))]
mod signals {
    use std::io;

    pub(super) struct Signals;

    impl Signals {
        #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// The program gets Ctrl-C by itself.
        pub(super) async fn next(&mut self) -> &'static str {
            while tokio::signal::ctrl_c().await.is_ok() {}
            std::future::pending().await
        }
    }

    pub(super) fn pass_on(_: &str, _: u32) {}
}
