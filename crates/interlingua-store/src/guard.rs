//! Nobody waits long for what may be away.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use interlingua_reasoning::{Pending, StoreError};
use tokio::time::{Instant, sleep, timeout};

use crate::back::Back;

/// The longest that a request waits for a back end.
pub const WAIT: Duration = Duration::from_millis(50);

/// How often a back end that is away is looked after.
pub const PROBE_EVERY: Duration = Duration::from_secs(1);

/// The longest that is waited for a back end to become ready, while nobody else waits.
const REACH: Duration = Duration::from_secs(5);

/// Asks a back end as long as it is well.
///
/// ```text
///           an error, or no answer in time
///   well ───────────────────────────────────▶ away    one task probes, once a second
///     ◀───────────────────────────────────────
///                  a probe succeeds
/// ```
#[derive(Debug)]
pub(crate) struct Guard {
    back: Box<dyn Back>,
    wait: Duration,
    /// Since when it is away.
    away: Mutex<Option<Instant>>,
    /// Entries that were not known to be safe since it is away.
    losses: AtomicU64,
}

impl Guard {
    /// Guards a back end that is away until [`begin`](Self::begin) has reached it.
    pub(crate) fn new(back: Box<dyn Back>, wait: Duration) -> Arc<Self> {
        let away = Mutex::new(Some(Instant::now()));
        Arc::new(Self { back, wait, away, losses: AtomicU64::new(0) })
    }

    /// Reaches the back end for the first time; goes on without it if it does not answer.
    pub(crate) async fn begin(self: &Arc<Self>) {
        match self.probe().await {
            Ok(()) => *self.away() = None,
            Err(error) => {
                let store = self.back.name();
                tracing::warn!(%store, %error, "the store cannot be used, going on without it");
                tokio::spawn(watch(Arc::downgrade(self)));
            }
        }
    }

    /// Asks the back end, if it is well.
    pub(crate) async fn call<T>(
        self: &Arc<Self>,
        ask: impl FnOnce(&dyn Back) -> Pending<'static, T>,
    ) -> Result<T, StoreError> {
        if self.away().is_some() {
            return Err(StoreError::Away);
        }
        let error = match timeout(self.wait, ask(&*self.back)).await {
            Ok(Err(error @ StoreError::Failed(_))) => error,
            Ok(answer) => return answer,
            Err(_) => StoreError::Away,
        };
        self.failed(&error);
        Err(error)
    }

    /// Counts an entry that is not known to be safe.
    pub(crate) fn lost(&self) {
        self.losses.fetch_add(1, Relaxed);
    }

    /// For how long the back end has been away.
    pub(crate) fn away_for(&self) -> Option<Duration> {
        self.away().map(|since| since.elapsed())
    }

    pub(crate) fn back(&self) -> &dyn Back {
        &*self.back
    }

    fn failed(self: &Arc<Self>, error: &StoreError) {
        let mut away = self.away();
        if away.is_some() {
            return;
        }
        *away = Some(Instant::now());
        drop(away);
        self.back.let_go();
        let store = self.back.name();
        tracing::warn!(%store, %error, "the store is away, going on with what this process knows");
        tokio::spawn(watch(Arc::downgrade(self)));
    }

    async fn probe(&self) -> Result<(), StoreError> {
        timeout(REACH, self.back.reach()).await.unwrap_or(Err(StoreError::Away))?;
        timeout(self.wait, self.back.probe()).await.unwrap_or(Err(StoreError::Away))
    }

    fn away(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Probes a back end that is away until it is well, or nobody needs it any more. There is one such task
/// for each time that it goes away.
async fn watch(guard: Weak<Guard>) {
    loop {
        sleep(PROBE_EVERY).await;
        let Some(guard) = guard.upgrade() else { return };
        if guard.probe().await.is_err() {
            guard.back.let_go();
            continue;
        }
        let seconds = guard.away().take().map_or(0, |since| since.elapsed().as_secs());
        let (store, losses) = (guard.back.name(), guard.losses.swap(0, Relaxed));
        tracing::warn!(%store, seconds, losses, "the store is back");
        return;
    }
}
