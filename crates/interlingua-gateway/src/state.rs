use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use interlingua_codex_integration::{Catalog, CatalogOptions, Shown};
use interlingua_reasoning::SealKeys;
use interlingua_registry::Snapshot;
use interlingua_upstream::Upstream;

use crate::admission::Admission;
use crate::scrub::Scrubber;

/// What a running gateway works with, apart from its configuration.
#[derive(Debug)]
pub struct Tools {
    /// Reaches providers.
    pub upstream: Upstream,
    /// Seals thoughts.
    pub seal: Arc<SealKeys>,
}

/// The state that all connections share.
///
/// A request takes one view of the configuration when it begins and keeps it to its end.
#[derive(Debug)]
pub struct State {
    view: ArcSwap<View>,
    pub(crate) tools: Tools,
    draining: AtomicBool,
    pub(crate) admission: Admission,
}

/// One configuration and what follows from it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    /// The model list in Codex's shape.
    pub(crate) catalog: Bytes,
    pub(crate) etag: String,
    /// Masks this configuration's secrets.
    pub(crate) scrubber: Scrubber,
}

impl State {
    /// Begins with a configuration.
    pub fn new(snapshot: Arc<Snapshot>, tools: Tools) -> Self {
        let admission = Admission::new(&snapshot.settings().limits);
        let view = ArcSwap::from_pointee(View::of(snapshot));
        Self { view, tools, draining: AtomicBool::new(false), admission }
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
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
    fn of(snapshot: Arc<Snapshot>) -> Self {
        let suggested = snapshot.suggested_slug();
        let first = suggested.as_deref().and_then(|name| snapshot.route(Some(name)).ok());
        let first = first.and_then(|route| route.targets.into_iter().next());
        let shown = match &first {
            Some(target) if !snapshot.settings().expose_all_models => {
                Shown::Provider(&target.provider.id)
            }
            _ => Shown::All,
        };
        let also = snapshot.unlisted(None);
        let options = CatalogOptions { also: &also, ..CatalogOptions::new(shown) };
        let catalog = Catalog::of(snapshot.pool(), &options);
        for slug in catalog.left_out() {
            tracing::warn!(%slug, "the model does not fit into Codex's catalog; it can be asked by name");
        }
        let etag = catalog.etag().to_owned();
        let scrubber = Scrubber::of(&snapshot);
        Self { catalog: catalog.into_json().into(), etag, scrubber, snapshot }
    }
}
