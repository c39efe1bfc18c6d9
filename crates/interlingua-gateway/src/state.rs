use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;
use interlingua_codex_integration::Catalog;
use interlingua_ir::Fault;
use interlingua_reasoning::{SealKeys, Store};
use interlingua_registry::{
    KeyState, ListedModel, Provider, ProviderKey, Scrubber, Snapshot, Target,
};
use interlingua_upstream::Upstream;

use crate::admission::Admission;
use crate::health::{Failures, Moved};
use crate::learned::Learned;
use crate::storm::Storms;

/// What a running gateway works with, apart from its configuration.
#[derive(Debug)]
pub struct Tools {
    /// Reaches providers.
    pub upstream: Upstream,
    /// Seals thoughts.
    pub seal: Arc<SealKeys>,
    /// Keeps the thoughts that clients forget.
    pub thoughts: Arc<dyn Store>,
    /// Keeps the responses that clients refer to.
    pub responses: Arc<dyn Store>,
}

/// The state that all connections share.
///
/// A request takes one view of the configuration when it begins and keeps it to its end, so
/// [`replace`](Self::replace) never changes anything under a request's feet.
#[derive(Debug)]
pub struct State {
    view: ArcSwap<View>,
    pub(crate) tools: Tools,
    draining: AtomicBool,
    pub(crate) failures: Failures,
    pub(crate) moved: Moved,
    pub(crate) storms: Storms,
    upkeep: Mutex<Upkeep>,
}

/// One configuration and what follows from it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    /// Counts the configurations since the start, beginning with one.
    pub(crate) version: u64,
    /// When this configuration came into force.
    pub(crate) since: SystemTime,
    /// The model list in Codex's shape.
    pub(crate) catalog: Bytes,
    pub(crate) etag: String,
    /// Masks this configuration's secrets.
    pub(crate) scrubber: Scrubber,
    pub(crate) admission: Arc<Admission>,
    /// What its models turned out not to take.
    pub(crate) learned: Learned,
}

/// How the gateway keeps up with what changes around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upkeep {
    /// Why the configuration that stands in the files is not in force.
    pub(crate) refused: Option<Failed>,
    /// What went wrong beside the configuration, by what was to be kept in step.
    pub(crate) failures: BTreeMap<String, Failed>,
}

/// Something that failed, and when.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) at: SystemTime,
    pub(crate) why: String,
}

impl View {
    /// Masks what must not leave while `target` is asked. A key that the caller brought is in no
    /// configuration.
    pub(crate) fn scrubber_for(&self, target: &Target, key: Option<&ProviderKey>) -> Scrubber {
        match (&target.provider.key_state, key) {
            (KeyState::OfClient, Some(key)) => self.scrubber.and(&key.secret),
            _ => self.scrubber.clone(),
        }
    }
}

impl State {
    /// Begins with a configuration.
    pub fn new(snapshot: Arc<Snapshot>, tools: Tools) -> Self {
        Self {
            view: ArcSwap::from_pointee(View::of(snapshot, None)),
            tools,
            draining: AtomicBool::new(false),
            failures: Failures::default(),
            moved: Moved::default(),
            storms: Storms::default(),
            upkeep: Mutex::default(),
        }
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.view.load().snapshot)
    }

    /// Asks a provider of the configuration in force which models it has.
    ///
    /// # Errors
    ///
    /// As [`Upstream::models`]; the configuration's secrets are masked in what the provider says.
    pub async fn models(&self, provider: &Provider) -> Result<Vec<ListedModel>, Fault> {
        let view = self.view();
        let listed = self.tools.upstream.models(provider).await;
        listed.map_err(|mut fault| {
            view.scrubber.mask_fault(&mut fault);
            fault
        })
    }

    /// Puts another configuration into force, whole, for the requests that begin from now on. Those at
    /// work keep theirs. Returns its number, counted from the start of the gateway.
    ///
    /// What is bound at the start stays as it is until the next one: listeners, threads, the number of
    /// connections.
    pub fn replace(&self, snapshot: Arc<Snapshot>) -> u64 {
        let view = View::of(snapshot, Some(&self.view.load()));
        let version = view.version;
        self.view.store(Arc::new(view));
        self.upkeep().refused = None;
        version
    }

    /// Remembers that what stands in the files could not be put into force, and why.
    pub fn refuse(&self, why: String) {
        self.upkeep().refused = Some(Failed { at: SystemTime::now(), why });
    }

    /// Remembers whether something could be kept in step with the configuration: a provider's list of
    /// models, a file. What failed is shown until it succeeds.
    pub fn synced(&self, what: &str, result: Result<(), String>) {
        let scrubber = &self.view.load().scrubber;
        let mut upkeep = self.upkeep();
        match result {
            Ok(()) => drop(upkeep.failures.remove(what)),
            Err(why) => {
                let why = scrubber.mask(why).into_owned();
                let failed = Failed { at: SystemTime::now(), why };
                upkeep.failures.insert(what.to_owned(), failed);
            }
        }
    }

    /// Forgets the failures of what need not be kept in step any more.
    pub fn retain_synced(&self, is_wanted: impl Fn(&str) -> bool) {
        self.upkeep().failures.retain(|what, _| is_wanted(what));
    }

    pub(crate) fn upkeep(&self) -> MutexGuard<'_, Upkeep> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the gateway has been told to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

impl View {
    fn of(snapshot: Arc<Snapshot>, previous: Option<&Self>) -> Self {
        let catalog = Catalog::of_snapshot(&snapshot, None);
        if let [first, ..] = catalog.left_out() {
            let count = catalog.left_out().len();
            tracing::warn!(
                count,
                %first,
                "models do not fit into Codex's catalog; they can be asked by name"
            );
        }
        let limits = &snapshot.settings().limits;
        // Requests at work keep their places, so they must be counted on where the limits stay.
        let same = previous.filter(|it| it.snapshot.settings().limits == *limits);
        let admission =
            same.map_or_else(|| Arc::new(Admission::new(limits)), |it| Arc::clone(&it.admission));
        Self {
            version: previous.map_or(1, |it| it.version + 1),
            since: SystemTime::now(),
            etag: catalog.etag().to_owned(),
            catalog: catalog.into_json().into(),
            scrubber: Scrubber::of(&snapshot),
            admission,
            learned: Learned::default(),
            snapshot,
        }
    }
}
