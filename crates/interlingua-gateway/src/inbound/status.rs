//! Whether the gateway is well.

use http::Response;

use crate::reply::{self, Reply};
use crate::state::{State, View};

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
pub(crate) fn overview(view: &View) -> Response<Reply> {
    let snapshot = &view.snapshot;
    let mut lines = vec![format!("Interlingua {}", env!("CARGO_PKG_VERSION")), String::new()];
    lines.push("providers".to_owned());
    lines.extend(snapshot.providers().iter().map(|provider| {
        let state = provider.usable().map_or_else(|why| why.to_string(), |()| "ready".to_owned());
        format!("  {:<16} {state}", provider.id)
    }));
    lines.extend([String::new(), "models".to_owned()]);
    lines.extend(snapshot.pool().iter().map(|entry| format!("  {}", entry.slug)));
    lines.push(ROUTES.to_owned());
    let page = lines.join("\n");
    reply::text(200, page)
}

const ROUTES: &str = "
routes
  POST /v1/responses
  GET  /v1/models, /v1/codex/models
  GET  /healthz, /readyz, /version
";
