//! `interlingua providers edit`

use clap::Args;
use interlingua_proxy::Loaded;
use interlingua_registry::edit::{
    Field, ModelDraft, ProviderDraft, add_model, add_provider, has_provider, remove_model, set,
    unset,
};
use interlingua_registry::{BaseUrl, Provider};

use super::add::settle;
use super::keys::KeyPlace;
use crate::change::{ConfigFile, Target};
use crate::failure::Failure;
use crate::output;

/// Change fields of a provider.
///
/// Fields are those of the configuration: `name`, `base_url`, `expose`, `timeouts.idle`,
/// `headers.x-team`, `models.<id>.context_window` …
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The provider
    id: String,
    /// Set a field
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Take a field away
    #[arg(long, value_name = "FIELD")]
    unset: Vec<String>,
    /// Add a model to its list
    #[arg(long = "model", value_name = "ID")]
    models: Vec<String>,
    /// Take a model from its list
    #[arg(long, value_name = "ID")]
    remove_model: Vec<String>,
    #[command(flatten)]
    key: KeyPlace,
    /// Send the old key to a new address
    #[arg(long)]
    keep_key: bool,
    /// Do not try a new address or key
    #[arg(long)]
    no_test: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let file = options.target.open()?;
    // A configuration that is wrong now may be mended by this very change.
    let before = file.now().ok();
    let text = ensure(&file, before.as_ref(), &options.id)?;
    let text = options.apply(text)?;
    let checked = file.with(text.clone())?;
    let provider = super::find(&checked.snapshot, &options.id)?.clone();
    let old = before.as_ref().and_then(|before| before.snapshot.provider(&options.id));
    options.guard_key(old.map(|it| &**it), &provider)?;

    let moved = old.is_none_or(|old| old.base_url != provider.base_url);
    let rekeyed = options.key.draft()?.is_some();
    let tries = (moved || rekeyed) && !options.no_test && !options.target.dry_run;
    let other = match tries {
        false => None,
        true => {
            let vary = |base_url: &BaseUrl| {
                let field: Field = "base_url".parse().map_err(Failure::argument)?;
                Ok(set(&text, &options.id, &field, &base_url.to_string().as_str().into())?)
            };
            settle(&file, &checked.snapshot, &provider, moved, vary)?
        }
    };
    if file.commit(&other.unwrap_or(checked))? {
        options.key.advise();
    }
    Ok(())
}

impl Options {
    fn apply(&self, mut text: String) -> Result<String, Failure> {
        let id = &self.id;
        // A new model's fields can be set at once.
        for model in &self.remove_model {
            text = remove_model(&text, id, model)?;
        }
        for model in &self.models {
            text = add_model(&text, id, &ModelDraft::new(model))?;
        }
        for setting in &self.set {
            let wanted = || Failure::argument("`--set` wants a field and a value: `name=My box`");
            let (field, value) = setting.split_once('=').ok_or_else(wanted)?;
            let field = parse(field)?;
            let value = field.read(value).map_err(Failure::argument)?;
            text = set(&text, id, &field, &value)?;
        }
        for field in &self.unset {
            text = unset(&text, id, &parse(field)?)?;
        }
        if let Some(key) = self.key.draft()? {
            text = set(&text, id, &parse("key")?, &key.setting())?;
        }
        Ok(text)
    }

    /// A key was meant for the host that it was kept for; it goes to another one only if that is said.
    fn guard_key(&self, old: Option<&Provider>, new: &Provider) -> Result<(), Failure> {
        let Some(old) = old.filter(|old| !old.keys.is_empty()) else { return Ok(()) };
        let [from, to] = [old, new].map(|it| it.base_url.as_url().origin());
        let says_key = self.set.iter().chain(&self.unset).any(|it| it.starts_with("key"));
        if from == to
            || new.keys.is_empty()
            || self.keep_key
            || says_key
            || self.key.draft()?.is_some()
        {
            return Ok(());
        }
        Err(Failure::argument(format!(
            "the key of `{}` was meant for {}, not for {}; say where the key for the new address is \
             (`--key-env` …), or `--keep-key` if it is the same",
            old.id,
            from.ascii_serialization(),
            to.ascii_serialization()
        )))
    }
}

fn parse(field: &str) -> Result<Field, Failure> {
    match field.trim() {
        "id" => Err(Failure::argument(
            "an id never changes, because it is part of every slug; add another provider instead",
        )),
        field => field.parse().map_err(Failure::argument),
    }
}

/// The text with a table for a provider that is known without one, from a variable or another file.
pub(super) fn ensure(file: &ConfigFile, now: Option<&Loaded>, id: &str) -> Result<String, Failure> {
    if has_provider(file.text(), id)? {
        return Ok(file.text().to_owned());
    }
    if let Some(now) = now {
        let provider = super::find(&now.snapshot, id)?;
        if *provider.id != *id {
            let what = format!("`{id}` is a shortcut; name the provider itself: `{}`", provider.id);
            return Err(Failure::argument(what));
        }
        if provider.is_demo() {
            return Err(Failure::argument("the demo cannot be changed"));
        }
        output::say(&format!("`{id}` gets a table of its own in {}", file.path().display()));
        return Ok(add_provider(file.text(), &ProviderDraft::new(id))?);
    }
    Err(Failure::argument(format!("{} has no provider `{id}`", file.path().display())))
}
