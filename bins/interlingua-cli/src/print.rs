//! `interlingua print`

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use interlingua_clients::snippet::{Client, Flavour, Key, Lang, Model, Options, snippet};
use interlingua_codex_integration::{CatalogSource, Choice, cc_switch};
use interlingua_registry::{KEY_PLACEHOLDER, LOCAL_TOKEN, Secret, Snapshot};
use serde_json::json;

use crate::choice::pick;
use crate::codex::{ENV_KEY, Target};
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::output;

/// Print what another program is set up with.
///
/// What is on stdout can be saved or pasted as it is; what is to be said about it is on stderr. The gateway
/// need not run, and nothing is written.
#[derive(Debug, Args)]
pub(crate) struct Print {
    /// For which program
    #[arg(value_name = "CLIENT", value_parser = programs())]
    program: String,
    /// The model to start with: a slug, an alias, a provider, a shortcut
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The model for titles and the like, where the client has one
    #[arg(long, value_name = "NAME")]
    small: Option<String>,
    /// Which protocol the client is to speak, where it has a choice
    #[arg(long, value_name = "PROTOCOL", value_parser = flavours())]
    flavour: Option<Flavour>,
    /// In which language a program is printed
    #[arg(long, value_name = "LANGUAGE", value_parser = langs())]
    lang: Option<Lang>,
    /// What a program asks
    #[arg(long, value_name = "TEXT", default_value = "Say hello.")]
    prompt: String,
    /// Let the client take its key from this variable, where it can read one
    #[arg(
        long,
        visible_alias = "env-key",
        value_name = "NAME",
        num_args = 0..=1,
        default_missing_value = ENV_KEY
    )]
    key_env: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: Gateway,
}

/// What is made by Codex's crate.
const CC_SWITCH: &str = "cc-switch";

pub(crate) fn run(print: &Print) -> Result<(), Failure> {
    match print.program.parse() {
        Ok(client) => run_snippet(print, client),
        // The parser of arguments lets nothing else in.
        Err(()) => run_cc_switch(print),
    }
}

fn run_snippet(print: &Print, client: Client) -> Result<(), Failure> {
    if let Some(flavour) = print.flavour.filter(|it| !client.flavours().contains(it)) {
        return Err(Failure::argument(format!(
            "{} does not speak {}",
            client.name(),
            flavour.name()
        )));
    }
    if print.lang.is_some() && client.langs().is_empty() {
        return Err(Failure::argument(format!("{} has no choice of languages", client.name())));
    }
    let loaded = print.gateway.load(print.model.as_deref())?;
    let snapshot = &*loaded.snapshot;
    let choice = pick(snapshot, print.model.as_deref())?;
    let small = print.small.as_deref().map(|name| pick(snapshot, Some(name))).transpose()?;
    let made = snippet(
        client,
        &Options {
            base_url: print.gateway.base_url(snapshot)?,
            key: key(print, snapshot),
            models: models(snapshot, [Some(&choice), small.as_ref()]),
            model: model(snapshot, &choice),
            small: small.map(|it| it.slug),
            flavour: print.flavour,
            lang: print.lang,
            prompt: print.prompt.clone(),
        },
    );
    if print.json {
        return output::print_json(&json!({
            "schema": "interlingua.snippet/1",
            "client": client.name(),
            "file": made.file,
            "text": made.text,
            "notes": made.notes,
        }));
    }
    output::print(&made.text)?;
    made.notes.iter().for_each(|note| output::hint(note));
    if choice.provider.is_demo() {
        output::hint(
            "this is the built-in demo model, a script; print again once there is another",
        );
    }
    Ok(())
}

fn key(print: &Print, snapshot: &Snapshot) -> Key {
    match &print.key_env {
        Some(name) => Key::Variable(name.clone()),
        None if snapshot.client_keys().is_open() => Key::Text(Secret::new(LOCAL_TOKEN.to_owned())),
        None => Key::Variable(ENV_KEY.to_owned()),
    }
}

/// The models that are offered, those that were chosen first.
fn models(snapshot: &Snapshot, chosen: [Option<&Choice<'_>>; 2]) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    let chosen = chosen.into_iter().flatten().map(|choice| model(snapshot, choice));
    let offered = snapshot.pool().offered().filter(|entry| !entry.provider.is_demo());
    let unlisted = snapshot.unlisted(None);
    let offered = offered.chain(&unlisted).map(Model::of);
    for model in chosen.chain(offered) {
        if !models.iter().any(|it| it.slug == model.slug) {
            models.push(model);
        }
    }
    models
}

/// What is known of a model that was chosen; hardly anything, if its provider does not list it.
fn model(snapshot: &Snapshot, choice: &Choice<'_>) -> Model {
    let listed = snapshot.pool().get(&choice.slug).cloned();
    let entry = listed.or_else(|| {
        snapshot.unlisted(Some(&choice.slug)).into_iter().find(|it| *it.slug == *choice.slug)
    });
    entry.as_ref().map_or_else(|| Model::unknown(&choice.slug), Model::of)
}

fn run_cc_switch(print: &Print) -> Result<(), Failure> {
    let target = Target::at(print.model.clone(), print.key_env.clone(), print.gateway.clone());
    let loaded = target.load(print.model.as_deref())?;
    let snapshot = &*loaded.snapshot;
    let choice = target.choose(snapshot, None, &[])?;
    let made = cc_switch(&target.options(snapshot, &choice, CatalogSource::Gateway)?);
    if print.json {
        output::print_json(&json!({
            "schema": "interlingua.cc-switch/1",
            "auth": made.auth_json,
            "config": made.config_toml,
            "link": made.link,
        }))?;
    } else {
        output::print(&format!(
            "# auth.json: Add provider, Codex, Custom\n{}\n# config.toml\n{}\n# link\n{}\n",
            made.auth_json, made.config_toml, made.link
        ))?;
    }
    output::hint(
        "the key is readable inside the link; show it to nobody who must not have the key",
    );
    output::hint(
        "the link carries no model catalog; paste the texts to get Codex's tools for all models",
    );
    if made.auth_json.contains(KEY_PLACEHOLDER) {
        output::hint(&format!(
            "the gateway keeps the hash of its keys only; write yours for `{KEY_PLACEHOLDER}`"
        ));
    }
    Ok(())
}

fn programs() -> PossibleValuesParser {
    let clients = Client::ALL.map(|client| PossibleValue::new(client.name()).help(client.about()));
    let link = "what cc-switch takes for Codex: two texts to paste, or one link to open";
    let cc_switch = PossibleValue::new(CC_SWITCH).help(link);
    PossibleValuesParser::new(clients.into_iter().chain([cc_switch]))
}

fn flavours() -> impl TypedValueParser<Value = Flavour> {
    let names = PossibleValuesParser::new(Flavour::ALL.map(Flavour::name));
    names.map(|name| name.parse().expect("it is one of those"))
}

fn langs() -> impl TypedValueParser<Value = Lang> {
    let names = PossibleValuesParser::new(Lang::ALL.map(Lang::name));
    names.map(|name| name.parse().expect("it is one of those"))
}
