//! Ids of calls, in the form that an upstream takes.

use std::borrow::Cow;

use interlingua_dialect::IdRule;

use super::names::short_hash;

/// A call's id in the form that the upstream takes; the same in every turn.
pub(crate) fn wire_id(rule: IdRule, id: &str) -> Cow<'_, str> {
    match rule {
        IdRule::Any => id.into(),
        IdRule::Max40 if id.len() <= 40 => id.into(),
        IdRule::Anthropic64 if !id.is_empty() && id.len() <= 64 && id.bytes().all(is_id_byte) => {
            id.into()
        }
        IdRule::Alnum9 if id.len() == 9 && id.bytes().all(|it| it.is_ascii_alphanumeric()) => {
            id.into()
        }
        IdRule::Max40 | IdRule::Anthropic64 => {
            format!("call_{}{}", short_hash(&[id]), short_hash(&["2", id])).into()
        }
        IdRule::Alnum9 => format!("c{}", short_hash(&[id])).into(),
    }
}

/// The id of a call whose own one names `earlier` calls before it, for an upstream that wants each once; the
/// same in every turn.
pub(crate) fn repeated_id(rule: IdRule, id: &str, earlier: u32) -> String {
    let nth = earlier.to_string();
    let new = format!("call_{}{}", short_hash(&[id, &nth]), short_hash(&["2", id, &nth]));
    wire_id(rule, &new).into_owned()
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
