//! Asking a provider what it offers. What it says is not trusted, and bounded.

use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, DATE, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use interlingua_ir::{Class, Fault};
use interlingua_registry::{ListedModel, Model, Provider};
use serde_json::Value;

use crate::client::{Upstream, refused};
use crate::kinds::converses;

/// How much of a list is read, and how long that may take. The longest known one has half a megabyte.
const LIST_LIMIT: usize = 8 << 20;
const LIST_TIME: Duration = Duration::from_secs(30);

/// Where lists keep a model's window. No document binds them; each name is some server's own.
const WINDOWS: &[&str] = &[
    "/context_length",
    "/context_window",
    "/max_model_len",
    "/max_context_length",
    "/max_input_tokens",
    "/inputTokenLimit",
    "/meta/n_ctx_train",
    "/top_provider/context_length",
];

/// Where lists keep the limit of an answer.
const OUTPUTS: &[&str] = &[
    "/max_output_tokens",
    "/max_completion_tokens",
    "/outputTokenLimit",
    "/top_provider/max_completion_tokens",
];

impl Upstream {
    /// Asks a provider for the models that hold conversations, in its order. Those that embed, rank,
    /// judge, listen, speak, draw or film are left out.
    ///
    /// # Errors
    ///
    /// The provider cannot be reached, refuses, or answers something that is no list. A fault of
    /// status 404 or 405 means that there is no list at this address.
    pub async fn models(&self, provider: &Provider) -> Result<Vec<ListedModel>, Fault> {
        if provider.is_demo() {
            return Ok(provider.models.listed().iter().map(|model| own(model)).collect());
        }
        let key = provider.keys.first();
        let (head, body) = self.ask(provider).await?.into_parts();
        match head.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                return Err(no_list(provider, head.status));
            }
            status => {
                let refusal = refused(provider, key, &provider.speaks, status, &head.headers, body);
                return Err(refusal.await.fault);
            }
        }
        let body = whole(provider, body).await?;
        let Ok(value) = serde_json::from_slice::<Value>(&body) else {
            return Err(strange(provider, "not JSON"));
        };
        if let Some(entries) = entries(&value) {
            return Ok(read(entries));
        }
        // Some servers refuse under a good status.
        let refusal = str::from_utf8(&body).ok().and_then(|it| provider.speaks.classify_event(it));
        let key = key.map(|key| key.name.as_str());
        Err(refusal.map_or_else(
            || strange(provider, "JSON without a list"),
            |refusal| refusal.into_fault(&provider.id, key),
        ))
    }
}

impl Upstream {
    /// What a provider says the time is, if it says so. Whether it likes the request does not matter.
    ///
    /// # Errors
    ///
    /// The provider cannot be reached.
    pub async fn date(&self, provider: &Provider) -> Result<Option<SystemTime>, Fault> {
        let answer = self.ask(provider).await?;
        let date = answer.headers().get(DATE).and_then(|it| it.to_str().ok());
        Ok(date.and_then(|it| httpdate::parse_http_date(it).ok()))
    }

    async fn ask(&self, provider: &Provider) -> Result<Response<Incoming>, Fault> {
        let key = provider.keys.first();
        let url = provider.models_url();
        let mut request = self.head(provider, key, None, &provider.speaks.endpoint, url)?;
        *request.method_mut() = Method::GET;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        self.exchange(provider, request).await
    }
}

fn own(model: &Model) -> ListedModel {
    ListedModel {
        id: model.id.to_string(),
        name: model.name.clone(),
        context_window: Some(model.context_window),
        max_output_tokens: model.max_output_tokens,
    }
}

async fn whole(provider: &Provider, body: Incoming) -> Result<bytes::Bytes, Fault> {
    let fault =
        |class, what: &str| Fault::new(class, format!("{} {what}", provider.id)).by(&provider.id);
    match tokio::time::timeout(LIST_TIME, Limited::new(body, LIST_LIMIT).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(strange(provider, &format!("more than {} MiB", LIST_LIMIT >> 20)))
        }
        Ok(Err(_)) => Err(fault(Class::Interrupted, "broke off its list of models")),
        Err(_) => Err(fault(Class::Timeout, "took too long to list its models")),
    }
}

fn no_list(provider: &Provider, status: StatusCode) -> Fault {
    let url = provider.models_url();
    let what = format!("{} has no list of models at {url} ({})", provider.id, status.as_u16());
    let mut fault = Fault::new(Class::Upstream, what).by(&provider.id);
    fault.status = Some(status.as_u16());
    fault.transient = Some(false);
    fault
}

fn strange(provider: &Provider, got: &str) -> Fault {
    let url = provider.models_url();
    let what = format!(
        "{} answered {got} at {url}, where its models should be listed; is `base_url` right?",
        provider.id
    );
    let mut fault = Fault::new(Class::Upstream, what).by(&provider.id);
    fault.transient = Some(false);
    fault
}

/// The list in an answer: `{"data": […]}` as OpenAI sends it, `{"models": […]}`, or bare.
fn entries(value: &Value) -> Option<&[Value]> {
    let list = match value {
        Value::Array(list) => Some(list),
        _ => ["data", "models"].iter().find_map(|key| value.get(key)?.as_array()),
    };
    list.map(Vec::as_slice)
}

fn read(entries: &[Value]) -> Vec<ListedModel> {
    let models = entries.iter().filter_map(|entry| {
        let id = entry.as_str().or_else(|| text(entry, &["id", "model", "name"]))?;
        converses(id, entry).then(|| ListedModel {
            id: id.to_owned(),
            name: text(entry, &["display_name", "displayName", "name"])
                .filter(|name| *name != id)
                .map(str::to_owned),
            context_window: tokens(entry, WINDOWS),
            max_output_tokens: tokens(entry, OUTPUTS),
        })
    });
    ListedModel::sane(models.collect())
}

fn text<'v>(entry: &'v Value, keys: &[&str]) -> Option<&'v str> {
    keys.iter().find_map(|key| entry.get(key)?.as_str())
}

/// A number of tokens. Zero is how some servers write that they do not know.
fn tokens(entry: &Value, places: &[&str]) -> Option<u64> {
    let number = |value: &Value| match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_u64(),
    };
    let mut found = places.iter().filter_map(|place| number(entry.pointer(place)?));
    found.find(|tokens| *tokens > 0)
}

#[cfg(test)]
mod tests {
    use interlingua_registry::{MAX_ID, MAX_LISTED};
    use serde_json::json;

    use super::*;

    fn listed(value: &Value) -> Option<Vec<ListedModel>> {
        entries(value).map(read)
    }

    fn model(id: &str) -> ListedModel {
        ListedModel { id: id.into(), name: None, context_window: None, max_output_tokens: None }
    }

    #[test]
    fn every_shape_is_read() {
        let openai = json!({ "object": "list", "data": [
            { "id": "a", "object": "model", "max_model_len": 32768 },
            { "id": "v/b", "name": "B", "context_length": 262_144,
              "top_provider": { "max_completion_tokens": 8192 } },
            { "id": "c", "context_window": "131072", "max_output_tokens": 0 },
            { "id": "text-embedding-3-small" },
        ]});
        let [a, b, c] = ["a", "v/b", "c"].map(model);
        let expected = vec![
            ListedModel { context_window: Some(32_768), ..a },
            ListedModel {
                name: Some("B".into()),
                context_window: Some(262_144),
                max_output_tokens: Some(8192),
                ..b
            },
            ListedModel { context_window: Some(131_072), ..c },
        ];
        assert_eq!(listed(&openai), Some(expected));
        let tags = json!({ "models": [{ "name": "q:8b", "model": "q:8b", "size": 5 }] });
        assert_eq!(listed(&tags), Some(vec![model("q:8b")]));
        let bare = json!(["a", { "id": "b" }, 7, null, { "object": "model" }]);
        assert_eq!(listed(&bare), Some(vec![model("a"), model("b")]));
        assert_eq!(listed(&json!({ "data": [] })), Some(Vec::new()));
        for none in [json!({}), json!({ "data": {} }), json!("a"), json!(null)] {
            assert_eq!(listed(&none), None, "{none}");
        }
    }

    #[test]
    fn what_a_server_says_is_bounded() {
        let long = "x".repeat(MAX_ID + 1);
        let odd = json!([long, "", " a", "a\u{1b}[2J", "same", "same", "\u{9b}"]);
        assert_eq!(listed(&odd), Some(vec![model("same")]));
        let named = json!([{ "id": "a", "name": long }, { "id": "b", "name": "\n" }]);
        assert_eq!(listed(&named), Some(vec![model("a"), model("b")]));
        let many: Vec<_> = (0..=MAX_LISTED).map(|n| json!({ "id": format!("m{n}") })).collect();
        assert_eq!(listed(&Value::from(many)).map(|it| it.len()), Some(MAX_LISTED));
        let huge = json!([{ "id": "a", "context_length": -1, "max_model_len": 1e300 }]);
        assert_eq!(listed(&huge), Some(vec![model("a")]));
    }
}
