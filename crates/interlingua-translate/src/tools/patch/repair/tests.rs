use interlingua_testkit::fixtures;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

#[test]
fn malformed_patches_are_mended_or_left_alone() {
    let cases = fixtures::json("codex/patches/malformed.json");
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 46);
    for case in cases {
        let patch = case["patch"].as_str().unwrap();
        let repaired = repair(patch, true);
        let edits: Vec<&str> = repaired.edits.iter().map(|it| it.name()).collect();
        match case["text"].as_str() {
            Some(text) => {
                assert_eq!(repaired.text, text, "{}", case["name"]);
                assert_eq!(serde_json::json!(edits), case["edits"], "{}", case["name"]);
            }
            None => assert_eq!((&*repaired.text, edits.len()), (patch, 0), "{}", case["name"]),
        }
    }
}

#[test]
fn what_the_real_tool_accepts_is_left_alone() {
    let verdicts = fixtures::json("codex/patches/verdicts.json");
    let accepted = verdicts.as_array().unwrap().iter().filter(|it| it["parses"] == true);
    let mut left = 0;
    for verdict in accepted {
        let patch = verdict["patch"].as_str().unwrap();
        // The two exceptions.
        if !patch.contains("\"a.txt\"") && !patch.contains(" @@\n") && !patch.contains(" @@\r") {
            assert_eq!(repair(patch, true).text, patch);
            left += 1;
        }
    }
    assert!(left > 500, "{left}");
}

#[test]
fn a_patch_that_was_cut_gets_no_last_line() {
    let cut = "*** Begin Patch\n*** Update File: a\n@@\n-x\n";
    assert_eq!(repair(cut, false), Repaired { text: cut.to_owned(), edits: Vec::new() });
}

#[test]
fn what_follows_a_patch_without_end_never_becomes_a_part_of_a_file() {
    let patch = "*** Begin Patch\n*** Add File: a\n+x\nThat is all.\n";
    assert_eq!(repair(patch, true).text, patch);
}

#[test]
fn a_patch_around_another_is_left_alone() {
    let patch = |name| format!("*** Begin Patch\n*** Add File: {name}\n+x\n*** End Patch\n");
    let before = format!("*** Add File: a\n+x\n{}", patch("b"));
    let after = format!("{}*** Add File: b\n+x\n", patch("a"));
    for text in [patch("a") + &patch("b"), before, after] {
        assert_eq!(repair(&text, true).text, text);
    }
}

#[test]
fn nothing_is_made_of_nothing() {
    for text in ["", "*** Begin Patch", "*** End Patch", "hello", "{}", "```\n```"] {
        assert_eq!(repair(text, true).text, text);
    }
}

/// Patches of lines that mean something.
pub(in super::super) fn patches() -> impl Strategy<Value = String> {
    let line = select(vec![
        "*** Begin Patch",
        "*** Begin Patch",
        "*** End Patch",
        "*** End Patch",
        "*** Begin Patch ***",
        "*** Add File: a",
        "*** Add File: \"a\"",
        "*** Update File: a",
        "*** Update File: a",
        "*** Delete File: b",
        "*** Move to: c",
        "*** End of File",
        "*** x",
        "@@",
        "@@ x",
        "@@ x @@",
        "@@ -1,2 +1 @@",
        "+x",
        "-x",
        " x",
        "x",
        "\tx",
        "",
        "",
        "",
        "  ",
        "```",
        "EOF",
        "apply_patch <<'EOF'",
        "<<'EOF'",
        "好",
        "+",
    ]);
    let end = select(vec!["\n", "\n", "\n", "\r\n"]);
    let lines = |count| {
        vec((line.clone(), end.clone()), 0..count).prop_map(|lines| {
            lines.into_iter().fold(String::new(), |text, (line, end)| text + line + end)
        })
    };
    let around = select(vec![
        ("", ""),
        ("*** Begin Patch\n", "*** End Patch\n"),
        ("*** Begin Patch\n*** Update File: a\n-x\n", "*** End Patch\n"),
        ("*** Begin Patch\n*** Add File: a\n+x\n", ""),
    ]);
    (around, lines(6), lines(3))
        .prop_map(|((before, after), inside, rest)| format!("{before}{inside}{after}{rest}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mending_twice_is_mending_once(patch in patches(), complete: bool) {
        let once = repair(&patch, complete);
        prop_assert_eq!(&repair(&once.text, complete), &Repaired { text: once.text.clone(), edits: Vec::new() });
    }

    #[test]
    fn what_is_mended_is_accepted(patch in patches(), complete: bool) {
        let repaired = repair(&patch, complete);
        prop_assert_eq!(repaired.text == patch, repaired.edits.is_empty());
        if !repaired.edits.is_empty() {
            prop_assert!(parses(&repaired.text, |_| true), "{:?}", repaired);
            prop_assert!(complete || patch.contains(END));
        }
    }

    #[test]
    fn what_is_accepted_is_left_alone(patch in patches()) {
        let odd = patch.contains('"') || patch.lines().any(|line| line.starts_with("@@ ") && line.ends_with("@@"));
        if parses(&patch, |_| true) && !odd {
            prop_assert_eq!(repair(&patch, true).text, patch);
        }
    }
}
