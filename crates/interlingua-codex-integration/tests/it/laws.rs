//! The same for files that nobody has thought of.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Place, check_result, options, other_options};

/// A line end; a file may mix them.
fn end() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("\n"), 1 => Just("\r\n")]
}

fn blank() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        1 => Just("  \t".to_owned()),
        2 => "# [a-z =\\[\\]\"ü]{0,12}".prop_map(|it| it),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("1".to_owned()),
        Just("true".to_owned()),
        "\"[a-z /.:#=\\[\\]ü]{0,8}\"".prop_map(|it| it),
        "'[a-z \\\\\"#=\\[]{0,8}'".prop_map(|it| it),
        Just("[\n  [\"a\"], # model = 1\n  [],\n]".to_owned()),
        Just("\"\"\"\nmodel = 'no'\n[model_providers.interlingua]\r\n\n\"\"\"".to_owned()),
        Just("{ model = 'x', a.b = [1, 2] }".to_owned()),
    ]
}

/// The spellings of one key.
fn spelt(key: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![Just(key.to_owned()), Just(format!("\"{key}\"")), Just(format!("'{key}'"))]
}

fn assignment(key: &'static str) -> impl Strategy<Value = String> {
    let space = || prop_oneof![Just(""), Just(" "), Just("\t")];
    let text = prop_oneof![
        "\"[a-z/]{1,8}\"".prop_map(|it| it),
        "'[a-z/]{1,8}'".prop_map(|it| it),
        Just("\"\"\"x\ny\"\"\"".to_owned()),
    ];
    (space(), spelt(key), space(), text, space(), blank()).prop_map(
        |(a, key, b, value, c, after)| {
            let after = if after.starts_with('#') { after } else { String::new() };
            format!("{a}{key}{b}={value}{c}{after}")
        },
    )
}

fn foreign(key: &'static str) -> impl Strategy<Value = String> {
    (spelt(key), value()).prop_map(|(key, value)| format!("{key} = {value}"))
}

/// Keys of a table of ours, each once, in any order.
fn own_keys() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let keys = vec![
        ("name", "\"Old\""),
        ("base_url", "'http://127.0.0.1:1/v1'"),
        ("wire_api", "\"responses\""),
        ("env_key", "\"X\""),
        ("experimental_bearer_token", "'t'"),
        ("requires_openai_auth", "true"),
        ("auth", "{ command = 'c', args = [ 'a', 'b' ] }"),
        ("request_max_retries", "7"),
        ("http_headers", "{ 'x-a' = '1', b = \"2\" }"),
    ];
    proptest::sample::subsequence(keys, 0..=9)
        .prop_shuffle()
        .prop_map(|keys| keys.into_iter().map(|(key, value)| (key, value.to_owned())).collect())
}

/// Our table in every spelling: lines for the root, and lines for the end.
fn own_table() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let spelling = (0..9_u8, spelt("model_providers"), spelt("interlingua"), own_keys());
    spelling.prop_map(|(form, providers, ours, keys)| {
        let lines = |prefix: &str| -> Vec<String> {
            keys.iter().map(|(key, value)| format!("{prefix}{key} = {value}")).collect()
        };
        let braces = || {
            let pairs: Vec<_> =
                keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            format!("{{{}}}", pairs.join(" , "))
        };
        let header = |text: &str, lines: Vec<String>| [vec![text.to_owned()], lines].concat();
        let below = format!("[{providers}.{ours}]");
        match form {
            0 => (vec![], vec![]),
            1 => (vec![], header(&format!("{below} # ours"), lines("  "))),
            2 => (lines(&format!("{providers}.{ours}.")), vec![]),
            3 => (vec![], header(&format!("[{providers}]"), lines(&format!("{ours} . ")))),
            4 => (vec![], vec![format!("[ {providers} ]"), format!("{ours} = {}", braces())]),
            5 => (vec![format!("{providers} = {{ {ours} = {} }}", braces())], vec![]),
            6 => (vec![format!("{providers} = {{ x = {{}}, {ours} = {} }}", braces())], vec![]),
            7 => (vec![format!("{providers}.{ours} = {}", braces())], vec![]),
            _ => (vec![format!("{providers} = {{ }}")], vec![]),
        }
    })
}

/// A file: things at the root in any order, then tables in any order.
fn config() -> impl Strategy<Value = String> {
    let maybe = |it: BoxedStrategy<String>| proptest::option::of(it);
    let root = (
        maybe(assignment("model").boxed()),
        maybe(assignment("model_provider").boxed()),
        maybe(assignment("model_catalog_json").boxed()),
        maybe(assignment("web_search").boxed()),
        maybe(foreign("notify").boxed()),
        maybe(foreign("sandbox_mode").boxed()),
        maybe(foreign("x").boxed()),
        maybe(foreign("tui.theme").boxed()),
    );
    let root = root.prop_map(|(a, b, c, d, e, f, g, h)| {
        [a, b, c, d, e, f, g, h].into_iter().flatten().collect::<Vec<_>>()
    });
    let tables = vec![
        vec!["[projects.\"/srv/app\"]", "trust_level = \"trusted\""],
        vec!["[mcp_servers.interlingua]", "model = 'x'", "base_url = 'y'"],
        vec!["[[skills.config]]", "path = '/a'", "[[skills.config]]", "name = '/b'"],
        vec!["[profiles.fast] # old", "  model = \"y\"", "  web_search = \"live\""],
    ];
    let tables = proptest::sample::subsequence(tables, 0..=4).prop_shuffle();
    let blanks = vec((blank(), end()), 24);
    (root.prop_shuffle(), own_table(), tables, blanks, any::<[bool; 3]>()).prop_map(
        |(mut root, (own_root, own), tables, blanks, [bom, last_end, first])| {
            root.splice(0..0, own_root);
            let tables =
                tables.into_iter().map(|lines| lines.into_iter().map(str::to_owned).collect());
            let mut tables: Vec<Vec<String>> = tables.collect();
            let at = if first { 0 } else { tables.len() };
            tables.insert(at, own);
            let mut text = String::from(if bom { "\u{feff}" } else { "" });
            let mut blanks = blanks.iter().cycle();
            for line in root.into_iter().chain(tables.into_iter().flatten()) {
                let (blank, end) = blanks.next().unwrap();
                text += blank;
                text += end;
                text += &line;
                text += blanks.next().unwrap().1;
            }
            if !last_end {
                let without = text.trim_end_matches(['\r', '\n']).len();
                text.truncate(without);
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_file_is_set_up_and_put_back(text in config()) {
        let place = Place::new(Some(text.as_bytes()));
        // The generator makes TOML; what it says about itself must not hide that it does not.
        prop_assert!(text.parse::<toml_edit::DocumentMut>().is_ok(), "{text:?}");
        let other = other_options(&place.path().join("models.json"));
        for options in [&options(), &other] {
            let plan = place.apply(options).unwrap();
            check_result(&text, &plan.after, options);
            prop_assert!(place.apply(options).unwrap().is_noop());
        }
        prop_assert_eq!(place.restore().unwrap(), []);
        let bytes = place.bytes().unwrap();
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }

    /// Whatever the user adds meanwhile is there afterwards, and nothing of ours.
    #[test]
    fn what_is_added_meanwhile_stays(text in config()) {
        let place = Place::new(Some(text.as_bytes()));
        let plan = place.apply(&options()).unwrap();
        let added = "\n[added]\nby = 'me'\n";
        std::fs::write(place.config(), plan.after + added).unwrap();
        prop_assert_eq!(place.restore().unwrap(), []);
        let now = place.text();
        let [now, expected] = [now, text + added]
            .map(|it| toml_edit::de::from_str::<serde_json::Value>(&it).unwrap());
        prop_assert_eq!(now, expected);
    }
}
