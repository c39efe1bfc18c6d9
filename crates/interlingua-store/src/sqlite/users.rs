//! Who uses the file: one process alone, or several.
//!
//! | beside the file | who locks it |
//! |---|---|
//! | `-users` | everybody who uses the file, shared |
//! | `-alone` | the one who is alone, exclusively |
//! | `.lock` | the door: who comes, and who looks whether the others are gone, exclusively |
//!
//! ```text
//!             nobody else is in
//!   come ───────────────────────────▶ alone
//!     │                               │   ▲
//!     │ somebody is              let_in   look_around
//!     ▼                               ▼   │
//!   among others ◀──────────────────────────
//! ```
//!
//! Nobody is alone while somebody else is in. Who comes stays at the door until who was alone has let go
//! of `-alone`; and who wants to be alone looks for others at the door only, where nobody passes him.
//! After a process that was killed there is nothing to clean up: the system takes its locks away.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, io};

use super::file::with_suffix;
use super::private;

/// The longest that who comes waits for the others; who waits for him waits a little longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// How often he tries.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// Who uses a file.
#[derive(Debug)]
pub(super) struct Users {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// This process does not use it yet.
    Outside,
    Inside(Locks),
    /// Nothing can be locked here, so nobody is ever alone.
    WithoutLocks,
}

#[derive(Debug)]
struct Locks {
    /// There while we are alone. It comes first because it has to be dropped first.
    alone: Option<fs::File>,
    users: fs::File,
    door: fs::File,
}

/// What this process knows of the others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// There are none.
    Alone,
    /// There are none, but somebody is at the door.
    Awaited,
    /// There were some when it last looked.
    Among,
    /// Nothing.
    Unknown,
}

impl Users {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), state: Mutex::new(State::Outside) }
    }

    /// Makes this process one of the users, if it is none; before it opens the file.
    pub(super) fn come(&self) -> io::Result<()> {
        self.come_within(PATIENCE)
    }

    pub(super) fn standing(&self) -> Standing {
        match &*self.state() {
            State::Inside(Locks { alone: None, .. }) => Standing::Among,
            State::Inside(locks) if locks.is_awaited() => Standing::Awaited,
            State::Inside(_) => Standing::Alone,
            State::Outside | State::WithoutLocks => Standing::Unknown,
        }
    }

    /// Lets others in: from now on they may change the file.
    pub(super) fn let_in(&self) {
        if let State::Inside(locks) = &mut *self.state() {
            locks.alone = None;
        }
    }

    /// Looks whether the others are gone, unless somebody is at the door.
    pub(super) fn look_around(&self) -> io::Result<bool> {
        let mut state = self.state();
        let State::Inside(locks) = &mut *state else { return Ok(false) };
        if locks.alone.is_some() || !held(locks.door.try_lock())? {
            return Ok(locks.alone.is_some());
        }
        // Nobody misses us meanwhile: who looks for others is at the door.
        let looked = locks.users.unlock();
        let looked = looked.and_then(|()| locks.go_in(&self.file, Duration::ZERO));
        locks.door.unlock()?;
        looked.map(|()| locks.alone.is_some())
    }

    fn come_within(&self, patience: Duration) -> io::Result<()> {
        let mut state = self.state();
        if !matches!(*state, State::Outside) {
            return Ok(());
        }
        let begun = Instant::now();
        let open = |suffix| private::open(&with_suffix(&self.file, suffix));
        let mut locks = Locks { alone: None, users: open("-users")?, door: open(".lock")? };
        let first = locks.door.try_lock();
        if let Err(TryLockError::Error(error)) = first {
            let file = self.file.display();
            tracing::debug!(%file, %error, "no file can be locked here, others are always expected");
            *state = State::WithoutLocks;
            return Ok(());
        }
        if !held(first)? {
            wait(patience, || held(locks.door.try_lock()))?;
        }
        locks.go_in(&self.file, patience.saturating_sub(begun.elapsed()))?;
        locks.door.unlock()?;
        *state = State::Inside(locks);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that panics leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Locks {
    /// From the door on: is alone if nobody else is in, and else waits until nobody is alone.
    fn go_in(&mut self, file: &Path, patience: Duration) -> io::Result<()> {
        let is_empty = held(self.users.try_lock())?;
        if is_empty {
            // A lock that changes its kind is let go in between, too, and not everywhere can it change.
            self.users.unlock()?;
        }
        wait(patience, || held(self.users.try_lock_shared()))?;
        let alone = private::open(&with_suffix(file, "-alone"))?;
        if is_empty && held(alone.try_lock())? {
            self.alone = Some(alone);
            return Ok(());
        }
        wait(patience, || held(alone.try_lock_shared()))
    }

    /// Whether somebody is at the door, or nobody can tell.
    fn is_awaited(&self) -> bool {
        self.door.try_lock_shared().is_err() || self.door.unlock().is_err()
    }
}

/// Whether a lock is ours now.
fn held(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn wait(patience: Duration, mut is_so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let begun = Instant::now();
    while !is_so()? {
        if begun.elapsed() >= patience {
            let why = "another process uses the file alone and does not answer";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        sleep(TRY_EVERY);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::thread;

    use super::*;

    /// Comes as another process, or the second time around, would.
    fn come(file: &Path) -> io::Result<Users> {
        let users = Users::new(file);
        users.come_within(Duration::from_millis(30))?;
        Ok(users)
    }

    /// Lets in whoever comes, as soon as he is at the door.
    fn welcome(users: &Users) {
        while users.standing() != Standing::Awaited {
            sleep(Duration::from_millis(1));
        }
        users.let_in();
    }

    #[test]
    fn who_comes_first_is_alone_until_he_lets_others_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("made").join("a.db");
        let first = come(&file).unwrap();
        assert_eq!(first.standing(), Standing::Alone);
        // He does not look; who cannot be let in leaves no trace.
        assert_eq!(come(&file).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(first.standing(), Standing::Alone);

        let (second, third) = (Users::new(&file), Users::new(&file));
        thread::scope(|scope| {
            let comes = scope.spawn(|| second.come().unwrap());
            welcome(&first);
            comes.join().unwrap();
        });
        // Nobody is alone now, so nobody has to be waited for.
        third.come_within(Duration::ZERO).unwrap();
        for user in [&first, &second, &third] {
            assert!(!user.look_around().unwrap());
            assert_eq!(user.standing(), Standing::Among);
        }
        drop(first);
        assert!(!second.look_around().unwrap());
        drop(second);
        assert!(third.look_around().unwrap());
        assert_eq!(third.standing(), Standing::Alone);
    }

    #[test]
    fn nobody_is_alone_twice_however_many_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let (inside, alone) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let visit = || {
            let users = Users::new(&file);
            users.come().unwrap();
            inside.fetch_add(1, SeqCst);
            for _ in 0..5 {
                match users.standing() {
                    Standing::Alone => {
                        assert_eq!(inside.load(SeqCst), 1);
                        alone.fetch_add(1, SeqCst);
                    }
                    Standing::Awaited => users.let_in(),
                    Standing::Among => drop(users.look_around().unwrap()),
                    Standing::Unknown => unreachable!("files can be locked here"),
                }
                thread::yield_now();
            }
            inside.fetch_sub(1, SeqCst);
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| visit()));
            }
        });
        let before = alone.load(SeqCst);
        visit();
        assert_eq!(alone.load(SeqCst), before + 5, "nothing is left of those who were there");
    }

    #[test]
    fn who_is_killed_at_the_door_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let first = come(&file).unwrap();
        // All that it leaves are files without locks.
        let killed = private::open(&with_suffix(&file, ".lock")).unwrap();
        killed.try_lock().unwrap();
        welcome(&first);
        drop(killed);
        come(&file).unwrap();
        assert!(first.look_around().unwrap());
        assert_eq!(first.standing(), Standing::Alone);
    }
}
