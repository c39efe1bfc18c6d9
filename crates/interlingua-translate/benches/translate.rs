//! What translation costs: a request of an agent in two sizes, and one event of a stream; and what it
//! costs to hand both on where client and upstream speak the same protocol.
//!
//! `cargo bench -p interlingua-translate` prints times and, per iteration, allocations. The stream
//! benchmark's iteration is [`EVENTS`] events long.

use std::sync::Arc;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{AllocProfiler, Bencher, black_box};
use interlingua_dialect::{Dialect, Dialects, Wire};
use interlingua_translate::client::{self, Head, Ids};
use interlingua_translate::faults::Caller;
use interlingua_translate::json::Limits;
use interlingua_translate::tools::ToolMap;
use interlingua_translate::upstream::{self, Frames};
use interlingua_translate::{
    Body, Decode, Document, Encode, Pipe, Repairs, Target, chat, responses, verbatim,
};
use serde_json::{Value, json};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    // The figures mean something only for these sizes.
    assert_eq!(CHUNK.len(), 218);
    assert!((62_000..65_000).contains(&request(9, 1_600).len()), "{}", request(9, 1_600).len());
    assert!(
        (1_020_000..1_060_000).contains(&request(200, 3_800).len()),
        "{}",
        request(200, 3_800).len()
    );
    divan::main();
}

/// A Codex request: 18 KB of tools, the rules, and `rounds` of shell calls whose results take
/// `output` bytes each.
fn request(rounds: usize, output: usize) -> Vec<u8> {
    let prose = |bytes: usize| {
        let line = "- Run `cargo test` before you say \"done\"; paths are relative to the root.\n";
        line.repeat(bytes / line.len() + 1)
    };
    let tools: Vec<Value> = (0..14)
        .map(|nth| {
            let property = |it: usize| (format!("field_{it}"), json!({ "type": "string", "description": prose(60) }));
            let properties: serde_json::Map<_, _> = (0..5).map(property).collect();
            json!({ "type": "function", "name": format!("tool_{nth}"), "description": prose(420), "strict": false,
                "parameters": { "type": "object", "properties": properties, "required": ["field_0"], "additionalProperties": false } })
        })
        .chain([json!({ "type": "custom", "name": "apply_patch", "description": prose(300),
            "format": { "type": "grammar", "syntax": "lark", "definition": prose(1200) } })])
        .collect();
    let message = |role: &str, text: String| json!({ "type": "message", "id": "msg_0", "role": role, "content": [{ "type": "input_text", "text": text }] });
    let mut input = vec![
        message("developer", prose(12_000)),
        message("developer", prose(5_000)),
        message("user", prose(1_200)),
        message("user", "Fix the failing test.".to_owned()),
    ];
    for round in 0..rounds {
        let id = format!("call_{round}");
        input.push(json!({ "type": "reasoning", "id": format!("rs_{round}"),
            "summary": [{ "type": "summary_text", "text": prose(200) }], "encrypted_content": "A".repeat(400) }));
        input.push(json!({ "type": "function_call", "id": format!("fc_{round}"), "call_id": id, "name": "tool_1",
            "arguments": json!({ "field_0": "ls -la \"src\"\n", "field_1": "x" }).to_string() }));
        input.push(
            json!({ "type": "function_call_output", "call_id": id, "output": prose(output) }),
        );
    }
    let body = json!({ "model": "mimo/mimo-v2.5-pro", "input": input, "tools": tools, "tool_choice": "auto",
        "parallel_tool_calls": true, "reasoning": { "effort": "medium", "summary": "auto" }, "store": false,
        "stream": true, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "0199" });
    body.to_string().into_bytes()
}

/// The same conversation in the words of Claude Code: 63 KB.
fn messages_request() -> Vec<u8> {
    let prose = |bytes: usize| "- Run `cargo test` before you say \"done\".\n".repeat(bytes / 40);
    let tools: Vec<Value> = (0..14)
        .map(|nth| {
            json!({ "name": format!("tool_{nth}"), "description": prose(600), "input_schema":
                { "type": "object", "properties": { "field_0": { "type": "string", "description": prose(400) } } } })
        })
        .collect();
    let text = |text: String| json!({ "type": "text", "text": text });
    let mut messages = vec![
        json!({ "role": "user", "content": [text(prose(1_200)), text("Fix it.".to_owned())] }),
    ];
    for round in 0..9 {
        let id = format!("toolu_{round}");
        let call = json!({ "type": "tool_use", "id": id, "name": "tool_1", "input": { "field_0": "ls -la \"src\"\n" } });
        let thought =
            json!({ "type": "thinking", "thinking": prose(200), "signature": "A".repeat(400) });
        let result = json!({ "type": "tool_result", "tool_use_id": id, "content": prose(1_600) });
        messages.push(json!({ "role": "assistant", "content": [thought, call] }));
        messages.push(json!({ "role": "user", "content": [result] }));
    }
    let body = json!({ "model": "anthropic/claude-sonnet-4-5", "max_tokens": 32_000, "stream": true, "tools": tools,
        "system": [text(prose(12_000)), text(prose(5_000))], "messages": messages,
        "thinking": { "type": "enabled", "budget_tokens": 10_000 }, "metadata": { "user_id": "u" } });
    body.to_string().into_bytes()
}

fn mimo() -> Dialect {
    dialect("mimo", "mimo-v2.5-pro")
}

fn dialect(id: &str, model: &str) -> Dialect {
    Dialects::builtin().resolve(id, model).expect("it ships with the crate")
}

/// Rounds of tool calls and the bytes of each result: 63 KB and 1 MB.
const SIZES: [(usize, usize); 2] = [(9, 1_600), (200, 3_800)];

#[divan::bench(args = SIZES)]
fn translate_request(bencher: Bencher<'_, '_>, (rounds, output): (usize, usize)) {
    through(bencher, &request(rounds, output), &mimo(), |body, target| {
        let (turn, _) = responses::read(body, Limits::default()).expect("a request");
        chat::write(&turn, target).expect("a request").body
    });
}

#[divan::bench(args = SIZES)]
fn read_request(bencher: Bencher<'_, '_>, (rounds, output): (usize, usize)) {
    let body = request(rounds, output);
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        responses::read(black_box(&body), Limits::default()).expect("a request").0.items.len()
    });
}

/// A request through one protocol's reader and another's writer.
fn through(
    bencher: Bencher<'_, '_>,
    body: &[u8],
    dialect: &Dialect,
    translate: impl Fn(&Bytes, &Target<'_>) -> Body + Sync,
) {
    let repairs = Repairs::default();
    let target = Target {
        dialect,
        provider: "mimo",
        model: "mimo-v2.5-pro",
        max_output_tokens: None,
        conversation: None,
        stream: true,
        repairs: &repairs,
    };
    let body = Bytes::copy_from_slice(body);
    let counter = BytesCount::of_slice(&body);
    bencher.counter(counter).bench(|| translate(black_box(&body), &target));
}

/// Protocols in which a request and its answer are handed on as they came.
const LANES: [Wire; 2] = [Wire::Responses, Wire::Messages];

#[divan::bench(args = LANES)]
fn forward_request(bencher: Bencher<'_, '_>, wire: Wire) {
    let (body, dialect) = match wire {
        Wire::Messages => (messages_request(), dialect("anthropic", "claude-sonnet-4-5")),
        Wire::Responses | Wire::Chat => (request(9, 1_600), dialect("openai", "gpt-5")),
    };
    through(bencher, &body, &dialect, |body, target| {
        let document = Document::of_shared(body, Limits::default()).expect("a request");
        let (turn, _) = client::read(wire.into(), &document).expect("a request");
        let request = upstream::write(wire, Some(&document), &turn, target).expect("a request");
        assert!(request.verbatim);
        request.written.body
    });
}

const EVENTS: usize = 200;

/// A chunk of 218 bytes, as most upstreams send them.
const CHUNK: &str = "data: {\"id\":\"chatcmpl-0123456789abcdef012345678\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"mimo-v2.5-pro\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" some\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

/// A Chat client's answer, translated, and with the upstream's own frames beside the events.
#[divan::bench(args = [false, true])]
fn chat_200_events(bencher: Bencher<'_, '_>, frames: bool) {
    let dialect = Arc::new(mimo());
    let opened = || {
        let decoder = chat::Decoder::new(Arc::clone(&dialect), "mimo", "s");
        let decoder = if frames { decoder.verbatim(true) } else { decoder };
        let head = chat::Head::new("chatcmpl-1", "mimo/mimo-v2.5-pro", 1_700_000_000);
        let mut pipe = Pipe::new(decoder, chat::Encoder::stream(head));
        let mut out = Vec::with_capacity(1 << 16);
        pipe.push(CHUNK.as_bytes()).expect("a chunk");
        pipe.take(&mut out);
        (pipe, out)
    };
    bencher.counter(ItemsCount::new(EVENTS)).with_inputs(opened).bench_refs(|(pipe, out)| {
        for _ in 0..EVENTS {
            out.clear();
            pipe.push(black_box(CHUNK.as_bytes())).expect("a chunk");
            pipe.take(out);
        }
    });
}

#[divan::bench]
fn translate_200_events(bencher: Bencher<'_, '_>) {
    let dialect = Arc::new(mimo());
    events(bencher, "", CHUNK, || {
        let decoder = chat::Decoder::new(Arc::clone(&dialect), "mimo", "s");
        let head = responses::Head::new("resp_1", "mimo/mimo-v2.5-pro", 1_700_000_000);
        Pipe::new(decoder, responses::Encoder::stream(head))
    });
}

/// [`EVENTS`] deltas of one text through one protocol's decoder and another's encoder. What comes once
/// in an answer, such as `opening` and the first delta, is not counted.
fn events<D: Decode, E: Encode>(
    bencher: Bencher<'_, '_>,
    opening: &str,
    delta: &str,
    pipe: impl Fn() -> Pipe<D, E> + Sync,
) {
    let opened = || {
        let (mut pipe, mut out) = (pipe(), Vec::with_capacity(1 << 16));
        pipe.push([opening, delta].concat().as_bytes()).expect("the beginning of an answer");
        pipe.take(&mut out);
        (pipe, out)
    };
    bencher.counter(ItemsCount::new(EVENTS)).with_inputs(opened).bench_refs(|(pipe, out)| {
        for _ in 0..EVENTS {
            out.clear();
            pipe.push(black_box(delta.as_bytes())).expect("a delta");
            pipe.take(out);
        }
    });
}

#[divan::bench(args = LANES)]
fn forward_200_events(bencher: Bencher<'_, '_>, wire: Wire) {
    let (opening, delta) = match wire {
        Wire::Messages => (
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n\
             event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" some words\"}}\n\n",
        ),
        Wire::Responses | Wire::Chat => (
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"m\",\"output\":[]},\"sequence_number\":0}\n\n\
             event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\",\"id\":\"msg_1\",\"content\":[]},\"sequence_number\":1}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"content_index\":0,\"delta\":\" some words\",\"item_id\":\"msg_1\",\"logprobs\":[],\"obfuscation\":\"x8Fl\",\"output_index\":0,\"sequence_number\":12}\n\n",
        ),
    };
    let dialect = Arc::new(mimo());
    events(bencher, opening, delta, || {
        let frames = Some(Frames { usage: true });
        let decoder =
            upstream::decoder(wire, Arc::clone(&dialect), "mimo", "s", &ToolMap::default(), frames);
        let own = Head::unread(wire.into(), Ids { answer: "1", request: "1" });
        let encoder = verbatim::Encoder::stream(own.stream(Caller::Other), "mimo/mimo-v2.5-pro");
        Pipe::new(decoder, encoder)
    });
}
