use interlingua_dialect::{
    Dialect, Dialects, Effort, EffortChoice, Finish, Images, ReplayRule, ThinkingDefault,
    glob_matches,
};
use interlingua_ir::Class;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{id, json, table};

#[test]
fn every_record_resolves_for_every_family() {
    let dialects = Dialects::builtin();
    for record in table() {
        let globs = record.get("families").and_then(Value::as_array).into_iter().flatten();
        let globs = globs.flat_map(|family| family["match"].as_array().unwrap());
        let models = globs.map(|glob| glob.as_str().unwrap().replace('*', "0"));
        for model in models.chain([String::new()]) {
            let dialect = dialects.resolve(id(&record), &model).unwrap();
            assert_eq!(dialect.title, record["title"].as_str().unwrap());
            assert_eq!(dialect.wire.name(), record["wire"].as_str().unwrap());
        }
    }
}

#[test]
fn resolution_gives_what_is_expected() {
    let dialects = Dialects::builtin();
    for expected in json("resolve.expected.json").as_array().unwrap() {
        let (id, model) = (expected["dialect"].as_str().unwrap(), &expected["model"]);
        let dialect = dialects.resolve(id, model.as_str().unwrap()).unwrap();
        assert_eq!(&projection(&dialect, model), expected, "{id} {model}");
    }
}

/// The part of a dialect that the expectations speak of.
fn projection(dialect: &Dialect, model: &Value) -> Value {
    let effort = Effort::ALL.into_iter().map(|level| {
        let fields = dialect.effort(level).map(|fields| {
            let fields = fields.iter();
            fields
                .map(|(name, value)| (name.clone(), serde_json::from_str(value).unwrap()))
                .collect()
        });
        (level.name().to_owned(), fields.map_or(Value::Null, Value::Object))
    });
    let fields: Vec<_> = dialect.reasoning_out.fields.iter().map(|it| it.name()).collect();
    let choices: Vec<_> = dialect.tools.choice.iter().map(|it| it.name()).collect();
    json!({
        "dialect": dialect.id,
        "model": model,
        "reasoning_fields": fields,
        "replay": {
            "rule": dialect.replay.rule.name(),
            "scope": dialect.replay.scope.name(),
            "carrier": dialect.replay.carrier.name(),
            "placeholder": dialect.replay.placeholder,
        },
        "thinking_default": dialect.thinking.default.name(),
        "effort": effort.collect::<Map<_, _>>(),
        "max_tokens_field": dialect.request.max_tokens_field.name(),
        "images": dialect.vision.images.name(),
        "system": dialect.request.system.name(),
        "tool_choice": choices,
    })
}

#[test]
fn families_of_a_base_apply_to_what_extends_it() {
    let azure = Dialects::builtin().resolve("azure", "gpt-4o").unwrap();
    assert_eq!(azure.thinking.default, ThinkingDefault::Never);
    assert_eq!(azure.replay.rule, ReplayRule::Forbid);
}

#[test]
fn maps_merge_with_the_defaults() {
    let deepseek = Dialects::builtin().resolve("deepseek", "").unwrap();
    let finish = &deepseek.stream.finish_map;
    assert_eq!(finish["insufficient_system_resource"], Finish::Error(Class::Overloaded));
    assert_eq!(finish["tool_calls"], Finish::ToolCalls);
}

#[test]
fn request_fields_keep_their_order() {
    let deepseek = Dialects::builtin().resolve("deepseek", "deepseek-v4-flash").unwrap();
    let fields = deepseek.effort(Effort::Minimal).unwrap();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(fields, [("thinking", r#"{"type":"enabled"}"#), ("reasoning_effort", r#""low""#)]);
}

#[test]
fn a_wish_for_a_level_follows_the_policy() {
    let dialects = Dialects::builtin();
    let choice = |id: &str, model: &str, wanted: &str| {
        let dialect = dialects.resolve(id, model).unwrap();
        match dialect.effort_or_policy(wanted) {
            EffortChoice::Set { level, exact, .. } => format!("{} {exact}", level.name()),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(choice("openai", "gpt-5.6", "xhigh"), "xhigh true");
    assert_eq!(choice("ollama", "", "xhigh"), "high false");
    assert_eq!(choice("openai", "o3", "none"), "low false", "cannot be switched off");
    assert_eq!(choice("openai", "gpt-4o", "high"), "LeaveOut");
    assert_eq!(choice("mimo", "", "ultra"), "LeaveOut", "no level has no nearest one");
    assert_eq!(choice("minimax", "", "high"), "LeaveOut", "nothing can be set");

    let strict = "id = \"strict\"\nextends = \"generic\"\nthinking.unknown_level = \"refuse\"";
    let dialects = Dialects::builtin().with([("strict.toml", strict)]).unwrap();
    let strict = dialects.resolve("strict", "").unwrap();
    assert_eq!(strict.effort_or_policy("none"), EffortChoice::Refuse);
}

#[test]
fn addresses_and_keys_give_a_dialect_away() {
    let dialects = Dialects::builtin();
    for (base_url, key, guessed) in [
        ("https://api.xiaomimimo.com/v1", "", Some("mimo")),
        ("https://TOKEN-PLAN-SGP.xiaomimimo.com/v1/", "tp-", Some("mimo")),
        ("https://api.deepseek.com", "sk-1", Some("deepseek")),
        ("https://west.openai.azure.com/openai/v1", "", Some("azure")),
        ("http://10.0.0.5:11434/v1", "", Some("ollama")),
        ("api.openai.com", "", Some("openai")),
        ("https://api.openai.com.evil.example/v1", "", None),
        ("http://10.0.0.5:8000/v1", "sk-1", None),
        ("", "tp-", Some("mimo")),
        ("", "sk-or-v1-1", Some("openrouter")),
        ("", "sk-1", None),
        ("", "", None),
    ] {
        assert_eq!(dialects.guess(base_url, key), guessed, "{base_url:?} {key:?}");
    }
}

#[test]
fn an_unknown_dialect_names_the_nearest() {
    let error = Dialects::builtin().resolve("deepsek", "").unwrap_err();
    assert_eq!(error.to_string(), "there is no dialect `deepsek`; did you mean `deepseek`?");
    assert_eq!(Dialects::builtin().resolve("zzz", "").unwrap_err().nearest, None);
}

#[test]
fn models_are_known_without_case_and_vendor() {
    let dialects = Dialects::builtin();
    let images = |model| dialects.resolve("mimo", model).unwrap().vision.images;
    assert_eq!(images("Xiaomi/MiMo-V2.5-Pro"), Images::No);
    assert_eq!(images("mimo-v2.5"), Images::Yes);
    assert_eq!(images("mimo-v3"), Images::ByModel);
}

/// Lays a patch over a record, as the table's own rules say.
fn lay_over(target: &mut Value, patch: &Value, at: &str) {
    let whole = ["/thinking/effort/", "/thinking/preserve/", "/request/set/"];
    match (target.as_object_mut(), patch.as_object()) {
        (Some(target), Some(patch)) if !whole.iter().any(|it| at.starts_with(it)) => {
            for (name, value) in patch {
                let below = target.entry(name).or_insert(Value::Null);
                lay_over(below, value, &format!("{at}{name}/"));
            }
        }
        _ => *target = patch.clone(),
    }
}

/// What the table alone gives for a model.
fn of_the_table(defaults: &Value, chain: &[&Map<String, Value>], model: &str) -> Dialect {
    let mut whole = defaults.clone();
    let blocks = defaults.as_object().unwrap().keys();
    for link in chain {
        for block in blocks.clone().filter(|block| link.contains_key(*block)) {
            lay_over(&mut whole[block], &link[block], &format!("/{block}/"));
        }
    }
    let families = chain.iter().filter_map(|link| link.get("families")?.as_array());
    for family in families.flatten() {
        let globs = family["match"].as_array().unwrap();
        if globs.iter().any(|glob| glob_matches(glob.as_str().unwrap(), model)) {
            lay_over(&mut whole, &family["patch"], "/");
        }
    }
    for name in ["id", "title", "wire"] {
        whole[name] = chain.last().unwrap()[name].clone();
    }
    Dialect::deserialize(whole).unwrap()
}

#[test]
fn records_resolve_to_what_the_table_alone_gives() {
    let (dialects, records) = (Dialects::builtin(), table());
    let defaults = json("dialects.json")["defaults"].take();
    for record in &records {
        let mut chain = vec![record];
        while let Some(base) = chain[0].get("extends") {
            chain.insert(0, records.iter().find(|it| it["id"] == *base).unwrap());
        }
        let families = chain.iter().filter_map(|it| it.get("families")?.as_array()).flatten();
        let globs = families.flat_map(|family| family["match"].as_array().unwrap());
        let models = globs.map(|glob| glob.as_str().unwrap().replace('*', "0"));
        for model in models.chain([String::new()]) {
            let dialect = dialects.resolve(id(record), &model).unwrap();
            assert_eq!(dialect, of_the_table(&defaults, &chain, &model), "{} {model}", id(record));
        }
    }
}
