//! `interlingua providers models`

use clap::Args;
use interlingua_registry::ListedModel;
use interlingua_registry::Provider;
use serde_json::{Value, json};

use super::attempt::ask;
use crate::failure::Failure;
use crate::models::tokens;
use crate::output;
use crate::read::Read;

/// List the models of a provider.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The provider
    id: String,
    /// Ask the provider now instead of showing what is known
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    read: Read,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let snapshot = options.read.load()?.snapshot;
    let provider = super::find(&snapshot, &options.id)?;
    let nothing_known = provider.models.is_open() && provider.models.listed().is_empty();
    let asks = options.refresh || nothing_known;
    let models = match asks {
        true => ask(&snapshot, provider)?.outcome.map_err(|fault| Failure::provider(&fault))?,
        false => known(provider),
    };
    if options.read.json {
        return output::print_json(&json!({
            "schema": "interlingua.provider-models/1",
            "id": &*provider.id,
            "asked": asks,
            "open": provider.models.is_open(),
            "models": models.iter().map(|model| as_json(provider, model)).collect::<Vec<_>>(),
        }));
    }
    let rows: Vec<_> = models.iter().map(|model| row(provider, model)).collect();
    output::print(&output::columns(&rows))?;
    if !asks {
        output::hint("`--refresh` asks the provider itself");
    } else if !provider.models.is_open() {
        output::hint(
            "its list in the configuration is strict; what is not in it cannot be asked for",
        );
    }
    Ok(())
}

fn known(provider: &Provider) -> Vec<ListedModel> {
    let models = provider.models.listed().iter().map(|model| ListedModel {
        id: model.id.to_string(),
        name: model.name.clone(),
        context_window: (!model.window_assumed).then_some(model.context_window),
        max_output_tokens: model.max_output_tokens,
    });
    models.collect()
}

/// Whether the model can be asked for by its slug.
fn is_reachable(provider: &Provider, id: &str) -> bool {
    provider.models.is_open() || provider.models.listed().iter().any(|model| *model.id == *id)
}

fn row(provider: &Provider, model: &ListedModel) -> [String; 4] {
    let window = model.context_window.map_or("?".to_owned(), tokens);
    let note =
        if is_reachable(provider, &model.id) { "" } else { "not listed in the configuration" };
    let name = model.name.clone().unwrap_or_default();
    [format!("{}/{}", provider.id, model.id), window, name, note.to_owned()]
}

fn as_json(provider: &Provider, model: &ListedModel) -> Value {
    json!({
        "id": model.id,
        "slug": format!("{}/{}", provider.id, model.id),
        "name": model.name,
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "reachable": is_reachable(provider, &model.id),
    })
}
