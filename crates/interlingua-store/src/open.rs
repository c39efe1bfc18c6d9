use std::path::Path;
use std::sync::Arc;

use interlingua_reasoning::Store;

use crate::back::{Back, Space};
use crate::guard::Guard;
use crate::memory::{Alone, Memory};
use crate::settings::{Bounds, DATABASE, Place, Settings};
use crate::sqlite::Sqlite;
use crate::tiered::Tiered;

/// The two spaces of a store.
#[derive(Clone, Debug)]
pub struct Stores {
    /// What models thought.
    pub thoughts: Arc<dyn Store>,
    /// What clients refer to by an id.
    pub responses: Arc<dyn Store>,
}

/// Opens the store that `settings` describe. `state_dir` is where the file is, if it is one; it is made
/// if it does not exist.
///
/// A place that cannot be used now is no error: it is told in the log, entries stand in memory until it
/// can be used, and [`Stats::degraded`](interlingua_reasoning::Stats::degraded) says so. This waits up to
/// five seconds for it.
///
/// # Errors
///
/// [`OpenError`], if no waiting can help.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub async fn open(settings: &Settings, state_dir: &Path) -> Result<Stores, OpenError> {
    let bounds = [settings.thoughts, settings.responses];
    let back: Box<dyn Back> = match &settings.place {
        Place::Memory => {
            let [thoughts, responses] = bounds.map(|it| Arc::new(Alone(Arc::new(Memory::new(it)))));
            return Ok(Stores { thoughts, responses });
        }
        Place::Sqlite => Box::new(Sqlite::new(&state_dir.join(DATABASE), bounds)?),
        #[cfg(feature = "redis")]
        Place::Redis(address) => Box::new(crate::redis::Redis::new(address, bounds)?),
        #[cfg(not(feature = "redis"))]
        Place::Redis(_) => return Err(OpenError::NotBuilt),
    };
    let guard = Guard::new(back, settings.wait);
    guard.begin().await;
    let tiered = |space, bounds: Bounds| Arc::new(Tiered::new(space, bounds, guard.clone()));
    Ok(Stores {
        thoughts: tiered(Space::Thoughts, settings.thoughts),
        responses: tiered(Space::Responses, settings.responses),
    })
}

/// Why a store can never be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// This program was built without what it takes to speak to Redis.
    #[error("this program was built without the feature `redis`")]
    NotBuilt,
    /// The address makes no sense to the client of its server.
    #[error("the address of the store cannot be used: {0}")]
    Address(String),
    /// The system does not give what is needed to work with a file.
    #[error("the store cannot work: {0}")]
    System(#[from] std::io::Error),
}
