//! Every awkward file, set up and put back.

use std::fs;

use expect_test::expect;
use similar::{ChangeTag, TextDiff};

use crate::support::{Place, check_result, corpus, options, other_options};

#[test]
fn what_is_applied_says_what_is_wanted_and_nothing_else() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        let before = String::from_utf8(bytes.clone()).unwrap();
        for options in [options(), other_options(), options()] {
            place.apply(&options).unwrap_or_else(|error| panic!("{name}: {error}"));
            check_result(&before, &place.text(), &options);
        }
    }
}

#[test]
fn what_is_put_back_is_the_same_to_the_byte() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        for options in [options(), other_options()] {
            place.apply(&options).unwrap();
        }
        assert_eq!(place.restore().unwrap(), [], "{name}");
        assert_eq!(place.bytes().as_deref(), Some(&*bytes), "{name}");
        assert_eq!(place.names("claude"), ["settings.json"], "{name}");
        assert_eq!(place.names("state/claude"), ["lock"], "{name}");
    }
}

#[test]
fn a_second_apply_changes_nothing() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        place.apply(&options()).unwrap();
        let seen = || (place.bytes(), fs::read(place.state().join("claude/journal.json")).ok());
        let once = seen();
        assert!(place.apply(&options()).unwrap().is_noop(), "{name}");
        assert_eq!(once, seen(), "{name}");
    }
    let (_, ours) = corpus().into_iter().find(|it| it.0 == "ours-already").unwrap();
    let place = Place::new(Some(&ours));
    assert!(place.apply(&options()).unwrap().is_noop());
    assert_eq!(place.names("state/claude"), ["lock"]);
}

/// A comment, and every byte of what is not ours, is found again: nothing disappears but our values and
/// the commas and spaces around them.
#[test]
fn every_other_line_stays_in_its_place() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        let plan = place.apply(&other_options()).unwrap();
        let (before, after) = (plan.current.unwrap(), plan.after);
        let diff = TextDiff::from_chars(before.as_str(), after.as_str());
        let gone: String = diff
            .iter_all_changes()
            .filter(|it| it.tag() == ChangeTag::Delete)
            .map(|it| it.to_string())
            .collect();
        let ours = before.contains("ANTHROPIC") && name != "nested-env";
        assert!(ours || gone.trim().is_empty(), "{name}: {gone:?}");
        let comments = before.split_inclusive('\n').filter(|_| name.contains("comment"));
        for (_, comment) in comments.filter_map(|line| line.split_once("// ")) {
            assert!(after.contains(comment), "{name}: {comment:?}");
        }
    }
}

/// Key by key, what was ours goes to the byte wherever the user's own edit is elsewhere.
#[test]
fn what_is_undone_key_by_key_leaves_the_old_text() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        place.apply(&other_options()).unwrap();
        let touched = place.text() + "\n\n";
        fs::write(place.config(), &touched).unwrap();
        assert_eq!(place.restore().unwrap(), [], "{name}");
        let before = String::from_utf8(bytes).unwrap();
        let now = place.text();
        let exact = before.clone() + "\n\n";
        // Where there was no value at all, or none in `env`, the braces have lost their inner space.
        let loose = |text: &str| text.split_whitespace().collect::<String>();
        match now == exact {
            true => {}
            false if LOOSE.contains(&&*name) => {
                assert_eq!(
                    loose(&now).trim_end_matches("{}"),
                    loose(&before).trim_end_matches("{}"),
                    "{name}"
                );
            }
            false => panic!("{name}:\n{exact:?}\n{now:?}"),
        }
    }
}

/// What is put back here is the same but for space.
const LOOSE: [&str; 8] = [
    "blank",
    "bom-only",
    "comma-first",
    "empty",
    "empty-env-spread",
    "empty-object-spread",
    "only-comments",
    "two-on-a-line",
];

#[test]
fn what_it_looks_like() {
    let text = |name: &str| {
        let files = corpus();
        let (_, bytes) = files.iter().find(|it| it.0 == name).unwrap();
        let place = Place::new(Some(bytes));
        place.apply(&options()).unwrap();
        place.text()
    };
    expect![[r#"
        {
          "model": "opus",
          "permissions": {
            "allow": ["Bash(ls *)"]
          },
          "env": {
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
            "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
            "ANTHROPIC_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder",
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0"
          }
        }
    "#]]
    .assert_eq(&text("absent-env"));
    expect![[r#"
        // my settings
        {
          // variables
          "env": {
            "FOO": "1", // one
            "BAR": "2", // two
            // "BAZ": "3"
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
            "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
            "ANTHROPIC_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder",
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0"
          } // end of env
        }
        // end
    "#]]
    .assert_eq(&text("line-comments"));
    expect![[r#"
        {
          "env": {
            "FOO": "1", // one
            // more
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
            "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
            "ANTHROPIC_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder",
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",
          },
        }
    "#]]
    .assert_eq(&text("trailing-comma-comment"));
    expect![[r#"{"env":{"FOO":"1", "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787", "ANTHROPIC_AUTH_TOKEN": "interlingua-local", "ANTHROPIC_MODEL": "house/coder", "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder", "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder", "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder", "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder", "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1", "CLAUDE_CODE_ATTRIBUTION_HEADER": "0"},"model":"x"}"#]].assert_eq(&text("one-line"));
    expect![[r#"
        {
          "env": {
            // "FOO": "1"
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
            "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
            "ANTHROPIC_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder",
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0"
          }
        }
    "#]]
    .assert_eq(&text("env-of-comments"));
    expect![[r#"
        {
          "env": {
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
            "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
            "ANTHROPIC_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder",
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0"
          }
        }
    "#]]
    .assert_eq(&text("empty"));
    expect![[r#"
        // nothing yet
        {
          "env": {
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
            "ANTHROPIC_AUTH_TOKEN": "interlingua-local",
            "ANTHROPIC_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder",
            "ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder",
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144",
            "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0"
          }
        }
    "#]]
    .assert_eq(&text("only-comments"));
    expect![[r#"
        {
        	"env": {
        		"FOO": "1",
        		"ANTHROPIC_BASE_URL": "http://127.0.0.1:8787",
        		"ANTHROPIC_AUTH_TOKEN": "interlingua-local",
        		"ANTHROPIC_MODEL": "house/coder",
        		"ANTHROPIC_DEFAULT_OPUS_MODEL": "house/coder",
        		"ANTHROPIC_DEFAULT_SONNET_MODEL": "house/coder",
        		"ANTHROPIC_DEFAULT_HAIKU_MODEL": "house/coder",
        		"ANTHROPIC_DEFAULT_FABLE_MODEL": "house/coder",
        		"CLAUDE_CODE_MAX_CONTEXT_TOKENS": "262144",
        		"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
        		"CLAUDE_CODE_ATTRIBUTION_HEADER": "0"
        	},
        	"x": 1
        }
    "#]]
    .assert_eq(&text("tabs"));
}
