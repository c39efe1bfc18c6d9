use std::time::Duration;

use serde_json::{Map, Value};

use super::{text, wait};

/// JSON inside text inside JSON is followed this deep.
const DEEPEST: usize = 4;

/// The text that rules look at is cut here: a reason stands early, and patterns take their time.
const LONGEST_HAYSTACK: usize = 8 * 1024;

/// Fields that repeat what the client or the model wrote: no reasons, but they may look like some.
const ECHOES: [&str; 4] = ["failed_generation", "flagged_input", "input", "choices"];

/// A body taken apart. Lists run from the outermost to the innermost finding.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// It calls itself an error.
    pub(super) is_error: bool,
    /// An HTTP status inside the body.
    pub(super) status: Option<u16>,
    pub(super) codes: Vec<String>,
    pub(super) kinds: Vec<String>,
    /// The field that is complained about.
    pub(super) param: Option<String>,
    pub(super) wait: Option<Duration>,
    pub(super) resets_at: Option<String>,
    messages: Vec<String>,
    /// A whole sentence where the name of a field is expected.
    explanation: Option<String>,
    /// Every other text.
    texts: Vec<String>,
    is_markup: bool,
}

impl Body {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut body = Self::default();
        let raw = String::from_utf8_lossy(bytes);
        let raw = unframed(raw.trim());
        match serde_json::from_str(&raw) {
            Ok(value) => body.value(&value, 0),
            Err(_) if text::is_markup(&raw) => {
                body.is_markup = true;
                body.messages.extend(text::title(&raw));
                body.texts.push(raw);
            }
            Err(_) => body.text(&raw, 0),
        }
        let all = body.haystack();
        body.wait = body.wait.or_else(|| wait::stated(&all));
        body.resets_at = body.resets_at.take().or_else(|| wait::stated_moment(&all));
        body
    }

    /// All that rules look at, one finding per line.
    pub(super) fn haystack(&self) -> String {
        let parts = self.messages.iter().chain(&self.explanation).chain(&self.param);
        let all: Vec<_> = parts.chain(&self.texts).map(String::as_str).collect();
        text::cut(&all.join("\n"), LONGEST_HAYSTACK).to_owned()
    }

    /// The best words for a human.
    pub(super) fn message(&self) -> String {
        let innermost = self.messages.last().map(String::as_str);
        let words = match (innermost, &self.explanation) {
            (Some(title), _) if self.is_markup => {
                format!("it sent a page instead of an answer: {title}")
            }
            (None, _) if self.is_markup => "it sent a page instead of an answer".to_owned(),
            (Some(message), Some(explanation)) if message != explanation => {
                format!("{message}: {explanation}")
            }
            (Some(message), _) => message.to_owned(),
            (None, Some(explanation)) => explanation.clone(),
            (None, None) => {
                let hint = self.codes.last().or(self.kinds.last()).or(self.texts.first());
                hint.map_or_else(|| "it gave no reason".to_owned(), Clone::clone)
            }
        };
        text::for_humans(&words)
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Array(list) => {
                if let Some(first) = list.first() {
                    self.value(first, depth);
                }
            }
            Value::Object(object) => self.object(object, depth),
            Value::String(text) => self.text(text, depth),
            Value::Number(number) => self.texts.push(number.to_string()),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Plain words, or JSON as text.
    fn text(&mut self, text: &str, depth: usize) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if depth < DEEPEST
            && let Some(inner) = embedded_object(text)
        {
            return self.object(&inner, depth + 1);
        }
        self.codes.extend(bracketed_code(text));
        if self.messages.last().is_none_or(|last| last != text) {
            self.messages.push(text.to_owned());
        }
    }

    fn object(&mut self, object: &Map<String, Value>, depth: usize) {
        if let Some(base) = object.get("base_resp").and_then(Value::as_object)
            && base.get("status_code").and_then(scalar).is_some_and(|code| code != "0")
        {
            self.is_error = true;
            return self.fields(base, depth);
        }
        if object.get("type").and_then(Value::as_str) == Some("error")
            || object.get("object").and_then(Value::as_str) == Some("error")
        {
            self.is_error = true;
        }
        match object.get("error") {
            Some(error @ (Value::Object(_) | Value::Array(_))) => {
                self.is_error = true;
                self.value(error, depth);
            }
            Some(Value::String(error)) if !error.is_empty() => {
                self.is_error = true;
                self.fields(object, depth); // the code stands beside the text
                self.text(error, depth);
            }
            _ => self.fields(object, depth),
        }
    }

    fn fields(&mut self, object: &Map<String, Value>, depth: usize) {
        for (name, value) in object {
            match name.as_str() {
                "message" | "msg" | "status_msg" | "error_msg" => self.value(value, depth),
                "detail" => self.detail(value, depth),
                "code" | "status_code" | "http_code" | "status" => self.code(name, value),
                "type" => self.kinds.extend(scalar(value).filter(|kind| kind != "error")),
                "param" => self.param(value),
                "metadata" => {
                    if let Some(raw) = value.get("raw")
                        && depth < DEEPEST
                    {
                        self.value(raw, depth + 1);
                    }
                    self.leaves(name, value, depth);
                }
                "innererror" => {
                    self.codes.splice(0..0, value.get("code").and_then(scalar));
                }
                "error" => {}
                _ => self.leaves(name, value, depth),
            }
        }
    }

    fn code(&mut self, name: &str, value: &Value) {
        let Some(code) = scalar(value) else { return };
        let status = code.parse().ok().filter(|status| (400..=599).contains(status));
        self.status = self.status.or(status);
        match name {
            "code" => self.codes.push(code),
            "status_code" if status.is_none() => self.codes.push(code),
            "status" if status.is_none() => self.kinds.push(code),
            _ => {}
        }
    }

    fn param(&mut self, value: &Value) {
        match value.as_str().map(str::trim) {
            None | Some("") => {}
            Some(sentence) if sentence.contains(' ') => {
                self.explanation = Some(sentence.to_owned());
            }
            Some(field) => self.param = Some(field.to_owned()),
        }
    }

    /// A text, or the list of complaints that Python's validators write.
    fn detail(&mut self, value: &Value, depth: usize) {
        let Some(complaints) = value.as_array() else { return self.value(value, depth) };
        let mut words = Vec::new();
        for complaint in complaints {
            let place = complaint["loc"].as_array().into_iter().flatten().filter_map(scalar);
            let place: Vec<_> = place.filter(|part| part != "body").collect();
            let place = place.join(".");
            let Some(said) = complaint["msg"].as_str().or(complaint.as_str()) else { continue };
            self.kinds.extend(scalar(&complaint["type"]));
            if place.is_empty() {
                words.push(said.to_owned());
            } else {
                words.push(format!("{place}: {said}"));
                self.param.get_or_insert(place);
            }
        }
        self.messages.extend(Some(words.join("; ")).filter(|words| !words.is_empty()));
    }

    /// Texts at any depth, which only rules look at, and hints at when to come back.
    fn leaves(&mut self, name: &str, value: &Value, depth: usize) {
        if ECHOES.contains(&name) || depth > DEEPEST {
            return;
        }
        if let Some(scalar) = scalar(value) {
            self.wait = self.wait.or_else(|| wait::field(name, &scalar));
            self.resets_at = self.resets_at.take().or_else(|| wait::moment_field(name, &scalar));
        }
        match value {
            Value::String(text) if name != "raw" => self.texts.push(text.clone()),
            Value::Array(list) => list.iter().for_each(|it| self.leaves("", it, depth + 1)),
            Value::Object(object) => {
                object.iter().for_each(|(name, it)| self.leaves(name, it, depth + 1));
            }
            _ => {}
        }
    }
}

/// The data of an event stream's first event, or the text itself.
fn unframed(text: &str) -> String {
    if !["data:", "event:", ":"].iter().any(|start| text.starts_with(start)) {
        return text.to_owned();
    }
    let data = text
        .lines()
        .skip_while(|line| !line.starts_with("data:"))
        .map_while(|line| line.strip_prefix("data:"));
    data.map(str::trim).collect::<Vec<_>>().join("\n")
}

/// An object written as text, alone or after some words, as relays write them.
fn embedded_object(text: &str) -> Option<Map<String, Value>> {
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    let object: Map<String, Value> = serde_json::from_str(text.get(start..=end)?).ok()?;
    let tells = ["error", "message", "detail", "base_resp"];
    tells.iter().any(|name| object.contains_key(*name)).then_some(object)
}

/// The code in brackets at the end of `invalid params (2013)`.
fn bracketed_code(text: &str) -> Option<String> {
    let code = text.strip_suffix(')')?.rsplit_once('(')?.1;
    let is_code = (3..=6).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| code.to_owned())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
