use std::sync::Arc;

use interlingua_dialect::Dialects;

use crate::discovered::{ListedModel, Listing};
use crate::model::{ASSUMED_WINDOW, Facts, Model, ModelSource, Price};
use crate::preset::{Preset, PresetModel};
use crate::problem::{Origin, Problem};
use crate::section::Section;

/// The models that the user lists; none if no list is there.
pub(super) fn declared(
    section: &Section<'_>,
    dialects: &Dialects,
    dialect: Option<&str>,
    preset: Option<&Preset>,
) -> Option<Vec<Arc<Model>>> {
    let mut models = Vec::new();
    let mut names: Vec<(String, Origin)> = Vec::new();
    for inner in section.tables("models")? {
        let id = inner.text("id");
        let facts = facts(&inner, id.as_ref().and_then(|id| preset?.model(&id.value)));
        let Some(id) = id else {
            if inner.node("id").is_none() {
                let problem = Problem::new(&inner.origin, "the model has no `id`");
                inner.problem(problem.remedy("write the name that the upstream gives it"));
            }
            inner.close();
            continue;
        };
        let model = id.value.as_str();
        if model.is_empty() || model.trim() != model || model.chars().any(char::is_control) {
            let problem = Problem::new(&id.origin, format!("{model:?} is no model id"));
            inner.problem(problem.remedy("write the name that the upstream gives it"));
        }
        for name in facts.aliases.iter().map(String::as_str).chain([model]) {
            if let Some((_, first)) = names.iter().find(|(other, _)| other == name) {
                let what = format!("the model `{name}` is there already, at {first}");
                inner.problem(Problem::new(&id.origin, what).remedy("remove one"));
            }
            names.push((name.to_owned(), id.origin.clone()));
        }
        inner.row("id", &model, &id.origin);
        if facts.context_window.is_none() {
            let what = format!(
                "the window of model `{model}` is not known; {ASSUMED_WINDOW} tokens are assumed"
            );
            let warning = Problem::new(&id.origin, what).remedy("write `context_window = …`");
            inner.findings.warning(warning);
        }
        let wants_search = facts.search == Some(true);
        if let Some(dialect) = dialect {
            match Model::new(model, facts, dialects, dialect) {
                Ok(made) => {
                    if wants_search && !made.can_search() {
                        let what =
                            format!("dialect `{dialect}` has no way to search for `{model}`");
                        let warning = Problem::new(&id.origin, what);
                        inner.findings.warning(warning.remedy("leave `search` out"));
                    }
                    models.push(Arc::new(made));
                }
                Err(what) => inner.problem(Problem::new(&id.origin, what)),
            }
        }
        inner.close();
    }
    Some(models)
}

/// The models of an open provider: the one that is to be offered first, those of its preset, and
/// those that it lists itself. What the provider says fills in what the preset does not know.
pub(super) fn known(
    dialects: &Dialects,
    dialect: &str,
    preset: Option<&Preset>,
    first: Option<&str>,
    listing: Option<&Listing>,
) -> Vec<Arc<Model>> {
    let of_preset = preset.map_or(&[][..], |preset| &preset.models);
    let listed = listing.map_or(&[][..], |listing| &listing.models);
    let mut models: Vec<(&str, Facts)> = Vec::new();
    if let Some(first) = first.filter(|first| of_preset.iter().all(|model| model.id != *first)) {
        models.push((first, Facts { source: ModelSource::Declared, ..Facts::default() }));
    }
    models.extend(of_preset.iter().map(|model| (model.id.as_str(), model.into())));
    // Lists name a model once, so none of theirs has to be looked for.
    let described = models.len();
    for said in listed {
        match models[..described].iter_mut().find(|(id, _)| *id == said.id) {
            Some((_, facts)) => {
                facts.context_window = facts.context_window.or(said.context_window);
                facts.max_output_tokens = facts.max_output_tokens.or(said.max_output_tokens);
            }
            None => models.push((&said.id, said.into())),
        }
    }
    let models =
        models.into_iter().filter_map(|(id, facts)| Model::new(id, facts, dialects, dialect).ok());
    models.map(Arc::new).collect()
}

pub(super) fn demo(dialects: &Dialects) -> Arc<Model> {
    let facts = Facts {
        name: Some("Interlingua demo".to_owned()),
        context_window: Some(ASSUMED_WINDOW),
        images: Some(false),
        reasoning: Some(true),
        source: ModelSource::Preset,
        ..Facts::default()
    };
    let model = Model::new("assistant", facts, dialects, "generic");
    Arc::new(model.expect("the default dialect ships with the dialects"))
}

impl From<&PresetModel> for Facts {
    fn from(model: &PresetModel) -> Self {
        Self {
            source: ModelSource::Preset,
            context_window: model.context_window,
            max_output_tokens: model.max_output_tokens,
            images: model.images,
            reasoning: model.reasoning,
            ..Self::default()
        }
    }
}

impl From<&ListedModel> for Facts {
    fn from(model: &ListedModel) -> Self {
        Self {
            source: ModelSource::Discovered,
            name: model.name.clone(),
            context_window: model.context_window.filter(|window| *window > 0),
            max_output_tokens: model.max_output_tokens.filter(|most| *most > 0),
            ..Self::default()
        }
    }
}

/// What the user says about a model, and where he says nothing, what the preset knows.
fn facts(section: &Section<'_>, preset: Option<&PresetModel>) -> Facts {
    let known = preset.map(Facts::from).unwrap_or_default();
    let count = |key| {
        let found = section.count(key)?;
        section.row(key, &found.value, &found.origin);
        Some(found.value)
    };
    let boolean = |key| {
        let found = section.boolean(key)?;
        section.row(key, &found.value, &found.origin);
        Some(found.value)
    };
    let aliases = section.texts("aliases").map_or_else(Vec::new, |found| {
        let aliases: Vec<_> = found.value.into_iter().map(|alias| alias.value).collect();
        section.row("aliases", &aliases.join(", "), &found.origin);
        aliases
    });
    let name = section.text("name").map(|found| {
        section.row("name", &found.value, &found.origin);
        found.value
    });
    Facts {
        name,
        aliases,
        source: ModelSource::Declared,
        context_window: count("context_window").or(known.context_window),
        max_output_tokens: count("max_output_tokens").or(known.max_output_tokens),
        images: boolean("images").or(known.images),
        reasoning: boolean("reasoning").or(known.reasoning),
        search: boolean("search"),
        parallel_calls: boolean("parallel_calls"),
        price: price(section),
    }
}

/// What the model costs, in US dollars per million tokens.
fn price(section: &Section<'_>) -> Option<Price> {
    let inner = section.table("price")?;
    let amount = |key| {
        let found = inner.amount(key)?;
        inner.row(key, &found.value, &found.origin);
        Some(found.value)
    };
    let (input, cached_input, output) = (amount("input"), amount("cached_input"), amount("output"));
    if (input.is_none() && inner.node("input").is_none())
        || (output.is_none() && inner.node("output").is_none())
    {
        let what = "`price` needs `input` and `output`";
        let remedy = "write US dollars per million tokens: { input = 0.3, output = 1.2 }";
        inner.problem(Problem::new(&inner.origin, what).remedy(remedy));
    }
    inner.close();
    Some(Price { input: input?, cached_input, output: output? })
}
