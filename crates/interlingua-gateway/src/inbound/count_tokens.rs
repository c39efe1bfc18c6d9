//! `POST /v1/messages/count_tokens`

use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use interlingua_dialect::Wire;
use interlingua_ir::{Fault, Note, NoteKind, Turn};
use interlingua_registry::{KeyState, Target};
use interlingua_translate::{self as translate, Document, Repairs, json, messages};
use interlingua_upstream::{Call, Purpose};
use serde::Deserialize;

use super::{Context, own_key};
use crate::body;
use crate::record::Record;
use crate::reply::{self, Form, Reply};

/// An answer to this question is one number.
const ANSWER_LIMIT: usize = 64 << 10;

/// Counts the tokens of a prompt: by its upstream, where that can count, else by an estimate that says
/// that it is one.
pub(crate) async fn serve(context: Context, request: Request<Incoming>) -> Response<Reply> {
    let mut record = Record::new(context.request_id.clone(), "count_tokens");
    record.client.clone_from(&context.tenant);
    match count(&context, request, &mut record).await {
        Ok(counted) => {
            record.status = 200;
            let mut answer = serde_json::json!({ "input_tokens": counted.tokens });
            if counted.estimated {
                answer["estimated"] = true.into();
                let what = "this upstream does not count";
                record.notes.push(Note::new(NoteKind::Estimated, what));
            }
            let mut response = reply::json(200, answer.to_string());
            if context.view.snapshot.settings().expose_headers {
                response.headers_mut().extend(reply::headers(&record));
            }
            response
        }
        Err(fault) => {
            let response = reply::error(Form::Messages(&record.request_id), &fault);
            record.status = response.status().as_u16();
            record.fault = Some(fault);
            response
        }
    }
}

struct Counted {
    tokens: u64,
    estimated: bool,
}

async fn count(
    context: &Context,
    request: Request<Incoming>,
    record: &mut Record,
) -> Result<Counted, Fault> {
    let view = &context.view;
    let settings = view.snapshot.settings();
    let (parts, body) = request.into_parts();
    let key = context.has_key.then_some(context.tenant.as_str());
    let _place = view.admission.request(key, settings.timeouts.queue).await?;
    let (limit, pause) = (settings.limits.body, settings.timeouts.client_body);
    let body = body::read(&parts.headers, body, limit, pause).await?;
    let limits =
        json::Limits { depth: settings.limits.json_depth, nodes: settings.limits.json_nodes };
    let document = Document::of(&body, limits)?;
    let (mut turn, notes) = messages::count_tokens_read(&document)?;
    record.asked = turn.model.to_string();
    record.notes = notes;
    let model = Some(turn.model.as_ref()).filter(|it| !it.is_empty());
    let route = view.snapshot.route(model)?;
    let seal = &context.state.tools.seal;
    record.notes.extend(interlingua_reasoning::open(&mut turn, seal, &context.tenant));
    if let Some(target) = route.targets.first()
        && let Some(tokens) =
            by_upstream(context, &parts.headers, &document, &turn, target, record).await
    {
        return Ok(Counted { tokens, estimated: false });
    }
    Ok(Counted { tokens: messages::estimate_tokens(&turn), estimated: true })
}

/// What the upstream says; nothing if it cannot, or does not now: nobody may have to wait for a count.
async fn by_upstream(
    context: &Context,
    headers: &http::HeaderMap,
    document: &Document<'_>,
    turn: &Turn<'_>,
    target: &Target,
    record: &mut Record,
) -> Option<u64> {
    let Target { provider, model, .. } = target;
    if provider.wire != Wire::Messages {
        return None;
    }
    let written = messages::count_tokens(
        document,
        turn,
        &translate::Target {
            dialect: &model.dialect,
            provider: &provider.id,
            model: &model.id,
            max_output_tokens: model.max_output_tokens,
            conversation: None,
            stream: false,
            repairs: &Repairs::default(),
        },
    );
    let written = written.ok()??;
    record.answered = Some((provider.id.to_string(), model.id.to_string()));
    record.attempts = 1;
    let own_key = own_key(headers, context.has_key);
    let key = match provider.key_state {
        KeyState::OfClient => own_key.as_ref(),
        _ => provider.keys.first(),
    };
    let call = Call {
        target,
        key,
        session: None,
        body: written.body.into_pieces(),
        stream: false,
        purpose: Purpose::CountTokens,
        forward: Some(headers),
        request_id: &record.request_id,
    };
    let answer = match context.state.tools.upstream.send(call).await {
        Ok(answer) => answer,
        Err(refusal) => {
            let mut fault = refusal.fault;
            context.view.scrubber_for(target, key).mask_fault(&mut fault);
            tracing::warn!(provider = %provider.id, %fault, "the upstream does not count");
            return None;
        }
    };
    #[derive(Deserialize)]
    struct Count {
        input_tokens: u64,
    }
    let read = Limited::new(answer.body, ANSWER_LIMIT).collect();
    let read = tokio::time::timeout(provider.timeouts.first_byte, read).await.ok()?.ok()?;
    let count: Count = serde_json::from_slice(&read.to_bytes()).ok()?;
    Some(count.input_tokens)
}
