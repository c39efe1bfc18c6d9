//! What an upstream knows its own thoughts by, gathered while an answer arrives.
//!
//! It may come before the thought it belongs to, behind it, or without one: then it becomes a thought
//! that says nothing, so that it travels as all others do.

use interlingua_dialect::{Carrier, Dialect};
use interlingua_ir::{Attachment, Event, Index, Kind, Sink, Text};

use crate::render::quoted;
use crate::spans::{elements, member, members};

/// The most that is gathered for one answer, in bytes.
const MAX_SIZE: usize = 4 << 20;

/// What has come and is not yet handed on.
#[derive(Debug)]
pub(super) struct Signs {
    carrier: Carrier,
    /// Pieces may repeat everything so far.
    snapshots: bool,
    details: Vec<Detail>,
    /// A list of details has come, be it an empty one.
    listed: bool,
    /// What belongs to calls, by their position in the answer.
    calls: Vec<(usize, String)>,
    /// The calls of which that is handed on.
    signed: Vec<usize>,
    size: usize,
}

/// One entry of `reasoning_details`: its members, as JSON.
#[derive(Debug)]
struct Detail(Vec<(String, String)>);

impl Signs {
    pub(super) fn new(dialect: &Dialect) -> Self {
        Self {
            carrier: dialect.replay.carrier,
            snapshots: dialect.reasoning_out.snapshots,
            details: Vec::new(),
            listed: false,
            calls: Vec::new(),
            signed: Vec::new(),
            size: 0,
        }
    }

    /// Takes a list of details. Pieces of one entry become one again, as they have to go back.
    pub(super) fn details(&mut self, json: &str) {
        if self.carrier != Carrier::ReasoningDetails || !json.starts_with('[') {
            return;
        }
        self.listed = true;
        for entry in elements(json) {
            if self.size + entry.len() > MAX_SIZE {
                return;
            }
            self.size += entry.len();
            let read = members(entry).into_iter();
            let piece =
                Detail(read.map(|it| (it.name.into_owned(), it.value.to_owned())).collect());
            match self.details.last_mut() {
                Some(last) if last.is_continued_by(&piece) => last.join(piece, &mut self.snapshots),
                _ => self.details.push(piece),
            }
        }
    }

    /// Takes what stands beside the call at `nth`.
    pub(super) fn call(&mut self, nth: usize, json: &str) {
        let wanted = self.carrier == Carrier::ToolCallExtraContent && json.starts_with('{');
        let known = self.signed.contains(&nth) || self.calls.iter().any(|it| it.0 == nth);
        if wanted && !known && self.size + json.len() <= MAX_SIZE {
            self.size += json.len();
            self.calls.push((nth, json.to_owned()));
        }
    }

    /// Attaches what is there to the thought at `index`.
    pub(super) fn attach(&mut self, index: Index, sink: &mut dyn Sink) {
        let field = self.carrier.name();
        let mut attach = |json: String| {
            let attachment = Attachment::Provenance { field: field.into(), json: json.into() };
            sink.event(Event::Attach { index, attachment });
        };
        if std::mem::take(&mut self.listed) {
            let details: Vec<String> = self.details.drain(..).map(Detail::json).collect();
            attach(format!("[{}]", details.join(",")));
        }
        for (nth, json) in self.calls.drain(..) {
            attach(format!(r#"{{"call":{nth},"extra_content":{json}}}"#));
            self.signed.push(nth);
        }
    }

    /// Hands on what has found no thought, as one that says nothing.
    pub(super) fn flush(&mut self, next: &mut u32, sink: &mut dyn Sink) {
        if self.details.is_empty() && self.calls.is_empty() {
            return;
        }
        let index = Index(*next);
        *next += 1;
        sink.event(Event::Open { index, kind: Kind::Reasoning });
        self.attach(index, sink);
        sink.event(Event::Close { index });
    }
}

impl Detail {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, json)| json.as_str())
    }

    /// Whether `piece` goes on where this one stops. Encrypted data comes whole.
    fn is_continued_by(&self, piece: &Self) -> bool {
        let same = |name| self.get(name) == piece.get(name);
        same("type") && same("index") && GROWING.iter().any(|name| piece.get(name).is_some())
    }

    fn join(&mut self, piece: Self, snapshots: &mut bool) {
        for (name, json) in piece.0 {
            let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == name) else {
                self.0.push((name, json));
                continue;
            };
            let grows = GROWING.contains(&name.as_str());
            match (grows.then(|| inside(known)).flatten(), inside(&json)) {
                (Some(so_far), Some(more)) if *snapshots && more.starts_with(so_far) => {
                    *known = json;
                }
                (Some(so_far), Some(more)) => {
                    *snapshots = false;
                    *known = format!("\"{so_far}{more}\"");
                }
                _ if json != "null" => *known = json,
                _ => {}
            }
        }
    }

    fn json(self) -> String {
        let members = self.0.into_iter().map(|(name, json)| format!("{}:{json}", quoted(&name)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

/// The members of a detail that come in pieces.
const GROWING: [&str; 2] = ["text", "summary"];

/// The inside of a JSON string.
fn inside(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// What stands beside the call at `nth`, as [`Signs::call`] took it, among what is known of a thought.
pub(super) fn of_call<'p>(provenance: &[&'p (String, String)], nth: usize) -> Option<&'p str> {
    let field = Carrier::ToolCallExtraContent.name();
    let nth = nth.to_string();
    let mut of_field = provenance.iter().filter(|(known, _)| known == field);
    of_field.find_map(|(_, json)| {
        let members = members(json);
        member(&members, "call").filter(|it| *it == nth)?;
        member(&members, "extra_content")
    })
}

/// Details that the upstream takes back: all of them in their order, but for text that it wants signed
/// and that is not.
pub(super) fn returned<'p>(
    lists: impl Iterator<Item = &'p str>,
    is_signed_format: impl Fn(&str) -> bool,
) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for entry in lists.flat_map(elements) {
        let members = members(entry);
        let word = |name| member(&members, name).and_then(inside);
        let signed = word("signature").is_some_and(|it| !it.is_empty());
        let wants = word("format").is_some_and(&is_signed_format);
        if signed || !wants || word("type") != Some("reasoning.text") {
            kept.push(entry);
        }
    }
    format!("[{}]", kept.join(","))
}

/// An object that holds `value` at the end of a dotted path.
pub(super) fn at_path(path: &str, value: &Text<'_>) -> String {
    let value = quoted(&value.to_plain());
    path.rsplit('.').fold(value, |inner, name| format!("{{{}:{inner}}}", quoted(name)))
}

#[cfg(test)]
mod tests {
    use interlingua_dialect::Dialects;

    use super::*;

    /// The details of `lists`, as they are handed on.
    fn gathered(dialect: &str, lists: &[&str]) -> String {
        let dialect = Dialects::builtin().resolve(dialect, "").unwrap();
        let mut signs = Signs::new(&dialect);
        for list in lists {
            signs.details(list);
        }
        let mut events: Vec<Event<'static>> = Vec::new();
        signs.attach(Index(0), &mut events);
        match events.as_slice() {
            [Event::Attach { attachment: Attachment::Provenance { json, .. }, .. }] => {
                json.to_string()
            }
            [] => "nothing".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pieces_of_one_entry_become_one_and_others_keep_their_order() {
        let lists = [
            r#"[{"type":"reasoning.text","text":"a\n","index":0,"signature":null}]"#,
            r#"[{"type":"reasoning.text","text":"b","index":0,"signature":"s"}]"#,
            r#"[{"type":"reasoning.encrypted","data":"x","index":1}]"#,
            r#"[{"type":"reasoning.encrypted","data":"y","index":1}]"#,
            r#"[{"type":"reasoning.summary","summary":"c"},{"type":"reasoning.summary","summary":"d"}]"#,
        ];
        assert_eq!(
            gathered("openrouter", &lists),
            concat!(
                r#"[{"type":"reasoning.text","text":"a\nb","index":0,"signature":"s"},"#,
                r#"{"type":"reasoning.encrypted","data":"x","index":1},"#,
                r#"{"type":"reasoning.encrypted","data":"y","index":1},"#,
                r#"{"type":"reasoning.summary","summary":"cd"}]"#
            )
        );
    }

    #[test]
    fn an_empty_list_is_a_list() {
        assert_eq!(gathered("openrouter", &["[]"]), "[]");
        assert_eq!(gathered("openrouter", &["null"]), "nothing");
        assert_eq!(gathered("deepseek", &["[]"]), "nothing");
    }

    #[test]
    fn pieces_that_repeat_everything_so_far_count_once() {
        let piece = |text: &str| format!(r#"[{{"type":"reasoning.text","text":"{text}"}}]"#);
        let [a, b, c] = ["ha", "haha", "ho"].map(piece);
        assert_eq!(gathered("minimax", &[&a, &b]), piece("haha"));
        assert_eq!(gathered("openrouter", &[&a, &b]), piece("hahaha"));
        assert_eq!(
            gathered("minimax", &[&a, &c, &a]),
            piece("hahoha"),
            "the first other one ends it"
        );
    }

    #[test]
    fn unsigned_text_is_left_out_where_the_format_wants_it_signed() {
        let kept = |json: &'static str| returned([json].into_iter(), |it| it.starts_with("x-"));
        let unsigned = r#"[{"type":"reasoning.text","text":"a","signature":null,"format":"x-1"}]"#;
        assert_eq!(kept(unsigned), "[]");
        for json in [
            r#"[{"type":"reasoning.text","text":"a","signature":"s","format":"x-1"}]"#,
            r#"[{"type":"reasoning.text","text":"a","format":"y"}]"#,
            r#"[{"type":"reasoning.encrypted","data":"a","format":"x-1"}]"#,
        ] {
            assert_eq!(kept(json), json);
        }
    }

    #[test]
    fn a_path_becomes_objects() {
        assert_eq!(at_path("a.b", &Text::plain("\"")), r#"{"a":{"b":"\""}}"#);
    }
}
