//! The conversation of a request.

use std::borrow::Cow;

use interlingua_ir::{
    Call, CallHead, Fault, Form, Item, Message, Note, NoteKind, Output, Part, Place, Reasoning,
    Role, Text,
};
use interlingua_protocol::{Name, chat as wire};
use serde_json::value::RawValue;

use super::{Reader, invalid, text};
use crate::chat::leaves::details;

impl<'a> Reader<'a> {
    pub(super) fn message(
        &mut self,
        at: usize,
        mut message: wire::Message<'a>,
    ) -> Result<(), Fault> {
        let role = message.role.take();
        match role.as_ref().map(Name::as_str) {
            Some("system") => self.said(at, Role::System, &mut message)?,
            Some("developer") => self.said(at, Role::Developer, &mut message)?,
            Some("user") => self.said(at, Role::User, &mut message)?,
            Some("assistant") => return self.answered(at, message),
            Some("tool") => self.result(at, &mut message)?,
            Some("function") => self.legacy_result(at, &mut message)?,
            Some(other) => {
                let reason = format!("the role `{other}` is not known");
                return Err(invalid(path(at, "role"), reason));
            }
            None => return Err(invalid(path(at, "role"), "the message has no role")),
        }
        let place = Place::Item(self.turn.items.len() - 1);
        for (name, json) in thoughts(&message.thought) {
            self.extra(place, name, json);
        }
        self.extra(place, "refusal", message.refusal);
        self.outer(place, message.extra);
        let misplaced = [
            ("tool_calls", message.tool_calls.is_some_and(|it| !it.is_empty())),
            ("function_call", message.function_call.is_some()),
            ("tool_call_id", message.tool_call_id.is_some()),
        ];
        for (name, _) in misplaced.into_iter().filter(|(_, is_there)| *is_there) {
            self.notes.push(Note::new(NoteKind::Dropped, path(at, name)));
        }
        Ok(())
    }

    fn said(
        &mut self,
        at: usize,
        role: Role,
        message: &mut wire::Message<'a>,
    ) -> Result<(), Fault> {
        let parts = self.content(at, self.turn.items.len(), message.content.take())?;
        self.turn.items.push(Item::Message(Message { role, parts }));
        Ok(())
    }

    /// Reads what the model thought, said and called in one message.
    fn answered(&mut self, at: usize, mut message: wire::Message<'a>) -> Result<(), Fault> {
        self.thought(&message.thought);
        let item = self.turn.items.len();
        let place = Place::Item(item);
        let mut parts = self.content(at, item, message.content.take())?;
        if let Some(refusal) = message.refusal.take() {
            parts.push(Part::Refusal(text(|| path(at, "refusal"), refusal)?));
            self.extra(place, "refusal", Some(refusal));
        }
        self.turn.items.push(Item::Message(Message { role: Role::Assistant, parts }));
        self.outer(place, message.extra);
        if message.tool_call_id.is_some() {
            self.notes.push(Note::new(NoteKind::Dropped, path(at, "tool_call_id")));
        }
        for (nth, call) in message.tool_calls.unwrap_or_default().into_iter().enumerate() {
            self.call(|| format!("messages[{at}].tool_calls[{nth}]"), call)?;
        }
        if let Some(function) = message.function_call {
            let id = format!("call_{at}");
            let path = || path(at, "function_call");
            let call = self.function_call(path, Cow::Owned(id.clone()), function)?;
            self.legacy_calls.push((call.head.name.clone(), id));
            self.turn.items.push(Item::Call(call));
        }
        Ok(())
    }

    /// Reads a thought. One field gives its words; the others are kept for those who know them.
    fn thought(&mut self, thought: &wire::Thought<'a>) {
        let place = Place::Item(self.turn.items.len());
        let mut words: Option<Text<'a>> = None;
        for (name, json) in thoughts(thought) {
            let text = json.and_then(|it| Text::from_json(it.get()));
            match text {
                Some(text) if words.is_none() => words = Some(text),
                // Some write the same into two fields.
                Some(text) if words.as_ref() == Some(&text) => {}
                _ => self.extra(place, name, json),
            }
        }
        let details = thought.reasoning_details.map_or(Vec::new(), |it| details(it.get()));
        let is_there =
            words.is_some() || self.turn.extras.last().is_some_and(|it| it.place == place);
        if is_there {
            let readable = words.map_or(details, |it| vec![it]);
            self.turn.items.push(Item::Reasoning(Reasoning { readable, ..Reasoning::default() }));
        }
    }

    fn call(&mut self, path: impl Fn() -> String, call: wire::Call<'a>) -> Result<(), Fault> {
        let id = call.id.ok_or_else(|| invalid(format!("{}.id", path()), "it is missing"))?;
        let place = Place::Item(self.turn.items.len());
        let kind = call.kind.map(RawValue::get);
        let read = match (call.function, call.custom) {
            (Some(function), None) => {
                // A vendor's own kind of function.
                self.extra(place, "type", call.kind.filter(|_| kind != Some("\"function\"")));
                self.function_call(|| format!("{}.function", path()), id.into(), function)?
            }
            (None, Some(custom)) => {
                self.extra(place, "type", call.kind.filter(|_| kind != Some("\"custom\"")));
                let name = custom.name.ok_or_else(|| nameless(&format!("{}.custom", path())))?;
                self.inner(place, "custom", custom.extra);
                called(id.into(), name, Form::Custom, custom.input)
            }
            (None, None) => {
                return Err(invalid(format!("{}.function", path()), "it is missing"));
            }
            (Some(_), Some(_)) => {
                return Err(invalid(path(), "it is a function's and a custom tool's call at once"));
            }
        };
        self.outer(place, call.extra);
        self.turn.items.push(Item::Call(read));
        Ok(())
    }

    fn function_call(
        &mut self,
        path: impl Fn() -> String,
        id: Cow<'a, str>,
        function: wire::CallFunction<'a>,
    ) -> Result<Call<'a>, Fault> {
        let name = function.name.ok_or_else(|| nameless(&path()))?;
        self.inner(Place::Item(self.turn.items.len()), "function", function.extra);
        Ok(called(id, name, Form::Function, function.arguments))
    }

    fn result(&mut self, at: usize, message: &mut wire::Message<'a>) -> Result<(), Fault> {
        let id = message.tool_call_id.take();
        let id = id.ok_or_else(|| invalid(path(at, "tool_call_id"), "it is missing"))?;
        self.output(at, id.into(), message)
    }

    /// Reads a result of the API's first version, which names its tool and no call.
    fn legacy_result(&mut self, at: usize, message: &mut wire::Message<'a>) -> Result<(), Fault> {
        let name = message.extra.iter().position(|it| it.name.as_str() == "name");
        let name = name.map(|nth| message.extra.remove(nth).json);
        let name = name.ok_or_else(|| invalid(path(at, "name"), "it is missing"))?;
        let name = text(|| path(at, "name"), name)?.into_plain();
        let call = self.legacy_calls.iter().rposition(|(called, _)| *called == name);
        let id =
            call.map_or_else(|| format!("call_of_{name}"), |at| self.legacy_calls.remove(at).1);
        self.output(at, id.into(), message)
    }

    fn output(
        &mut self,
        at: usize,
        call_id: Cow<'a, str>,
        message: &mut wire::Message<'a>,
    ) -> Result<(), Fault> {
        let parts = self.content(at, self.turn.items.len(), message.content.take())?;
        self.turn.items.push(Item::Output(Output { call_id, parts, is_error: false }));
        Ok(())
    }
}

/// The fields in which clients send thoughts back, the usual one first.
fn thoughts<'a>(thought: &wire::Thought<'a>) -> [(&'static str, Option<&'a RawValue>); 4] {
    [
        ("reasoning_content", thought.reasoning_content),
        ("reasoning", thought.reasoning),
        ("reasoning_text", thought.reasoning_text),
        ("reasoning_details", thought.reasoning_details),
    ]
}

fn called<'a>(
    id: Cow<'a, str>,
    name: Name<'a>,
    form: Form,
    input: Option<&'a RawValue>,
) -> Call<'a> {
    let input = input
        .map_or(Text::EMPTY, |json| Text::from_json(json.get()).unwrap_or(Text::plain(json.get())));
    Call { head: CallHead { id, name: name.into(), namespace: None, form }, input }
}

fn nameless(path: &str) -> Fault {
    invalid(format!("{path}.name"), "the call names no tool")
}

fn path(at: usize, field: &str) -> String {
    format!("messages[{at}].{field}")
}
