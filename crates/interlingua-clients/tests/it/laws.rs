//! The same for files that nobody has thought of.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Place, check_result, meaning, options, other_options};

/// What may stand between two words of JSON.
fn space() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just(String::new()),
        3 => Just(" ".to_owned()),
        3 => Just("\n  ".to_owned()),
        1 => Just("\r\n\t".to_owned()),
        1 => "// [a-z,{}\"ü]{0,6}\n".prop_map(|it| it),
        1 => "/\\* [a-z,{}\"ü]{0,6} \\*/".prop_map(|it| it),
    ];
    vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("1".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        "\"[a-z /,:{}ü]{0,8}\"".prop_map(|it| it),
        Just("[ 1, \"// }\", [] ]".to_owned()),
        Just("{ \"ANTHROPIC_MODEL\": \"no\",\n \"env\": {} }".to_owned()),
        Just("\"\\\"/*\"".to_owned()),
    ]
}

/// An object of these properties, each there or not, in any order.
fn object(properties: Vec<(&'static str, BoxedStrategy<String>)>) -> BoxedStrategy<String> {
    let count = properties.len();
    let names: Vec<_> = properties.iter().map(|it| it.0).collect();
    let values: Vec<_> = properties.into_iter().map(|it| it.1).collect();
    let order = proptest::sample::subsequence((0..count).collect::<Vec<_>>(), 0..=count);
    (order.prop_shuffle(), values, vec(space(), count * 4 + 2), any::<bool>())
        .prop_map(move |(order, values, spaces, trailing)| {
            let mut spaces = spaces.iter();
            let mut next = || spaces.next().unwrap();
            let mut text = format!("{{{}", next());
            for (n, at) in order.iter().enumerate() {
                let (name, value) = (names[*at], &values[*at]);
                text.extend(["\"", name, "\"", next(), ":", next(), value, next()]);
                if n + 1 < order.len() || trailing {
                    text.extend([",", next()]);
                }
            }
            text + "}"
        })
        .boxed()
}

fn settings() -> impl Strategy<Value = String> {
    let word = || "\"[a-z]{1,4}\"".prop_map(|it| it).boxed();
    let env = object(vec![
        ("FOO", word()),
        ("ANTHROPIC_MODEL", word()),
        ("ANTHROPIC_AUTH_TOKEN", word()),
        ("BAR", value().boxed()),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", Just("7000".to_owned()).boxed()),
    ]);
    let root = object(vec![
        ("model", word()),
        ("env", env),
        ("hooks", value().boxed()),
        ("permissions", value().boxed()),
    ]);
    (space(), root, space(), any::<bool>()).prop_map(|(before, root, after, mark)| {
        format!("{}{before}{root}{after}", if mark { "\u{feff}" } else { "" })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_set_up_and_put_back(text in settings()) {
        let place = Place::new(Some(text.as_bytes()));
        for options in [options(), other_options()] {
            place.apply(&options).unwrap();
            check_result(&text, &place.text(), &options);
            // No comment is lost.
            let letters = |text: &str| text.matches("//").count() + text.matches("/*").count();
            prop_assert!(letters(&place.text()) >= letters(&text), "{}", place.text());
            prop_assert!(place.apply(&options).unwrap().is_noop());
        }
        prop_assert_eq!(place.restore().unwrap(), []);
        prop_assert_eq!(place.text(), text);
    }

    /// Whatever the user adds meanwhile is there afterwards, and nothing of ours.
    #[test]
    fn what_is_added_meanwhile_stays(text in settings()) {
        let place = Place::new(Some(text.as_bytes()));
        let plan = place.apply(&other_options()).unwrap();
        fs::write(place.config(), plan.after + "// mine\n").unwrap();
        prop_assert_eq!(place.restore().unwrap(), []);
        let now = place.text();
        prop_assert!(now.ends_with("// mine\n"));
        let mut expected = meaning(&text);
        let empty = expected["env"].as_object().is_some_and(serde_json::Map::is_empty);
        let mut now = meaning(&now);
        // Braces around nothing may go or stay.
        if empty && now["env"].is_null() {
            expected.as_object_mut().unwrap().remove("env");
            now.as_object_mut().unwrap().remove("env");
        }
        prop_assert_eq!(now, expected);
    }
}
