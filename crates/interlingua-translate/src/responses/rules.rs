//! What the record says about the fields of a request.

use interlingua_dialect::ThinkingDefault;
use interlingua_ir::{Note, NoteKind};

use crate::effort::Asked;
use crate::target::{HOUSEKEEPING, Target};
use crate::tools::short_hash;

/// Whether the field at `path` must not be sent; tells about it.
pub(super) fn bars(
    path: &str,
    asked: &Asked<'_>,
    target: &Target<'_>,
    notes: &mut Vec<Note>,
) -> bool {
    let dialect = target.dialect;
    let lists = [(true, &dialect.responses.drop), (asked.thinks, &dialect.thinking.drop_when_on)];
    if lists.iter().any(|(counts, list)| *counts && list.iter().any(|it| it == path)) {
        if !HOUSEKEEPING.contains(&path) {
            notes.push(Note::new(NoteKind::Dropped, path));
        }
        return true;
    }
    target.repairs.drops(path, notes)
}

/// What the target's word for the level is.
pub(super) fn effort(asked: &Asked<'_>) -> Option<String> {
    let level = asked.level?;
    let word = asked.fields.iter().find(|(name, _)| name == "reasoning_effort");
    Some(word.map_or_else(|| format!("\"{}\"", level.name()), |(_, json)| json.clone()))
}

/// Whether the model may think at all; others refuse to be asked for encrypted thoughts.
pub(super) fn can_think(target: &Target<'_>) -> bool {
    target.dialect.thinking.default != ThinkingDefault::Never
}

/// A call's id in the form that the API takes: at most 64 characters.
pub(super) fn call_id(id: &str) -> std::borrow::Cow<'_, str> {
    match id.len() {
        1..=64 => id.into(),
        _ => format!("call_{}{}", short_hash(&[id]), short_hash(&["2", id])).into(),
    }
}

/// Whether the upstream knows tools of this type, be it a dated edition of it.
pub(super) fn takes_tool(target: &Target<'_>, kind: &str) -> bool {
    let is = |rest: &str| rest.is_empty() || rest.starts_with("_20");
    let types = &target.dialect.responses.types;
    types.iter().any(|known| kind.strip_prefix(known.as_str()).is_some_and(is))
}

/// Whether the upstream knows items of this kind. Those of its tools are named after them.
pub(super) fn takes_item(target: &Target<'_>, kind: &str) -> bool {
    let tool = kind.strip_suffix("_output").unwrap_or(kind);
    let tool = tool.strip_suffix("_call").unwrap_or(tool);
    let types = &target.dialect.responses.types;
    types.iter().any(|known| tool.starts_with(known.as_str()) || known.starts_with(tool))
}

/// What a thought is sealed by its upstream as, if the target is that upstream.
pub(super) const ENCRYPTED: &str = "encrypted_content";

/// The wish to get thoughts encrypted.
pub(super) const INCLUDE: &str = "\"reasoning.encrypted_content\"";
