use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use super::super::script::Request;
use super::super::thought::Issuer;
use super::super::wire::Wire;

mod chat;
mod messages;
mod record;
mod responses;

const ISSUER: Issuer = Issuer { serial: 7, number: 0 };

/// A request with the headers that the protocol wants.
fn request(wire: Wire, body: &Value) -> Request {
    let mut headers = HeaderMap::new();
    if wire == Wire::Messages {
        headers.insert("x-api-key", HeaderValue::from_static("k"));
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    Request {
        method: Method::POST,
        path: format!("/v1{}?beta=true", wire.path()),
        headers,
        raw: body.to_string().into(),
        body: body.clone(),
    }
}
