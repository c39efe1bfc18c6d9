//! Whether the gateway is well.

use std::time::SystemTime;

use http::Response;
use interlingua_reasoning::Stats;
use interlingua_registry::Provider;
use serde_json::{Value, json};

use crate::reply::{self, Reply};
use crate::state::{Failed, State, View};

/// `GET /healthz`: the process lives.
pub(crate) fn health() -> Response<Reply> {
    reply::text(200, "ok\n")
}

/// `GET /readyz`: new requests are welcome. A provider that fails does not count; starting the
/// gateway again would not mend it.
pub(crate) fn ready(state: &State) -> Response<Reply> {
    match state.is_draining() {
        false => reply::text(200, "ready\n"),
        true => reply::text(503, "draining\n"),
    }
}

/// `GET /version`
pub(crate) fn version() -> Response<Reply> {
    let version = env!("CARGO_PKG_VERSION");
    reply::json(200, serde_json::json!({ "name": "interlingua", "version": version }).to_string())
}

/// `GET /`: what a person sees who opens the address in a browser.
pub(crate) fn overview(view: &View, state: &State) -> Response<Reply> {
    let snapshot = &view.snapshot;
    let mut lines = vec![format!("Interlingua {}", env!("CARGO_PKG_VERSION")), String::new()];
    lines.extend(state.upkeep().refused.iter().flat_map(|refused| {
        let head = "the configuration in the files is NOT in force; this is the one before";
        [head, &refused.why, ""].map(str::to_owned)
    }));
    lines.push("providers".to_owned());
    lines.extend(snapshot.providers().iter().map(|provider| {
        let state = provider.usable().map_or_else(|why| why.to_string(), |()| "ready".to_owned());
        format!("  {:<16} {state}", provider.id)
    }));
    lines.extend([String::new(), "models".to_owned()]);
    lines.extend(snapshot.pool().offered().map(|entry| format!("  {}", entry.slug)));
    lines.push(ROUTES.to_owned());
    let page = lines.join("\n");
    reply::text(200, page)
}

const ROUTES: &str = "
routes
  POST         /v1/responses, /v1/responses/compact
  GET, DELETE  /v1/responses/<id>
  POST         /v1/messages, /v1/messages/count_tokens
  POST         /v1/chat/completions
  GET          /v1/models, /v1/models/<slug>, /v1/codex/models
  GET          /status, /healthz, /readyz, /version
";

/// `GET /status`: which configuration is in force, who can be asked, how the store fares, and what could not
/// be kept in step. For programs; `interlingua status` shows it to people.
pub(crate) fn status(view: &View, state: &State) -> Response<Reply> {
    let snapshot = &view.snapshot;
    let failed = |it: &Failed| json!({ "at": seconds(it.at), "why": it.why });
    let upkeep = state.upkeep().clone();
    let providers: Vec<Value> = snapshot.providers().iter().map(|it| provider(it)).collect();
    let failures: Vec<Value> = upkeep
        .failures
        .iter()
        .map(|(what, it)| json!({ "what": what, "at": seconds(it.at), "why": it.why }))
        .collect();
    let body = json!({
        "schema": "interlingua.status/1",
        "version": env!("CARGO_PKG_VERSION"),
        "draining": state.is_draining(),
        "configuration": {
            "number": view.version,
            "since": seconds(view.since),
            "refused": upkeep.refused.as_ref().map(failed),
        },
        "catalog": {
            "etag": view.etag,
            "bytes": view.catalog.len(),
            "pool": snapshot.settings().expose_all_models,
        },
        "models": snapshot.pool().offered().count(),
        "providers": providers,
        "store": {
            "reasoning": store(state.tools.thoughts.stats()),
            "responses": store(state.tools.responses.stats()),
        },
        "failures": failures,
    });
    reply::json(200, body.to_string())
}

fn provider(provider: &Provider) -> Value {
    json!({
        "id": &*provider.id,
        "usable": provider.usable().is_ok(),
        "why": provider.usable().err().map(|why| why.to_string()),
        "models": provider.models.listed().len(),
        "open": provider.models.is_open(),
    })
}

/// How what is kept fares; `degraded` is for how many seconds nothing has outlived the process.
fn store(stats: Stats) -> Value {
    let Stats { entries, bytes, hits, misses, losses, degraded } = stats;
    json!({
        "entries": entries,
        "bytes": bytes,
        "hits": hits,
        "misses": misses,
        "losses": losses,
        "degraded": degraded.map(|it| it.as_secs()),
    })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |it| it.as_secs())
}
