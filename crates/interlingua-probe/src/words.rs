//! What was found, for people.

use interlingua_ir::Fault;
use serde_json::Value;

use crate::draft::{Change, Draft};
use crate::proposal::inline;

/// How much of a refusal's text is kept.
const TEXT_LIMIT: usize = 90;

/// What a refusal says, short, and without what is the same in all of them.
pub(crate) fn told(fault: &Fault) -> String {
    let text: String = fault.message.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.split_once("): ").map_or(text.as_str(), |(_, text)| text);
    if text.chars().count() <= TEXT_LIMIT {
        return text.to_owned();
    }
    text.chars().take(TEXT_LIMIT).chain(['…']).collect()
}

/// The value of changes, for people, where it is a word.
pub(crate) fn shown(changes: &[Change]) -> String {
    match changes.first() {
        Some((_, Value::String(word))) => format!("`{word}` "),
        Some((_, value @ Value::Bool(_))) => format!("`{value}` "),
        // What is longer shows in what follows from it.
        _ => String::new(),
    }
}

/// What changes say, for people: of a list only what is new in it.
pub(crate) fn meaning(draft: &Draft, changes: &[&Change]) -> String {
    let (gone, set): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|(_, value)| value.is_null());
    let mut words: Vec<String> = set
        .into_iter()
        .map(|(path, value)| match (draft.before(path).as_array(), value.as_array()) {
            (Some(before), Some(now)) => {
                let marked = |sign: &str, here: &[Value], there: &[Value]| {
                    let new = here.iter().filter(|it| !there.contains(it)).map(inline);
                    new.map(|it| format!("{sign}{it}")).collect::<Vec<_>>()
                };
                let more = marked("+", now, before).into_iter().chain(marked("-", before, now));
                [path.clone()].into_iter().chain(more).collect::<Vec<_>>().join(" ")
            }
            _ => format!("{path} = {}", inline(value)),
        })
        .collect();
    let gone = gone.into_iter().map(|(path, _)| path.rsplit('.').next().unwrap_or(path));
    let gone: Vec<&str> = gone.collect();
    if !gone.is_empty() {
        words.push(format!("without {}", gone.join(", ")));
    }
    words.join(", ")
}
