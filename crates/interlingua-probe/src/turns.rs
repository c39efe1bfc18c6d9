//! The conversations that a server is asked with. Each is as short as what it is about allows.

use std::borrow::Cow;

use interlingua_ir::{
    Call, CallHead, Form, Format, Function, Item, Message, Output, Param, Part, Protocol,
    Reasoning, Role, Text, Tool, ToolChoice, Turn,
};
use serde_json::value::RawValue;

use crate::answer::{Seen, SeenCall};

/// How much may be answered where a few words will do.
pub(crate) const FEW: u64 = 64;

/// How much may be answered where a call is wanted, which a model may think about.
pub(crate) const SOME: u64 = 1_024;

/// A red dot.
const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// Parameters of a tool, without anything peculiar.
const CITY: &str =
    r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;

/// Parameters of a tool with everything that agents write and some servers refuse.
const RICH: &str = r##"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"city":{"$ref":"#/$defs/city"},"unit":{"type":"string","anyOf":[{"const":"C"},{"const":"F"}]},"span":{"type":"array","items":[{"type":"number"},{"type":"number"}]}},"required":["city"],"additionalProperties":false,"$defs":{"city":{"type":"string"}}}"##;

/// The form of an answer.
const COLOUR: &str = r#"{"type":"object","properties":{"colour":{"type":"string"}},"required":["colour"],"additionalProperties":false}"#;

/// What a server is asked.
pub(crate) type Asked = Turn<'static>;

/// One sentence of the user.
pub(crate) fn say(text: &str) -> Asked {
    Turn {
        protocol: Protocol::Chat,
        items: vec![message(Role::User, text)],
        max_output_tokens: Some(FEW),
        stream: true,
        ..Turn::default()
    }
}

/// A wish for two calls at once.
pub(crate) fn two_calls(rich: bool) -> Asked {
    let mut turn = say(
        "Find out weather and time in Paris: call both tools at once, and say nothing before you know.",
    );
    turn.tools = tools(rich);
    turn.max_output_tokens = Some(SOME);
    turn
}

/// A wish for nothing in particular, with tools at hand.
pub(crate) fn with_tools(text: &str) -> Asked {
    Turn { tools: tools(false), max_output_tokens: Some(SOME), ..say(text) }
}

/// The calls of an answer with their results; what the model thought comes first, if it comes.
pub(crate) fn results(seen: &Seen, with_thought: bool) -> Asked {
    let mut turn = two_calls(false);
    if with_thought {
        turn.items.extend(seen.thoughts.iter().map(|thought| {
            let mut thought = thought.clone();
            thought.calls = seen.calls.iter().map(|call| call.id.clone()).collect();
            Item::Reasoning(Reasoning { thought: Some(thought), ..Reasoning::default() })
        }));
    }
    if !seen.text.is_empty() {
        turn.items.push(message(Role::Assistant, &seen.text));
    }
    rounds(&mut turn, &seen.calls);
    turn
}

/// A call that this server never made, with its result.
pub(crate) fn foreign_round(id: &str) -> Asked {
    let mut turn = with_tools("What is the weather in Paris?");
    let call = SeenCall {
        id: id.to_owned(),
        name: "get_weather".to_owned(),
        arguments: r#"{"city":"Paris"}"#.to_owned(),
    };
    rounds(&mut turn, &[call]);
    turn
}

fn rounds(turn: &mut Asked, calls: &[SeenCall]) {
    turn.items.extend(calls.iter().map(|call| {
        let head = CallHead {
            id: call.id.clone().into(),
            name: call.name.clone().into(),
            namespace: None,
            form: Form::Function,
        };
        Item::Call(Call { head, input: plain(&*call.arguments) })
    }));
    turn.items.extend(calls.iter().map(|call| {
        Item::Output(Output {
            call_id: call.id.clone().into(),
            parts: vec![Part::Text(plain("18 degrees, noon"))],
            is_error: false,
        })
    }));
}

/// A picture, with words beside it or without.
pub(crate) fn picture(words: bool) -> Asked {
    let mut turn = say("Which colour is this? One word.");
    turn.items = vec![picture_message(words)];
    turn.max_output_tokens = Some(SOME);
    turn
}

fn picture_message(words: bool) -> Item<'static> {
    let text = words.then(|| Part::Text(plain("Which colour is this? One word.")));
    let image = Part::Image { url: plain(PICTURE), detail: None };
    Item::Message(Message { role: Role::User, parts: text.into_iter().chain([image]).collect() })
}

/// A wish for JSON.
pub(crate) fn json(format: Format<'static>) -> Asked {
    let text = "Answer with a JSON object that has one field, `colour`, which is a word.";
    Turn { format, max_output_tokens: Some(SOME), ..say(text) }
}

/// JSON that follows a schema.
pub(crate) fn schema() -> Format<'static> {
    match raw(COLOUR) {
        Some(schema) => Format::JsonSchema {
            name: plain("colour"),
            description: None,
            schema,
            strict: Some(true),
        },
        None => Format::JsonObject,
    }
}

/// Everything at once that an agent asks for.
pub(crate) fn like_an_agent(params: &[(&'static str, &'static str)], image: bool) -> Asked {
    let mut turn = two_calls(true);
    turn.items.insert(0, message(Role::System, "Be brief."));
    if image {
        turn.items.push(picture_message(true));
    }
    turn.tool_choice = ToolChoice::Required;
    turn.parallel_calls = Some(true);
    turn.thinking.effort = Some("high".into());
    turn.params = self::params(params);
    turn
}

/// Parameters by name and JSON.
pub(crate) fn params(params: &[(&'static str, &'static str)]) -> Vec<Param<'static>> {
    params.iter().filter_map(|(name, json)| Some(Param { name, json: raw(json)? })).collect()
}

/// A message of one text.
pub(crate) fn message(role: Role, text: &str) -> Item<'static> {
    Item::Message(Message { role, parts: vec![Part::Text(plain(text))] })
}

fn tools(rich: bool) -> Vec<Tool<'static>> {
    let tool = |name: &'static str, about: &str, schema: &'static str| {
        Tool::Function(Function {
            name: Cow::Borrowed(name),
            namespace: None,
            namespace_description: None,
            description: Some(plain(about)),
            parameters: raw(schema),
            strict: None,
        })
    };
    vec![
        tool("get_weather", "Tells the weather in a city.", if rich { RICH } else { CITY }),
        tool("get_time", "Tells the time in a city.", CITY),
    ]
}

/// The same tools, to be called by the letter of their schemas.
pub(crate) fn strictly(mut turn: Asked) -> Asked {
    for tool in &mut turn.tools {
        if let Tool::Function(function) = tool {
            function.strict = Some(true);
            function.parameters = raw(STRICT_CITY);
        }
    }
    turn
}

/// Parameters as `strict` wants them.
const STRICT_CITY: &str = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#;

/// Text that stands as it is.
fn plain(text: impl Into<String>) -> Text<'static> {
    Text::plain(text.into())
}

fn raw(json: &'static str) -> Option<&'static RawValue> {
    serde_json::from_str(json).ok()
}
