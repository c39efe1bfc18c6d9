//! Where client and upstream speak the same protocol, what nobody here knows arrives all the same; and what
//! one upstream has sealed never reaches another one.

use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::upstream::{
    Answer, Request, Script, Scripted, Wire, call, finish, reasoning, redacted, text,
};

use super::{KINDS, Kind, go_on, talker};
use crate::stage::{LONG, Running, Stage, at_once};

/// What stands for the model's name in a template, and for what the upstream has sealed.
const NAME: &str = "<model>";
const SEAL: &str = "<seal>";

/// As the upstream seals.
const SEALED: &str = "c2VhbGVkIGJ5IHRoZSB1cHN0cmVhbQ==";

/// The lanes: a client and an upstream of one protocol, by the book.
fn lanes() -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| kind.dialect != "mimo")
}

fn post(stage: &Stage, wire: Wire, body: String) -> Reply {
    let call = Call::post(&format!("/v1{}", wire.path()), &serde_json::Value::Null);
    stage.send(&call.header("anthropic-version", "2023-06-01").body(body).limit(LONG))
}

/// A request with fields and parts that nobody knows, and blanks where nobody puts them. `more` follows what
/// the user says.
fn request(kind: Kind, stream: bool, more: &str) -> String {
    let thinking = match kind.dialect {
        "anthropic" => r#"{"type":"adaptive", "display":"updates"}"#,
        // Imitators know the older form only.
        _ => r#"{"type":"enabled", "budget_tokens":16384}"#,
    };
    let rest = format!(r#""x_unknown" : {{"a" : [1,  2e1, 0.50]}} , "stream":{stream}"#);
    match kind.wire {
        Wire::Chat => format!(
            r#"{{"model" : "{NAME}", "messages":[{{"role":"user","content":"hi"}}{more}], "metadata":{{"k" : "v"}}, "stream_options":{{"include_usage":true}}, {rest}}}"#
        ),
        Wire::Responses => format!(
            r#"{{ "model" : "{NAME}",
  "input":[{{"role":"user" , "content":"hi", "x_mark":1.0}}{more}], "store":false,
  "include":["x.y", "reasoning.encrypted_content"], "tools":[], {rest}}}"#
        ),
        Wire::Messages => format!(
            r#"{{ "model" : "{NAME}", "max_tokens":32000,
  "messages":[{{"role":"user","content":[{{"type":"text","text":"h\u0069","cache_control":{{"type":"ephemeral"}}, "x_mark":1.0}}]}}{more}],
  "thinking":{thinking}, {rest}}}"#
        ),
    }
}

/// A stream with the same.
fn stream(wire: Wire) -> String {
    let events: &[&str] = match wire {
        Wire::Chat => &[
            r#"{"id":"c1" , "object":"chat.completion.chunk","created":1,"model" : "<model>","x_top":[1,  2],"choices":[{"index":0,"delta":{"role":"assistant","content":"One ","x_delta":{"b" : null}},"finish_reason":null}]}"#,
            r#"{"id":"c1" , "object":"chat.completion.chunk","created":1,"model" : "<model>","x_top":[1,  2],"choices":[{"index":0,"delta":{"role":"assistant","content":"two.","x_delta":{"b" : null}},"finish_reason":null}]}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"<model>","choices":[{"index":0,"delta":{},"finish_reason":"stop","x_why" : 0.50}]}"#,
            r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"<model>","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"x_cost" : 1e-3}}"#,
            "[DONE]",
        ],
        Wire::Responses => &[
            r#"{"type":"response.created","sequence_number":0,"x_top":[1,  2],"response":{"id":"resp_u","object":"response","created_at":1,"status":"in_progress","model" : "<model>","output":[]}}"#,
            r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[] , "x_item":1}}"#,
            r#"{"type":"response.output_item.done","sequence_number":2,"output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content" : "<seal>","x_item":1}}"#,
            r#"{"type":"response.vendor.thing","sequence_number":3,"payload":{"deep" : [1.50]}}"#,
            r#"{"type":"response.output_item.added","sequence_number":4,"output_index":1,"item":{"type":"message","id":"msg_1","role":"assistant","status":"in_progress","content":[]}}"#,
            r#"{"type":"response.content_part.added","sequence_number":5,"item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
            r#"{"type":"response.output_text.delta","sequence_number":6,"item_id":"msg_1","output_index":1,"content_index":0,"delta":"One two.","x_delta" : {"b":null}}"#,
            r#"{"type":"response.output_text.done","sequence_number":7,"item_id":"msg_1","output_index":1,"content_index":0,"text":"One two."}"#,
            r#"{"type":"response.content_part.done","sequence_number":8,"item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"One two.","annotations":[]}}"#,
            r#"{"type":"response.output_item.done","sequence_number":9,"output_index":1,"item":{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"One two.","annotations":[],"x_part" : 1}]}}"#,
            r#"{"type":"response.completed","sequence_number":10,"response":<whole>}"#,
        ],
        Wire::Messages => &[
            r#"{"type":"message_start","x_top":[1,  2],"message":{"id":"msg_u","type":"message","role":"assistant","model" : "<model>","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":1,"x_tier" : "s"}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":"" , "x_block":1}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm.","x_delta" : {"b":null}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta" , "signature":"<seal>"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"vendor_thing","payload":{"deep" : [1.50]}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":[]}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"One two."}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"x" , "n":1}}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2},"x_end" : true}"#,
            r#"{"type":"message_stop"}"#,
        ],
    };
    let named = |event: &&str| match wire {
        Wire::Chat => format!("data: {event}\n\n"),
        Wire::Responses | Wire::Messages => {
            let (_, kind) = event.split_once("\"type\":\"").unwrap();
            let (kind, _) = kind.split_once('"').unwrap();
            format!("event: {kind}\ndata: {event}\n\n")
        }
    };
    events.iter().map(named).collect::<String>().replace("<whole>", &whole(wire))
}

/// The same answer as one object.
fn whole(wire: Wire) -> String {
    match wire {
        Wire::Chat => r#"{"id":"c1" , "object":"chat.completion","created":1,"model" : "<model>","x_top":[1,  2],"choices":[{"index":0,"message":{"role":"assistant","content":"One two.","x_said" : {"b":null}},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}"#,
        Wire::Responses => r#"{"id":"resp_u","object":"response","created_at":1,"status":"completed","model" : "<model>","x_top":[1,  2],"output":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content" : "<seal>","x_item":1},{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"One two.","annotations":[],"x_part" : 1}]}],"usage":{"input_tokens":7,"output_tokens":2,"total_tokens":9,"x_cost" : 1e-3}}"#,
        Wire::Messages => r#"{"id":"msg_u","type":"message","role":"assistant","model" : "<model>","x_top":[1,  2],"content":[{"type":"thinking","thinking":"Hm.","signature":"<seal>" , "x_block":1},{"type":"text","text":"One two.","citations":null}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":2,"x_tier" : "s"}}"#,
    }
    .to_owned()
}

/// An answer with fields and events that nobody knows.
pub(super) fn said(wire: Wire, streamed: bool) -> String {
    let template = if streamed { stream(wire) } else { whole(wire) };
    template.replace(NAME, "m").replace(SEAL, SEALED)
}

/// Finds what stands in the place of every seal, which has to be the same, and compares the rest to the byte.
#[track_caller]
fn sealed(found: &str, template: &str) -> Option<String> {
    let template = template.replace(NAME, "up/m");
    let mut parts = template.split(SEAL);
    let first = parts.next().unwrap();
    let mut rest = found.strip_prefix(first).unwrap_or_else(|| panic!("{found}\nis not\n{first}"));
    let mut seal: Option<&str> = None;
    for part in parts {
        let (found, _) = rest.split_once('"').unwrap();
        assert_eq!(*seal.get_or_insert(found), found, "one thought has two seals");
        rest = rest.strip_prefix(found).unwrap();
        rest = rest.strip_prefix(part).unwrap_or_else(|| panic!("{rest}\nis not\n{part}"));
    }
    assert_eq!(rest, "", "more came than the upstream had sent");
    seal.map(str::to_owned)
}

fn sent(request: &Request) -> String {
    String::from_utf8(request.raw.to_vec()).unwrap()
}

#[test]
fn what_nobody_knows_arrives() {
    at_once(lanes().flat_map(|kind| [(kind, true), (kind, false)]), |(kind, stream)| {
        let wire = kind.wire;
        let template = if stream { self::stream(wire) } else { whole(wire) };
        let answer = Answer::bytes(200, said(wire, stream));
        let answer =
            if stream { answer } else { answer.header("content-type", "application/json") };
        let stage = kind.stage(Script::new().otherwise(answer), "");
        let body = request(kind, stream, "");
        let reply = post(&stage, wire, body.replace(NAME, "up/m"));
        assert_eq!(reply.status, 200, "{kind}: {}", reply.text());
        let seal = sealed(&reply.text(), &template);
        assert_ne!(seal.as_deref(), Some(SEALED), "{kind}: what the upstream sealed is shown");
        assert!(!reply.text().contains(SEALED), "{kind}: {}", reply.text());
        let asked = sent(&stage.upstream.exchanges()[0].request);
        if wire == Wire::Chat {
            // Its requests are written anew, and what nobody knows is put back to the letter.
            for field in [r#""x_unknown":{"a" : [1,  2e1, 0.50]}"#, r#""metadata":{"k" : "v"}"#] {
                assert!(asked.contains(field), "{kind}: {asked}");
            }
            return;
        }
        assert_eq!(asked, body.replace(NAME, "m"), "{kind}");

        // The thought goes back as its upstream gave it, and nothing else is changed.
        let seal = seal.unwrap();
        let more = match wire {
            Wire::Responses => format!(
                r#",{{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content" : "{SEAL}","x_item":1}},{{"role":"assistant","content":[{{"type":"output_text","text":"One two."}}]}},{{"role":"user","content":"more"}}"#
            ),
            _ => format!(
                r#",{{"role":"assistant","content":[{{"type":"thinking","thinking":"Hm.","signature":"{SEAL}" , "x_block":1}},{{"type":"text","text":"One two."}}]}},{{"role":"user","content":"more"}}"#
            ),
        };
        let body = request(kind, stream, &more);
        let reply = post(&stage, wire, body.replace(NAME, "up/m").replace(SEAL, &seal));
        assert_eq!(reply.status, 200, "{kind}: {}", reply.text());
        let asked = sent(&stage.upstream.exchanges()[1].request);
        assert_eq!(asked, body.replace(NAME, "m").replace(SEAL, SEALED), "{kind}");
    });
}

/// A conversation that moves to another upstream and back again, in every protocol and of every protocol.
#[test]
fn what_one_upstream_has_sealed_never_reaches_another() {
    let sealing: Vec<_> = KINDS.into_iter().filter(|it| it.wire != Wire::Chat).collect();
    let moves = sealing.iter().flat_map(|from| {
        let to = KINDS.into_iter().filter(|to| to.has_thoughts());
        to.flat_map(move |to| Wire::ALL.map(|client| (*from, to, client)))
    });
    at_once(moves, |(from, to, client)| {
        let case = format!("{} from {from} to {to}", client.name());
        let step = |id: &str| {
            let thought = [reasoning(format!("Thought of {id}.")), redacted()];
            let call = [text("Look."), call(id, "read", r#"{"value":"a"}"#), finish("tool_calls")];
            Answer::stream(thought.into_iter().chain(call))
        };
        let script = judged(from).then(step("c_1")).then(Answer::text("Done."));
        let first = Scripted::start(script).unwrap();
        let second = Scripted::start(judged(to).then(step("c_2"))).unwrap();
        let gateway = Running::start(&format!(
            "listen = \"127.0.0.1:0\"\n{}\n{}",
            from.provider("up", &first.base_url()),
            to.provider("other", &second.base_url()),
        ));
        let mut talker = talker(client, "hi");
        for model in ["up/m", "other/m", "up/m"] {
            talker.switch(model);
            go_on(&mut talker, gateway.address, client, true);
            talker.answer(|_| "ok".into());
        }
        assert_eq!((first.faults(), second.faults()), (vec![], vec![]), "{case}");
        let (first, second) = (first.exchanges(), second.exchanges());
        let seals = |exchange: &interlingua_testkit::upstream::Exchange| -> Vec<String> {
            exchange.issued.iter().map(|it| it.seal.clone()).collect()
        };
        let (own, others) = (seals(&first[0]), seals(&second[0]));
        assert_eq!(own.len(), 2, "{case}");
        for seal in &own {
            assert!(!second[0].request.contains(seal), "{case}: {}", second[0].request.body);
            assert!(first[1].request.contains(seal), "{case}: {}", first[1].request.body);
        }
        for seal in &others {
            assert!(!first[1].request.contains(seal), "{case}: {}", first[1].request.body);
        }
        let foreign = sent(&second[0].request);
        assert!(!foreign.contains("\"il1."), "{case}: our own seals are for clients: {foreign}");
    });
}

/// Many servers count the calls of each answer anew. Another upstream must not see two of one name, nor a
/// result that belongs to the wrong one.
#[test]
fn calls_of_one_name_reach_the_next_upstream_apart() {
    let to = KINDS.into_iter().filter(|it| it.wire != Wire::Chat);
    let moves = to.flat_map(|to| Wire::ALL.map(|client| (to, client)));
    at_once(moves, |(to, client)| {
        let case = format!("{} to {to}", client.name());
        let step = |value: &str| {
            let arguments = format!(r#"{{"value":"{value}"}}"#);
            Answer::stream([call("call_0", "read", arguments), finish("tool_calls")])
        };
        let first = Scripted::start(Script::new().then(step("a")).then(step("b"))).unwrap();
        let second = Scripted::start(judged(to).then(Answer::text("Done."))).unwrap();
        let gateway = Running::start(&format!(
            "listen = \"127.0.0.1:0\"\n{}\n{}",
            KINDS[0].provider("up", &first.base_url()),
            to.provider("other", &second.base_url()),
        ));
        let mut talker = talker(client, "hi");
        for model in ["up/m", "up/m", "other/m"] {
            talker.switch(model);
            go_on(&mut talker, gateway.address, client, true);
            talker.answer(|call| format!("result of {}", call.arguments["value"]));
        }
        assert_eq!(second.faults(), [""; 0], "{case}: {}", second.exchanges()[0].request.body);
    });
}

/// Those who imitate Messages are shown what others thought, unsigned. The judge does not let that pass.
fn judged(kind: Kind) -> Script {
    if kind.dialect == "anthropic_compat" { Script::new() } else { kind.script() }
}
