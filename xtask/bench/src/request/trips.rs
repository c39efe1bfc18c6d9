//! Round trips of tools: what makes an agent's request long.

use serde_json::{Value, json};

use crate::pair::Wire;

/// Adds to the text of the last user message.
pub(super) fn add_to_prompt(wire: Wire, body: &mut Value, text: &str) {
    let is_user = |it: &&mut Value| it["role"] == "user";
    let prompt = history(wire, body).iter_mut().rev().find(is_user);
    let content = &mut prompt.expect("a capture has a prompt")["content"];
    let content = match content {
        Value::Array(parts) => &mut parts.last_mut().expect("a prompt has parts")["text"],
        text => text,
    };
    let Value::String(prompt) = content else { panic!("a prompt ends with a text") };
    prompt.push(' ');
    prompt.push_str(text);
}

/// Appends so many calls with their results, together about `weight` bytes.
pub(super) fn add(wire: Wire, body: &mut Value, count: usize, weight: usize) {
    let bare = serialized(&trip(wire, 0, ""));
    let history = history(wire, body);
    for nth in 0..count {
        let output = source_code((weight / count).saturating_sub(bare));
        history.extend(trip(wire, nth, &output));
    }
    if wire == Wire::Messages {
        // The client marks the end of what it wants cached.
        let last = history.last_mut().expect("there are round trips");
        last["content"][0]["cache_control"] = json!({ "type": "ephemeral" });
    }
}

fn history(wire: Wire, body: &mut Value) -> &mut Vec<Value> {
    let field = if wire == Wire::Responses { "input" } else { "messages" };
    body[field].as_array_mut().expect("a capture has a history")
}

fn trip(wire: Wire, nth: usize, output: &str) -> [Value; 2] {
    let command = format!("sed -n '1,{nth}0p' src/lib.rs");
    let call = format!("call_{nth:024}");
    match wire {
        Wire::Chat => {
            let arguments = json!({ "command": command, "workdir": "/home/user/project" });
            let function = json!({ "name": "bash", "arguments": arguments.to_string() });
            let calls = json!([{ "id": call, "type": "function", "function": function }]);
            [
                json!({ "role": "assistant", "content": SAID, "tool_calls": calls }),
                json!({ "role": "tool", "tool_call_id": call, "content": output }),
            ]
        }
        Wire::Responses => {
            let arguments = json!({ "cmd": command, "yield_time_ms": 1000 }).to_string();
            [
                json!({
                    "type": "function_call", "id": format!("fc_{nth:024}"), "name": "exec_command",
                    "arguments": arguments, "call_id": call, "status": "completed",
                }),
                json!({
                    "type": "function_call_output", "id": format!("fco_{nth:024}"), "call_id": call,
                    "output": output,
                }),
            ]
        }
        Wire::Messages => {
            let id = format!("toolu_{nth:024}");
            let input = json!({ "command": command, "description": "show the file" });
            let used = json!({ "type": "tool_use", "id": id, "name": "Bash", "input": input });
            let result = json!({
                "tool_use_id": id, "type": "tool_result", "content": output, "is_error": false,
            });
            let said = json!({ "type": "text", "text": SAID });
            [
                json!({ "role": "assistant", "content": [said, used] }),
                json!({ "role": "user", "content": [result] }),
            ]
        }
    }
}

const SAID: &str = "Next I look at the file.";

fn serialized(values: &[Value]) -> usize {
    values.iter().map(|it| it.to_string().len() + 1).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_its_result() {
        let mut body = json!({ "messages": [{ "role": "user", "content": "go" }] });
        add_to_prompt(Wire::Chat, &mut body, "now");
        add(Wire::Chat, &mut body, 3, 3_000);
        assert_eq!(body["messages"][0]["content"], "go now");
        for nth in 0..3 {
            let call = &body["messages"][1 + 2 * nth]["tool_calls"][0]["id"];
            assert_eq!(&body["messages"][2 + 2 * nth]["tool_call_id"], call);
        }
        assert!(body.to_string().len().abs_diff(3_050) < 400);
    }
}
