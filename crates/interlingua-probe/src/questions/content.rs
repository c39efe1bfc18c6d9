//! Forms of answers, and pictures.

use interlingua_ir::Format;
use serde_json::json;

use crate::inquiry::{Answered, Inquiry};
use crate::turns::{Asked, json, picture, schema, with_tools};

/// Which forms can be asked for.
pub(super) fn forms(inquiry: &mut Inquiry<'_>, tools: bool) {
    let (native, drop) = (json!("native"), json!("drop"));
    let any = json(Format::JsonObject);
    let values = [native.clone()];
    let asked = "any JSON object";
    let answered = inquiry.choose(asked, "request.json_object", &values, Some(drop.clone()), &any);
    look(inquiry, answered.as_deref());
    let values = match inquiry.draft.word("request.json_object") {
        "native" => vec![native, json!("to_json_object")],
        _ => vec![native],
    };
    let by_schema = json(schema());
    let asked = "JSON that follows a schema";
    let answered = inquiry.choose(asked, "request.json_schema", &values, Some(drop), &by_schema);
    look(inquiry, answered.as_deref());
    let forms = ["request.json_object", "request.json_schema"];
    if tools && forms.iter().any(|path| inquiry.draft.word(path) != "drop") {
        let turn = Asked { tools: with_tools("").tools, ..json(Format::JsonObject) };
        let asked = "any JSON object, with tools at hand";
        let last = Some(json!(false));
        inquiry.choose(asked, "request.format_with_tools", &[json!(true)], last, &turn);
    }
}

/// Whether the wish was followed says more about the model than about its server.
fn look(inquiry: &mut Inquiry<'_>, answered: Option<&Answered>) {
    let Some(answered) = answered else { return };
    let text = answered.seen.text.trim();
    let colour = serde_json::from_str::<serde_json::Value>(text).ok();
    match colour.is_some_and(|it| it["colour"].is_string()) {
        true => inquiry.note("– its answer", "JSON with the field", "the form was kept"),
        false => inquiry.unknown("– its answer", "something else, or cut"),
    }
}

/// Whether pictures are taken, and how.
pub(super) fn pictures(inquiry: &mut Inquiry<'_>) {
    let path = "vision.image_url_form";
    let forms = super::own_first(inquiry.draft.get(path), &["object", "string"]);
    let options: Vec<_> = forms
        .into_iter()
        .map(|form| vec![super::change(path, form), super::change("vision.images", shows(inquiry))])
        .collect();
    let blind = vec![super::change("vision.images", "no")];
    let asked = "a picture";
    let Some(answered) = inquiry.first(asked, &options, Some(blind), &picture(true)) else {
        return;
    };
    match answered.seen.text.to_lowercase().contains("red") {
        true => inquiry.keep("– its colour", "red", &[super::change("vision.images", "yes")]),
        // A server may leave pictures out, and a model may take them and be wrong.
        false => inquiry.unknown("– its colour", "another answer, or none"),
    }
    let rules = [json!(false), json!(true)];
    let asked = "a picture without a word";
    inquiry.choose(asked, "messages.image_needs_text", &rules, None, &picture(false));
}

/// A record that says that there are no pictures leaves them out, and nothing is found out.
fn shows(inquiry: &Inquiry<'_>) -> serde_json::Value {
    match inquiry.draft.word("vision.images") {
        "no" => json!("yes"),
        _ => inquiry.draft.get("vision.images").clone(),
    }
}
