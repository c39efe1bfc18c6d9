//! Requests as real clients send them: the captured field layout, filled to real sizes.

use serde_json::Value;

use crate::pace::Pace;
use crate::pair::{Pair, Wire};

mod fill;
mod trips;

/// A request to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) pair: Pair,
    /// Approximate bytes of the body; what the capture lacks to it is in the tools' outputs.
    pub(crate) size: usize,
    pub(crate) stream: bool,
    pub(crate) pace: Pace,
}

/// Tool round trips after the first prompt.
const ROUND_TRIPS: usize = 9;

impl Request {
    pub(crate) fn body(&self) -> Vec<u8> {
        let wire = self.pair.client;
        let mut body = capture(wire)["body"].take();
        body["model"] = self.pair.model().into();
        body["stream"] = self.stream.into();
        if !self.stream {
            // Meant for streams, and refused by servers elsewhere.
            body.as_object_mut().expect("a request is an object").remove("stream_options");
        }
        fill::placeholders(&mut body);
        if wire == Wire::Responses {
            fill::fields(&mut body["tools"], "description", TOOLS);
            fill::fields(&mut body["input"], "text", INSTRUCTIONS);
        }
        if self.pace != Pace::Burst {
            trips::add_to_prompt(wire, &mut body, &self.pace.mark());
        }
        let missing = self.size.saturating_sub(body.to_string().len());
        trips::add(wire, &mut body, ROUND_TRIPS, missing);
        body.to_string().into_bytes()
    }
}

/// What a first request of the real Codex holds, whose texts the capture has not: 17.8 KB of tools, 21 KB
/// of instructions. The other captures tell the size of each text themselves.
const TOOLS: usize = 17_800;
const INSTRUCTIONS: usize = 21_000;

/// Where the real client posts to.
pub(crate) fn path(wire: Wire) -> String {
    text(&capture(wire)["path"]).to_owned()
}

/// The header fields of the real client, but for those that depend on the connection.
pub(crate) fn headers(wire: Wire) -> Vec<(String, String)> {
    let capture = capture(wire);
    let fields = capture["headers"].as_object().into_iter().flatten();
    let named = fields.map(|(name, value)| (name.to_lowercase(), text(value).to_owned()));
    named
        // The mock does not compress.
        .filter(|(name, _)| !["host", "content-length", "accept-encoding"].contains(&name.as_str()))
        .map(|(name, value)| match name.as_str() {
            "authorization" => (name, "Bearer interlingua-local".into()),
            _ => (name, value),
        })
        .collect()
}

fn capture(wire: Wire) -> Value {
    macro_rules! fixture {
        ($path:literal) => {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/", $path))
        };
    }
    let text = match wire {
        Wire::Chat => fixture!("clients/chat/opencode_02_text.request.json"),
        Wire::Responses => fixture!("codex/req_first_text_turn.json"),
        Wire::Messages => fixture!("clients/messages/claude_01_text.request.json"),
    };
    serde_json::from_str(text).expect("a capture is JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(pair: &str, size: usize) -> Request {
        Request { pair: pair.parse().unwrap(), size, stream: true, pace: Pace::Slow }
    }

    #[test]
    fn bodies_have_the_asked_size() {
        for pair in ["responses-chat", "messages-chat", "chat-chat"] {
            for size in [63_000, 1_040_000] {
                let real = request(pair, size).body().len();
                assert!(real.abs_diff(size) < size / 50, "{pair}: {size} became {real}");
            }
        }
    }

    #[test]
    fn the_layout_is_the_captured_one() {
        for pair in ["responses-chat", "messages-chat", "chat-chat"] {
            let request = request(pair, 63_000);
            let made: Value = serde_json::from_slice(&request.body()).unwrap();
            let names = |it: &Value| it.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&made), names(&capture(request.pair.client)["body"]));
            assert_eq!(made["stream"], true);
            assert_eq!(made["model"], "chat/bench");
            assert!(!made.to_string().contains("(placeholder: "));
            assert_eq!(Pace::asked(made.to_string().as_bytes()), Pace::Slow);
        }
    }

    #[test]
    fn a_whole_answer_asks_for_nothing_that_belongs_to_streams() {
        let whole = Request { stream: false, pace: Pace::Burst, ..request("chat-chat", 63_000) };
        let made: Value = serde_json::from_slice(&whole.body()).unwrap();
        assert_eq!((&made["stream"], &made["stream_options"]), (&false.into(), &Value::Null));
    }

    #[test]
    fn the_clients_own_fields_are_sent_and_no_placeholder_of_a_key() {
        for wire in Wire::ALL {
            let headers = headers(wire);
            let value = |name: &str| headers.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
            assert_eq!(value("authorization"), Some("Bearer interlingua-local"));
            assert_eq!(value("content-type"), Some("application/json"));
            assert_eq!(value("content-length"), None);
            assert!(path(wire).starts_with(wire.path()));
        }
    }
}
