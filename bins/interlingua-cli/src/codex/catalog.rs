//! The model catalog, printed or written into a file.

use std::path::Path;

use interlingua_codex_integration::{Catalog, CatalogOptions, CatalogSource, Choice, Shown};
use interlingua_registry::{PoolEntry, Snapshot};

use crate::edit;
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
    edit::write(&path, of(snapshot, choice).as_json()).map_err(|it| Failure::file(&path, &it))?;
    Ok(CatalogSource::File(name.to_owned()))
}

/// The catalog as the gateway serves it, and the chosen model in it.
pub(super) fn of(snapshot: &Snapshot, choice: &Choice<'_>) -> Catalog {
    let shown = match snapshot.settings().expose_all_models {
        true => Shown::All,
        false => Shown::Provider(&choice.provider.id),
    };
    // Names that are answered though the pool does not list them.
    let aliases = snapshot.aliases().iter().map(|alias| alias.name.clone());
    let defaults = snapshot.providers().iter().filter_map(|provider| provider.default_slug());
    let chosen =
        snapshot.default_model().map(str::to_owned).into_iter().chain([choice.slug.clone()]);
    let mut also: Vec<PoolEntry> = Vec::new();
    for name in aliases.chain(chosen).chain(defaults) {
        if snapshot.pool().get(&name).is_some() || also.iter().any(|it| *it.slug == *name) {
            continue;
        }
        let target = snapshot.route(Some(&name)).ok().and_then(|it| it.targets.into_iter().next());
        also.extend(target.map(|it| PoolEntry {
            slug: name.into(),
            provider: it.provider,
            model: it.model,
        }));
    }
    Catalog::of(snapshot.pool(), &CatalogOptions { also: &also, ..CatalogOptions::new(shown) })
}
