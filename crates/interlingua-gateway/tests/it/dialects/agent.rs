//! What the agent does, and what its model answers.

use interlingua_testkit::talk::{Answered, Talker, form};
use interlingua_testkit::upstream::{Answer, Script, Wire, call, finish, reasoning, text, usage};
use serde_json::{Value, json};

use crate::stage::{LONG, Stage};

const EFFORTS: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The smallest picture that a server takes.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/// What follows [`schema`].
const FORMED: &str = r#"{"colour":"red"}"#;

/// The form of an answer that the agent asks for.
pub(super) fn schema() -> Value {
    json!({ "type": "object", "properties": { "colour": { "type": "string" } },
        "required": ["colour"], "additionalProperties": false })
}

/// What the upstream says to [`Agent::work`].
pub(super) fn steps() -> Script {
    let script = Script::new()
        .then(Answer::stream([
            reasoning("I need both files."),
            call("call00001", "read", r#"{"value":"a"}"#),
            call("call00002", "read", r#"{"value":"b"}"#),
            finish("tool_calls"),
            usage(100, 20),
        ]))
        .then(Answer::stream([
            reasoning("The second file is a picture."),
            text("It is red."),
            call("call00003", "write", r#"{"value":"red"}"#),
            finish("tool_calls"),
            usage(200, 20),
        ]))
        .then(Answer::stream([
            reasoning("Done."),
            text("Written."),
            finish("stop"),
            usage(300, 20),
        ]))
        .then(Answer::stream([text(FORMED), finish("stop"), usage(400, 20)]));
    EFFORTS.iter().fold(script, |script, _| {
        let pieces = [reasoning("Hm."), text("As you like."), finish("stop"), usage(500, 20)];
        script.then(Answer::stream(pieces))
    })
}

/// One conversation.
pub(super) struct Agent<'s> {
    pub(super) talker: Talker,
    wire: Wire,
    /// Who it is, for whoever reads why a test failed.
    pub(super) what: String,
    stage: &'s Stage,
    turns: usize,
}

impl<'s> Agent<'s> {
    pub(super) fn new(wire: Wire, dialect: &str, model: &str, stage: &'s Stage) -> Self {
        let talker = Talker::new(wire, &format!("up/{model}")).limit(LONG);
        let what = format!("{} at {dialect} {model}", wire.name());
        Self { talker, wire, what, stage, turns: 0 }
    }

    /// Works, as [`steps`] answers.
    pub(super) fn work(&mut self) {
        let wire = self.wire;
        self.say_with_picture("Look at a and b.");
        let answered = self.ask(|body| insist(wire, body));
        assert_eq!(answered.calls.len(), 2, "{}", self.what);
        self.talker.answer(|call| format!("content of {}", call.arguments["value"]));
        self.add_picture_to_result();
        let answered = self.ask(|_| {});
        assert_eq!((&*answered.text, answered.calls.len()), ("It is red.", 1), "{}", self.what);
        self.talker.answer(|_| "ok".to_owned());
        let answered = self.ask(|_| {});
        assert_eq!(answered.text, "Written.", "{}", self.what);

        self.talker.say("Say it as JSON.");
        let answered = self.ask(|body| form(wire, body, &schema()));
        assert_eq!(answered.text, FORMED, "{}", self.what);
        for effort in EFFORTS {
            self.talker.say("Think differently.");
            let answered = self.ask(|body| set_effort(wire, body, effort));
            assert_eq!(answered.text, "As you like.", "{} {effort}", self.what);
        }
    }

    /// The user says something and shows a picture.
    fn say_with_picture(&mut self, text: &str) {
        let content = self.with_picture(text);
        self.talker.history().push(json!({ "role": "user", "content": content }));
    }

    /// The last result becomes a picture as well as a text.
    fn add_picture_to_result(&mut self) {
        let content = self.with_picture("a picture");
        let last = self.talker.history().last_mut().unwrap();
        let place = match self.wire {
            Wire::Chat => "/content",
            Wire::Responses => "/output",
            Wire::Messages => "/content/1/content",
        };
        *last.pointer_mut(place).unwrap() = content;
    }

    /// A text and a picture, in the words of the protocol.
    fn with_picture(&self, text: &str) -> Value {
        let url = format!("data:image/png;base64,{PICTURE}");
        match self.wire {
            Wire::Chat => json!([{ "type": "text", "text": text },
                { "type": "image_url", "image_url": { "url": url } }]),
            Wire::Responses => json!([{ "type": "input_text", "text": text },
                { "type": "input_image", "image_url": url }]),
            Wire::Messages => json!([{ "type": "text", "text": text },
                { "type": "image", "source": {
                    "type": "base64", "media_type": "image/png", "data": PICTURE } }]),
        }
    }

    /// Asks for the next step; every second time for a whole answer instead of a stream.
    pub(super) fn ask(&mut self, change: impl FnOnce(&mut Value)) -> Answered {
        self.turns += 1;
        let stream = self.turns % 2 == 1;
        let mut body = self.talker.body(stream);
        set_tools(&mut body);
        set_rules(self.wire, &mut body);
        set_effort(self.wire, &mut body, "high");
        change(&mut body);
        let reply = self.stage.send(&self.talker.call(&body));
        let answered = self.talker.read(&reply, stream);
        let answered = answered.unwrap_or_else(|error| {
            panic!("{}: {error}; {:?}", self.what, self.stage.upstream.violations())
        });
        if self.wire == Wire::Chat {
            assert!(answered.stop == "stop" || !answered.calls.is_empty(), "{}", self.what);
        }
        self.talker.keep(&answered);
        answered
    }
}

/// Gives the tools parameters as real agents describe them, with all that some upstreams refuse.
fn set_tools(body: &mut Value) {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
        "properties": {
            "value": { "$ref": "#/$defs/value" },
            "either": { "type": "string", "anyOf": [{ "minLength": 1 }, { "const": "" }] },
            "pair": { "type": "array", "items": [{ "type": "string" }, { "type": "number" }] },
            "default": { "type": "string", "default": "x" } },
        "required": ["value"], "additionalProperties": false,
        "$defs": { "value": { "type": "string", "description": "what to read" } },
    });
    for (at, tool) in body["tools"].as_array_mut().unwrap().iter_mut().enumerate() {
        for place in ["/function/parameters", "/parameters", "/input_schema"] {
            if let Some(parameters) = tool.pointer_mut(place) {
                *parameters = schema.clone();
            }
        }
        if let (0, Some(function)) = (at, tool.get_mut("function")) {
            function["strict"] = true.into();
        }
    }
}

/// What the operator says, in the protocol's place for it.
fn set_rules(wire: Wire, body: &mut Value) {
    match wire {
        Wire::Chat => {
            let rules = json!({ "role": "developer", "content": "Be brief." });
            body["messages"].as_array_mut().unwrap().insert(0, rules);
        }
        Wire::Responses => body["instructions"] = "Be brief.".into(),
        Wire::Messages => {
            body["system"] = json!([{ "type": "text", "text": "Be brief.",
                "cache_control": { "type": "ephemeral" } }]);
        }
    }
}

/// Sets what agents set that not every upstream knows.
fn insist(wire: Wire, body: &mut Value) {
    let fields = match wire {
        Wire::Chat => json!({
            "parallel_tool_calls": true,
            "tool_choice": { "type": "function", "function": { "name": "read" } },
            "max_tokens": 5_000,
            "temperature": 0.3,
            "top_p": 0.9,
            "seed": 7,
            "user": "u",
            "store": false,
            "metadata": { "a": "b" },
            "presence_penalty": 0.1,
            "logit_bias": {},
            "stop": null,
        }),
        Wire::Responses => json!({
            "parallel_tool_calls": true,
            "prompt_cache_key": "key",
            "tool_choice": "required",
            "reasoning": { "effort": "high", "summary": "auto" },
            "text": { "verbosity": "low" },
            "temperature": 0.3,
        }),
        Wire::Messages => json!({ "metadata": { "user_id": "u" } }),
    };
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
}

fn set_effort(wire: Wire, body: &mut Value, effort: &str) {
    match (wire, effort) {
        (Wire::Chat, _) => body["reasoning_effort"] = effort.into(),
        (Wire::Responses, _) => body["reasoning"] = json!({ "effort": effort }),
        // Its levels begin at low; below there is only off, and between them a number of tokens.
        (Wire::Messages, "none") => body["thinking"] = json!({ "type": "disabled" }),
        (Wire::Messages, "minimal") => {
            body["thinking"] = json!({ "type": "enabled", "budget_tokens": 1_024 });
        }
        (Wire::Messages, _) => body["output_config"] = json!({ "effort": effort }),
    }
}
