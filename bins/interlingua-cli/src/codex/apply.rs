//! `interlingua codex apply`

use std::path::PathBuf;

use clap::Args;
use interlingua_codex_integration::apply::{ApplyError, CatalogFile, View};
use interlingua_codex_integration::{CatalogSource, Plan, configured_model};

use super::catalog;
use super::target::Target;
use crate::failure::Failure;
use crate::{foreign, output};

/// Set Codex up, so that it can be put back to the byte.
///
/// Shows what changes in Codex's `config.toml`, keeps a copy and replaces it. Only what points Codex to
/// the gateway is touched. Needs no provider, no running gateway and no terminal. The model that Codex
/// starts with stays if the gateway has it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    /// Give Codex the catalog as a file, for Codex before 0.159
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    catalog_file: Option<Vec<PathBuf>>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// What is to be done, and said.
struct Prepared {
    plan: Plan,
    catalog: Option<(PathBuf, String)>,
    hints: Vec<String>,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    if options.dry_run {
        // Looking leaves nothing behind; a session would leave its lock.
        let view = foreign::look()?;
        return foreign::show(&view, Some(&prepare(options, &view)?.plan.after));
    }
    let session = foreign::begin()?;
    let prepared = prepare(options, session.view())?;
    let catalog = prepared.catalog.as_ref();
    let catalog = catalog.map(|(path, json)| CatalogFile { path, text: json });
    foreign::apply(session, &prepared.plan, catalog)?;
    prepared.hints.iter().for_each(|hint| output::hint(hint));
    if prepared.catalog.is_some() {
        output::hint(
            "a running gateway keeps the catalog file in step; Codex reads it at its start",
        );
    }
    output::hint("`interlingua codex restore` puts back what was there, to the byte");
    Ok(())
}

fn prepare(options: &Options, view: &View) -> Result<Prepared, Failure> {
    let target = &options.target;
    let current = configured_model(view.text().unwrap_or_default())
        .map_err(|source| ApplyError::Edit { path: view.config().to_owned(), source })?;
    let loaded = target.load(target.model.as_deref().or(current.as_deref()))?;
    let snapshot = &*loaded.snapshot;
    let aliases = snapshot.unlisted(None);
    let choice = target.choose(snapshot, current.as_deref(), &aliases)?;
    let path = catalog_path(options, view)?;
    let catalog = path.map(|path| (path, catalog::of(snapshot, &choice).into_json()));
    let source = match &catalog {
        Some((path, _)) => catalog::as_source(path)?,
        None => CatalogSource::Gateway,
    };
    let plan = view.plan(&target.options(snapshot, &choice, source)?)?;
    Ok(Prepared { plan, catalog, hints: target.hints(snapshot, &choice) })
}

fn catalog_path(options: &Options, view: &View) -> Result<Option<PathBuf>, Failure> {
    let Some(file) = &options.catalog_file else { return Ok(None) };
    let default = || view.config().with_file_name("interlingua-models.json");
    let path = file.first().cloned().unwrap_or_else(default);
    // Codex reads the path from wherever it is started.
    let path = std::path::absolute(&path).map_err(|error| Failure::file(&path, &error))?;
    match path == view.config() {
        true => Err(Failure::argument("the catalog needs a file of its own")),
        false => Ok(Some(path)),
    }
}
