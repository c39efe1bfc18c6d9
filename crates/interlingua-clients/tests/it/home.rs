//! What stands around the file, and what the user does to it meanwhile.

use std::fs;
use std::path::Path;

use interlingua_clients::apply::{ApplyError, Session};
use interlingua_clients::claude::ClaudeCode;
use interlingua_registry::files::Files;

use crate::foreign::begin;
use crate::support::{Place, options, other_options};

const SETTINGS: &str = "{\n  \"model\": \"opus\",\n  \"env\": {\n    \"FOO\": \"1\"\n  }\n}\n";

#[test]
fn a_file_that_was_not_there_goes_again() {
    let place = Place::new(None);
    fs::remove_dir(place.home()).unwrap();
    place.apply(&options()).unwrap();
    assert!(place.bytes().is_some());
    place.restore().unwrap();
    assert_eq!(place.bytes(), None);
    assert_eq!(place.names("state/claude"), ["lock"]);
    assert!(place.view().undo().unwrap().is_none());
    // The same if a newline came to it.
    place.apply(&options()).unwrap();
    fs::write(place.config(), place.text() + "\n").unwrap();
    place.restore().unwrap();
    assert_eq!(place.bytes(), None);
}

#[test]
fn what_the_user_changed_stays() {
    let place = Place::new(Some(SETTINGS.as_bytes()));
    place.apply(&options()).unwrap();
    let edited = place
        .text()
        .replace("\"ANTHROPIC_MODEL\": \"house/coder\"", "\"ANTHROPIC_MODEL\": \"house/other\"")
        .replace("\"opus\"", "\"sonnet\"");
    fs::write(place.config(), edited).unwrap();
    let kept: Vec<_> = place.restore().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["env.ANTHROPIC_MODEL"]);
    let expected = SETTINGS
        .replace("\"opus\"", "\"sonnet\"")
        .replace("\"1\"", "\"1\",\n    \"ANTHROPIC_MODEL\": \"house/other\"");
    assert_eq!(place.text(), expected);
    assert_eq!(place.names("state/claude"), ["lock"]);
}

#[test]
fn what_the_user_wrote_beside_our_keys_stays() {
    let place = Place::new(Some(SETTINGS.as_bytes()));
    place.apply(&options()).unwrap();
    let edited = place
        .text()
        .replace("\"interlingua-local\",", "\"interlingua-local\", // anybody knows it")
        .replace("\"ATTRIBUTION_HEADER\": \"0\"", "\"ATTRIBUTION_HEADER\": \"0\" // none")
        .replace("    \"ANTHROPIC_MODEL\"", "    // the big one\n    \"ANTHROPIC_MODEL\"")
        .replace("\"CLAUDE_CODE_ENABLE", "\"BAR\": \"2\", \"CLAUDE_CODE_ENABLE");
    fs::write(place.config(), edited).unwrap();
    assert_eq!(place.restore().unwrap(), []);
    let expected =
        "    \"FOO\": \"1\",\n    // anybody knows it\n    // the big one\n    \"BAR\": \"2\"\n";
    assert_eq!(place.text(), SETTINGS.replace("    \"FOO\": \"1\"\n", expected));
}

#[test]
fn a_second_apply_takes_the_users_changes_into_what_is_put_back() {
    let place = Place::new(Some(SETTINGS.as_bytes()));
    place.apply(&options()).unwrap();
    let edited = place.text().replace("\"FOO\": \"1\"", "\"FOO\": \"2\"");
    fs::write(place.config(), edited).unwrap();
    place.apply(&other_options()).unwrap();
    assert_eq!(place.restore().unwrap(), []);
    assert_eq!(place.text(), SETTINGS.replace("\"1\"", "\"2\""));
}

#[test]
fn a_number_that_says_the_same_is_not_touched() {
    let settings = "{\"env\": {\"CLAUDE_CODE_MAX_CONTEXT_TOKENS\": 262144}}";
    let place = Place::new(Some(settings.as_bytes()));
    place.apply(&options()).unwrap();
    assert!(place.text().contains(": 262144,"), "{}", place.text());
}

#[test]
fn a_file_that_was_lost_comes_back() {
    let place = Place::new(Some(SETTINGS.as_bytes()));
    place.apply(&options()).unwrap();
    fs::remove_file(place.config()).unwrap();
    place.restore().unwrap();
    assert_eq!(place.text(), SETTINGS);
}

#[test]
fn what_is_no_json_is_refused_untouched_with_its_place() {
    for (bytes, expected) in [
        (&b"{\n  \"env\": {\n    \"A\" 1\n"[..], "line 3, column 9"),
        (b"{\n  env: {}\n}", "line 2, column 3"),
        (b"{\"a\": 'b'}", "line 1, column 7"),
        (b"[1]", "line 1, column 1: the whole has to be an object"),
        (b"{\n  \"env\": []\n}", "line 2, column 10: `env` has to be an object"),
        (
            b"{\n\"env\": {},\n \"env\": {}}",
            "line 3, column 2: `env` stands here for the second time",
        ),
        (
            b"{\"env\": {\"ANTHROPIC_MODEL\": \"a\", \"ANTHROPIC_MODEL\": \"b\"}}",
            "column 34: `ANTHROPIC_MODEL` stands here for the second time",
        ),
        (b"{\"a\": \"\xff\"}", "byte 7"),
        (b"{} {}", "line 1"),
    ] {
        let place = Place::new(Some(bytes));
        let error = place.apply(&options()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("settings.json"), "{error}");
        assert_eq!(place.bytes().as_deref(), Some(bytes));
        assert_eq!(place.names("claude"), ["settings.json"]);
    }
    let place = Place::new(Some(SETTINGS.as_bytes()));
    place.apply(&options()).unwrap();
    fs::write(place.config(), "{").unwrap();
    let error = place.restore().unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
    assert_eq!(place.text(), "{");
}

#[test]
fn two_of_us_do_not_interleave() {
    let place = Place::new(Some(SETTINGS.as_bytes()));
    let session = begin::<ClaudeCode, _>(Files::new(), &place.home(), &place.state()).unwrap();
    let second = Session::begin(Files::new(), &place.home(), &place.state());
    assert!(matches!(second, Err(ApplyError::Busy)));
    let plan = session.view().plan(&options()).unwrap();
    // Somebody who knows no lock.
    fs::write(place.config(), "{}").unwrap();
    assert!(matches!(session.apply(&plan, None), Err(ApplyError::Meanwhile { .. })));
    place.restore().unwrap();
    assert_eq!(place.text(), "{}");
}

#[test]
fn what_is_printed_for_debugging_holds_no_secret() {
    let settings = "{\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"canary\", \"X\": \"canary\"}}";
    let place = Place::new(Some(settings.as_bytes()));
    let plan = place.apply(&other_options()).unwrap();
    let view = place.view();
    let undo = view.undo().unwrap().unwrap();
    let setup = view.setup().unwrap();
    let printed = format!("{plan:?} {undo:?} {view:?} {setup:?} {:?}", view.applied());
    assert!(!printed.contains("canary"), "{printed}");
    assert!(printed.contains("ANTHROPIC_AUTH_TOKEN"), "{printed}");
}

#[test]
fn homes_are_remembered_apart() {
    let place = Place::new(Some(SETTINGS.as_bytes()));
    place.apply(&options()).unwrap();
    let other = place.path().join("other");
    let session = begin::<ClaudeCode, _>(Files::new(), &other, &place.state()).unwrap();
    let plan = session.view().plan(&options()).unwrap();
    session.apply(&plan, None).unwrap();
    place.restore().unwrap();
    assert_eq!(place.text(), SETTINGS);
    assert_eq!(place.view().elsewhere().count(), 1);
    assert!(other.join("settings.json").exists());
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_link_stays_a_link_and_its_target_keeps_its_mode() {
        let place = Place::new(None);
        let target = place.path().join("dotfiles.json");
        fs::write(&target, SETTINGS).unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("../dotfiles.json", place.config()).unwrap();
        let check = |is_applied: bool| {
            assert!(place.config().is_symlink() && !target.is_symlink());
            assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
            assert_eq!(fs::read_to_string(&target).unwrap() != SETTINGS, is_applied);
        };
        place.apply(&options()).unwrap();
        check(true);
        place.restore().unwrap();
        check(false);
    }

    #[test]
    fn a_new_file_and_what_we_keep_are_for_their_owner_alone() {
        let place = Place::new(None);
        place.apply(&options()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.config()), 0o600);
        assert_eq!(mode(&place.state().join("claude")), 0o700);
        for name in place.names("state/claude") {
            assert_eq!(mode(&place.state().join("claude").join(&name)), 0o600, "{name}");
        }
    }
}
