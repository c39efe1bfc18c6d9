//! `interlingua probe`

mod server;

use std::path::Path;

use clap::Args;
use interlingua_dialect::Wire;
use interlingua_probe::{Finding, MOST, Probe, Proposal, Report, USUAL};
use interlingua_proxy::{Loaded, load_edited};
use interlingua_registry::{Provider, Target, files};
use serde_json::{Value, json};

use crate::change::not_written;
use crate::failure::Failure;
use crate::output;
use crate::providers::attempt::ask as list_models;
use crate::read::Read;
use server::Upstreamed;

/// Find out how a server departs from the standard, and propose a record of it.
///
/// Asks one model a few dozen small questions: about limits, streams, tools, thoughts and how they come
/// back, forms of answers, pictures, parameters and effort levels. Each question costs a request.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The provider
    id: String,
    /// The model to ask, if not its first
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// The record to build on, if not the provider's
    #[arg(long, value_name = "DIALECT")]
    base: Option<String>,
    /// Put the record into `dialects.d` beside the configuration
    #[arg(long)]
    write: bool,
    /// Replace a record that is there
    #[arg(long, requires = "write")]
    force: bool,
    #[command(flatten)]
    read: Read,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let loaded = options.read.load()?;
    let provider = crate::providers::find(&loaded.snapshot, &options.id)?;
    let target = options.target(&loaded, provider)?;
    let base = options.base.as_deref().unwrap_or(&provider.dialect);
    let model = &target.model.id;
    let probe = Probe::new(loaded.snapshot.dialects(), base, &provider.id, model);
    let probe = probe.map_err(Failure::argument)?;
    output::say(&format!(
        "asking {model} at {}: about {USUAL} small requests, and never more than {MOST}",
        provider.base_url
    ));
    let report = Upstreamed::run(probe, &loaded.snapshot, &target);
    let report = report.map_err(|fault| Failure::provider(&fault))?;
    let file = report.proposal.as_ref().map(|it| loaded.records.join(format!("{}.toml", it.id)));
    if options.read.json {
        output::print_json(&as_json(provider, model, base, &report, file.as_deref()))?;
    } else {
        output::print(&table(&report.findings))?;
    }
    output::say(&output::count(report.requests, "request"));
    let Some((proposal, file)) = report.proposal.as_ref().zip(file) else {
        output::say(&format!("`{base}` says all of it; there is nothing to write"));
        return Ok(());
    };
    let put = options.write.then(|| options.put(provider, proposal, &file));
    // What is not written is shown: finding it out again costs as many requests.
    if !options.read.json && !matches!(put, Some(Ok(()))) {
        output::print(&format!("\n# {}\n{}", file.display(), proposal.toml))?;
    }
    put.unwrap_or_else(|| {
        output::hint("`--write` puts the record there");
        Ok(())
    })
}

impl Options {
    /// Whom to ask.
    fn target(&self, loaded: &Loaded, provider: &Provider) -> Result<Target, Failure> {
        let id = &provider.id;
        if provider.is_demo() {
            return Err(Failure::argument("the demo is no server that could be probed"));
        }
        if provider.wire != Wire::Chat {
            let what = format!(
                "`{id}` speaks {}; only servers that speak Chat Completions can be probed",
                provider.wire.name()
            );
            return Err(Failure::argument(what));
        }
        let slug = |model: &str| format!("{id}/{model}");
        let known = self.model.as_deref().map(slug).or_else(|| provider.default_slug());
        let slug = match known {
            Some(slug) => slug,
            None => {
                let listed = list_models(&loaded.snapshot, provider)?.outcome;
                let listed = listed.map_err(|fault| Failure::provider(&fault))?;
                let what = format!("`{id}` lists no models; say which with `--model <ID>`");
                slug(&listed.first().ok_or_else(|| Failure::argument(what))?.id)
            }
        };
        let route = loaded.snapshot.route(Some(&slug)).map_err(Failure::argument)?;
        let what = format!("nobody answers for `{slug}`");
        route.targets.into_iter().next().ok_or_else(|| Failure::argument(what))
    }

    /// Writes the record, but not over another one unasked.
    fn put(&self, provider: &Provider, proposal: &Proposal, file: &Path) -> Result<(), Failure> {
        let before = files::read(file).map_err(|it| Failure::file(file, &it))?;
        if before == proposal.toml {
            output::say(&format!("nothing to change in {}", file.display()));
        } else if before.is_empty() || self.force {
            load_edited(&self.read.start(), file, &proposal.toml).map_err(not_written)?;
            files::write(file, &proposal.toml).map_err(|it| Failure::file(file, &it))?;
            let verb = if before.is_empty() { "wrote" } else { "replaced" };
            output::say(&format!("{verb} {}", file.display()));
        } else {
            let what = format!("{} is there already and says something else", file.display());
            return Err(Failure::argument(what).hint("`--force` replaces it"));
        }
        output::hint(&format!(
            "`interlingua providers edit {} --set dialect={}` uses it",
            provider.id, proposal.id
        ));
        Ok(())
    }
}

/// How much of what came is shown; programs are told all of it.
const SHOWN: usize = 72;

fn table(findings: &[Finding]) -> String {
    let head = ["ASKED", "CAME", "MEANS"].map(str::to_owned);
    let rows = findings.iter().map(|it| {
        let means = it.means.clone().unwrap_or_else(|| "unknown".to_owned());
        let came = match it.came.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", it.came.get(..end).unwrap_or_default()),
            None => it.came.clone(),
        };
        [it.asked.clone(), came, means]
    });
    output::columns(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

fn as_json(
    provider: &Provider,
    model: &str,
    base: &str,
    report: &Report,
    file: Option<&Path>,
) -> Value {
    let findings = report.findings.iter().map(|it| {
        let changes =
            it.changes.iter().map(|(path, value)| json!({ "path": path, "value": value }));
        json!({
            "asked": it.asked,
            "came": it.came,
            "means": it.means,
            "changes": changes.collect::<Vec<_>>(),
        })
    });
    let record =
        report.proposal.as_ref().map(|it| json!({ "id": it.id, "file": file, "toml": it.toml }));
    json!({
        "schema": "interlingua.probe/1",
        "provider": &*provider.id,
        "model": model,
        "base": base,
        "requests": report.requests,
        "findings": findings.collect::<Vec<_>>(),
        "record": record,
    })
}
