//! How many requests may be at work at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interlingua_ir::{Class, Fault};
use interlingua_registry::Limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a client is told to wait that was sent away.
const COME_BACK: Duration = Duration::from_secs(1);

/// The places for requests at work: over all, for each client key, with each provider.
///
/// Who finds none waits in the queue, which is as short as its time.
#[derive(Debug)]
pub(crate) struct Admission {
    all: Arc<Semaphore>,
    keys: Shares,
    providers: Shares,
    queue: Arc<Semaphore>,
}

/// The places of one request; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _all: OwnedSemaphorePermit,
    _key: Option<OwnedSemaphorePermit>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            all: semaphore(limits.in_flight),
            keys: Shares::new(limits.in_flight_per_key),
            providers: Shares::new(limits.in_flight_per_provider),
            queue: semaphore(limits.queue),
        }
    }

    /// Waits for a place among the requests at work; `key` is the client's, if it needs one.
    ///
    /// # Errors
    ///
    /// [`Class::Busy`] when the queue is full, or none is free within `wait`.
    pub(crate) async fn request(&self, key: Option<&str>, wait: Duration) -> Result<Place, Fault> {
        let key = match key {
            Some(id) => {
                let what = format!("the client key `{id}` has too many requests at work");
                Some(self.place(&self.keys.of(id), wait, &what).await?)
            }
            None => None,
        };
        let what = "the gateway has too many requests at work";
        Ok(Place { _all: self.place(&self.all, wait, what).await?, _key: key })
    }

    /// Waits for a place among the requests at work with a provider.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub(crate) async fn provider(
        &self,
        id: &str,
        wait: Duration,
    ) -> Result<OwnedSemaphorePermit, Fault> {
        let what = format!("the gateway has too many requests at work with {id}");
        self.place(&self.providers.of(id), wait, &what).await
    }

    async fn place(
        &self,
        among: &Arc<Semaphore>,
        wait: Duration,
        what: &str,
    ) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(place) = Arc::clone(among).try_acquire_owned() {
            return Ok(place);
        }
        let busy = || {
            let mut fault = Fault::new(Class::Busy, format!("{what}; try again"));
            fault.retry_after = Some(COME_BACK);
            fault
        };
        let _waiting = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        let acquired = tokio::time::timeout(wait, Arc::clone(among).acquire_owned()).await;
        acquired.map_err(|_| busy())?.map_err(|_| busy())
    }
}

/// Equal shares of something, by name. The names are those of the configuration, so they are few.
#[derive(Debug)]
struct Shares {
    size: usize,
    by_name: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Shares {
    fn new(size: usize) -> Self {
        Self { size, by_name: Mutex::default() }
    }

    fn of(&self, name: &str) -> Arc<Semaphore> {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = by_name.get(name) {
            return Arc::clone(found);
        }
        let made = semaphore(self.size);
        by_name.insert(name.to_owned(), Arc::clone(&made));
        made
    }
}

fn semaphore(size: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(size.min(Semaphore::MAX_PERMITS)))
}
