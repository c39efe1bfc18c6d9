//! Every awkward file, set up and put back.

use std::fs;

use expect_test::expect;
use similar::TextDiff;

use crate::support::{CATALOG, Place, check_result, corpus, options, other_options};

#[test]
fn what_is_applied_says_what_is_wanted_and_nothing_else() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        place.apply(&options()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let after = place.text();
        let before = String::from_utf8(bytes).unwrap();
        check_result(&before, &after, &options());
    }
}

#[test]
fn what_is_put_back_is_the_same_to_the_byte() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        place.apply(&options()).unwrap();
        assert_eq!(place.restore().unwrap(), [], "{name}");
        assert_eq!(place.bytes().as_deref(), Some(&*bytes), "{name}");
        assert_eq!(place.names("codex"), ["config.toml"], "{name}");
        assert_eq!(place.names("state/codex"), ["lock"], "{name}");
    }
}

#[test]
fn a_second_apply_changes_nothing() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        place.apply(&options()).unwrap();
        let once = (place.bytes(), fs::read(place.state().join("codex/journal.json")).ok());
        assert!(place.apply(&options()).unwrap().is_noop(), "{name}");
        let twice = (place.bytes(), fs::read(place.state().join("codex/journal.json")).ok());
        assert_eq!(once, twice, "{name}");
    }
}

#[test]
fn options_may_change_in_between() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        let catalog = place.path().join("models.json");
        let other = other_options(&catalog);
        let before = String::from_utf8(bytes.clone()).unwrap();
        for options in [&options(), &other, &options(), &other] {
            place.apply(options).unwrap_or_else(|error| panic!("{name}: {error}"));
            let after = place.text();
            check_result(&before, &after, options);
        }
        assert_eq!(fs::read_to_string(&catalog).unwrap(), CATALOG);
        assert_eq!(place.restore().unwrap(), [], "{name}");
        assert_eq!(place.bytes().as_deref(), Some(&*bytes), "{name}");
        assert!(!catalog.exists());
    }
}

/// A line that is not ours is never touched: what a diff shows as removed held one of our keys.
#[test]
fn every_other_line_stays_in_its_place() {
    for (name, bytes) in corpus() {
        let place = Place::new(Some(&bytes));
        let plan = place.apply(&options()).unwrap();
        let (before, after) = (plan.current.unwrap(), plan.after);
        let diff = TextDiff::from_lines(&before, &after);
        for change in diff.iter_all_changes().filter(|it| it.tag() == similar::ChangeTag::Delete) {
            let line = change.value();
            let ours = ["model", "web_search", "name", "base_url", "wire_api", "env_key", "auth"];
            let is_end = after.contains(line.trim_end()) && !line.ends_with('\n');
            let is_ours = ours.iter().any(|key| line.contains(key)) || LINES.contains(&line.trim());
            assert!(is_ours || is_end, "{name}: {line:?}");
        }
    }
}

/// The other lines of values that go as a whole.
const LINES: [&str; 6] = [
    "gpt-5.5\\",
    "\"\"\"",
    "# it prints a token",
    "command = \"token\"",
    "args = [\"--fresh\"]",
    "\"na\\u006de\" = \"Old\"",
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
        # My Codex
        model = "house/coder"   # the good one
        model_provider = "interlingua"
        web_search = "disabled"
        approval_policy = "on-request"
        sandbox_mode = "workspace-write"

        [projects."/home/me/src/app"]
        trust_level = "trusted"

        [mcp_servers.docs]
        command = "npx"
        args = ["-y", "docs-mcp"]   # keep
        env = { DOCS_TOKEN = "abc" }

        [tui]
        notifications = true

        [model_providers.interlingua]
        name = "Interlingua"
        base_url = "http://127.0.0.1:8787/v1"
        wire_api = "responses"
        model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        experimental_bearer_token = "interlingua-local"
    "#]]
    .assert_eq(&text("ordinary"));
    expect![[r#"
        # This file is kept in dotfiles.
        # Do not sort it.

        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"

        # about the terminal
        [tui]
        notifications = true

        [model_providers.interlingua]
        name = "Interlingua"
        base_url = "http://127.0.0.1:8787/v1"
        wire_api = "responses"
        model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        experimental_bearer_token = "interlingua-local"
    "#]]
    .assert_eq(&text("file-comment"));
    expect![[r#"
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"

        # about the terminal
        [tui]
        notifications = true

        [model_providers.interlingua]
        name = "Interlingua"
        base_url = "http://127.0.0.1:8787/v1"
        wire_api = "responses"
        model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        experimental_bearer_token = "interlingua-local"
    "#]]
    .assert_eq(&text("table-comment"));
    expect![[r#"
        #:schema https://example.com/codex.schema.json
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"

        [tui]
        notifications = true

        [model_providers.interlingua]
        name = "Interlingua"
        base_url = "http://127.0.0.1:8787/v1"
        wire_api = "responses"
        model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        experimental_bearer_token = "interlingua-local"
    "#]]
    .assert_eq(&text("schema-line"));
    expect![[r#"
        # nothing here yet
        # but a note
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"

        [model_providers.interlingua]
        name = "Interlingua"
        base_url = "http://127.0.0.1:8787/v1"
        wire_api = "responses"
        model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        experimental_bearer_token = "interlingua-local"
    "#]]
    .assert_eq(&text("only-comments"));
    expect![[r#"
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"

        [model_providers]
        interlingua.name = "Interlingua"
          interlingua . base_url = "http://127.0.0.1:8787/v1"
        "interlingua"."request_max_retries" = 7
        interlingua.wire_api = "responses"
        interlingua.model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        interlingua.experimental_bearer_token = "interlingua-local"
        other = { name = "Other", base_url = "http://10.0.0.1/v1" }
    "#]]
    .assert_eq(&text("own-table-dotted-below"));
    expect![[r#"
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"

        [model_providers.interlingua]
        name = "Interlingua"
        base_url = "http://127.0.0.1:8787/v1"
        wire_api = "responses"
        model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        experimental_bearer_token = "interlingua-local"


        [model_providers.interlingua.http_headers]
        a = "1"
    "#]]
    .assert_eq(&text("own-table-with-auth"));
    expect![[r#"
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"

        [model_providers]
        interlingua = { name = "Interlingua", base_url = "http://127.0.0.1:8787/v1", wire_api = "responses", model_catalog_url = "http://127.0.0.1:8787/v1/codex/models", experimental_bearer_token = "interlingua-local" }
    "#]].assert_eq(&text("own-table-with-inline-auth"));
    expect![[r#"
        model_providers = { interlingua.name = "Interlingua", interlingua.base_url = "http://127.0.0.1:8787/v1", other.name = "Other", interlingua.wire_api = "responses", interlingua.model_catalog_url = "http://127.0.0.1:8787/v1/codex/models", interlingua.experimental_bearer_token = "interlingua-local" }
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"
    "#]].assert_eq(&text("own-table-inline-dotted"));
    expect![[r#"
        model_providers = { interlingua = { name = "Interlingua", base_url = "http://127.0.0.1:8787/v1", wire_api = "responses", model_catalog_url = "http://127.0.0.1:8787/v1/codex/models", experimental_bearer_token = "interlingua-local" } }
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"
    "#]].assert_eq(&text("other-providers-empty-braces"));
    expect![[r#"
        model = "house/coder"
        model_provider = "interlingua"
        web_search = "disabled"
        model_providers.azure.name = "Azure"
        sandbox_mode = "read-only"
        model_providers.azure.base_url = "https://x.example/v1"
        model_providers.interlingua.name = "Interlingua"
        model_providers.interlingua.base_url = "http://127.0.0.1:8787/v1"
        model_providers.interlingua.wire_api = "responses"
        model_providers.interlingua.model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        model_providers.interlingua.experimental_bearer_token = "interlingua-local"
    "#]]
    .assert_eq(&text("other-providers-dotted"));
    expect![[r#"


        # far from the margin
           sandbox_mode = "read-only"
           model   =   "house/coder"   # keep
           model_provider = "interlingua"
           web_search = "disabled"

        [model_providers.interlingua]
        name = "Interlingua"
        base_url = "http://127.0.0.1:8787/v1"
        wire_api = "responses"
        model_catalog_url = "http://127.0.0.1:8787/v1/codex/models"
        experimental_bearer_token = "interlingua-local"
    "#]]
    .assert_eq(&text("root-keys-last"));
}
