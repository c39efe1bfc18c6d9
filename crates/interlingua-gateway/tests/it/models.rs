//! The lists of models.

use interlingua_testkit::http::Call;

use crate::stage::{Answer, Plan, Script, Stage, codex, turn};

#[test]
fn the_list_and_one_of_it() {
    let stage = Stage::saying("hello");
    for path in ["/v1/models", "/models", "/v1/models/"] {
        let list = stage.send(&Call::get(path)).json();
        assert_eq!(list["object"], "list");
        assert_eq!(list["data"][0]["id"], "up/m");
        assert_eq!(list["data"][0]["owned_by"], "up");
    }
    for path in ["/v1/models/up/m", "/v1/models/up%2Fm", "/v1/models/up%2fm", "/models/up/m"] {
        let one = stage.send(&Call::get(path));
        assert_eq!((one.status, one.json()["id"].as_str()), (200, Some("up/m")), "{path}");
    }
    let missing = stage.send(&Call::get("/v1/models/up%2Fx"));
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["error"]["code"], "model_not_found");
    assert!(missing.text().contains("up/m"), "{}", missing.text());
    for path in
        ["/v1/models/%", "/v1/models/%ff", "/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%00"]
    {
        assert_eq!(stage.send(&Call::get(path)).status, 404, "{path}");
    }
}

#[test]
fn a_model_that_cannot_be_asked_is_not_shown_as_one() {
    let more = "[providers.off]\nbase_url = 'http://127.0.0.1:1'\nenabled = false\nmodels = [{ id = 'm' }]";
    let plan = Plan { tables: more, ..Plan::default() };
    let stage = Stage::with(Script::new().otherwise(Answer::text("hello")), &plan);
    let off = stage.send(&Call::get("/v1/models/off/m"));
    assert_ne!(off.status, 200, "{}", off.text());
    assert!(off.text().contains("off"), "{}", off.text());
}

#[test]
fn the_catalog_is_fetched_once() {
    let stage = Stage::saying("hello");
    let catalog = stage.send(&Call::get("/v1/codex/models?client_version=0.200.0"));
    assert_eq!(catalog.status, 200);
    let slugs = catalog.json();
    assert_eq!(slugs["models"][0]["slug"], "up/m", "{slugs}");
    let etag = catalog.header("etag").unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    for known in [etag.to_owned(), format!("W/{etag}"), format!("\"old\", {etag}"), "*".to_owned()]
    {
        let again = stage.send(&Call::get("/v1/codex/models").header("if-none-match", &known));
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), Some(etag));
        assert_eq!(again.header("content-type"), None);
    }
    let changed = stage.send(&Call::get("/v1/codex/models").header("if-none-match", "\"old\""));
    assert_eq!(changed.status, 200);
    for call in [turn(true), turn(false), codex()] {
        assert_eq!(stage.send(&call).header("x-models-etag"), Some(etag));
    }
}

#[test]
fn the_overview_names_what_is_there() {
    let stage = Stage::saying("hello");
    let page = stage.send(&Call::get("/"));
    assert!(
        page.text().contains("up/m") && page.text().contains("/v1/responses"),
        "{}",
        page.text()
    );
    assert!(!page.text().contains(crate::stage::KEY));
}
