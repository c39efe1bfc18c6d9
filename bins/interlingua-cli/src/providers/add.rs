//! `interlingua providers add`

use clap::Args;
use interlingua_dialect::Wire;
use interlingua_ir::Class;
use interlingua_registry::edit::{
    ModelDraft, ProviderDraft, add_provider, is_key_header, looks_like_key,
};
use interlingua_registry::{BaseUrl, Preset, Provider, Snapshot};

use super::address::Wanted;
use super::attempt::{Attempt, ask, variant};
use super::keys::KeyPlace;
use crate::change::{Checked, ConfigFile, Target};
use crate::failure::Failure;
use crate::{output, pool};

/// Add a provider: a vendor by its name, or any server by its address.
///
/// `interlingua providers add mimo` needs no more than the vendor's variable, and
/// `interlingua providers add glm --region cn --plan coding_plan` chooses one of its addresses.
/// `interlingua providers add house --base-url http://10.0.0.5:8000/v1` adds any other server.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Its id, part of every slug; a vendor's name fills in the rest
    id: String,
    /// The vendor that fills in what is not said, if the id is another
    #[arg(long, value_name = "VENDOR")]
    preset: Option<String>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// A short name for the command line
    #[arg(long)]
    shortcut: Option<String>,
    /// Its address, as its documentation has it
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The vendor's address for that region, such as `cn` or `intl`
    #[arg(long, conflicts_with = "base_url")]
    region: Option<String>,
    /// The vendor's address for that plan, such as `payg`, `coding_plan` or `token_plan`
    #[arg(long, conflicts_with = "base_url")]
    plan: Option<String>,
    /// The protocol that it speaks; a vendor may have another address for it
    #[arg(long, value_parser = ["chat", "responses", "messages"])]
    wire: Option<String>,
    /// The dialect of that protocol
    #[arg(long)]
    dialect: Option<String>,
    #[command(flatten)]
    key: KeyPlace,
    /// A model that it has; with any, it has no others
    #[arg(long = "model", value_name = "ID")]
    models: Vec<String>,
    /// The model to offer first
    #[arg(long, value_name = "ID")]
    default_model: Option<String>,
    /// Offer its models whose names fit
    #[arg(long, value_name = "PATTERN")]
    expose: Vec<String>,
    /// The proxy through which it is reached, or `direct`
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Where its documentation is
    #[arg(long, value_name = "URL")]
    docs: Option<String>,
    /// A header field for every request, such as `x-team=blue`
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,
    /// Do not try the address
    #[arg(long)]
    no_test: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut draft = options.draft()?;
    let file = options.target.open()?;
    let checked = file.with(add_provider(file.text(), &draft)?)?;
    let provider = super::find(&checked.snapshot, &draft.id)?.clone();
    let other = match options.no_test || options.target.dry_run {
        true => None,
        false => {
            let said = options.base_url.is_some();
            let vary = |base_url: &BaseUrl| {
                draft.base_url = Some(base_url.to_string());
                Ok(add_provider(file.text(), &draft)?)
            };
            settle(&file, &checked.snapshot, &provider, said, vary)?
        }
    };
    let checked = other.unwrap_or(checked);
    if file.commit(&checked)? {
        output::say(&format!("added `{}`", draft.id));
        if let Err(why) = provider.usable() {
            output::hint(&format!("it cannot be used yet: {why}"));
        }
        options.key.advise();
        pool::advise(&checked.snapshot);
    }
    Ok(())
}

impl Options {
    fn draft(&self) -> Result<ProviderDraft, Failure> {
        let mut draft = ProviderDraft::new(&self.id);
        let by_id =
            Preset::find(&self.id).filter(|it| self.base_url.is_none() || it.base_urls.is_empty());
        draft.preset = self.preset.clone().or_else(|| Some(by_id?.id.clone()));
        if draft.preset.is_none() && self.base_url.is_none() && !looks_like_key(&self.id) {
            let vendors: Vec<_> = Preset::all().iter().map(|it| it.id.as_str()).collect();
            return Err(Failure::argument(format!(
                "`{}` is no vendor that is known ({}); say its address with `--base-url <URL>`",
                self.id,
                vendors.join(", ")
            )));
        }
        draft.name.clone_from(&self.name);
        draft.shortcut.clone_from(&self.shortcut);
        draft.base_url = self.base_url.as_deref().map(base_url).transpose()?;
        draft.wire = self.wire.as_deref().and_then(Wire::named);
        draft.dialect.clone_from(&self.dialect);
        if draft.base_url.is_none() {
            let (region, plan) = (self.region.as_deref(), self.plan.as_deref());
            let wanted = Wanted { region, plan, wire: draft.wire };
            let preset = draft.preset.as_deref().and_then(Preset::find);
            draft.base_url = preset.map(|it| wanted.choose(it)).transpose()?.flatten();
        }
        draft.key = self.key.draft()?;
        draft.models = self.models.iter().map(|id| ModelDraft::new(id)).collect();
        draft.default_model.clone_from(&self.default_model);
        draft.expose = (!self.expose.is_empty()).then(|| self.expose.clone());
        draft.proxy.clone_from(&self.proxy);
        draft.docs.clone_from(&self.docs);
        draft.headers = self.headers.iter().map(|it| header(it)).collect::<Result<_, _>>()?;
        let said = [&self.name, &self.shortcut, &self.default_model, &self.docs, &self.dialect];
        if said.into_iter().flatten().chain([&self.id]).any(|word| looks_like_key(word)) {
            let what = "one of the arguments looks like a key, which does not belong there; name its \
                        place with `--key-env`, `--key-file` or `--key-command`";
            return Err(Failure::argument(what));
        }
        Ok(draft)
    }
}

/// The address as it is kept; says so if it is not the one that was typed.
fn base_url(typed: &str) -> Result<String, Failure> {
    let parsed = BaseUrl::parse(typed);
    let parsed = parsed.map_err(|it| Failure::argument(format!("`--base-url` {it}")))?.to_string();
    if parsed != typed.trim_end_matches('/') {
        output::say(&format!("the base URL is {parsed}"));
    }
    Ok(parsed)
}

fn header(typed: &str) -> Result<(String, String), Failure> {
    let wanted = || Failure::argument("`--header` wants a name and a value, such as `x-team=blue`");
    let (name, value) = typed.split_once('=').ok_or_else(wanted)?;
    let value = value.trim();
    let name = name.trim().to_ascii_lowercase();
    if looks_like_key(value) || is_key_header(&name) {
        let what = "this header carries a key, which does not belong there; name its place with `--key-env`, \
                    `--key-file` or `--key-command`";
        return Err(Failure::argument(what));
    }
    Ok((name, value.to_owned()))
}

/// Tries the address of a provider, and if nothing is there, the one with or without `/v1`. Gives the
/// configuration with the address that answered, if it is the other one.
///
/// Whatever comes of it, the provider is saved: a server may be off, and a key may come later.
pub(super) fn settle(
    file: &ConfigFile,
    snapshot: &Snapshot,
    provider: &Provider,
    may_vary: bool,
    with: impl FnOnce(&BaseUrl) -> Result<String, Failure>,
) -> Result<Option<Checked>, Failure> {
    let first = ask(snapshot, provider)?;
    first.tell();
    let other = variant(&provider.base_url).filter(|_| may_vary && first.missed());
    if let Some(other) = other {
        let checked = file.with(with(&other)?)?;
        let second = ask(&checked.snapshot, super::find(&checked.snapshot, &provider.id)?)?;
        second.tell();
        // Whoever asks for another key is there.
        let is_there = match &second.outcome {
            Ok(_) => true,
            Err(fault) => fault.class == Class::Auth,
        };
        if is_there {
            output::say(&format!("the base URL is {other}"));
            explain(&second, provider);
            return Ok(Some(checked));
        }
    }
    explain(&first, provider);
    Ok(None)
}

/// What an unlucky attempt means for a provider that is saved all the same.
fn explain(attempt: &Attempt, provider: &Provider) {
    let Err(fault) = &attempt.outcome else { return };
    let id = &provider.id;
    let again = format!("try it again with `interlingua providers test {id}`");
    if let Some(remedy) = attempt.remedy(provider) {
        output::say(&format!("warning: `{id}` is there and wants a key; {remedy}"));
        return;
    }
    output::say(&match fault.class {
        Class::Auth | Class::Quota => {
            format!("warning: the key of `{id}` is not accepted; {again}")
        }
        Class::Unreachable | Class::Timeout | Class::Interrupted => {
            format!("warning: `{id}` cannot be reached now and is saved all the same; {again}")
        }
        _ => format!(
            "warning: `{id}` does not list its models there; it may work all the same; {again}"
        ),
    });
}
