mod aliases;
mod codex;
mod endpoint;
mod fields;
mod keys;
mod models;
mod names;
mod providers;
mod store;

pub(crate) use names::RESERVED;

use std::str::FromStr;
use std::sync::Arc;

use interlingua_dialect::Dialects;

use crate::keys::{ClientKey, ClientKeys, KeyHash, KeyId};
use crate::pool::PoolMap;
use crate::problem::{Origin, Problem, Problems};
use crate::raw::{RawConfig, Value};
use crate::secret::ResolveKey;
use crate::section::{Findings, Section};
use crate::settings::{CatalogMode, Settings};
use crate::snapshot::Snapshot;

/// Checks a configuration as a whole and makes the snapshot that everything else works with.
///
/// Keys are fetched now, through `keys`. A provider whose key is not there stays in the snapshot,
/// visible but unusable, with the reason; that is a [warning](Snapshot::warnings), not a problem.
///
/// # Errors
///
/// All [`Problems`] at once, each with its place and what to write instead.
pub fn check(
    raw: &RawConfig,
    dialects: &Arc<Dialects>,
    keys: &dyn ResolveKey,
) -> Result<Snapshot, Problems> {
    let findings = Findings::new(raw.problems.clone());
    let root = Section::root(&raw.root, &findings);

    let default_model = root.text("default_model");
    let client_keys = client_keys(&root);
    let has_client_keys = matches!(
        root.node("client_keys").map(|node| &node.value),
        Some(Value::List(keys)) if !keys.is_empty()
    );
    let codex = root.table("codex");
    let settings = Settings::read(&root, has_client_keys, codex::read(&root, codex.as_ref()));
    let store = store::read(&root, keys);
    let read = providers::Reader::new(raw, dialects, keys, &settings.timeouts);
    let providers = read.all(&root);
    let pool = Arc::new(PoolMap::new(&providers));
    let aliases = aliases::read(&root, codex, &providers, &pool);
    if settings.codex.catalog == CatalogMode::Slots && !aliases.iter().any(|alias| alias.slot) {
        let origin = root.node("codex").map_or(Origin::Default, |node| node.origin.clone());
        let what = "Codex is shown no model, because `catalog` is \"slots\" and there are none";
        let remedy = "write `[codex.slots]` with lines like \"gpt-6-sol\" = \"<provider>/<model>\"";
        root.findings.warning(Problem::new(&origin, what).remedy(remedy));
    }
    if let Some(model) = &default_model {
        root.row("default_model", &model.value, &model.origin);
        let is_alias = aliases.iter().any(|alias| alias.name == model.value);
        if !is_alias {
            aliases::check_target(&root, "default_model", model, &providers, &pool);
        }
    }
    root.close();

    let (problems, warnings, rows) = findings.into_parts();
    if !problems.is_empty() {
        return Err(Problems::new(problems));
    }
    Ok(Snapshot {
        settings,
        client_keys,
        providers,
        pool,
        aliases,
        default_model: default_model.map(|model| model.value),
        store,
        dialects: dialects.clone(),
        warnings,
        rows,
    })
}

fn client_keys(root: &Section<'_>) -> ClientKeys {
    let mut keys: Vec<(ClientKey, Origin)> = Vec::new();
    for section in root.tables("client_keys").unwrap_or_default() {
        let id = parsed::<KeyId>(&section, "id");
        let hash = parsed::<KeyHash>(&section, "hash");
        if let (Some(id), Some(hash)) = (id, hash) {
            let twin = keys.iter().find(|(key, _)| key.id == id || key.hash.same(&hash).into());
            if let Some((twin, first)) = twin {
                let what = format!("the client key `{id}` is the same as `{}` at {first}", twin.id);
                section.problem(Problem::new(&section.origin, what).remedy("remove one"));
            }
            section.row("id", &id, &section.origin);
            keys.push((ClientKey { id, hash }, section.origin.clone()));
        }
        section.close();
    }
    ClientKeys::new(keys.into_iter().map(|(key, _)| key).collect())
}

fn parsed<T: FromStr<Err: ToString>>(section: &Section<'_>, key: &'static str) -> Option<T> {
    if section.node(key).is_none() {
        let what = format!("the client key has no `{key}`");
        let remedy = "make one with `interlingua keys add <name>`";
        section.problem(Problem::new(&section.origin, what).remedy(remedy));
    }
    let found = section.text(key)?;
    let parsed = found.value.parse::<T>().map_err(|error| {
        let what = format!("`{key}` is malformed");
        section.problem(Problem::new(&found.origin, what).remedy(error.to_string()));
    });
    parsed.ok()
}
