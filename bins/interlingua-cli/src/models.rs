//! `interlingua models`

use clap::Args;
use interlingua_registry::{PoolEntry, Snapshot};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::read::Read;

/// List the models that can be asked for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also list those that cannot be used now, and why
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    read: Read,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let loaded = options.read.load()?;
    let snapshot = &*loaded.snapshot;
    let entries = snapshot.pool().all().filter(|it| options.all || it.is_usable());
    let entries: Vec<&PoolEntry> = entries.collect();
    if options.read.json {
        let models: Vec<Value> = entries.iter().map(|entry| as_json(entry, snapshot)).collect();
        let aliases: Vec<Value> = snapshot
            .aliases()
            .iter()
            .map(|it| {
                let targets: Vec<_> = it
                    .targets
                    .iter()
                    .map(|target| json!({ "slug": target.slug, "weight": target.weight }))
                    .collect();
                let policy = it.policy.name();
                json!({ "name": it.name, "policy": policy, "targets": targets, "slot": it.slot })
            })
            .collect();
        return output::print_json(&json!({
            "schema": "interlingua.models/1",
            "default_model": snapshot.default_model(),
            "models": models,
            "aliases": aliases,
        }));
    }
    let rows: Vec<_> = entries.iter().map(|entry| row(entry, snapshot)).collect();
    output::print(&output::columns(&rows))?;
    let hidden = snapshot.pool().all().count() - entries.len();
    if hidden > 0 {
        output::hint(&format!("{hidden} more cannot be used now; `--all` says why"));
    }
    let open = snapshot.providers().iter().filter(|it| it.usable().is_ok() && it.models.is_open());
    let open: Vec<_> = open.map(|it| format!("{}/…", it.id)).collect();
    if !open.is_empty() {
        output::hint(&format!("any other name is passed on for {}", open.join(", ")));
    }
    Ok(())
}

fn row(entry: &PoolEntry, snapshot: &Snapshot) -> [String; 4] {
    let model = &entry.model;
    let window = tokens(model.context_window) + if model.window_assumed { "?" } else { "" };
    let search = Some(model.can_search());
    let abilities = [("images", model.images), ("reasoning", model.reasoning), ("search", search)];
    let known = abilities.into_iter().filter(|(_, is)| *is == Some(true)).map(|(name, _)| name);
    let price = model.price.map(|it| format!("${}/${}", it.input, it.output));
    let known = known.map(str::to_owned).chain(price);
    let abilities = known.collect::<Vec<_>>().join(", ");
    let state = entry.provider.usable().map_or_else(
        |why| format!("not usable: {why}"),
        |()| {
            if snapshot.default_model() == Some(&*entry.slug) {
                "default".into()
            } else {
                String::new()
            }
        },
    );
    [entry.slug.to_string(), window, abilities, state]
}

fn as_json(entry: &PoolEntry, snapshot: &Snapshot) -> Value {
    let model = &entry.model;
    json!({
        "slug": &*entry.slug,
        "provider": &*entry.provider.id,
        "model": &*model.id,
        "name": model.name,
        "aliases": model.aliases,
        "context_window": model.context_window,
        "window_assumed": model.window_assumed,
        "max_output_tokens": model.max_output_tokens,
        "images": model.images,
        "reasoning": model.reasoning,
        "search": model.can_search(),
        "price": model.price.map(|price| json!({
            "currency": "USD",
            "per_tokens": 1_000_000,
            "input": price.input,
            "cached_input": price.cached_input,
            "output": price.output,
        })),
        "source": model.source.name(),
        "exposed": entry.exposed,
        "default": snapshot.default_model() == Some(&*entry.slug),
        "usable": entry.is_usable(),
        "why": entry.provider.usable().err().map(|why| why.to_string()),
    })
}

/// A number of tokens, as people say it.
pub(crate) fn tokens(count: u64) -> String {
    match count {
        count if count >= 1_000_000 && count % 100_000 == 0 => {
            let (whole, tenths) = (count / 1_000_000, count / 100_000 % 10);
            if tenths == 0 { format!("{whole}M") } else { format!("{whole}.{tenths}M") }
        }
        count if count >= 1_000 && count % 1_000 == 0 => format!("{}k", count / 1_000),
        count if count >= 1_024 && count % 1_024 == 0 => format!("{}Ki", count / 1_024),
        count => count.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn tokens_are_short_but_never_rounded() {
        let shown = [1_000_000, 1_500_000, 1_047_576, 262_144, 200_000, 131_072, 512].map(tokens);
        assert_eq!(shown, ["1M", "1.5M", "1047576", "256Ki", "200k", "128Ki", "512"]);
    }
}
