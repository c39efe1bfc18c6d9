//! The model catalog, printed or written into a file.

use std::path::Path;

use interlingua_codex_integration::{Catalog, CatalogSource, Choice};
use interlingua_registry::{Snapshot, files};

use crate::failure::Failure;

/// Where Codex finds the catalog; a file is written for it.
pub(super) fn source(
    file: Option<&Path>,
    snapshot: &Snapshot,
    choice: &Choice<'_>,
) -> Result<CatalogSource, Failure> {
    let Some(path) = file else { return Ok(CatalogSource::Gateway) };
    // Codex reads the path from wherever it is started.
    let path = std::path::absolute(path).map_err(|it| Failure::file(path, &it))?;
    let source = as_source(&path)?;
    files::write(&path, of(snapshot, choice).as_json()).map_err(|it| Failure::file(&path, &it))?;
    Ok(source)
}

/// How an absolute path stands in Codex's configuration.
pub(super) fn as_source(path: &Path) -> Result<CatalogSource, Failure> {
    let name = path.to_str().map(str::to_owned).map(CatalogSource::File);
    name.ok_or_else(|| Failure::argument("the catalog's path is not Unicode, as TOML wants it"))
}

/// The catalog as the gateway serves it, and the chosen model in it.
pub(super) fn of(snapshot: &Snapshot, choice: &Choice<'_>) -> Catalog {
    Catalog::of_snapshot(snapshot, Some(&choice.slug))
}
