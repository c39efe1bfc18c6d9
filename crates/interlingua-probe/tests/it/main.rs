//! Servers made of one rule each: what is found out about them, and what stays unknown.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use interlingua_dialect::Dialects;
use interlingua_ir::{Class, Fault};
use interlingua_probe::{Ask, Finding, MOST, Probe, Reply, Report, Server};
use serde_json::{Value, json};

/// A server by its rule; it counts what it is asked.
struct Ruled<F> {
    rule: F,
    requests: usize,
}

impl<F: FnMut(&Value, usize) -> Reply> Server for Ruled<F> {
    fn ask(&mut self, ask: Ask<'_>) -> Reply {
        let body: Value = serde_json::from_slice(&ask.body).unwrap();
        assert_eq!(ask.stream, body["stream"] == true);
        self.requests += 1;
        (self.rule)(&body, self.requests)
    }
}

/// Asks a server of a rule; also tells how often.
fn asked(rule: impl FnMut(&Value, usize) -> Reply) -> (Result<Report, Fault>, usize) {
    let dialects = Dialects::builtin();
    let mut server = Ruled { rule, requests: 0 };
    let report = Probe::new(&dialects, "generic", "house", "m").unwrap().run(&mut server);
    if let Ok(report) = &report {
        assert_eq!(report.requests, server.requests);
    }
    (report, server.requests)
}

fn probed(rule: impl FnMut(&Value, usize) -> Reply) -> Report {
    asked(rule).0.unwrap()
}

fn refused(class: Class, text: &str) -> Reply {
    Reply::Refused(Fault::new(class, text))
}

/// A whole answer, which is read where a stream was asked for, too.
fn message(message: &Value, finish: &str) -> Reply {
    let answer = json!({ "choices": [{ "message": message, "finish_reason": finish }] });
    Reply::Answer(answer.to_string().into_bytes())
}

fn hi() -> Reply {
    message(&json!({ "content": "hi" }), "stop")
}

/// Two calls where there are tools and no results yet, else a text.
fn calls(body: &Value, extra: &Value, finish: &str) -> Reply {
    let has_results = body["messages"].as_array().unwrap().iter().any(|it| it["role"] == "tool");
    if body["tools"].is_null() || has_results {
        return hi();
    }
    let call = |id: &str, name: &str| {
        json!({ "id": id, "type": "function",
            "function": { "name": name, "arguments": "{\"city\":\"Paris\"}" } })
    };
    let mut answer = json!({ "content": "",
        "tool_calls": [call("c1", "get_weather"), call("c2", "get_time")] });
    for (name, value) in extra.as_object().unwrap() {
        answer[name] = value.clone();
    }
    message(&answer, finish)
}

#[track_caller]
fn finding<'r>(report: &'r Report, asked: &str) -> &'r Finding {
    let found = report.findings.iter().find(|it| it.asked == asked);
    found.unwrap_or_else(|| panic!("`{asked}` is not among {:#?}", report.findings))
}

fn record(report: &Report) -> &str {
    report.proposal.as_ref().map_or("", |it| &it.toml)
}

#[test]
fn a_key_that_is_refused_ends_it_at_once() {
    let (report, requests) = asked(|_, _| refused(Class::Auth, "no such key"));
    assert_eq!((report.unwrap_err().class, requests), (Class::Auth, 1));
    let (report, requests) = asked(|body, at| match at {
        7 => refused(Class::Quota, "no money left"),
        _ => calls(body, &json!({}), "tool_calls"),
    });
    assert_eq!((report.unwrap_err().message.as_str(), requests), ("no money left", 7));
}

#[test]
fn who_answers_nothing_is_not_asked_on() {
    let (report, requests) = asked(|_, _| refused(Class::Unreachable, "nobody is there"));
    let fault = report.unwrap_err();
    assert!(fault.message.contains("nobody is there"), "{fault}");
    assert_eq!(requests, 1);
    let (report, requests) = asked(|_, _| refused(Class::BadParam, "no"));
    assert!(report.unwrap_err().message.contains("takes no text"));
    assert!(requests < 10, "{requests}");
}

#[test]
fn whatever_is_refused_there_is_an_end() {
    for seed in 0..40_usize {
        let rule = |body: &Value, at: usize| match (at * 7 + seed) % 5 {
            0 | 1 if at > 2 => refused(Class::BadParam, "no"),
            2 if at > 2 => refused(Class::Upstream, "broken"),
            _ => calls(body, &json!({ "reasoning": "hm" }), "tool_calls"),
        };
        let report = probed(rule);
        assert!(report.requests <= MOST, "{}", report.requests);
        let record = record(&report).to_owned();
        let own = Dialects::builtin().with([("house.toml", &record)]);
        assert!(record.is_empty() || own.is_ok(), "{own:?}\n{record}");
    }
}

#[test]
fn of_a_server_that_takes_anything_little_is_known() {
    let report = probed(|_, _| hi());
    assert_eq!(report.proposal, None);
    for asked in [
        "a limit called `max_completion_tokens`",
        "a limit of 1000000000 tokens",
        "– its calls",
        "the results of its calls",
        "– its colour",
        "– its answer",
        "`reasoning_effort: unheard-of`",
        "no thinking, by a switch",
        "– its usage",
    ] {
        assert_eq!(finding(&report, asked).means, None, "{asked}");
    }
}

#[test]
fn who_is_busy_says_nothing_about_what_it_takes() {
    let report = probed(|body, at| match at {
        1..=3 => hi(),
        _ if body["tools"].is_array() || body["response_format"].is_object() => {
            refused(Class::Overloaded, "busy")
        }
        _ => hi(),
    });
    assert_eq!(report.proposal, None);
    let found = finding(&report, "JSON that follows a schema");
    assert_eq!((found.came.as_str(), &found.means), ("busy", &None));
    assert!(!report.findings.iter().any(|it| it.asked == "`parallel_tool_calls`"));
}

#[test]
fn who_answers_no_more_is_not_asked_on() {
    let report = probed(|body, at| match at {
        1..=8 => calls(body, &json!({ "reasoning": "hm" }), "tool_calls"),
        _ => refused(Class::Timeout, "silent"),
    });
    assert_eq!(report.requests, 11, "each may take minutes");
    let last = report.findings.last().unwrap();
    assert_eq!((last.came.as_str(), &last.means), ("not asked, since it answers no more", &None));
    assert!(record(&report).contains("carrier = \"reasoning\""), "{}", record(&report));
}

#[test]
fn tools_that_break_a_server_are_offered_in_the_prompt() {
    let mut broken = 0;
    let report = probed(|body, _| {
        if body["tools"].is_array() {
            broken += 1;
            return refused(Class::Upstream, "house broke (500): template");
        }
        hi()
    });
    assert!(broken > 1, "once may be by chance");
    let found = finding(&report, "two tools with plain schemas");
    assert!(found.came.starts_with("refused: template; in the prompt taken"), "{}", found.came);
    assert!(record(&report).contains("[tools]\noffered_in = \"prompt\"\n"), "{}", record(&report));
    assert_eq!(finding(&report, "all of it together, as an agent asks").means, None);
}

#[test]
fn a_word_of_its_own_for_calls_is_learned() {
    let report = probed(|body, _| calls(body, &json!({}), "use_tools"));
    let record = record(&report);
    assert!(record.contains("[stream.finish_map]\nuse_tools = \"tool_calls\"\n"), "{record}");
    // How a text ends that may have been cut is not known.
    let report = probed(|_, _| message(&json!({ "content": "hi" }), "eos"));
    assert_eq!(finding(&report, "– its end").means, None);
    assert_eq!(report.proposal, None);
}

#[test]
fn a_thought_that_only_ends_is_read() {
    let report = probed(|_, _| message(&json!({ "content": "Hm.</think>hi" }), "stop"));
    assert!(record(&report).contains("[reasoning_out]\ntags = \"implicit_open\"\n"));
    let report = probed(|_, _| message(&json!({ "content": "<think>Hm.</think>hi" }), "stop"));
    assert_eq!(report.proposal, None);
}

#[test]
fn thoughts_go_back_where_they_came_from() {
    let extra = json!({ "reasoning": "I need both." });
    let report = probed(|body, _| calls(body, &extra, "tool_calls"));
    assert!(record(&report).contains("[replay]\ncarrier = \"reasoning\"\n"), "{}", record(&report));
    let found = finding(&report, "– its thoughts");
    assert_eq!(found.came, "in `reasoning`");
    // Somebody who shows thoughts and wants none of them back.
    let report = probed(|body, _| {
        let sent = body["messages"].to_string();
        match sent.contains("I need both.") {
            true => refused(Class::BadParam, "unknown field"),
            false => calls(body, &extra, "tool_calls"),
        }
    });
    let record = record(&report);
    assert!(record.contains("[replay]\nrule = \"forbid\"\ncarrier = \"none\"\n"), "{record}");
}

#[test]
fn who_only_streams_is_streamed_from() {
    let report = probed(|body, _| match body["stream"] == true {
        true => hi(),
        false => refused(Class::BadParam, "only streams"),
    });
    assert!(
        record(&report).contains("nonstream_thinking = \"force_stream\""),
        "{}",
        record(&report)
    );
}

#[test]
fn a_record_takes_no_name_that_is_taken() {
    let dialects = Dialects::builtin();
    let mut server = Ruled {
        rule: |_: &Value, _: usize| message(&json!({ "content": "a</think>b" }), "stop"),
        requests: 0,
    };
    let report = Probe::new(&dialects, "vllm", "generic", "m").unwrap().run(&mut server).unwrap();
    let proposal = report.proposal.unwrap();
    assert_eq!(proposal.id, "generic_2");
    assert!(proposal.toml.contains("extends = \"vllm\"\n"), "{}", proposal.toml);
    assert!(Probe::new(&dialects, "nobody", "house", "m").is_err());

    let before = "id = 'house'\ntitle = 'House'\nextends = 'generic'\n";
    let dialects = dialects.with([("house.toml", before)]).unwrap();
    for (base, id) in [("vllm", "house"), ("house", "house_2")] {
        let report = Probe::new(&dialects, base, "house", "m").unwrap().run(&mut server).unwrap();
        let proposal = report.proposal.unwrap();
        assert_eq!(proposal.id, id);
        assert!(proposal.toml.starts_with(&format!("id = \"{id}\"\n")), "{}", proposal.toml);
        assert!(!proposal.toml.contains("match = [\"*\"]"), "{}", proposal.toml);
    }
}

#[test]
fn a_record_is_named_in_letters_that_a_record_may_have() {
    let dialects = Dialects::builtin();
    for (provider, id) in
        [("my-server", "my_server"), ("10-GPUs", "at_10_gpus"), ("generic", "generic_2")]
    {
        let rule = |_: &Value, _: usize| message(&json!({ "content": "a</think>b" }), "stop");
        let mut server = Ruled { rule, requests: 0 };
        let report =
            Probe::new(&dialects, "vllm", provider, "m").unwrap().run(&mut server).unwrap();
        let proposal = report.proposal.unwrap();
        assert_eq!(proposal.id, id);
        let known = dialects.clone().with([("record", &proposal.toml)]);
        assert!(known.unwrap().contains(id), "{}", proposal.toml);
    }
}

#[test]
fn usage_that_nobody_reads_is_told_with_its_place() {
    let report = probed(|_, _| {
        let answer = json!({
            "choices": [{ "message": { "content": "hi" }, "finish_reason": "stop" }],
            "x_house": { "usage": { "prompt_tokens": 1, "completion_tokens": 1 } },
        });
        Reply::Answer(answer.to_string().into_bytes())
    });
    let usage = finding(&report, "– its usage");
    assert_eq!(usage.came, "in `x_house`, where nobody looks for it");
    assert_eq!(usage.means, None);
}

#[test]
fn arguments_that_are_no_json_are_told() {
    let report = probed(|body, _| {
        let Reply::Answer(answer) = calls(body, &json!({}), "tool_calls") else { unreachable!() };
        let broken = String::from_utf8(answer).unwrap().replace(r#"\"Paris\"}"#, "");
        Reply::Answer(broken.into_bytes())
    });
    let calls = finding(&report, "– its calls");
    assert_eq!(calls.came, "2, with arguments that are no JSON");
    assert_eq!(calls.means.as_deref(), Some("its calls cannot be relied on"));
}
