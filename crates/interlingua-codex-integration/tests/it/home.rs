//! What stands around the file, and what the user does to it meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use interlingua_codex_integration::Codex;
use interlingua_codex_integration::apply::{ApplyError, Session, rewrite_catalogs};
use interlingua_registry::files::Files;

use crate::foreign::begin;
use crate::support::{CATALOG, Place, options, other_options};

const CONFIG: &str = "model = \"gpt-5.5\"\n\n[tui]\nnotifications = true\n";

/// All files below a folder, with their bytes.
fn all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(all(&path)),
            false => drop(files.insert(path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    files
}

#[test]
fn nothing_else_in_the_home_is_written() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    for name in [
        "auth.json",
        "history.jsonl",
        "models_cache.json",
        "fast.config.toml",
        "state_5.sqlite",
        "state_5.sqlite-wal",
        "sessions/2026/01/02/rollout-x.jsonl",
        "rules/default.rules",
        "log/codex-tui.log",
        "prompts/mine.md",
        "AGENTS.md",
    ] {
        let path = place.home().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let before = all(&place.home());
    let config = place.config().display().to_string();
    place.apply(&options()).unwrap();
    let mut after = all(&place.home());
    assert_ne!(after[&config], before[&config]);
    after.insert(config, CONFIG.into());
    assert_eq!(after, before);
    place.restore().unwrap();
    assert_eq!(all(&place.home()), before);
}

#[test]
fn a_file_that_was_not_there_goes_again() {
    let place = Place::new(None);
    fs::remove_dir(place.home()).unwrap();
    place.apply(&options()).unwrap();
    assert!(place.bytes().is_some());
    place.restore().unwrap();
    assert_eq!(place.bytes(), None);
    assert_eq!(place.names("state/codex"), ["lock"]);
    // There is nothing to put back twice.
    assert!(place.view().undo().unwrap().is_none());
}

#[test]
fn what_the_user_changed_stays() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    place.apply(&options()).unwrap();
    let applied = place.text();
    // Codex writes the model that is chosen in its picker, and trusts a project.
    let edited = applied.replace("house/coder", "house/other")
        + "\n[projects.\"/srv\"]\ntrust_level = \"trusted\"\n";
    fs::write(place.config(), &edited).unwrap();
    let kept: Vec<_> = place.restore().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["model"]);
    let expected = CONFIG.replace("gpt-5.5", "house/other")
        + "\n[projects.\"/srv\"]\ntrust_level = \"trusted\"\n";
    assert_eq!(place.text(), expected);
    assert_eq!(place.names("state/codex"), ["lock"]);
}

#[test]
fn keys_that_were_taken_out_come_back_beside_the_users_changes() {
    let config = "model_catalog_json = 'x.json'\n[model_providers.interlingua]\nname = 'Old'\n\
                  requires_openai_auth = true\n[model_providers.interlingua.auth]\ncommand = 'c' # c\n";
    let place = Place::new(Some(config.as_bytes()));
    place.apply(&options()).unwrap();
    let applied = place.text();
    assert!(!applied.contains("x.json") && !applied.contains("command"), "{applied}");
    fs::write(place.config(), format!("# mine\n{applied}")).unwrap();
    assert_eq!(place.restore().unwrap(), []);
    let expected = "# mine\nmodel_catalog_json = 'x.json'\n[model_providers.interlingua]\n\
                    name = 'Old'\nauth = { command = \"c\" }\nrequires_openai_auth = true\n";
    assert_eq!(place.text(), expected);
}

#[test]
fn a_second_apply_takes_the_users_changes_into_what_is_put_back() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    place.apply(&options()).unwrap();
    let applied = place.text();
    fs::write(place.config(), applied.clone() + "# mine\n").unwrap();
    let other = other_options(&place.path().join("models.json"));
    place.apply(&other).unwrap();
    assert_eq!(place.restore().unwrap(), []);
    assert_eq!(place.text(), format!("{CONFIG}# mine\n"));
}

#[test]
fn a_file_that_the_user_has_put_back_himself_stays_so() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    place.apply(&options()).unwrap();
    let applied = place.text();
    fs::write(place.config(), applied + "# mine\n").unwrap();
    assert!(place.apply(&options()).unwrap().is_noop());
    fs::write(place.config(), CONFIG).unwrap();
    place.restore().unwrap();
    assert_eq!(place.bytes().as_deref(), Some(CONFIG.as_bytes()));
}

#[test]
fn a_file_that_was_lost_comes_back() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    place.apply(&options()).unwrap();
    fs::remove_file(place.config()).unwrap();
    place.apply(&options()).unwrap();
    assert!(place.text().contains("[tui]"));
    fs::remove_file(place.config()).unwrap();
    place.restore().unwrap();
    assert_eq!(place.bytes().as_deref(), Some(CONFIG.as_bytes()));
}

#[test]
fn what_is_no_toml_is_refused_untouched_with_its_place() {
    for (bytes, expected) in [
        (&b"a = 1\n  model = \n"[..], "line 2, column"),
        (b"model = 'a'\nmodel = 'b'\n", "line 2, column 1"),
        (b"a = '\xff'\n", "byte 5"),
        (b"\nmodel_providers = 'x'\n", "line 2: `model_providers`"),
        (b"[model_providers]\ninterlingua = 3\n", "line 2: `model_providers.interlingua`"),
        (b"[[model_providers]]\ninterlingua = 3\n", "`model_providers`"),
    ] {
        let place = Place::new(Some(bytes));
        let error = place.apply(&options()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("config.toml"), "{error}");
        assert_eq!(place.bytes().as_deref(), Some(bytes));
        assert_eq!(place.names("codex"), ["config.toml"]);
    }
    let place = Place::new(Some(CONFIG.as_bytes()));
    place.apply(&options()).unwrap();
    fs::write(place.config(), "model = ").unwrap();
    let error = place.restore().unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
    assert_eq!(place.bytes().as_deref(), Some(&b"model = "[..]));
    fs::remove_file(place.config()).unwrap();
    place.restore().unwrap();
    assert_eq!(place.bytes().as_deref(), Some(CONFIG.as_bytes()));
}

#[test]
fn two_of_us_do_not_interleave() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    let session = begin::<Codex, _>(Files::new(), &place.home(), &place.state()).unwrap();
    let second = Session::begin(Files::new(), &place.home(), &place.state());
    assert!(matches!(second, Err(ApplyError::Busy)));
    let plan = session.view().plan(&options()).unwrap();
    // Somebody who knows no lock.
    fs::write(place.config(), "# other\n").unwrap();
    assert!(matches!(session.apply(&plan, None), Err(ApplyError::Meanwhile { .. })));
    assert_eq!(place.bytes().as_deref(), Some(&b"# other\n"[..]));
    place.restore().unwrap();
    assert_eq!(place.bytes().as_deref(), Some(&b"# other\n"[..]));
}

#[test]
fn the_catalog_is_kept_in_step_and_put_back() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    let (first, second) = (place.path().join("first.json"), place.path().join("second.json"));
    let rewrite = || {
        let catalog = |model: Option<&str>| format!("for {}", model.unwrap_or_default());
        rewrite_catalogs(&place.state(), catalog).unwrap()
    };
    assert_eq!(rewrite().len(), 0);
    assert!(!place.state().exists());
    fs::write(&second, "theirs").unwrap();
    place.apply(&other_options(&first)).unwrap();
    assert_eq!(fs::read_to_string(&first).unwrap(), CATALOG);
    place.apply(&other_options(&second)).unwrap();
    assert!(!first.exists());
    assert_eq!(rewrite(), [&*second]);
    let model = &other_options(&second).model;
    assert_eq!(fs::read_to_string(&second).unwrap(), format!("for {model}"));
    place.apply(&options()).unwrap();
    assert_eq!(fs::read_to_string(&second).unwrap(), "theirs");
    assert_eq!(rewrite().len(), 0);
    place.apply(&other_options(&second)).unwrap();
    place.restore().unwrap();
    assert_eq!(fs::read_to_string(&second).unwrap(), "theirs");
    assert_eq!(place.bytes().as_deref(), Some(CONFIG.as_bytes()));
}

#[test]
fn what_is_printed_for_debugging_holds_no_secret() {
    let config = "experimental_api_key = 'canary'\n[model_providers.interlingua]\n\
                  experimental_bearer_token = 'canary'\nauth.command = 'canary'\n";
    let place = Place::new(Some(config.as_bytes()));
    let plan = place.apply(&options()).unwrap();
    let view = place.view();
    let undo = view.undo().unwrap().unwrap();
    let printed = format!("{plan:?} {undo:?} {view:?} {:?}", view.applied());
    assert!(!printed.contains("canary"), "{printed}");
    assert!(printed.contains("experimental_bearer_token"), "{printed}");
}

#[test]
fn homes_are_remembered_apart() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    place.apply(&options()).unwrap();
    let other = place.path().join("other");
    let begin = || begin::<Codex, _>(Files::new(), &other, &place.state()).unwrap();
    let session = begin();
    let plan = session.view().plan(&options()).unwrap();
    session.apply(&plan, None).unwrap();
    place.restore().unwrap();
    assert_eq!(place.bytes().as_deref(), Some(CONFIG.as_bytes()));
    assert_eq!(place.view().elsewhere().count(), 1);
    let session = begin();
    let undo = session.view().undo().unwrap().unwrap();
    session.restore(&undo).unwrap();
    assert!(!other.join("config.toml").exists());
    assert_eq!(place.names("state/codex"), ["lock"]);
}

#[test]
fn a_damaged_copy_is_not_put_back() {
    let place = Place::new(Some(CONFIG.as_bytes()));
    place.apply(&options()).unwrap();
    let applied = place.bytes();
    let copy = place.names("state/codex").into_iter().find(|it| it.contains(".base")).unwrap();
    fs::write(place.state().join("codex").join(copy), "# torn\n").unwrap();
    let error = place.restore().unwrap_err().to_string();
    assert!(error.contains("missing or damaged"), "{error}");
    assert_eq!(place.bytes(), applied);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_link_stays_a_link_and_its_target_keeps_its_mode() {
        let place = Place::new(None);
        let target = place.path().join("dotfiles.toml");
        fs::write(&target, CONFIG).unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("../dotfiles.toml", place.config()).unwrap();
        let check = |is_applied: bool| {
            assert!(place.config().is_symlink() && !target.is_symlink());
            assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
            assert_eq!(fs::read_to_string(&target).unwrap() != CONFIG, is_applied);
        };
        place.apply(&options()).unwrap();
        check(true);
        place.restore().unwrap();
        check(false);
    }

    #[test]
    fn a_link_that_leads_nowhere_does_so_again() {
        let place = Place::new(None);
        symlink("nowhere.toml", place.config()).unwrap();
        place.apply(&options()).unwrap();
        assert_eq!(place.names("codex"), ["config.toml", "nowhere.toml"]);
        place.restore().unwrap();
        assert_eq!(place.names("codex"), ["config.toml"]);
        assert!(place.config().is_symlink());
    }

    #[test]
    fn a_read_only_file_is_refused_and_stays() {
        let place = Place::new(Some(CONFIG.as_bytes()));
        let set_mode = |mode| {
            fs::set_permissions(place.config(), fs::Permissions::from_mode(mode)).unwrap();
        };
        set_mode(0o400);
        let error = place.apply(&options()).unwrap_err().to_string();
        assert!(error.contains("read-only") && error.contains("config.toml"), "{error}");
        assert_eq!(place.bytes().as_deref(), Some(CONFIG.as_bytes()));
        assert_eq!(place.names("codex"), ["config.toml"]);
        assert_eq!(place.names("state/codex"), ["lock"]);
        set_mode(0o600);
        place.apply(&options()).unwrap();
        let applied = place.bytes();
        set_mode(0o400);
        let error = place.restore().unwrap_err().to_string();
        assert!(error.contains("read-only"), "{error}");
        assert_eq!(place.bytes(), applied);
        set_mode(0o600);
        place.restore().unwrap();
        assert_eq!(place.bytes().as_deref(), Some(CONFIG.as_bytes()));
        assert_eq!(place.names("state/codex"), ["lock"]);
    }

    #[test]
    fn what_we_keep_is_for_its_owner_alone() {
        let place = Place::new(Some(CONFIG.as_bytes()));
        fs::set_permissions(place.config(), fs::Permissions::from_mode(0o644)).unwrap();
        place.apply(&options()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place.state().join("codex")), 0o700);
        for name in place.names("state/codex") {
            assert_eq!(mode(&place.state().join("codex").join(&name)), 0o600, "{name}");
        }
        assert_eq!(mode(&place.config()), 0o644);
    }
}
