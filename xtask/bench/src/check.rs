//! Whether an answer is the right one, to the last byte.

use clap::ValueEnum;
use serde_json::Value;

use crate::answer;

/// What a server should deliver.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Expect {
    /// The mock's events, unchanged.
    ChatStream,
    /// The mock's object, unchanged.
    ChatWhole,
    /// The same text as Responses events.
    ResponsesStream,
    /// The same text as a Responses object.
    ResponsesWhole,
}

/// Knows the right answer.
pub(crate) struct Checker {
    expect: Expect,
    bytes: Vec<u8>,
    text: String,
}

impl Checker {
    pub(crate) fn new(expect: Expect) -> Self {
        let bytes = match expect {
            Expect::ChatStream => answer::events().concat(),
            Expect::ChatWhole => answer::whole(),
            Expect::ResponsesStream | Expect::ResponsesWhole => Vec::new(),
        };
        Self { expect, bytes, text: answer::text() }
    }

    /// # Errors
    ///
    /// What is wrong.
    pub(crate) fn check(&self, body: &[u8]) -> Result<(), String> {
        match self.expect {
            Expect::ChatStream | Expect::ChatWhole if body == self.bytes => Ok(()),
            Expect::ChatStream | Expect::ChatWhole => Err(format!(
                "{} bytes differ from the {} that were sent",
                body.len(),
                self.bytes.len()
            )),
            Expect::ResponsesStream => self.check_events(body),
            Expect::ResponsesWhole => {
                let response = parse(body)?;
                self.check_response(&response)
            }
        }
    }

    fn check_events(&self, body: &[u8]) -> Result<(), String> {
        let body = str::from_utf8(body).map_err(|it| it.to_string())?;
        let (mut deltas, mut count) = (String::new(), 0);
        let (mut done, mut end) = (None, None);
        for frame in body.split("\n\n").filter(|frame| !frame.is_empty()) {
            let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
            let Some(data) = data.filter(|data| *data != "[DONE]") else { continue };
            let event = parse(data.as_bytes())?;
            match event["type"].as_str() {
                _ if end.is_some() => return Err(format!("after the end: {data}")),
                Some("response.output_text.delta") => {
                    count += 1;
                    deltas.push_str(event["delta"].as_str().unwrap_or_default());
                }
                Some("response.output_item.done") => done = Some(event["item"].clone()),
                Some("response.completed") => end = Some(event["response"].clone()),
                Some("response.failed" | "response.incomplete" | "error") => {
                    return Err(data.to_owned());
                }
                _ => {}
            }
        }
        same("deltas", &deltas, &self.text)?;
        if count != answer::DELTAS {
            return Err(format!("{count} deltas instead of {}", answer::DELTAS));
        }
        let done = done.ok_or("no item is done")?;
        same("the done item", &text_of(&done), &self.text)?;
        self.check_response(&end.ok_or("the stream has no end")?)
    }

    fn check_response(&self, response: &Value) -> Result<(), String> {
        if response["status"] != "completed" {
            return Err(format!("status {} instead of completed", response["status"]));
        }
        let usage = &response["usage"]["total_tokens"];
        if *usage != 15_000 + answer::DELTAS {
            return Err(format!("usage {usage}"));
        }
        let items = response["output"].as_array().ok_or("no output")?;
        let text: String = items.iter().map(text_of).collect();
        same("the response's output", &text, &self.text)
    }
}

fn parse(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        format!("{error} in {}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]))
    })
}

fn text_of(item: &Value) -> String {
    let parts = item["content"].as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str()).collect()
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let at = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let (found, expected) = (found.len(), expected.len());
    Err(format!("{what}: {found} bytes, expected {expected}, equal up to byte {at}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A right stream, but for what `change` does to a delta.
    fn events(change: impl Fn(usize, &mut String)) -> String {
        let item = json!({ "content": [{ "type": "output_text", "text": answer::text() }] });
        let mut events: Vec<_> = (0..answer::DELTAS)
            .map(|index| {
                let mut delta = answer::delta(index);
                change(index, &mut delta);
                json!({ "type": "response.output_text.delta", "delta": delta })
            })
            .collect();
        events.push(json!({ "type": "response.output_item.done", "item": item }));
        events.push(json!({ "type": "response.completed", "response": {
            "status": "completed", "output": [item], "usage": { "total_tokens": 15_200 },
        }}));
        events.iter().map(|event| ["data: ", &event.to_string(), "\n\n"].concat()).collect()
    }

    #[test]
    fn equal_bytes_pass_and_one_changed_byte_does_not() {
        let checker = Checker::new(Expect::ChatStream);
        let mut body = answer::events().concat();
        assert_eq!(checker.check(&body), Ok(()));
        body[5_000] ^= 1;
        assert!(checker.check(&body).is_err());
    }

    #[test]
    fn a_translated_stream_is_checked_letter_by_letter() {
        let checker = Checker::new(Expect::ResponsesStream);
        assert_eq!(checker.check(events(|_, _| {}).as_bytes()), Ok(()));
        let broken = events(|index, delta| {
            if index == 77 {
                *delta = delta.to_uppercase();
            }
        });
        assert!(checker.check(broken.as_bytes()).unwrap_err().contains("equal up to byte"));
        let whole = events(|_, _| {});
        let cut = &whole.as_bytes()[..whole.len() / 2];
        assert!(checker.check(cut).is_err());
    }

    #[test]
    fn a_failed_answer_does_not_pass() {
        let checker = Checker::new(Expect::ResponsesWhole);
        let body = json!({ "status": "failed", "output": [] }).to_string();
        assert!(checker.check(body.as_bytes()).unwrap_err().contains("failed"));
    }
}
