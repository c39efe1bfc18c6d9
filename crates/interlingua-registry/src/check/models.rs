use std::sync::Arc;

use interlingua_dialect::Dialects;

use crate::preset::{Preset, PresetModel};
use crate::problem::{Origin, Problem};
use crate::provider::{ASSUMED_WINDOW, Facts, Model};
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
        if let Some(dialect) = dialect {
            match Model::new(model, facts, dialects, dialect) {
                Ok(model) => models.push(Arc::new(model)),
                Err(what) => inner.problem(Problem::new(&id.origin, what)),
            }
        }
        inner.close();
    }
    Some(models)
}

/// The models of a preset, and the one that is to be offered first, though it is not among them.
pub(super) fn known(
    dialects: &Dialects,
    dialect: &str,
    preset: Option<&Preset>,
    first: Option<&str>,
) -> Vec<Arc<Model>> {
    let of_preset = preset.map_or(&[][..], |preset| &preset.models);
    let first = first.filter(|first| of_preset.iter().all(|model| model.id != *first));
    let first = first.map(|id| (id, Facts::default()));
    let models = first.into_iter().chain(of_preset.iter().map(|it| (it.id.as_str(), it.into())));
    let models = models.filter_map(|(id, facts)| Model::new(id, facts, dialects, dialect).ok());
    models.map(Arc::new).collect()
}

pub(super) fn demo(dialects: &Dialects) -> Arc<Model> {
    let facts = Facts {
        name: Some("Interlingua demo".to_owned()),
        context_window: Some(ASSUMED_WINDOW),
        images: Some(false),
        reasoning: Some(true),
        ..Facts::default()
    };
    let model = Model::new("assistant", facts, dialects, "generic");
    Arc::new(model.expect("the default dialect ships with the dialects"))
}

impl From<&PresetModel> for Facts {
    fn from(model: &PresetModel) -> Self {
        Self {
            name: None,
            aliases: Vec::new(),
            context_window: model.context_window,
            max_output_tokens: model.max_output_tokens,
            images: model.images,
            reasoning: model.reasoning,
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
        context_window: count("context_window").or(known.context_window),
        max_output_tokens: count("max_output_tokens").or(known.max_output_tokens),
        images: boolean("images").or(known.images),
        reasoning: boolean("reasoning").or(known.reasoning),
    }
}
