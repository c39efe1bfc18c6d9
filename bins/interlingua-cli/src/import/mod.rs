//! `interlingua import`

mod keys;
mod sources;

use clap::Args;
use interlingua_proxy::StartError;
use interlingua_registry::KeySource;
use interlingua_registry::edit::{KeyDraft, ProviderDraft, add_provider};
use interlingua_registry::import::{Imported, Note, Tool};
use serde_json::{Value, json};

use crate::change::{Checked, ConfigFile, Target};
use crate::failure::Failure;
use crate::{output, pool};

/// Take the providers of another tool over.
///
/// Reads `providers.json` and the variables of mimo2codex, `config.json` of claude-code-router, and
/// `config.json`, SQL exports and deep links of cc-switch. Keys stay where they are unless
/// `--with-keys` is given; nothing is changed in the files of the other tool.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file; `-` for what is typed or piped in, `auto` for the usual places
    #[arg(value_name = "FILE")]
    file: String,
    /// Whose file it is, if its text does not tell
    #[arg(long, value_parser = ["mimo2codex", "cc-switch", "claude-code-router"])]
    from: Option<String>,
    /// Copy the keys into files of their own, beside the configuration
    #[arg(long)]
    with_keys: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let from = options.from.as_deref();
    let from = from.and_then(|name| Tool::ALL.into_iter().find(|tool| tool.name() == name));
    let file = options.target.open()?;
    let taken = taken(&file);
    let found = sources::find(&options.file, from, &taken)?;
    let mut plan = Plan { taken: Vec::new(), notes: found.notes };
    let prepared = found.providers.into_iter();
    let prepared = prepared.map(|it| plan.prepare(it, &file, options.with_keys));
    let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
    let checked = plan.fit(prepared, &file)?;
    if !options.json {
        plan.notes.iter().for_each(|note| output::say(&format!("{}: {}", note.about, note.what)));
    }
    let written = plan.write(&checked, &file, options)?;
    if options.json {
        return output::print_json(&json!({
            "schema": "interlingua.import/1",
            "written": written,
            "sources": found.places,
            "providers": plan.taken.iter().map(Taken::as_json).collect::<Vec<_>>(),
            "notes": plan.notes.iter().map(note_as_json).collect::<Vec<_>>(),
        }));
    }
    if written {
        let ids: Vec<_> = plan.taken.iter().map(|it| it.draft.id.as_str()).collect();
        output::say(&format!("imported {}", ids.join(", ")));
        output::hint("`interlingua providers test <id>` asks one of them for its models");
        pool::advise(&checked.snapshot);
    }
    Ok(())
}

/// Ids and shortcuts that are in use.
fn taken(file: &ConfigFile) -> Vec<String> {
    let Ok(now) = file.now() else { return Vec::new() };
    let providers = now.snapshot.providers().iter().filter(|it| !it.is_demo());
    // What only a variable makes may be written down.
    let providers = providers.filter(|it| {
        interlingua_registry::edit::has_provider(file.text(), &it.id).unwrap_or(true)
            || it.shortcut.is_some()
    });
    providers.flat_map(|it| [Some(it.id.to_string()), it.shortcut.clone()]).flatten().collect()
}

/// What will be written, and what is to be said about it.
struct Plan {
    taken: Vec<Taken>,
    notes: Vec<Note>,
}

/// A provider, and the file that its key goes into.
struct Taken {
    draft: ProviderDraft,
    key: Option<keys::KeyFile>,
}

impl Plan {
    /// Decides where the key of a provider goes.
    fn prepare(
        &mut self,
        Imported { mut draft, key }: Imported,
        file: &ConfigFile,
        with_keys: bool,
    ) -> Result<Taken, Failure> {
        let Some(secret) = key else { return Ok(Taken { draft, key: None }) };
        if !with_keys {
            let variable = variable(&draft).unwrap_or("its variable");
            self.note(
                &draft.id,
                format!(
                    "its key is not copied; set {variable}, or import again with `--with-keys`"
                ),
            );
            return Ok(Taken { draft, key: None });
        }
        let key = keys::KeyFile::beside(file.path(), &draft.id, secret)?;
        draft.key = Some(KeyDraft::Kept(vec![KeySource::File(key.place()?)]));
        Ok(Taken { draft, key: Some(key) })
    }

    /// Takes all providers, or if the configuration would be wrong with them, those that fit.
    fn fit(&mut self, prepared: Vec<Taken>, file: &ConfigFile) -> Result<Checked, Failure> {
        let all = prepared
            .iter()
            .try_fold(file.text().to_owned(), |text, it| add_provider(&text, &it.draft))?;
        if let Ok(checked) = file.check(all) {
            self.taken = prepared;
            return Ok(checked);
        }
        // Whatever was wrong before is not the fault of any of them.
        let mut checked = file.with(file.text().to_owned())?;
        for it in prepared {
            match file.check(add_provider(checked.text(), &it.draft)?) {
                Ok(with_it) => {
                    checked = with_it;
                    self.taken.push(it);
                }
                Err(StartError::Config(problems)) => {
                    let problems: Vec<_> = problems.iter().map(|it| it.what.as_str()).collect();
                    self.note(&it.draft.id, format!("not taken: {}", problems.join("; ")));
                }
                Err(why) => return Err(why.into()),
            }
        }
        Ok(checked)
    }

    fn note(&mut self, about: &str, what: String) {
        self.notes.push(Note { about: about.to_owned(), what });
    }

    fn write(
        &self,
        checked: &Checked,
        file: &ConfigFile,
        options: &Options,
    ) -> Result<bool, Failure> {
        if self.taken.is_empty() {
            output::say("nothing to import");
            return Ok(false);
        }
        if options.json && options.target.dry_run {
            return Ok(false);
        }
        // A configuration never names a key file that is not there.
        if !options.target.dry_run {
            for key in self.taken.iter().filter_map(|it| it.key.as_ref()) {
                key.write()?;
            }
        }
        file.commit(checked)
    }
}

impl Taken {
    fn as_json(&self) -> Value {
        let place = match &self.draft.key {
            Some(KeyDraft::Kept(sources)) => sources.first().map(ToString::to_string),
            Some(KeyDraft::Client) => Some("client".to_owned()),
            None => None,
        };
        json!({
            "id": self.draft.id,
            "name": self.draft.name,
            "base_url": self.draft.base_url,
            "models": self.draft.models.len(),
            "key": place,
            "key_copied": self.key.is_some(),
        })
    }
}

/// The variable that a provider's key is expected in.
fn variable(draft: &ProviderDraft) -> Option<&str> {
    match draft.key.as_ref()? {
        KeyDraft::Kept(sources) => sources.iter().find_map(|source| match source {
            KeySource::Env(name) => Some(name.as_str()),
            _ => None,
        }),
        KeyDraft::Client => None,
    }
}

fn note_as_json(note: &Note) -> Value {
    json!({ "about": note.about, "what": note.what })
}
