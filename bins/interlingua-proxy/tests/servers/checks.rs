//! What is asked of each server, in all three protocols.

use std::time::Duration;

use interlingua_testkit::gateway::Gateway;
use interlingua_testkit::http::Reply;
use interlingua_testkit::talk::{Answered, Talker, form};
use interlingua_testkit::upstream::Wire;
use serde_json::{Value, json};

use crate::Bench;
use crate::ask;
use crate::foreign::{CONTEXT, Fate, UNKNOWN};
use crate::probe::probe;

/// What came, or what is wrong with it.
pub(crate) type Came = Result<String, String>;

pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) run: Box<dyn Fn(&Bench) -> Came>,
    /// The name of the recording that this check makes, if any.
    pub(crate) record: Option<&'static str>,
}

/// Much more than a tiny model needs, so that only a fault takes so long.
const LONG: Duration = Duration::from_secs(60);

/// More tokens than the tiny model says by itself.
const ENOUGH: u32 = 1200;

pub(crate) fn all() -> Vec<Check> {
    let mut checks = Vec::new();
    let mut add = |name: String, record, run: Box<dyn Fn(&Bench) -> Came>| {
        checks.push(Check { name, run, record });
    };
    for wire in Wire::ALL {
        let at = wire.name();
        // The gateway asks the same of the server whatever its client speaks, so one recording is enough.
        let record = |name| (wire == Wire::Chat).then_some(name);
        for stream in [true, false] {
            let how = if stream { "streamed" } else { "whole" };
            let streamed = |name| record(name).filter(|_| stream);
            let run = move |bench: &Bench| text(bench, wire, stream);
            add(format!("{at} text {how}"), streamed("text"), Box::new(run));
            let run = move |bench: &Bench| limit(bench, wire, stream);
            add(format!("{at} limit {how}"), streamed("limit"), Box::new(run));
            let run = move |bench: &Bench| tools(bench, wire, stream);
            add(format!("{at} tools {how}"), streamed("tools"), Box::new(run));
            let run = move |bench: &Bench| named_tool(bench, wire, stream);
            add(format!("{at} named-tool {how}"), None, Box::new(run));
            let run = move |bench: &Bench| schema(bench, wire, stream);
            add(format!("{at} schema {how}"), streamed("schema"), Box::new(run));
            let run = move |bench: &Bench| thinking(bench, wire, stream);
            add(format!("{at} thinking-off {how}"), None, Box::new(run));
            let run = move |bench: &Bench| overlong(bench, wire, stream);
            add(format!("{at} overlong {how}"), streamed("context-length"), Box::new(run));
            let run = move |bench: &Bench| unknown(bench, wire, stream);
            add(format!("{at} unknown-model {how}"), streamed("unknown-model"), Box::new(run));
        }
        let run = move |bench: &Bench| rules(bench, wire);
        add(format!("{at} rules"), None, Box::new(run));
    }
    let run = |bench: &Bench| refused(bench);
    add("chat refused-parameter".into(), Some("bad-param"), Box::new(run));
    add("probe".into(), None, Box::new(probe));
    checks
}

/// A client that asks for one of the server's models.
fn talker(wire: Wire, model: &str) -> Talker {
    Talker::new(wire, &format!("up/{model}")).limit(LONG)
}

fn send(gateway: &Gateway, talker: &Talker, body: &Value) -> Result<Reply, String> {
    gateway.send(&talker.call(body)).map_err(|it| it.to_string())
}

fn read(talker: &Talker, reply: &Reply, stream: bool) -> Result<Answered, String> {
    talker.read(reply, stream).map_err(|it| it.to_string())
}

/// What is shown of an answer.
fn shown(answered: &Answered, tokens: u64) -> String {
    let Answered { thought, text, stop, .. } = answered;
    let (thought, text) = (short(thought), short(text));
    format!("thought {thought:?}, text {text:?}, {stop}, {tokens} tokens")
}

fn short(text: &str) -> String {
    let start: String = text.trim().chars().take(32).collect();
    if start.len() < text.trim().len() { start + "…" } else { start }
}

fn text(bench: &Bench, wire: Wire, stream: bool) -> Came {
    says_something(&bench.gateway, bench.foreign.model, wire, stream)
}

/// A model behind a gateway that answers by a text.
pub(crate) fn says_something(gateway: &Gateway, model: &str, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, model);
    talker.say("Say something about a cat.");
    let mut body = talker.body(stream);
    ask::without_tools(&mut body);
    ask::limit(wire, &mut body, ENOUGH);
    let reply = send(gateway, &talker, &body)?;
    let answered = read(&talker, &reply, stream)?;
    let (_, tokens) = ask::end(wire, stream, &reply)?;
    let said = [&*answered.thought, &answered.text].concat();
    if said.trim().is_empty() || !answered.calls.is_empty() || tokens == 0 {
        return Err(format!("no text: {answered:?}, {tokens} tokens"));
    }
    Ok(shown(&answered, tokens))
}

fn limit(bench: &Bench, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, bench.foreign.model);
    talker.say("Say something about a cat.");
    let mut body = talker.body(stream);
    ask::without_tools(&mut body);
    ask::limit(wire, &mut body, 1);
    let reply = send(&bench.gateway, &talker, &body)?;
    let (stop, tokens) = ask::end(wire, stream, &reply)?;
    if reply.status == 200 && stop == ask::cut(wire) && tokens == 1 {
        Ok(format!("{stop}, {tokens} tokens"))
    } else {
        Err(format!("{stop}, {tokens} tokens, status {}, {}", reply.status, reply.text()))
    }
}

/// A call that the model cannot but make, and its result.
fn tools(bench: &Bench, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, bench.foreign.caller);
    talker.say("Read a.txt.");
    let mut body = talker.body(stream);
    ask::demand(wire, &mut body, None);
    ask::limit(wire, &mut body, ENOUGH);
    let answered = read(&talker, &send(&bench.gateway, &talker, &body)?, stream)?;
    // Where nothing but chance ends it, it may be several.
    let Some(call) = answered.calls.first() else {
        return Err(format!("no call: {answered:?}"));
    };
    let call = format!("{} calls, first {} {}", answered.calls.len(), call.name, call.arguments);
    talker.keep(&answered);
    talker.answer(|_| "It is empty.".to_owned());
    talker.switch(&format!("up/{}", bench.foreign.model));
    let mut body = talker.body(stream);
    ask::without_tools(&mut body);
    ask::limit(wire, &mut body, ENOUGH);
    let reply = send(&bench.gateway, &talker, &body)?;
    let then = read(&talker, &reply, stream)?;
    let (_, tokens) = ask::end(wire, stream, &reply)?;
    Ok(format!("{} by {call}; then {}", answered.stop, shown(&then, tokens)))
}

fn named_tool(bench: &Bench, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, bench.foreign.caller);
    talker.say("Find it.");
    // Neither the first nor the last that is offered, so that it is no accident.
    let tool = "write";
    let mut body = talker.body(stream);
    ask::demand(wire, &mut body, Some(tool));
    ask::limit(wire, &mut body, ENOUGH);
    let answered = read(&talker, &send(&bench.gateway, &talker, &body)?, stream)?;
    let names: Vec<_> = answered.calls.iter().map(|it| it.name.as_str()).collect();
    let wanted = if bench.foreign.forces { tool } else { "read" };
    if !names.is_empty() && names.iter().all(|it| *it == wanted) {
        Ok(format!("{} by {} of {wanted}", answered.stop, names.len()))
    } else {
        Err(format!("{answered:?}"))
    }
}

fn schema(bench: &Bench, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, bench.foreign.model);
    talker.say("Is a cat a tree?");
    let mut body = talker.body(stream);
    ask::without_tools(&mut body);
    let schema = json!({
        "type": "object", "properties": { "ok": { "type": "boolean" } },
        "required": ["ok"], "additionalProperties": false,
    });
    form(wire, &mut body, &schema);
    ask::limit(wire, &mut body, ENOUGH);
    let reply = send(&bench.gateway, &talker, &body)?;
    let answered = read(&talker, &reply, stream)?;
    let fits = serde_json::from_str::<Value>(&answered.text)
        .is_ok_and(|it| it["ok"].is_boolean() && it.as_object().is_some_and(|it| it.len() == 1));
    if fits == bench.foreign.forces {
        Ok(format!("{:?}, which fits: {fits}", short(&answered.text)))
    } else {
        Err(format!("fits: {fits}: {answered:?}"))
    }
}

/// A client that wants no thought gets none, but for the space that a template writes for an empty one.
fn thinking(bench: &Bench, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, bench.foreign.model).effort("none");
    talker.say("Say something about a cat.");
    let mut body = talker.body(stream);
    ask::without_tools(&mut body);
    ask::limit(wire, &mut body, ENOUGH);
    if wire == Wire::Messages {
        body["thinking"] = json!({ "type": "disabled" });
    }
    let reply = send(&bench.gateway, &talker, &body)?;
    let answered = read(&talker, &reply, stream)?;
    let (_, tokens) = ask::end(wire, stream, &reply)?;
    if answered.thought.trim().is_empty() && !answered.text.trim().is_empty() {
        Ok(shown(&answered, tokens))
    } else {
        Err(format!("{answered:?}"))
    }
}

/// Rules from a developer, told twice, and a turn of the assistant without words between them.
fn rules(bench: &Bench, wire: Wire) -> Came {
    let mut talker = talker(wire, bench.foreign.model);
    talker.say("Hello.");
    let mut body = talker.body(true);
    ask::without_tools(&mut body);
    ask::limit(wire, &mut body, ENOUGH);
    let user = |text: &str| json!({ "role": "user", "content": text });
    let rule = |text: &str| json!({ "role": "developer", "content": text });
    match wire {
        Wire::Chat => {
            body["messages"] =
                json!([rule("Be short."), user("Hello."), rule("Be kind."), user("Go.")]);
        }
        Wire::Responses => {
            body["instructions"] = "Be short.".into();
            body["input"] = json!([user("Hello."), rule("Be kind."), user("Go.")]);
        }
        Wire::Messages => {
            body["system"] = json!([{ "type": "text", "text": "Be short." }]);
            let text = |text: &str| json!({ "type": "text", "text": text });
            body["messages"] =
                json!([{ "role": "user", "content": [text("Hello."), text("Go.")] }]);
        }
    }
    let reply = send(&bench.gateway, &talker, &body)?;
    let answered = read(&talker, &reply, true)?;
    let (_, tokens) = ask::end(wire, true, &reply)?;
    Ok(shown(&answered, tokens))
}

fn overlong(bench: &Bench, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, bench.foreign.model);
    // A token is a letter at the least.
    talker.say(&"cat and dog ".repeat(CONTEXT));
    fate(bench, &talker, wire, stream, bench.foreign.overlong)
}

fn unknown(bench: &Bench, wire: Wire, stream: bool) -> Came {
    let mut talker = talker(wire, UNKNOWN);
    talker.say("Say something about a cat.");
    fate(bench, &talker, wire, stream, bench.foreign.unknown)
}

fn refused(bench: &Bench) -> Came {
    let mut talker = talker(Wire::Chat, bench.foreign.model);
    talker.say("Say something about a cat.");
    let mut body = talker.body(true);
    ask::without_tools(&mut body);
    ask::limit(Wire::Chat, &mut body, ENOUGH);
    let (name, value) = (bench.foreign.refused)();
    body[name] = value;
    let reply = send(&bench.gateway, &talker, &body)?;
    compare(Wire::Chat, true, &reply, bench.foreign.refusal)
}

fn fate(bench: &Bench, talker: &Talker, wire: Wire, stream: bool, fate: Fate) -> Came {
    let mut body = talker.body(stream);
    ask::without_tools(&mut body);
    ask::limit(wire, &mut body, 40);
    let reply = send(&bench.gateway, talker, &body)?;
    compare(wire, stream, &reply, fate)
}

/// Whether a client was told what it should be.
fn compare(wire: Wire, stream: bool, reply: &Reply, fate: Fate) -> Came {
    match (fate, ask::error(wire, reply)) {
        (Fate::Answered, None) => {
            let (stop, tokens) = ask::end(wire, stream, reply)?;
            Ok(format!("answered, {stop}, {tokens} tokens"))
        }
        (Fate::Refused(class), Some((status, word, message))) => {
            // A Messages client is told fewer words; the gateway's own line has the class.
            let told = wire == Wire::Messages || word.starts_with(class);
            let said = format!("{status} {word}: {}", short_line(&message));
            if told { Ok(said) } else { Err(format!("{said} is not {class}")) }
        }
        (fate, error) => Err(format!(
            "{fate:?} was expected, {error:?} came: status {}, {}",
            reply.status,
            reply.text()
        )),
    }
}

fn short_line(text: &str) -> String {
    text.chars().take(140).collect()
}
