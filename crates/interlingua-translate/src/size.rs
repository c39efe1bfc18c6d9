//! How large a request becomes.

use interlingua_ir::{Item, Part, Text, Tool, Turn};
use serde_json::value::RawValue;

/// How many bytes an ordinary request takes at most, so that its body is not copied while it grows.
pub(crate) fn capacity(turn: &Turn<'_>) -> usize {
    let part = |part: &Part<'_>| match part {
        Part::Text(text) | Part::Refusal(text) => text.stored_len() + 96,
        Part::Image { url, .. } | Part::File { url, .. } => url.stored_len() + 128,
        Part::Audio { data, .. } => data.stored_len() + 64,
        Part::Other { json, .. } => json.get().len() + 64,
    };
    let items = turn.items.iter().map(|item| match item {
        Item::Message(message) => message.parts.iter().map(part).sum::<usize>() + 64,
        Item::Reasoning(it) => it.thought.as_ref().map_or(128, |it| {
            let provenance = it.provenance.iter().map(|(_, json)| json.len());
            it.text.len() + provenance.sum::<usize>() + 128
        }),
        Item::Call(call) => call.input.stored_len() + 192,
        Item::Output(output) => output.parts.iter().map(part).sum::<usize>() + 128,
        Item::Summary(summary) => summary.text.as_ref().map_or(0, String::len) + 256,
        Item::Other { json, .. } => json.get().len(),
    });
    let length = |raw: Option<&RawValue>| raw.map_or(64, |it| it.get().len());
    let tools = turn.tools.iter().map(|tool| match tool {
        Tool::Function(it) | Tool::ToolSearch(it) => {
            length(it.parameters) + it.description.as_ref().map_or(0, Text::stored_len) + 160
        }
        Tool::Custom { description, format, .. } => {
            length(*format) + description.as_ref().map_or(0, Text::stored_len) + 512
        }
        Tool::Other { json, .. } => json.get().len(),
        Tool::WebSearch => 128,
    });
    1024 + items.sum::<usize>() + tools.sum::<usize>()
}
