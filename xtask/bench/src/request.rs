//! Requests as the real Codex sends them: the captured field layout, filled to real sizes.

use serde_json::{Value, json};

/// The capture that gives the layout.
const CAPTURE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/codex/req_first_text_turn.json"
));

/// What a first request of the real client holds: 17.8 KB of tools, 21 KB of instructions.
const TOOLS: usize = 17_800;
const INSTRUCTIONS: usize = 21_000;

/// Tool round trips after the first prompt.
const ROUND_TRIPS: usize = 9;

/// The model that the gateway is configured with.
pub(crate) const MODEL: &str = "up/bench";

/// Stands in the prompt of requests whose answer should begin like a real model's: the first delta comes
/// alone, the others a little later.
pub(crate) const PACED: &str = "bench-paced-start";

/// A request body of about `size` bytes; what is missing to it is in the tools' outputs.
pub(crate) fn body(size: usize, stream: bool, paced: bool) -> Vec<u8> {
    let capture: Value = serde_json::from_str(CAPTURE).expect("the capture is JSON");
    let mut body = capture["body"].clone();
    body["model"] = MODEL.into();
    body["stream"] = stream.into();
    fill(&mut body["tools"], "description", TOOLS);
    fill(&mut body["input"], "text", INSTRUCTIONS);
    let base = body.to_string().len();
    let each = size.saturating_sub(base) / ROUND_TRIPS;
    let input = body["input"].as_array_mut().expect("the capture has an input");
    if paced {
        let part = json!({ "type": "input_text", "text": PACED });
        input.push(json!({ "type": "message", "role": "user", "content": [part] }));
    }
    for trip in 0..ROUND_TRIPS {
        input.extend(round_trip(trip, each.saturating_sub(ENVELOPE)));
    }
    body.to_string().into_bytes()
}

/// What a round trip weighs without its output, about.
const ENVELOPE: usize = 420;

fn round_trip(trip: usize, output: usize) -> [Value; 2] {
    let call = format!("call_{trip:024}");
    let arguments =
        json!({ "cmd": format!("sed -n '1,{trip}0p' src/lib.rs"), "yield_time_ms": 1000 });
    [
        json!({
            "type": "function_call",
            "id": format!("fc_{trip:024}"),
            "name": "exec_command",
            "arguments": arguments.to_string(),
            "call_id": call,
            "status": "completed",
        }),
        json!({
            "type": "function_call_output",
            "id": format!("fco_{trip:024}"),
            "call_id": call,
            "output": source_code(output),
        }),
    ]
}

/// Lines that look like source code, so that escapes are as frequent as in life.
fn source_code(escaped: usize) -> String {
    const LINES: [&str; 4] = [
        "    let Some(value) = table.get(\"key\") else { return Err(Error::Missing) };\n",
        "    // The caller holds the lock until the answer is complete.\n",
        "\tfor (index, part) in message.parts().enumerate() {\n",
        "        writer.push(index, part.len().min(LIMIT))?;\n",
    ];
    let mut text = String::new();
    let mut length = 0;
    for line in LINES.iter().cycle() {
        length += line.len() + line.matches(['"', '\n', '\t']).count();
        if length > escaped {
            break;
        }
        text.push_str(line);
    }
    text
}

/// Lengthens the texts of the given field, all by the same factor, until the value weighs `size`.
fn fill(value: &mut Value, field: &str, size: usize) {
    let mut texts = 0;
    each_text(value, field, &mut |_| texts += 1);
    let missing = size.saturating_sub(value.to_string().len()) / texts.max(1);
    each_text(value, field, &mut |text| {
        const FILLER: &str = "Work in small steps, say what you do, and check the result. ";
        text.extend(FILLER.chars().cycle().take(missing));
    });
}

fn each_text(value: &mut Value, field: &str, visit: &mut impl FnMut(&mut String)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|it| each_text(it, field, visit)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == field => visit(text),
                    _ => each_text(value, field, visit),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_asked_size() {
        for size in [63_000, 1_040_000] {
            let real = body(size, true, true).len();
            assert!(real.abs_diff(size) < size / 50, "{size} became {real}");
        }
    }

    #[test]
    fn the_layout_is_the_captured_one() {
        let capture: Value = serde_json::from_str(CAPTURE).unwrap();
        let made: Value = serde_json::from_slice(&body(63_000, false, false)).unwrap();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&made), names(&capture["body"]));
        assert_eq!(made["stream"], false);
    }
}
