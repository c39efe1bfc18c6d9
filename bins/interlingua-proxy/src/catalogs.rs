//! Catalog files that Codex reads instead of asking the gateway.

use std::path::PathBuf;
use std::sync::Arc;

use interlingua_codex_integration::Catalog;
use interlingua_codex_integration::apply::{ApplyError, rewrite_catalogs};
use interlingua_gateway::State;
use interlingua_registry::Snapshot;

/// By what `/status` calls them.
pub(crate) const WHAT: &str = "catalog files of codex";

/// Writes the files that `interlingua codex apply --catalog-file` has made anew. Tells whether that is to
/// be tried again, because somebody else is at work with them.
pub(crate) async fn keep(snapshot: Arc<Snapshot>, folder: PathBuf, state: &State) -> bool {
    let catalog = move |model: Option<&str>| Catalog::of_snapshot(&snapshot, model).into_json();
    let rewritten = tokio::task::spawn_blocking(move || rewrite_catalogs(&folder, catalog)).await;
    match rewritten {
        Ok(Ok(files)) => {
            if !files.is_empty() {
                tracing::debug!(?files, "catalog files are in step");
            }
            state.synced(WHAT, Ok(()));
            false
        }
        Ok(Err(ApplyError::Busy)) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a catalog file of Codex is not in step");
            state.synced(WHAT, Err(error.to_string()));
            false
        }
        // The runtime is going away.
        Err(_) => false,
    }
}
