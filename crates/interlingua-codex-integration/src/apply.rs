//! Carries plans out, so that whatever happens in between can be put back.
//!
//! How that is done is the same for every program: see [`interlingua_registry::foreign`].

use std::path::{Path, PathBuf};

use interlingua_registry::foreign::{self, Beside};

use crate::edit::EditError;
use crate::plan::{Codex, configured_model};

/// Why Codex's files stay as they are.
pub type ApplyError = foreign::ApplyError<EditError>;

/// One of Codex's homes as it is now.
pub type View<W = ()> = foreign::View<Codex, W>;

/// The same, while nobody else of us may change it.
pub type Session<W = ()> = foreign::Session<Codex, W>;

/// A catalog, in Codex's shape, that is to be written into a file.
pub type CatalogFile<'a> = Beside<'a>;

/// Keeps the catalog files that Codex has been pointed to in step with a gateway, and says which there
/// are. `catalog` makes the catalog for a Codex that is set up with this model. A restore that is at
/// work is not disturbed.
///
/// # Errors
///
/// [`ApplyError::Busy`] when another of us is at work; whoever keeps the files in step tries again.
pub fn rewrite_catalogs(
    state: &Path,
    catalog: impl Fn(Option<&str>) -> String,
) -> Result<Vec<PathBuf>, ApplyError> {
    foreign::rewrite_beside::<Codex>(state, |config| {
        // A file that cannot be read names no model, and is no reason to leave the catalog as it is.
        let model = config.and_then(|text| configured_model(text).ok());
        catalog(model.flatten().as_deref())
    })
}
