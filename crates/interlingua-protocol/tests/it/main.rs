//! Laws of the wire, for every input.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not their helpers")]

use interlingua_protocol::json::{self, Completeness, Limits};
use interlingua_protocol::sse::{Frame, FrameError, Framer};
use proptest::prelude::*;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn frames<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> Vec<(String, String)> {
    let mut framer = Framer::new(1 << 20);
    let mut out = Vec::new();
    let mut keep = |frame: Frame<'_>| {
        out.push((frame.event.to_owned(), frame.data.to_owned()));
        Ok::<(), FrameError>(())
    };
    for piece in pieces {
        framer.push(piece, &mut keep).unwrap();
    }
    framer.finish(&mut keep).unwrap();
    out
}

/// Something that looks like an event stream, with every line end and a few bytes that are no text.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("data: a".as_bytes().to_vec()),
        Just("data:{\"x\":1}".as_bytes().to_vec()),
        Just("data".as_bytes().to_vec()),
        Just("event: e".as_bytes().to_vec()),
        Just(": comment".as_bytes().to_vec()),
        Just("id: 1".as_bytes().to_vec()),
        Just("\u{feff}data: b".as_bytes().to_vec()),
        Just(b"data: \xff\xe4\xbd".to_vec()),
        Just("data: 你好".as_bytes().to_vec()),
        Just(Vec::new()),
        Just(Vec::new()),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    prop::collection::vec((line, end), 0..20).prop_map(|lines| {
        lines.into_iter().flat_map(|(line, end)| [line, end.as_bytes().to_vec()].concat()).collect()
    })
}

/// A document of brackets, commas and strings; few are JSON, and that is no matter.
fn document() -> impl Strategy<Value = String> {
    let deep = (0..200usize, any::<bool>(), any::<bool>()).prop_map(|(depth, objects, closed)| {
        let (open, close) = if objects { ("{\"a\":", "}") } else { ("[", "]") };
        open.repeat(depth) + "1" + &close.repeat(if closed { depth } else { depth / 2 })
    });
    prop_oneof![deep, "[\\[\\]{},:\"\\\\a1 ]{0,80}"]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn frames_do_not_depend_on_the_cuts(
        stream in stream(),
        cuts in prop::collection::vec(1..12usize, 1..40),
    ) {
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(frames(pieces.into_iter()), frames([stream.as_slice()].into_iter()));
    }

    /// What passes the check, no parser behind it refuses for its depth.
    #[test]
    fn the_check_is_as_strict_as_the_parser(document in document()) {
        let checked = json::check(document.as_bytes(), Limits::default());
        let parsed = serde_json::from_str::<serde_json::Value>(&document);
        let too_deep = parsed.is_err_and(|error| error.to_string().contains("recursion limit"));
        prop_assert!(checked.is_err() || !too_deep);
    }

    #[test]
    fn compact_documents_mean_the_same(value in any::<Vec<(String, i32)>>()) {
        let value = serde_json::to_value(&value).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(json::compact(&pretty), value.to_string());
    }

    /// A growing document is whole at its end and nowhere before.
    #[test]
    fn only_all_of_a_document_is_whole(value in any::<Vec<(String, i32)>>()) {
        let document = serde_json::to_string(&value).unwrap();
        let mut plain = Completeness::default();
        let mut escaped = Completeness::default();
        for (at, letter) in document.char_indices() {
            prop_assert!(!plain.is_whole() && !escaped.is_whole(), "before {at}");
            let piece = letter.to_string();
            plain.push(&piece);
            let inside = serde_json::to_string(&piece).unwrap();
            escaped.push_escaped(inside.strip_prefix('"').unwrap().strip_suffix('"').unwrap());
        }
        prop_assert!(plain.is_whole() && escaped.is_whole());
    }
}

#[test]
fn the_check_is_as_strict_as_the_parser_at_its_limit() {
    let mut refused = 0;
    for depth in 100..160 {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let document = open.repeat(depth) + "1" + &close.repeat(depth);
            let checked = json::check(document.as_bytes(), Limits::default());
            let parsed = serde_json::from_str::<serde_json::Value>(&document);
            assert_eq!(checked.is_ok(), parsed.is_ok(), "{depth}");
            refused += u32::from(checked.is_err());
        }
    }
    assert!(refused > 0);
}
