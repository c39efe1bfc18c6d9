//! The rules and the conversation of a request.

use std::borrow::Cow;
use std::mem;

use interlingua_ir::{
    Call, CallHead, Fault, Form, Item, Message, Note, NoteKind, Output, Part, Place, Reasoning,
    Role, Text,
};
use interlingua_protocol::{Name, messages as wire};
use serde_json::value::RawValue;

use super::Reader;
use super::raw::Spot;
use crate::incoming::{invalid, optional_text};
use crate::messages::block::UNSEALED;
use crate::tools::plain_name;

impl<'a> Reader<'a> {
    pub(super) fn system(&mut self, system: wire::Content<'a>) -> Result<(), Fault> {
        let blocks = match system {
            wire::Content::Text(text) => {
                self.say(Role::System, vec![Part::Text(Text::Plain(text))]);
                return Ok(());
            }
            wire::Content::Blocks(blocks) => blocks,
        };
        for (nth, block) in blocks.into_iter().enumerate() {
            if nth == 0 && is_billing(&block) {
                self.notes.push(Note::new(NoteKind::Housekeeping, "billing line left out"));
                continue;
            }
            let mut parts = Vec::new();
            self.block(Spot::System(nth), block, &mut parts)?;
            self.say(Role::System, parts);
        }
        Ok(())
    }

    /// Reads a message: what a model said becomes items in their order; of what anybody else said,
    /// the results of its calls come first, because nothing may stand between them.
    pub(super) fn message(
        &mut self,
        at: usize,
        mut message: wire::Message<'a>,
        offered: &[Option<Name<'a>>],
    ) -> Result<(), Fault> {
        let role = match message.role.take().as_ref().map(Name::as_str) {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some(other) => {
                let reason = format!("the role `{other}` is not known");
                return Err(invalid(Spot::Message(at).field("role"), reason));
            }
            None => return Err(invalid(Spot::Message(at).field("role"), "it is missing")),
        };
        let first = self.turn.items.len();
        match message.content.take() {
            Some(wire::Content::Text(text)) => {
                self.say(role, vec![Part::Text(Text::Plain(text))]);
            }
            Some(wire::Content::Blocks(blocks)) => self.blocks(at, role, blocks, offered)?,
            None => return Err(invalid(Spot::Message(at).field("content"), "it is missing")),
        }
        if self.turn.items.len() == first {
            self.say(role, Vec::new());
        }
        self.extras(Place::Item(first), message.extra);
        Ok(())
    }

    fn blocks(
        &mut self,
        at: usize,
        role: Role,
        mut blocks: Vec<wire::InputBlock<'a>>,
        offered: &[Option<Name<'a>>],
    ) -> Result<(), Fault> {
        if role != Role::Assistant {
            let results =
                blocks.iter_mut().enumerate().filter(|(_, it)| it.kind() == "tool_result");
            for (nth, block) in results {
                self.result(Spot::Block(at, nth), mem::take(block), offered)?;
            }
        }
        let mut parts = Vec::new();
        for (nth, block) in blocks.into_iter().enumerate() {
            let spot = Spot::Block(at, nth);
            // What was taken out above says nothing any more.
            if block.is_empty() {
                continue;
            }
            match block.kind() {
                "thinking" | "redacted_thinking" => {
                    self.said(role, &mut parts);
                    self.thought(spot, block)?;
                }
                "tool_use" => {
                    self.said(role, &mut parts);
                    self.call(spot, block)?;
                }
                "tool_result" => {
                    self.said(role, &mut parts);
                    self.result(spot, block, offered)?;
                }
                _ => self.block(spot, block, &mut parts)?,
            }
        }
        self.said(role, &mut parts);
        Ok(())
    }

    /// Ends the message that `parts` make up, if there are any.
    fn said(&mut self, role: Role, parts: &mut Vec<Part<'a>>) {
        if !parts.is_empty() {
            self.say(role, mem::take(parts));
        }
    }

    fn say(&mut self, role: Role, parts: Vec<Part<'a>>) {
        self.turn.items.push(Item::Message(Message { role, parts }));
    }

    /// Reads a thought. Its maker's mark may be missing or empty: clients send back what they got.
    fn thought(&mut self, spot: Spot<'a>, mut block: wire::InputBlock<'a>) -> Result<(), Fault> {
        let hidden = block.kind() == "redacted_thinking";
        block.kind = None;
        let (name, mark) = match hidden {
            true => ("data", block.data.take()),
            false => ("signature", block.signature.take()),
        };
        let mark = optional_text(|| spot.field(name), mark)?;
        let readable = optional_text(|| spot.field("thinking"), block.thinking.take())?;
        let sealed = mark.filter(|it| !it.is_empty() && it.to_plain() != UNSEALED);
        // Whoever looks at the items has to find each of the request's thoughts.
        let readable = match readable {
            None if hidden && sealed.is_some() => Vec::new(),
            readable => vec![readable.unwrap_or(Text::EMPTY)],
        };
        self.keep(spot, &block)?;
        self.extras(Place::Item(self.turn.items.len()), block.extra);
        self.turn.items.push(Item::Reasoning(Reasoning { readable, sealed, thought: None }));
        Ok(())
    }

    fn call(&mut self, spot: Spot<'a>, mut block: wire::InputBlock<'a>) -> Result<(), Fault> {
        block.kind = None;
        let needed = |name: &str, value: Option<Name<'a>>| {
            value.map(Cow::from).ok_or_else(|| invalid(spot.field(name), "it is missing"))
        };
        let id = needed("id", block.id.take())?;
        let name = needed("name", block.name.take())?;
        let input = block.input.take().map_or(Text::EMPTY, |json| Text::plain(json.get()));
        self.keep(spot, &block)?;
        self.extras(Place::Item(self.turn.items.len()), block.extra);
        let head = CallHead { id, name, namespace: None, form: Form::Function };
        self.turn.items.push(Item::Call(Call { head, input }));
        Ok(())
    }

    fn result(
        &mut self,
        spot: Spot<'a>,
        mut block: wire::InputBlock<'a>,
        offered: &[Option<Name<'a>>],
    ) -> Result<(), Fault> {
        block.kind = None;
        let call_id = block.tool_use_id.take().map(Cow::from);
        let call_id = call_id.ok_or_else(|| invalid(spot.field("tool_use_id"), "it is missing"))?;
        let mut parts = Vec::new();
        if let Some(content) = block.content.take() {
            match Text::from_json(content.get()) {
                Some(text) => parts.push(Part::Text(text)),
                None => self.answered(spot, content, offered, &mut parts)?,
            }
        }
        let is_error = block.is_error.take().unwrap_or(false);
        self.keep(spot, &block)?;
        self.extras(Place::Item(self.turn.items.len()), block.extra);
        self.turn.items.push(Item::Output(Output { call_id, parts, is_error }));
        Ok(())
    }

    /// Reads a result in blocks. What refers to tools is told in words: the tools themselves join
    /// those of the request.
    fn answered(
        &mut self,
        spot: Spot<'a>,
        list: &'a RawValue,
        offered: &[Option<Name<'a>>],
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), Fault> {
        let mut references: Vec<Cow<'a, str>> = Vec::new();
        let mut told_at = 0;
        for (nth, mut block) in self::list(spot, list)?.into_iter().enumerate() {
            let spot = spot.inner(list, nth);
            if block.kind() != "tool_reference" {
                self.block(spot, block, parts)?;
                continue;
            }
            block.kind = None;
            let name = block
                .tool_name
                .take()
                .ok_or_else(|| invalid(spot.field("tool_name"), "the reference names no tool"))?;
            if references.is_empty() {
                told_at = parts.len();
                parts.push(Part::Text(Text::EMPTY));
            }
            references.push(name.into());
            let place = Place::Part { item: self.turn.items.len(), part: told_at };
            self.misplaced(place, spot, block.fields())?;
            self.extras(place, block.extra);
        }
        if let Some(part) = parts.get_mut(told_at).filter(|_| !references.is_empty()) {
            let is_offered = |name: &Cow<'a, str>| {
                offered.iter().flatten().any(|tool| tool.as_str() == name.as_ref())
            };
            let (known, gone): (Vec<_>, Vec<_>) = references.into_iter().partition(is_offered);
            *part = Part::Text(told(&known, &gone).into());
            for name in known {
                if !self.found.contains(&name) {
                    self.found.push(name);
                }
            }
        }
        Ok(())
    }

    /// Keeps the fields of a block that mean nothing in it.
    fn keep(&mut self, spot: Spot<'a>, block: &wire::InputBlock<'a>) -> Result<(), Fault> {
        self.misplaced(Place::Item(self.turn.items.len()), spot, block.fields())
    }
}

/// Reads a list of blocks that stands inside a block.
pub(super) fn list<'a>(
    spot: Spot<'a>,
    list: &'a RawValue,
) -> Result<Vec<wire::InputBlock<'a>>, Fault> {
    match serde_json::from_str(list.get()) {
        Ok(wire::Content::Blocks(blocks)) => Ok(blocks),
        // A string is no list; whoever may hold one looks for it first.
        Ok(wire::Content::Text(_)) => Ok(Vec::new()),
        Err(error) => Err(invalid(spot.field("content"), error.to_string())),
    }
}

/// Whether a block is the line by which a client accounts for its requests. It says nothing to a
/// model, and it differs from conversation to conversation, so that no two of them could share the
/// beginning of their prompts in an upstream's cache.
fn is_billing(block: &wire::InputBlock<'_>) -> bool {
    // Most texts are long and begin otherwise, in whatever form their letters are.
    let may_be = |json: &&RawValue| ["\"x", "\"\\"].iter().any(|it| json.get().starts_with(it));
    let text = block.text.filter(may_be).and_then(|it| Text::from_json(it.get()));
    text.is_some_and(|it| {
        let plain = it.to_plain();
        plain.starts_with(BILLING) && !plain.trim_end().contains('\n')
    })
}

/// How that line begins.
const BILLING: &str = "x-anthropic-billing-header:";

/// What a search for tools has found, in words.
fn told(known: &[Cow<'_, str>], gone: &[Cow<'_, str>]) -> String {
    let names: Vec<_> = known.iter().filter_map(|name| plain_name(name, None)).collect();
    let mut said = match (known.len(), names.len()) {
        (0, _) => String::new(),
        (_, 0) => format!("{} tools were found and can be called now.", known.len()),
        (all, told) => {
            let more = if told < all { ", among them" } else { "" };
            format!("These tools were found and can be called now{more}: {}", names.join(", "))
        }
    };
    if !gone.is_empty() {
        if !said.is_empty() {
            said.push('\n');
        }
        said += "These tools were found, but are not on offer: ";
        said += &gone.join(", ");
    }
    said
}
