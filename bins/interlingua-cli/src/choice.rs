//! Which model a client starts with.

use interlingua_codex_integration::{Choice, Offer};
use interlingua_registry::{Provider, Snapshot};

use crate::failure::Failure;

/// What a model can be chosen from.
pub(crate) fn offer(snapshot: &Snapshot) -> Offer<'_> {
    Offer {
        pool: snapshot.pool(),
        providers: snapshot.providers(),
        default_model: snapshot.default_model(),
    }
}

/// The model that is wanted, else a suggested one.
pub(crate) fn choose<'s>(
    snapshot: &'s Snapshot,
    wanted: Option<&str>,
) -> Result<Choice<'s>, Failure> {
    offer(snapshot).choose(wanted).map_err(|error| {
        Failure::argument(error).hint("what variables switch on is known only where they are set")
    })
}

/// The same where aliases are names, too, as they are for clients without a catalog.
pub(crate) fn pick<'s>(
    snapshot: &'s Snapshot,
    wanted: Option<&str>,
) -> Result<Choice<'s>, Failure> {
    if let Some(name) = wanted
        && snapshot.aliases().iter().any(|alias| alias.name == *name)
        && let Ok(route) = snapshot.route(Some(name))
        && let Some(first) = route.targets.first()
        && let Some(provider) = snapshot.provider(&first.provider.id)
    {
        return Ok(Choice { slug: name.to_owned(), provider, model: None });
    }
    choose(snapshot, wanted)
}

/// What has to be said of a model's provider, if it cannot be used for good.
pub(crate) fn hint(provider: &Provider) -> Option<String> {
    if provider.is_demo() {
        let hint =
            "this is the built-in demo model, a script; do this again once a provider can be used";
        return Some(hint.to_owned());
    }
    let why = provider.usable().err()?;
    Some(format!(
        "`{}` cannot be used here: {why}; where the gateway runs it has to be",
        provider.id
    ))
}
