//! What is made of the records and their shape: the schema and the tables of `docs/dialects.md`.
//! `UPDATE_DOCS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use interlingua_dialect::{Dialect, Dialects, Effort, ReasoningParts, ReplayRule, record_schema};
use serde_json::Value;

use crate::support::from_toml;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a part of a file with what it should be, or writes it.
#[track_caller]
fn compare(path: &str, marks: Option<(&str, &str)>, made: &str) {
    let path = root().join(path);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let (before, found, after) = match marks {
        None => (String::new(), text.clone(), String::new()),
        Some((begin, end)) => {
            let (before, rest) = text.split_once(begin).expect("the begin is marked");
            let (found, after) = rest.split_once(end).expect("the end is marked");
            (before.to_owned() + begin, found.to_owned(), end.to_owned() + after)
        }
    };
    if found == made {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(&path, [&before, made, &after].concat()).unwrap();
    }
    let path = path.display();
    panic!("{path} is stale: run `UPDATE_DOCS=1 cargo test -p interlingua-dialect documents`");
}

const PAGE: &str = "docs/dialects.md";
const END: &str = "<!-- end -->\n";

#[test]
fn the_schema_is_that_of_the_code() {
    let schema = serde_json::to_string_pretty(&record_schema()).unwrap() + "\n";
    compare("crates/interlingua-dialect/dialect.schema.json", None, &schema);
}

#[test]
fn the_schema_takes_every_record_and_refuses_what_the_reader_refuses() {
    let schema = jsonschema::validator_for(&record_schema()).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialects");
    for id in Dialects::builtin().ids() {
        let text = fs::read_to_string(folder.join(format!("{id}.toml"))).unwrap();
        let record: Value = toml_edit::de::from_str(&text).unwrap();
        let problems: Vec<_> = schema.iter_errors(&record).map(|it| it.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new(), "{id}");
    }
    for wrong in [
        "id = 'x'",
        "wire = 'chat'",
        "id = 'X-1'\nwire = 'chat'",
        "id = 'x'\nwire = 'char'",
        "id = 'x'\nextend = 'mimo'",
        "id = 'x'\nwire = 'chat'\nreplay.carier = 'none'",
        "id = 'x'\nwire = 'chat'\nreplay.remove = ['carrier']",
        "id = 'x'\nwire = 'chat'\nthinking.effort.low = 'higher'",
        "id = 'x'\nwire = 'chat'\nthinking.budget.min = 1",
        "id = 'x'\nwire = 'chat'\n[[endpoint.base_urls]]\nplan = 'payg'",
        "id = 'x'\nwire = 'chat'\n[[errors.rules]]\nclass = 'whatever'",
        "id = 'x'\nwire = 'chat'\ntools.max = -1",
    ] {
        let record: Value = toml_edit::de::from_str(wrong).unwrap();
        assert!(!schema.is_valid(&record), "{wrong}");
        assert!(Dialects::builtin().with([("x.toml", wrong)]).is_err(), "{wrong}");
    }
}

#[test]
fn the_table_of_records_is_that_of_the_code() {
    let head = "| Record | Upstream | Protocol | Reasoning arrives in | Goes back | Thinking | Levels | Length limit | `tool_choice` | JSON schema | Cache |\n\
                |---|---|---|---|---|---|---|---|---|---|---|\n";
    let dialects = Dialects::builtin();
    let rows = dialects.ids().map(|id| row(&dialects.resolve(id, "").unwrap()));
    let marks = "<!-- begin: the records, made by a test; see CONTRIBUTING.md -->\n";
    compare(PAGE, Some((marks, END)), &(head.to_owned() + &rows.collect::<String>()));
}

fn row(dialect: &Dialect) -> String {
    let out = &dialect.reasoning_out;
    let mut arrives: Vec<String> = match out.parts {
        ReasoningParts::None => out.fields.iter().map(|it| format!("`{}`", it.name())).collect(),
        ReasoningParts::Mistral => vec!["content parts".to_owned()],
        ReasoningParts::Anthropic => vec!["thinking blocks".to_owned()],
    };
    if arrives.is_empty() {
        arrives.push(if out.tags.name() == "never" { "nowhere" } else { "tags" }.to_owned());
    }
    let replay = &dialect.replay;
    let back = match replay.rule {
        ReplayRule::Forbid | ReplayRule::Ignored => replay.rule.name().to_owned(),
        rule => format!("`{}`, {}", replay.carrier.name(), words(rule.name())),
    };
    let exact = Effort::ALL.into_iter().filter(|level| {
        dialect.thinking.effort.get(*level).is_some_and(|found| found.level == *level)
    });
    let exact: Vec<_> = exact.map(Effort::name).collect();
    let levels = if exact.is_empty() { "none can be set".to_owned() } else { exact.join(", ") };
    let choices: Vec<_> = dialect.tools.choice.iter().map(|it| it.name()).collect();
    let cells = [
        format!("[`{0}`](../crates/interlingua-dialect/dialects/{0}.toml)", dialect.id),
        dialect.title.clone(),
        dialect.wire.name().to_owned(),
        arrives.join(", "),
        back,
        dialect.thinking.default.name().to_owned(),
        levels,
        format!("`{}`", dialect.request.max_tokens_field.name()),
        choices.join(", "),
        words(dialect.request.json_schema.name()),
        words(dialect.cache.mode.name()),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

#[test]
fn the_description_of_fields_is_that_of_the_code() {
    let schema = record_schema();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialects/defaults.toml");
    let defaults = from_toml(&fs::read_to_string(folder).unwrap())["defaults"].take();
    let top = schema["properties"].as_object().unwrap();
    let is_block = |name: &String| defaults.get(name).is_some();
    let mut lines = vec!["### At the top".to_owned()];
    rows(&mut lines, top.iter().filter(|(name, _)| !is_block(name)), None);
    inner(&mut lines, "evidence", &top["evidence"]["items"]);
    for (name, block) in top.iter().filter(|(name, _)| is_block(name)) {
        let about = block["description"].as_str().unwrap();
        lines.extend([String::new(), format!("### `{name}`"), String::new(), about.to_owned()]);
        let fields = block["properties"].as_object().unwrap();
        rows(&mut lines, fields.iter(), Some(&defaults[name]));
        for (field, schema) in fields.iter().filter(|(field, _)| *field != "effort") {
            let places = ["/items", "/additionalProperties", ""];
            let mut tables = places.iter().filter_map(|place| schema.pointer(place));
            if let Some(table) = tables.find(|it| it.get("properties").is_some()) {
                inner(&mut lines, &format!("{name}.{field}"), table);
            }
        }
    }
    let marks = "<!-- begin: the fields, made by a test; see CONTRIBUTING.md -->\n";
    compare(PAGE, Some((marks, END)), &(lines.join("\n") + "\n"));
}

/// The fields of a table inside a block.
fn inner(lines: &mut Vec<String>, path: &str, schema: &Value) {
    lines.extend([String::new(), format!("In `{path}`:")]);
    rows(lines, schema["properties"].as_object().unwrap().iter(), None);
}

/// One row for each field.
fn rows<'s>(
    lines: &mut Vec<String>,
    fields: impl Iterator<Item = (&'s String, &'s Value)>,
    defaults: Option<&Value>,
) {
    let (title, rule) = if defaults.is_some() { (" Default |", "---|") } else { ("", "") };
    let head = format!("| Field | What it says | Values |{title}");
    lines.extend([String::new(), head, format!("|---|---|---|{rule}")]);
    for (field, schema) in fields.filter(|(field, _)| *field != "remove") {
        let about = schema["description"].as_str().unwrap();
        let default = defaults.map_or(String::new(), |all| format!(" {} |", shown(&all[field])));
        lines.push(format!("| `{field}` | {about} | {} |{default}", values(schema)));
    }
}

/// What may be written, in words.
fn values(schema: &Value) -> String {
    if let Some(choices) = schema["oneOf"].as_array() {
        let meant = choices.iter().map(|it| {
            let (name, about) =
                (it["const"].as_str().unwrap(), it["description"].as_str().unwrap());
            let name = format!("`{name}`");
            if about == name { name } else { format!("{name}: {about}") }
        });
        return meant.collect::<Vec<_>>().join("<br>");
    }
    if let Some(names) = schema["enum"].as_array() {
        let names: Vec<_> = names.iter().map(|it| format!("`{}`", it.as_str().unwrap())).collect();
        return names.join(", ");
    }
    match schema["type"].as_str() {
        Some("boolean") => "true, false".to_owned(),
        Some("array") => {
            let of = values(&schema["items"]);
            if of == "a table" { "a list of tables".to_owned() } else { format!("a list: {of}") }
        }
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("string") => "text".to_owned(),
        Some("object") => "a table".to_owned(),
        _ => "a regular expression, or several".to_owned(),
    }
}

fn shown(default: &Value) -> String {
    match default {
        Value::Null => "–".to_owned(),
        Value::Array(list) if list.is_empty() => "empty".to_owned(),
        Value::Object(table) if table.values().all(Value::is_null) => "empty".to_owned(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let names: Vec<_> =
                list.iter().map(|it| format!("`{}`", it.as_str().unwrap())).collect();
            names.join(", ")
        }
        other => format!("`{}`", other.to_string().trim_matches('"')),
    }
}

#[test]
fn the_page_names_every_way_to_check_a_record() {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    for named in ["dialect.schema.json", "dialects.d", "interlingua config check"] {
        assert!(page.contains(named), "{named}");
    }
    assert_eq!(page.matches(END).count(), 2);
}
