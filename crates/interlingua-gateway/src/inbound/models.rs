//! The lists of models.

use std::borrow::Cow;

use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response};
use interlingua_ir::Fault;
use interlingua_registry::{DISCOVERY_PREFIX, PoolEntry};
use interlingua_translate::messages;
use serde_json::{Value, json};

use crate::reply::{self, Form, Reply};
use crate::state::View;

/// `GET /v1/models`, in the shape of the API whose headers the client sends.
pub(crate) fn list(view: &View, headers: &HeaderMap) -> Response<Reply> {
    if headers.contains_key(MESSAGES_VERSION) {
        return discovered(view);
    }
    let data: Vec<Value> = view.snapshot.pool().offered().map(entry).chain(aliases(view)).collect();
    reply::json(200, json!({ "object": "list", "data": data }).to_string())
}

/// The header by which clients of the Messages API tell its version, with every request.
pub(super) const MESSAGES_VERSION: &str = "anthropic-version";

/// The list in the shape of the Messages API, all of it on one page.
fn discovered(view: &View) -> Response<Reply> {
    let also = view.snapshot.unlisted(None);
    let offered = view.snapshot.pool().offered();
    let entries = offered.chain(also.iter().filter(|entry| entry.is_usable())).map(|entry| {
        let PoolEntry { provider, model, .. } = entry;
        let name = model.name.as_deref().unwrap_or(&model.id);
        messages::Listed {
            id: discovery_name(&entry.slug).into(),
            name: format!("{} / {name}", provider.name).into(),
            created_at: 0,
            window: Some(model.context_window).filter(|_| !model.window_assumed),
            max_output_tokens: model.max_output_tokens,
        }
    });
    reply::json(200, messages::models_page(entries, false))
}

/// A slug as Claude Code lets it into its list: with its own name somewhere in it, in any case. Measured
/// with 2.1.329.
fn discovery_name(slug: &str) -> String {
    let passes = slug.to_ascii_lowercase().contains("claude");
    if passes { slug.to_owned() } else { format!("{DISCOVERY_PREFIX}{slug}") }
}

/// The names that the user gave to models.
fn aliases(view: &View) -> impl Iterator<Item = Value> {
    let also = view.snapshot.unlisted(None).into_iter();
    also.filter(PoolEntry::is_usable).map(|entry| self::entry(&entry))
}

/// `GET /v1/models/{slug}`; the slash of a slug may be percent-encoded.
pub(crate) fn one(view: &View, form: Form<'_>, slug: &str) -> Response<Reply> {
    let slug = decoded(slug);
    match view.snapshot.pool().get(&slug).filter(|found| found.is_usable()) {
        Some(found) => reply::json(200, entry(found).to_string()),
        None => match view.snapshot.route(Some(&slug)) {
            // An open provider answers for models that nobody has listed.
            Ok(_) => reply::json(200, listed(&slug, "interlingua").to_string()),
            Err(error) => reply::error(form, &Fault::from(&error)),
        },
    }
}

/// `GET /v1/codex/models`, in the shape of Codex's catalog.
pub(crate) fn catalog(view: &View, headers: &HeaderMap) -> Response<Reply> {
    let mut response = match knows(headers, &view.etag) {
        true => reply::empty(304),
        false => reply::json(200, view.catalog.clone()),
    };
    if let Ok(etag) = HeaderValue::from_str(&view.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Whether the client has what `etag` names.
fn knows(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    let mut tags = known.flat_map(|it| it.split(',')).map(str::trim);
    tags.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == etag)
}

fn entry(entry: &PoolEntry) -> Value {
    let mut shown = listed(&entry.slug, &entry.provider.id);
    shown["context_window"] = entry.model.context_window.into();
    shown
}

fn listed(slug: &str, owner: &str) -> Value {
    json!({ "id": slug, "object": "model", "created": 0, "owned_by": owner })
}

/// Undoes percent-encoding; what is not encoded well stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let code = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
        match code.filter(|_| byte == b'%') {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_may_be_encoded() {
        assert_eq!(decoded("mimo%2Fmimo-v2.5"), "mimo/mimo-v2.5");
        assert_eq!(decoded("a%2"), "a%2");
        assert_eq!(decoded("a/b"), "a/b");
    }
}
