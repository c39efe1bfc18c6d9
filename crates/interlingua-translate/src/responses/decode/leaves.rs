//! What stays raw JSON in an event until somebody needs it.

use interlingua_ir::{NoteKind, Sink, Text};
use interlingua_protocol::responses::{self as wire, OutputItem};
use serde_json::value::RawValue;

use super::heard::{Channel, Place};
use super::out::Out;

pub(super) fn kind<'i>(item: &'i OutputItem<'_>) -> &'i str {
    item.kind.as_ref().map_or("message", |it| it.as_str())
}

/// The texts of a whole item, and where each stands.
pub(super) fn texts<'a>(
    item: &OutputItem<'a>,
    out: &mut Out,
    sink: &mut dyn Sink,
) -> Vec<(Place, Text<'a>)> {
    let text = |raw: &'a RawValue| Text::from_json(raw.get());
    let is_message = kind(item) == "message";
    let mut read = Vec::new();
    let input = item.input.or(item.arguments).map(RawValue::get);
    match input {
        Some(json) if json.starts_with('"') => {
            read.extend(Text::from_json(json).map(|text| ((Channel::Input, 0), text)));
        }
        Some(json) if json.starts_with(['{', '[']) => {
            let text = Text::from(interlingua_protocol::json::compact(json));
            read.push(((Channel::Input, 0), text));
        }
        _ => {}
    }
    let lists = [(Channel::Summary, item.summary), (Channel::Raw, item.content)];
    for (channel, list) in lists {
        let channel = if is_message { Channel::Text } else { channel };
        let Some(list) = list else { continue };
        // Some servers send plain strings.
        read.extend(text(list).map(|text| ((channel, 0), text)));
        for (nth, part) in parts(list).into_iter().enumerate() {
            let (channel, words) = match part.refusal {
                Some(refusal) => (Channel::Refusal, Some(refusal)),
                None => (channel, part.text),
            };
            match words.and_then(text) {
                Some(text) => read.push(((channel, nth as u64), text)),
                None => {
                    let what = part.kind.as_ref().map_or("?", |it| it.as_str());
                    out.note_once(NoteKind::Dropped, &format!("output part {what}"), sink);
                }
            }
        }
    }
    read
}

pub(super) fn annotations<'a>(item: &OutputItem<'a>) -> Vec<&'a RawValue> {
    let parts = item.content.map(parts).unwrap_or_default();
    let lists = parts.into_iter().filter_map(|part| part.annotations);
    lists
        .flat_map(|it| serde_json::from_str::<Vec<&RawValue>>(it.get()).unwrap_or_default())
        .collect()
}

fn parts(list: &RawValue) -> Vec<wire::OutputPart<'_>> {
    let parts: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
    parts.into_iter().filter_map(|it| wire::read_part(it.get()).ok()).collect()
}

/// A whole number; some servers send it as text.
pub(super) fn number(raw: &RawValue) -> Option<u64> {
    raw.get().trim_matches('"').parse().ok()
}
