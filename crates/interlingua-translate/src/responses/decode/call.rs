//! What the model wants to be run.

use interlingua_ir::{CallHead, Class, Event, Form, Index, Kind, NoteKind, Sink, Text};
use interlingua_protocol::json::Completeness;
use interlingua_protocol::responses::OutputItem;
use serde_json::value::RawValue;

use super::out::{Out, Trouble};
use crate::surrogates::Halves;

/// The largest input of one call, in bytes.
const MAX_INPUT: usize = 8 << 20;

/// The name of the client's own search for tools, which the upstream leaves out.
const TOOL_SEARCH: &str = "tool_search";

/// A call of a function, of a custom tool, or of the client's search for tools.
#[derive(Debug)]
pub(super) struct Call {
    form: Form,
    /// The call's id as the upstream gives it.
    id: Option<String>,
    /// Where the call stands in the answer; `None` until its name is known.
    index: Option<Index>,
    /// Input that came before the name, JSON-escaped.
    early: Vec<u8>,
    halves: Halves,
    whole: Completeness,
    size: usize,
    /// The upstream said that the input is complete.
    input_is_whole: bool,
}

impl Call {
    /// The call that `item` is; `None` if it is another item, or one that the upstream runs itself.
    pub(super) fn of(kind: &str, item: &OutputItem<'_>) -> Option<Self> {
        let form = match kind {
            "function_call" => Form::Function,
            "custom_tool_call" => Form::Custom,
            "tool_search_call" if runs_at_client(item) => Form::ToolSearch,
            _ => return None,
        };
        Some(Self { form, ..Self::unnamed() })
    }

    /// A call of which nothing is known but its input.
    pub(super) fn unnamed() -> Self {
        Self {
            form: Form::Function,
            id: None,
            index: None,
            early: Vec::new(),
            halves: Halves::default(),
            whole: Completeness::default(),
            size: 0,
            input_is_whole: false,
        }
    }

    /// Whether `item` has the same call id.
    pub(super) fn is_named(&self, item: &OutputItem<'_>) -> bool {
        let id = item.call_id.and_then(string);
        id.is_some() && self.id == id
    }

    /// Whether `item` has another call id.
    pub(super) fn is_other_than(&self, item: &OutputItem<'_>) -> bool {
        let id = item.call_id.and_then(string);
        self.id.is_some() && id.is_some() && self.id != id
    }

    /// Opens the call for the client as soon as `item` says which tool it asks for.
    pub(super) fn named(&mut self, item: &OutputItem<'_>, out: &mut Out, sink: &mut dyn Sink) {
        if self.index.is_some() {
            return;
        }
        if let Some(form) = item.kind.as_ref().and_then(|it| Self::of(it.as_str(), item)) {
            self.form = form.form;
        }
        self.id = self.id.take().or_else(|| item.call_id.and_then(string));
        let name = match (item.name.and_then(string), self.form) {
            (Some(name), _) => name,
            (None, Form::ToolSearch) => TOOL_SEARCH.to_owned(),
            (None, Form::Function | Form::Custom) => return,
        };
        let index = out.index();
        self.index = Some(index);
        let head = CallHead {
            id: self.unique_id(out, sink).into(),
            name: name.into(),
            namespace: item.namespace.and_then(string).map(Into::into),
            form: self.form,
        };
        sink.event(Event::Open { index, kind: Kind::Call(head) });
        if !self.early.is_empty() {
            let early = String::from_utf8(std::mem::take(&mut self.early)).unwrap_or_default();
            sink.event(Event::Delta { index, text: Text::Json(early.into()) });
        }
    }

    /// The next piece of the input.
    pub(super) fn input(&mut self, text: Text<'_>, sink: &mut dyn Sink) -> Result<(), Trouble> {
        let Some(text) = self.halves.join(text) else { return Ok(()) };
        self.size += text.stored_len();
        if self.size > MAX_INPUT {
            return Err((Class::Upstream, "the input of a call is larger than 8 MiB"));
        }
        match &text {
            Text::Json(inside) => self.whole.push_escaped(inside),
            Text::Plain(plain) => self.whole.push(plain),
        }
        match self.index {
            Some(index) => sink.event(Event::Delta { index, text }),
            None => text.write_json(&mut self.early),
        }
        Ok(())
    }

    /// Whether the pieces of the input make up something that a tool can read.
    pub(super) fn is_readable(&self) -> bool {
        self.form != Form::Custom && self.whole.is_whole()
    }

    /// The upstream says that the input is complete.
    pub(super) fn input_is_whole(&mut self) {
        self.input_is_whole = true;
    }

    /// Ends the call, of which the upstream said that it is over; nobody may run what was `cut`.
    ///
    /// # Errors
    ///
    /// What is wrong with a call that nobody can run.
    pub(super) fn close(
        &mut self,
        cut: bool,
        out: &mut Out,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let Some(index) = self.index else {
            out.note(NoteKind::Dropped, "a call without a name", sink);
            if cut {
                return Ok(());
            }
            return Err((Class::ToolGenerationFailed, "the model called a tool without naming it"));
        };
        if cut {
            sink.event(Event::Drop { index });
            return Ok(());
        }
        if let Some(text) = self.halves.rest() {
            sink.event(Event::Delta { index, text });
        }
        if self.size == 0 && self.form != Form::Custom {
            sink.event(Event::Delta { index, text: Text::plain("{}") });
        }
        out.called = true;
        sink.event(Event::Close { index });
        Ok(())
    }

    /// Ends the call, of which the upstream never said that it is over.
    pub(super) fn settle(&mut self, cut: bool, out: &mut Out, sink: &mut dyn Sink) {
        let whole = match self.form {
            Form::Function | Form::ToolSearch => self.input_is_whole || self.is_readable(),
            Form::Custom => self.input_is_whole,
        };
        if !cut && !whole {
            out.note(NoteKind::Dropped, "a call that was never complete", sink);
        }
        let cut = cut || !whole || self.index.is_none();
        // What was cut is only dropped, and that cannot fail.
        self.close(cut, out, sink).unwrap_or_default();
    }

    /// The id under which the client knows the call.
    fn unique_id(&self, out: &mut Out, sink: &mut dyn Sink) -> String {
        let nth = out.call_ids.len();
        let base = self.id.clone().unwrap_or_else(|| format!("call_{}_{nth}", out.seed));
        let mut id = base.clone();
        let mut suffix = nth;
        while out.call_ids.contains(&id) {
            id = format!("{base}_{suffix}");
            suffix += 1;
        }
        if id != base {
            out.note(NoteKind::Renamed, "a call id that was used twice", sink);
        }
        out.call_ids.push(id.clone());
        id
    }
}

/// Whether a search for tools is the client's to run.
fn runs_at_client(item: &OutputItem<'_>) -> bool {
    match item.execution {
        Some(execution) => execution.get() == "\"client\"",
        None => item.call_id.is_some(),
    }
}

fn string(raw: &RawValue) -> Option<String> {
    let text = Text::from_json(raw.get())?;
    Some(text.to_plain().into_owned()).filter(|it| !it.trim().is_empty())
}
