//! The model catalog, printed or written into a file.

use std::path::Path;

use interlingua_codex_integration::{Catalog, CatalogOptions, CatalogSource, Choice, Shown};
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
    let Some(name) = path.to_str() else {
        return Err(Failure::argument("the catalog's path is not Unicode, as TOML wants it"));
    };
    files::write(&path, of(snapshot, choice).as_json()).map_err(|it| Failure::file(&path, &it))?;
    Ok(CatalogSource::File(name.to_owned()))
}

/// The catalog as the gateway serves it, and the chosen model in it.
pub(super) fn of(snapshot: &Snapshot, choice: &Choice<'_>) -> Catalog {
    let shown = match snapshot.settings().expose_all_models {
        true => Shown::All,
        false => Shown::Provider(&choice.provider.id),
    };
    let also = snapshot.unlisted(Some(&choice.slug));
    Catalog::of(snapshot.pool(), &CatalogOptions { also: &also, ..CatalogOptions::new(shown) })
}
