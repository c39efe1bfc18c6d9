//! `GET` and `DELETE /v1/responses/{id}`

use http::{Method, Response};
use interlingua_ir::{Class, Fault};
use interlingua_reasoning::Store;

use super::{Context, not_allowed};
use crate::reply::{self, Form, Reply};
use crate::stored;

/// Shows or forgets a response that was kept.
pub(crate) async fn serve(context: &Context, method: &Method, id: &str) -> Response<Reply> {
    let tools = &context.state.tools;
    match *method {
        Method::GET | Method::HEAD => {
            match stored::answer(&*tools.responses, &tools.seal, &context.tenant, id).await {
                Some(answer) => reply::json(200, answer),
                None => missing(&*tools.responses, id),
            }
        }
        Method::DELETE => match stored::forget(&*tools.responses, &context.tenant, id).await {
            true => {
                let told = serde_json::json!({ "id": id, "object": "response", "deleted": true });
                reply::json(200, told.to_string())
            }
            false => missing(&*tools.responses, id),
        },
        _ => not_allowed(Form::OpenAi, "GET, HEAD, DELETE"),
    }
}

fn missing(store: &dyn Store, id: &str) -> Response<Reply> {
    let shown: String = id.chars().take(80).collect();
    if let Err(fault) = stored::away(store, &shown) {
        return reply::error(Form::OpenAi, &fault);
    }
    let what = format!("the response `{shown}` is not kept here, or not any more");
    let mut fault = Fault::new(Class::InvalidRequest, what);
    fault.code = Some("response_not_found".to_owned());
    reply::error_with(404, Form::OpenAi, &fault)
}
