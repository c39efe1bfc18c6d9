//! `interlingua codex slots`

use clap::Args;
use interlingua_codex_integration::{PICKER_NAMES, Slots};
use interlingua_registry::CatalogMode;
use interlingua_registry::edit::set_slots;

use crate::change;
use crate::failure::Failure;
use crate::output;

/// Give models the names that Codex's own picker shows.
///
/// Some pickers hide every name that has a slash, as ours have. This writes a table of slots into our
/// configuration: names that such a picker shows, each with the model that answers for it. A name
/// stays with its model when others come and go.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The models to offer, in this order; nothing means all that are offered
    #[arg(value_name = "SLUG")]
    slugs: Vec<String>,
    /// Go back to slugs; the names go on being answered
    #[arg(long, conflicts_with = "slugs")]
    off: bool,
    #[command(flatten)]
    target: change::Target,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let file = options.target.open()?;
    let loaded = file.now()?;
    let snapshot = &loaded.snapshot;
    let before: Vec<(String, String)> = snapshot
        .aliases()
        .iter()
        .filter(|alias| alias.slot)
        .filter_map(|alias| Some((alias.name.clone(), alias.targets.first()?.slug.clone())))
        .collect();
    if options.off {
        let text = set_slots(file.text(), CatalogMode::Slug, &before)?;
        return file.commit(&file.with(text)?).map(drop);
    }
    let slugs = match options.slugs.as_slice() {
        [] => {
            let offered = snapshot.pool().offered().filter(|entry| !entry.provider.is_demo());
            offered.map(|entry| entry.slug.clone()).collect()
        }
        named => named.iter().map(|slug| slug.as_str().into()).collect::<Vec<_>>(),
    };
    if slugs.is_empty() {
        return Err(Failure::argument("no model is offered, so there is nothing to name"));
    }
    let slots = Slots::assign(&slugs, &before);
    let text = set_slots(file.text(), CatalogMode::Slots, &slots.assigned)?;
    let rows: Vec<_> =
        slots.assigned.iter().map(|(name, slug)| [name.clone(), slug.clone()]).collect();
    let checked = file.with(text)?;
    output::say(output::columns(&rows).trim_end());
    file.commit(&checked)?;
    if !slots.left_out.is_empty() {
        output::hint(&format!(
            "the picker shows {} names, so these are left out: {}; name those you want",
            PICKER_NAMES.len(),
            slots.left_out.join(", ")
        ));
    }
    Ok(())
}
