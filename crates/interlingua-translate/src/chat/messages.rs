//! The messages of a request.

use std::borrow::Cow;
use std::ops::Range;

use interlingua_dialect::{
    AssistantNullContent, Carrier, DeveloperRole, EmptyAssistant, Fix, Foreign, IdRule,
    ImageScheme, ImageUrlForm, Images, JsonSchemaRule, OnMissing, ReplayRule, SystemPlacement,
    ToolResultImages, WhenThinkingOff,
};
use interlingua_ir::{
    Call, Form, Format, Item, Message, Note, NoteKind, Part, Reasoning, Role, Text, Thought, Turn,
};

use super::write::{Target, field, joined, schema_rule, string};
use crate::history::{Entry, History};
use crate::tools::{ARGUMENT, Names, short_hash};

/// What the upstream wants to have back of the thoughts that belong to its earlier messages.
pub(super) struct Replay {
    carrier: Carrier,
    rule: ReplayRule,
    /// What to say where the thought is gone.
    on_missing: OnMissing,
    placeholder: Option<String>,
}

impl Replay {
    pub(super) fn of(target: &Target<'_>, thinks: bool) -> Self {
        let rules = &target.dialect.replay;
        let silent = !thinks && rules.when_thinking_off == WhenThinkingOff::Omit;
        let barred = matches!(rules.rule, ReplayRule::Forbid | ReplayRule::Ignored);
        let on_missing = match target.repairs.has(Fix::AddPlaceholder) {
            true => OnMissing::Placeholder,
            false => rules.on_missing,
        };
        Self {
            carrier: if silent || barred { Carrier::None } else { rules.carrier },
            rule: match target.repairs.has(Fix::AddPlaceholder) {
                true => ReplayRule::RequiredToolCalls,
                false => rules.rule,
            },
            on_missing,
            placeholder: rules.placeholder.clone(),
        }
    }

    fn wants(&self, has_calls: bool) -> bool {
        match self.rule {
            ReplayRule::RequiredAll => true,
            ReplayRule::RequiredToolCalls => has_calls,
            ReplayRule::Forbid | ReplayRule::Ignored | ReplayRule::Optional => false,
        }
    }
}

/// Writes the array of messages.
pub(super) fn write(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &Names<'_>,
    replay: &Replay,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let history = History::of(turn);
    for _ in &history.replaced {
        notes.push(Note::new(NoteKind::StrayResult, "a call has two results; the last counts"));
    }
    let mut writer =
        Writer { turn, target, names, replay, history: &history, out, notes, first: true };
    writer.out.push(b'[');
    writer.system();
    for entry in &history.entries {
        match entry {
            Entry::Message(at) => writer.message(*at),
            Entry::Step(range) => writer.step(range.clone()),
            Entry::Stray(at) => writer.stray(*at),
        }
    }
    writer.out.push(b']');
}

struct Writer<'w, 'a> {
    turn: &'w Turn<'a>,
    target: &'w Target<'w>,
    names: &'w Names<'w>,
    replay: &'w Replay,
    history: &'w History,
    out: &'w mut Vec<u8>,
    notes: &'w mut Vec<Note>,
    first: bool,
}

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes the rules that have to stand in front.
    fn system(&mut self) {
        let placement = self.target.dialect.request.system;
        let mut texts: Vec<Text<'w>> = Vec::new();
        let count = self.leading_rules();
        for (at, item) in self.turn.items.iter().enumerate() {
            let Item::Message(message) = item else { continue };
            let leading = at < count;
            let gathered = match placement {
                SystemPlacement::MergeFirst | SystemPlacement::TopLevel => true,
                SystemPlacement::FirstOnly => leading,
                SystemPlacement::Any | SystemPlacement::ToUser => false,
            };
            if gathered && is_rules(message.role) {
                texts.extend(message.parts.iter().filter_map(part_text));
            }
        }
        texts.extend(self.schema_in_words());
        if !texts.is_empty() {
            let role = match placement {
                SystemPlacement::ToUser => "user",
                _ => "system",
            };
            self.open(role);
            self.out.extend_from_slice(b",\"content\":");
            joined(self.out, texts.into_iter().map(Cow::Owned), "\n\n");
            self.out.push(b'}');
        }
    }

    /// The schema of the answer, for an upstream that cannot be held to it.
    fn schema_in_words(&self) -> Option<Text<'w>> {
        let Format::JsonSchema { schema, .. } = &self.turn.format else { return None };
        if schema_rule(self.target) == JsonSchemaRule::Native {
            return None;
        }
        let words =
            "Answer with one JSON object and nothing else. It must follow this JSON Schema:";
        Some(Text::from(format!("{words}\n{}", schema.get())))
    }

    fn leading_rules(&self) -> usize {
        let is_leading = |item: &&Item<'_>| matches!(item, Item::Message(it) if is_rules(it.role));
        self.turn.items.iter().take_while(is_leading).count()
    }

    fn message(&mut self, at: usize) {
        let Some(Item::Message(message)) = self.turn.items.get(at) else { return };
        let rules = &self.target.dialect.request;
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System | Role::Developer => match rules.system {
                SystemPlacement::MergeFirst | SystemPlacement::TopLevel => return,
                SystemPlacement::FirstOnly if at < self.leading_rules() => return,
                SystemPlacement::FirstOnly | SystemPlacement::ToUser => "user",
                SystemPlacement::Any => match (message.role, rules.developer_role) {
                    (Role::Developer, DeveloperRole::Keep) => "developer",
                    _ => "system",
                },
            },
        };
        self.parts(role, message);
    }

    fn parts(&mut self, role: &str, message: &'w Message<'a>) {
        let parts = self.seen(&message.parts);
        let (mut texts, mut images) = (0, 0);
        for part in &parts {
            match part {
                Seen::Text(_) => texts += 1,
                Seen::Image { .. } => images += 1,
            }
        }
        if texts + images == 0 {
            return;
        }
        self.open(role);
        self.out.extend_from_slice(b",\"content\":");
        if images == 0 {
            joined(self.out, parts.into_iter().filter_map(Seen::text).map(Cow::Owned), "\n\n");
        } else {
            self.out.push(b'[');
            if texts == 0 && self.target.dialect.messages.image_needs_text {
                self.out.extend_from_slice(br#"{"type":"text","text":"[image]"},"#);
            }
            self.list(&parts);
            self.out.push(b']');
        }
        self.out.push(b'}');
    }

    /// Writes what one answer thought, said and called, and the results of its calls.
    fn step(&mut self, range: Range<usize>) {
        let mut texts: Vec<Text<'w>> = Vec::new();
        let mut calls: Vec<(usize, &'w Call<'a>)> = Vec::new();
        let mut thoughts: Vec<&'w Reasoning<'a>> = Vec::new();
        for at in range {
            match &self.turn.items[at] {
                Item::Message(message) => texts.extend(message.parts.iter().filter_map(part_text)),
                Item::Reasoning(reasoning) => thoughts.push(reasoning),
                Item::Call(call) => calls.push((at, call)),
                Item::Output(_) | Item::Other { .. } => {}
            }
        }
        let thought = self.thought(&thoughts, &calls);
        if thought.is_none() && self.replay.wants(!calls.is_empty()) {
            self.notes.push(Note::new(NoteKind::ReasoningMissing, "1"));
            if self.replay.on_missing == OnMissing::StripToolCalls {
                return self.folded(texts, &calls);
            }
        }
        let rules = &self.target.dialect.messages;
        if texts.is_empty()
            && calls.is_empty()
            && (rules.empty_assistant == EmptyAssistant::Drop || thought.is_none())
        {
            return;
        }
        self.open("assistant");
        if texts.is_empty() {
            match rules.assistant_null_content {
                AssistantNullContent::Ok => self.out.extend_from_slice(b",\"content\":null"),
                AssistantNullContent::EmptyString => {
                    self.out.extend_from_slice(b",\"content\":\"\"");
                }
                AssistantNullContent::OmitOrText => {}
            }
        } else {
            self.out.extend_from_slice(b",\"content\":");
            // The upstream saw its answer as one string; a separator would change it.
            joined(self.out, texts.into_iter().map(Cow::Owned), "");
        }
        self.carry(thought, !calls.is_empty());
        if !calls.is_empty() {
            self.out.extend_from_slice(b",\"tool_calls\":[");
            for (nth, (_, call)) in calls.iter().enumerate() {
                if nth > 0 {
                    self.out.push(b',');
                }
                self.call(call);
            }
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.results(&calls);
    }

    /// What is known of the thoughts of a step, if the upstream may have it.
    fn thought(
        &mut self,
        thoughts: &[&'w Reasoning<'a>],
        calls: &[(usize, &'w Call<'a>)],
    ) -> Option<Replayed<'w>> {
        let mut found: Option<Replayed<'w>> = None;
        for reasoning in thoughts {
            let (text, provenance): (Vec<Text<'w>>, &'w [(String, String)]) = match &reasoning
                .thought
            {
                Some(thought) if !belongs(thought, calls) => {
                    self.notes.push(Note::new(NoteKind::ReasoningMissing, "its calls are gone"));
                    continue;
                }
                Some(thought) => (vec![Text::plain(thought.text.as_str())], &thought.provenance),
                None => (reasoning.readable.iter().map(Text::borrowed).collect(), &[]),
            };
            let origin = reasoning.thought.as_ref().and_then(|it| it.origin.as_ref());
            let own = origin.is_some_and(|it| it.family == self.target.dialect.id);
            if !own && self.target.dialect.replay.foreign == Foreign::Drop {
                if self.replay.carrier != Carrier::None && text.iter().any(|it| !it.is_empty()) {
                    self.notes.push(Note::new(NoteKind::ReasoningForeign, origin_name(reasoning)));
                }
                continue;
            }
            let found = found.get_or_insert_with(Replayed::default);
            found.text.extend(text);
            if own {
                found.provenance.extend(provenance);
            }
        }
        found.filter(|it| it.text.iter().any(|text| !text.is_empty()) || !it.provenance.is_empty())
    }

    fn carry(&mut self, thought: Option<Replayed<'w>>, has_calls: bool) {
        let name = match self.replay.carrier {
            Carrier::ReasoningContent => "reasoning_content",
            Carrier::Reasoning => "reasoning",
            Carrier::ReasoningDetails => "reasoning_details",
            Carrier::None => return,
            Carrier::ContentTags
            | Carrier::ContentParts
            | Carrier::ThinkingBlocks
            | Carrier::ToolCallExtraContent => {
                if thought.is_some() {
                    let what = self.replay.carrier.name();
                    self.notes.push(Note::new(NoteKind::Dropped, format!("reasoning in {what}")));
                }
                return;
            }
        };
        let Some(thought) = thought else {
            let fill =
                self.replay.wants(has_calls) && self.replay.on_missing == OnMissing::Placeholder;
            if let (true, Some(placeholder)) = (fill, &self.replay.placeholder) {
                self.out.extend_from_slice(b",\"");
                self.out.extend_from_slice(name.as_bytes());
                self.out.extend_from_slice(b"\":");
                string(self.out, &Text::plain(placeholder.as_str()));
            }
            return;
        };
        if self.replay.carrier == Carrier::ReasoningDetails {
            let known = thought.provenance.iter().find(|(field, _)| field == name);
            match known {
                Some((_, json)) => field(self.out, name, json),
                None => {
                    self.out.extend_from_slice(
                        b",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":",
                    );
                    joined(self.out, thought.text.into_iter().map(Cow::Owned), "");
                    self.out.extend_from_slice(b"}]");
                }
            }
            return;
        }
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        joined(self.out, thought.text.into_iter().map(Cow::Owned), "");
    }

    fn call(&mut self, call: &'w Call<'a>) {
        let native = call.head.form == Form::Custom
            && self.target.dialect.tools.types.iter().any(|it| it == "custom");
        let kind = if native { "custom" } else { "function" };
        self.out.extend_from_slice(b"{\"id\":");
        let id = self.id(&call.head.id);
        string(self.out, &Text::plain(id));
        self.out.extend_from_slice(b",\"type\":\"");
        self.out.extend_from_slice(kind.as_bytes());
        self.out.extend_from_slice(b"\",\"");
        self.out.extend_from_slice(kind.as_bytes());
        self.out.extend_from_slice(b"\":{\"name\":");
        string(self.out, &Text::plain(self.names.wire(&call.head)));
        if native {
            self.out.extend_from_slice(b",\"input\":");
            string(self.out, &call.input);
        } else {
            self.out.extend_from_slice(b",\"arguments\":\"");
            self.arguments(call);
            self.out.push(b'"');
        }
        self.out.extend_from_slice(b"}}");
    }

    /// Writes the inside of the string that holds a call's arguments.
    fn arguments(&mut self, call: &Call<'_>) {
        let wrap = |key: &str, out: &mut Vec<u8>| {
            // The text is a string inside a document inside a string: what is escaped once for the
            // inner document is escaped again for the outer one.
            let mut inner = Vec::with_capacity(call.input.stored_len() + 16);
            inner.extend_from_slice(b"{\"");
            inner.extend_from_slice(key.as_bytes());
            inner.extend_from_slice(b"\":\"");
            call.input.write_json(&mut inner);
            inner.extend_from_slice(b"\"}");
            interlingua_ir::escape(&String::from_utf8_lossy(&inner), out);
        };
        if call.head.form == Form::Custom {
            return wrap(ARGUMENT, self.out);
        }
        let plain = call.input.to_plain();
        if plain.trim().is_empty() {
            self.out.extend_from_slice(b"{}");
        } else if !self.target.dialect.messages.repair_arguments || is_object(&plain) {
            call.input.write_json(self.out);
        } else {
            self.notes.push(Note::new(NoteKind::Changed, "arguments that are no JSON object"));
            wrap("_raw", self.out);
        }
    }

    /// Writes one `tool` message for each call, and then the images that they may not hold.
    fn results(&mut self, calls: &[(usize, &'w Call<'a>)]) {
        let mut lifted: Vec<(&'w str, Seen<'w>)> = Vec::new();
        for &(at, call) in calls {
            self.open("tool");
            self.out.extend_from_slice(b",\"tool_call_id\":");
            let id = self.id(&call.head.id);
            string(self.out, &Text::plain(id));
            self.out.extend_from_slice(b",\"content\":");
            match self.history.result_of(at).map(|at| &self.turn.items[at]) {
                Some(Item::Output(output)) => {
                    self.result(&call.head.id, &output.parts, &mut lifted);
                }
                _ => {
                    self.notes.push(Note::new(NoteKind::FilledIn, "a call without a result"));
                    string(self.out, &Text::plain("no result was recorded (interrupted)"));
                }
            }
            self.out.push(b'}');
        }
        if lifted.is_empty() {
            return;
        }
        self.open("user");
        self.out.extend_from_slice(b",\"content\":[");
        let mut last = "";
        for (nth, (id, image)) in lifted.iter().enumerate() {
            if nth > 0 {
                self.out.push(b',');
            }
            if *id != last {
                let label = format!("Image from the result of tool call {id}:");
                self.text_part(&Text::from(label));
                self.out.push(b',');
                last = id;
            }
            self.list(std::slice::from_ref(image));
        }
        self.out.extend_from_slice(b"]}");
    }

    /// Writes the content of a `tool` message and lifts out the images.
    fn result(
        &mut self,
        id: &'w str,
        parts: &'w [Part<'a>],
        lifted: &mut Vec<(&'w str, Seen<'w>)>,
    ) {
        let rule = match self.target.repairs.has(Fix::LiftImages) {
            true => ToolResultImages::LiftToUser,
            false => self.target.dialect.vision.tool_result_images,
        };
        let seen = self.seen(parts);
        let has_images = seen.iter().any(|it| matches!(it, Seen::Image { .. }));
        if has_images && rule == ToolResultImages::Keep {
            self.out.push(b'[');
            self.list(&seen);
            self.out.push(b']');
            return;
        }
        let mut texts = Vec::new();
        for part in seen {
            match part {
                Seen::Text(text) => texts.push(text),
                image @ Seen::Image { .. } if rule == ToolResultImages::LiftToUser => {
                    texts.push(Text::plain("[the image follows in the next message]"));
                    lifted.push((id, image));
                }
                Seen::Image { .. } => {
                    self.notes.push(Note::new(NoteKind::Omitted, "image in a tool result"));
                    texts.push(Text::plain(OMITTED_IMAGE));
                }
            }
        }
        joined(self.out, texts.into_iter().map(Cow::Owned), "\n");
    }

    /// Writes a result whose call is gone. Nothing is dropped: a person's or a tool's words stay.
    fn stray(&mut self, at: usize) {
        let Some(Item::Output(output)) = self.turn.items.get(at) else { return };
        self.notes.push(Note::new(NoteKind::StrayResult, "1"));
        let seen = self.seen(&output.parts);
        self.open("user");
        self.out.extend_from_slice(b",\"content\":");
        let label = Text::from(format!("[result of the unknown tool call {}]", output.call_id));
        if seen.iter().any(|it| matches!(it, Seen::Image { .. })) {
            self.out.push(b'[');
            self.text_part(&label);
            self.out.push(b',');
            self.list(&seen);
            self.out.push(b']');
        } else {
            let texts = seen.into_iter().filter_map(Seen::text);
            joined(self.out, [label].into_iter().chain(texts).map(Cow::Owned), "\n");
        }
        self.out.push(b'}');
    }

    /// Tells calls and results in words, for an upstream that refuses calls without their thought.
    fn folded(&mut self, texts: Vec<Text<'w>>, calls: &[(usize, &'w Call<'a>)]) {
        self.open("assistant");
        self.out.extend_from_slice(b",\"content\":");
        let told = calls.iter().map(|(_, call)| {
            Text::from(format!("[called {} with {}]", call.head.name, call.input))
        });
        joined(self.out, texts.into_iter().chain(told).map(Cow::Owned), "\n");
        self.out.push(b'}');
        for &(at, call) in calls {
            let Some(Item::Output(output)) =
                self.history.result_of(at).map(|at| &self.turn.items[at])
            else {
                continue;
            };
            let label = Text::from(format!("[result of {}]", call.head.name));
            let texts = output.parts.iter().filter_map(part_text);
            self.open("user");
            self.out.extend_from_slice(b",\"content\":");
            joined(self.out, [label].into_iter().chain(texts).map(Cow::Owned), "\n");
            self.out.push(b'}');
        }
    }

    /// The parts as the model can see them; what it cannot see becomes a placeholder, the same in
    /// every turn.
    fn seen(&mut self, parts: &'w [Part<'a>]) -> Vec<Seen<'w>> {
        let mut seen = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) if text.is_empty() => {}
                Part::Text(text) | Part::Refusal(text) => seen.push(Seen::Text(text.borrowed())),
                Part::Image { url, detail } => seen.push(self.image(url, detail.as_ref())),
                Part::Other { kind, .. } => {
                    self.notes.push(Note::new(NoteKind::Omitted, kind.as_ref()));
                    let what = kind.strip_prefix("input_").unwrap_or(kind);
                    let text = format!("[{what} omitted: this model takes text only]");
                    seen.push(Seen::Text(text.into()));
                }
            }
        }
        seen
    }

    fn image(&mut self, url: &'w Text<'a>, detail: Option<&'w Text<'a>>) -> Seen<'w> {
        let vision = &self.target.dialect.vision;
        let plain_start = match url {
            Text::Json(text) | Text::Plain(text) => text.as_ref(),
        };
        let scheme = match plain_start.split_once(':') {
            Some(("data", _)) => Some(ImageScheme::Data),
            Some(("https" | "http", _)) => Some(ImageScheme::Https),
            Some(("ms", _)) => Some(ImageScheme::Ms),
            _ => None,
        };
        let takes =
            vision.images != Images::No && scheme.is_some_and(|it| vision.schemes.contains(&it));
        if takes {
            return Seen::Image { url: url.borrowed(), detail: detail.map(Text::borrowed) };
        }
        self.notes.push(Note::new(NoteKind::Omitted, "image"));
        Seen::Text(Text::plain(OMITTED_IMAGE))
    }

    fn list(&mut self, parts: &[Seen<'_>]) {
        for (nth, part) in parts.iter().enumerate() {
            if nth > 0 {
                self.out.push(b',');
            }
            match part {
                Seen::Text(text) => self.text_part(text),
                Seen::Image { url, detail } => {
                    self.out.extend_from_slice(b"{\"type\":\"image_url\",\"image_url\":");
                    if self.target.dialect.vision.image_url_form == ImageUrlForm::String {
                        string(self.out, url);
                    } else {
                        self.out.extend_from_slice(b"{\"url\":");
                        string(self.out, url);
                        if let Some(detail) = detail {
                            self.out.extend_from_slice(b",\"detail\":");
                            string(self.out, detail);
                        }
                        self.out.push(b'}');
                    }
                    self.out.push(b'}');
                }
            }
        }
    }

    fn text_part(&mut self, text: &Text<'_>) {
        self.out.extend_from_slice(b"{\"type\":\"text\",\"text\":");
        string(self.out, text);
        self.out.push(b'}');
    }

    /// Writes the beginning of a message.
    fn open(&mut self, role: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"{\"role\":\"");
        self.out.extend_from_slice(role.as_bytes());
        self.out.push(b'"');
    }

    /// A call's id in the form that the upstream takes.
    fn id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        match self.target.dialect.tools.id_rule {
            IdRule::Any => id.into(),
            IdRule::Max40 if id.len() <= 40 => id.into(),
            IdRule::Anthropic64 if id.len() <= 64 && id.bytes().all(is_id_byte) => id.into(),
            IdRule::Alnum9 if id.len() == 9 && id.bytes().all(|it| it.is_ascii_alphanumeric()) => {
                id.into()
            }
            IdRule::Max40 | IdRule::Anthropic64 => {
                format!("call_{}{}", short_hash(&[id]), short_hash(&["2", id])).into()
            }
            IdRule::Alnum9 => format!("c{}", short_hash(&[id])).into(),
        }
    }
}

/// A part as the model can see it.
enum Seen<'w> {
    Text(Text<'w>),
    Image { url: Text<'w>, detail: Option<Text<'w>> },
}

impl<'w> Seen<'w> {
    fn text(self) -> Option<Text<'w>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Image { .. } => None,
        }
    }
}

/// A thought on its way back.
#[derive(Default)]
struct Replayed<'w> {
    text: Vec<Text<'w>>,
    provenance: Vec<&'w (String, String)>,
}

const OMITTED_IMAGE: &str = "[image omitted: this model takes text only]";

/// Whether a thought still stands beside the calls that followed from it.
fn belongs(thought: &Thought, calls: &[(usize, &Call<'_>)]) -> bool {
    let followed =
        |(_, call): &(usize, &Call<'_>)| thought.calls.iter().any(|id| *id == call.head.id);
    thought.calls.is_empty() || calls.iter().any(followed)
}

fn origin_name(reasoning: &Reasoning<'_>) -> String {
    let origin = reasoning.thought.as_ref().and_then(|it| it.origin.as_ref());
    origin.map_or("unknown".to_owned(), |it| it.provider.clone())
}

fn is_rules(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

fn part_text<'w>(part: &'w Part<'_>) -> Option<Text<'w>> {
    match part {
        Part::Text(text) | Part::Refusal(text) if !text.is_empty() => Some(text.borrowed()),
        Part::Text(_) | Part::Refusal(_) | Part::Image { .. } | Part::Other { .. } => None,
    }
}

fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok()
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
