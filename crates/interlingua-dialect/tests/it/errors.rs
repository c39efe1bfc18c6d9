use std::fs;
use std::time::Duration;

use interlingua_dialect::{Dialects, Fix, Refusal};
use interlingua_ir::{Class, Retry};
use serde_json::{Value, json};

use crate::support::{fixtures, json};

/// Fixtures whose `retryable` contradicts the table: its rule says otherwise, or it has no rule that
/// could say so. Their classes are right. The list is exact, so a table that learns better, or a
/// classifier that gets worse, shows here.
const UNSETTLED_RETRYABLE: [&str; 7] = [
    "anthropic-empty-text",
    "groq-unsupported-field",
    "minimax-role-system",
    "mistral-tool-id",
    "mistral-user-after-tool",
    "volcengine-developer-role",
    "volcengine-missing-content",
];

#[test]
fn every_recorded_refusal_is_classified() {
    let dialects = Dialects::builtin();
    let mut wrong = Vec::new();
    let mut unsettled = Vec::new();
    for (name, fixture) in recorded() {
        let refusal = classify(&dialects, &fixture);
        if refusal.class.name() != fixture["class"] {
            wrong.push(format!("{name}: {} instead of {}", refusal.class, fixture["class"]));
        }
        if fixture["retryable"].as_bool().is_some_and(|it| it != refusal.transient) {
            unsettled.push(name);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(unsettled, UNSETTLED_RETRYABLE);
}

/// All recorded refusals, by name.
fn recorded() -> Vec<(String, Value)> {
    let files = fs::read_dir(fixtures().join("errors")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    files.sort();
    let stem = |file: &std::ffi::OsString| file.to_str().unwrap().replace(".json", "");
    assert!(!files.is_empty());
    files.iter().map(|file| (stem(file), json(fixtures().join("errors").join(file)))).collect()
}

fn classify(dialects: &Dialects, fixture: &Value) -> Refusal {
    let dialect = dialects.resolve(fixture["dialect"].as_str().unwrap(), "").unwrap();
    let status = fixture["http_status"].as_u64().unwrap().try_into().unwrap();
    let retry_after = fixture["headers"]["retry-after"].as_str();
    let retry_after = retry_after.map(|it| Duration::from_secs(it.parse().unwrap()));
    let body = match &fixture["body"] {
        Value::Null => fixture["body_text"].as_str().unwrap().to_owned(),
        body => body.to_string(),
    };
    dialect.classify(status, retry_after, body.as_bytes())
}

#[track_caller]
fn refused(dialect: &str, status: u16, body: impl AsRef<[u8]>) -> Refusal {
    Dialects::builtin().resolve(dialect, "").unwrap().classify(status, None, body.as_ref())
}

fn recorded_message(name: &str) -> String {
    classify(&Dialects::builtin(), &json(format!("errors/{name}.json"))).message
}

#[test]
fn messages_are_the_best_words_found() {
    for (name, message) in [
        (
            "mimo-replay-missing-streaming",
            "Param Incorrect: The reasoning_content in the thinking mode must be passed back to the API.",
        ),
        (
            "openrouter-replay-missing",
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
        ),
        ("openrouter-upstream-opaque", "Provider returned error"),
        ("generic-nested-string", "Context size has been exceeded."),
        ("generic-html-502", "it sent a page instead of an answer: 502 Bad Gateway"),
        ("cerebras-empty-body", "it gave no reason"),
        ("siliconflow-auth", "Invalid token"),
        ("mistral-422", "store: Extra inputs are not permitted"),
        ("mistral-422-flat", "parallel_tool_call: Extra inputs are not permitted"),
        ("xai-bad-param", "Argument not supported on this model: presencePenalty"),
        ("minimax-balance", "insufficient balance"),
    ] {
        assert_eq!(recorded_message(name), message, "{name}");
    }
}

#[test]
fn codes_params_and_hints_are_kept() {
    let dialects = Dialects::builtin();
    let of = |name: &str| classify(&dialects, &json(format!("errors/{name}.json")));
    assert_eq!(of("openai-bad-param").param.as_deref(), Some("max_tokens"));
    assert_eq!(of("openai-bad-param").code.as_deref(), Some("unsupported_parameter"));
    assert_eq!(of("mistral-422").param.as_deref(), Some("store"));
    assert_eq!(of("mimo-replay-missing").param, None, "a sentence is no field");
    assert_eq!(of("minimax-bad-param").code.as_deref(), Some("2013"));
    assert_eq!(of("gemini-quota").retry_after, Some(Duration::from_secs(34)));
    assert_eq!(of("kimi-rate-limit").retry_after, Some(Duration::from_secs(1)));
    assert_eq!(of("openai-rate-limit").retry_after, Some(Duration::from_secs(2)));
    assert_eq!(of("glm-plan-window").resets_at.as_deref(), Some("2026-11-20 18:00:00"));
    assert_eq!(of("volcengine-quota").resets_at.as_deref(), Some("2026-11-20 18:00:00 +0800 CST"));
    assert_eq!(of("openrouter-200-error").resets_at.as_deref(), Some("2026-05-28 20:26:40 UTC"));
}

#[test]
fn repairs_and_waits_of_recorded_refusals() {
    let dialects = Dialects::builtin();
    let told = recorded().into_iter().filter_map(|(name, fixture)| {
        let refusal = classify(&dialects, &fixture);
        let param =
            refusal.param.filter(|_| matches!(refusal.fix, Some(Fix::DropParam | Fix::DropValue)));
        let param = param.map(|it| format!(" {it}"));
        let fix = refusal.fix.map(|it| format!(" {}", it.name()));
        let wait = refusal.retry_after.map(|it| format!(" {} s", it.as_secs()));
        let renewed = refusal.resets_at.map(|it| format!(" at {it}"));
        let limit = refusal.answer_limit.map(|it| match it.always {
            true => format!(" an answer of {} tokens", it.tokens),
            false => format!(" an answer of {} tokens in this conversation", it.tokens),
        });
        let told = [fix, param, limit, wait, renewed].into_iter().flatten().collect::<String>();
        (!told.is_empty()).then(|| format!("{name}:{told}"))
    });
    assert_eq!(told.collect::<Vec<_>>(), REPAIRS_AND_WAITS);
}

/// The recorded refusals that can be repaired, or say when to come back. All others can not and do not.
const REPAIRS_AND_WAITS: [&str; 38] = [
    "anthropic-forced-tool-thinking: disable_thinking",
    "anthropic-max-tokens: an answer of 64000 tokens",
    "anthropic-rate-limit: 12 s",
    "anthropic-strict-tools: drop_strict",
    "deepseek-conflict-thinking: disable_thinking",
    "deepseek-response-format: to_json_object",
    "gemini-quota: 34 s",
    "glm-max-tokens: an answer of 98304 tokens",
    "glm-plan-window: at 2026-11-20 18:00:00",
    "groq-max-tokens: an answer of 16384 tokens",
    "kimi-rate-limit: 1 s",
    "kimi-temperature: drop_value temperature",
    "kimi-thinking-forced: drop_value thinking",
    "kimi-tool-choice: drop_value tool_choice",
    "mimo-max-tokens: an answer of 131072 tokens",
    "mimo-no-image: lift_images",
    "mimo-replay-missing-streaming: add_placeholder",
    "mimo-replay-missing: add_placeholder",
    "mimo-web-search-off: drop_web_search",
    "mistral-422-flat: drop_param parallel_tool_call",
    "mistral-422: drop_param store",
    "ollama-effort: effort_nearest",
    "openai-bad-param: drop_param max_tokens",
    "openai-max-tokens: an answer of 4096 tokens",
    "openai-rate-limit: 2 s",
    "openrouter-200-error: at 2026-05-28 20:26:40 UTC",
    "openrouter-max-tokens: an answer of 123188 tokens in this conversation",
    "qwen-max-tokens: an answer of 8192 tokens",
    "qwen-thinking-nonstream: force_stream",
    "qwen-tool-choice-thinking: disable_thinking",
    "sglang-max-tokens: an answer of 144189 tokens in this conversation",
    "transformers-bad-param: drop_param top_k",
    "vllm-max-tokens-at-least: an answer of 16000 tokens in this conversation",
    "vllm-max-tokens: an answer of 15309 tokens in this conversation",
    "volcengine-max-tokens: an answer of 12288 tokens",
    "volcengine-quota: at 2026-11-20 18:00:00 +0800 CST",
    "xai-bad-param: drop_param presence_penalty",
    "xai-effort: drop_param reasoning_effort",
];

#[test]
fn the_longest_answer_is_known_by_the_words_about_it() {
    let told = |status, message: &str| {
        let body = json!({ "error": { "message": message } }).to_string();
        refused("generic", status, &body).answer_limit.map(|it| it.tokens)
    };
    for (message, tokens) in [
        ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8_192),
        ("max_tokens is too large. This model supports at most 65,536 completion tokens", 65_536),
        ("max_tokens for `m` must be less than or equal to 8000", 8_000),
        ("max_tokens: Input should be less than or equal to 8192", 8_192),
        (
            "Invalid 'max_output_tokens': above maximum. Expected a value <= 128000, but got 200000",
            128_000,
        ),
        ("The maximum tokens you requested exceeds the model limit of 10000. Try again.", 10_000),
        (
            "maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 65537 (exclusive)",
            65_536,
        ),
        (
            "`inputs` tokens + `max_new_tokens` must be <= 40000. Given: 30000 `inputs` tokens and 32000 `max_new_tokens`",
            10_000,
        ),
        (
            "maximum context length is 40000 tokens. However, you requested 42000 tokens (9000 in the messages, 1000 in the functions, and 32000 in the completion).",
            30_000,
        ),
    ] {
        assert_eq!(told(400, message), Some(tokens), "{message}");
    }
    let elsewhere = "range of max_tokens is [1, 8192]";
    assert_eq!((told(400, elsewhere), told(503, elsewhere)), (Some(8_192), None));
    for message in [
        "Invalid parameters: max_tokens, n: n must be less than or equal to 1",
        "max_tokens and temperature are set; temperature must be less than or equal to 2000",
        "max_input_tokens must be less than or equal to 1000",
        "max_tokens must be less than or equal to 1",
        "you requested 0 output tokens and your prompt contains at least 32769 input tokens",
        "maximum context length is 8192 tokens and your request has 8000 input tokens",
    ] {
        assert_eq!(told(400, message), None, "{message}");
    }
}

#[test]
fn a_rejected_parameter_is_known_by_its_name() {
    for (message, param) in [
        ("Unrecognized request argument supplied: verbosity", "verbosity"),
        ("Unknown parameter: 'reasoning.context'.", "reasoning.context"),
        ("unknown field `top_k`, expected one of", "top_k"),
        ("This model does not support the parameter `logitBias`", "logit_bias"),
    ] {
        let body = json!({ "error": { "message": message } }).to_string();
        let refusal = refused("generic", 400, &body);
        assert_eq!(refusal.fix, Some(Fix::DropParam), "{message}");
        assert_eq!(refusal.param.as_deref(), Some(param));
        assert_eq!(refused("generic", 500, &body).fix, None, "the server's own failure");
    }
    let inside = "Extra inputs are not permitted, field: 'messages[2].reasoning', value: 'x'";
    let refusal = refused("generic", 400, json!({ "error": inside }).to_string());
    assert_eq!((refusal.fix, refusal.param.as_deref()), (None, Some("messages[2].reasoning")));
}

#[test]
fn a_rejected_value_says_nothing_of_the_parameter() {
    for (message, param) in [
        ("Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature"),
        ("Unsupported value: 'reasoning_effort' does not support 'xhigh'.", "reasoning_effort"),
        ("invalid top_p: only 0.95 is allowed for this model", "top_p"),
    ] {
        let refusal =
            refused("generic", 400, json!({ "error": { "message": message } }).to_string());
        assert_eq!((refusal.fix, refusal.param.as_deref()), (Some(Fix::DropValue), Some(param)));
    }
}

#[test]
fn errors_in_streams_are_recognised() {
    let dialects = Dialects::builtin();
    let expected = json("streams.expected.json");
    let mut recognised = 0;
    for (file, expected) in expected.as_object().unwrap() {
        let dialect = dialects.resolve(expected["dialect"].as_str().unwrap(), "").unwrap();
        let stream = fs::read_to_string(fixtures().join("streams").join(file)).unwrap();
        let events = stream.lines().filter_map(|line| line.strip_prefix("data:"));
        let refusals: Vec<_> = events.filter_map(|it| dialect.classify_event(it.trim())).collect();
        for refusal in &refusals {
            assert_eq!(refusal.class.name(), expected["error_class"], "{file}");
        }
        recognised += usize::from(!refusals.is_empty());
    }
    assert_eq!(recognised, 7);
}

#[test]
fn an_answer_is_no_error() {
    let dialect = Dialects::builtin().resolve("minimax", "").unwrap();
    for answer in [
        json!({"choices": [{"delta": {"content": "rate limit"}}], "error": null}),
        json!({"choices": [], "base_resp": {"status_code": 0, "status_msg": "success"}}),
        json!({"type": "ping"}),
    ] {
        assert_eq!(dialect.classify_event(&answer.to_string()), None, "{answer}");
    }
}

#[test]
fn a_status_inside_replaces_200_only() {
    let body = json!({"error": {"code": 429, "message": "slow down"}}).to_string();
    assert_eq!(refused("generic", 200, &body).status, 429);
    assert_eq!(refused("generic", 500, &body).status, 500);
}

#[test]
fn a_long_wait_or_a_used_up_window_is_a_quota() {
    let generic = Dialects::builtin().resolve("generic", "").unwrap();
    let class = |wait: Option<u64>, message: &str| {
        let body = json!({"error": {"message": message}}).to_string();
        let refusal = generic.classify(429, wait.map(Duration::from_secs), body.as_bytes());
        assert_eq!(refusal.transient, refusal.class == Class::RateLimit);
        refusal.class
    };
    assert_eq!(class(None, "too fast"), Class::RateLimit);
    assert_eq!(class(Some(300), "too fast"), Class::RateLimit);
    assert_eq!(class(Some(301), "too fast"), Class::Quota);
    assert_eq!(class(None, "try again in 2h"), Class::Quota);
    assert_eq!(class(None, "weekly limit reached"), Class::Quota);
    assert_eq!(class(None, "free-models-per-day"), Class::Quota);
    assert_eq!(class(Some(8), "limit on requests per day"), Class::RateLimit, "the wait is known");
}

#[test]
fn what_repeats_the_models_words_is_no_reason() {
    let body = json!({"error": {
        "message": "Failed to call a function.",
        "code": "tool_use_failed",
        "failed_generation": "the maximum context length",
    }});
    let refusal = refused("generic", 400, body.to_string());
    assert_eq!(refusal.class, Class::ToolGenerationFailed);
}

#[test]
fn hostile_bodies_do_no_harm() {
    let deep = format!("{{\"error\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let mut nested = json!({"message": "inner"}).to_string();
    for _ in 0..9 {
        nested = json!({"error": {"message": nested}}).to_string();
    }
    let bodies: [&[u8]; 6] =
        [deep.as_bytes(), nested.as_bytes(), b"\xff\xfe", b"{", b"data:", b"<"];
    for body in bodies {
        let refusal = refused("generic", 500, body);
        assert_eq!(refusal.class, Class::Upstream);
        assert!(!refusal.message.is_empty() && refusal.message.len() <= 4096);
    }
    let long = refused("generic", 500, "x".repeat(1 << 20));
    assert!(long.message.len() <= 4096);
}

#[test]
fn a_fault_says_who_refused_and_why() {
    let dialects = Dialects::builtin();
    let told = |name: &str| {
        let refusal = classify(&dialects, &json(format!("errors/{name}.json")));
        refusal.into_fault("house", Some("HOUSE_API_KEY")).message
    };
    for (name, message) in [
        (
            "mimo-replay-missing",
            "house refused the request (400): Param Incorrect: The reasoning_content in the thinking mode must be passed back to the API.",
        ),
        (
            "mimo-key-mixup",
            "house does not accept the key in `HOUSE_API_KEY` (401): Invalid API Key",
        ),
        (
            "mimo-balance",
            "house has no allowance left for the key in `HOUSE_API_KEY` (402): Insufficient account balance",
        ),
        (
            "glm-plan-window",
            "house has no allowance left for the key in `HOUSE_API_KEY` (429): Usage limit reached for 5 hour. Your limit will reset at 2026-11-20 18:00:00",
        ),
        (
            "kimi-rate-limit",
            "house limits the rate of requests (429): Your account reached max request: 1, please try again after 1 seconds (wait 1 s)",
        ),
        (
            "minimax-balance",
            "house has no allowance left for the key in `HOUSE_API_KEY`: insufficient balance",
        ),
        (
            "openrouter-200-error",
            "house limits the rate of requests (429): Rate limit exceeded: free-models-per-min. (resets at 2026-05-28 20:26:40 UTC)",
        ),
    ] {
        assert_eq!(told(name), message, "{name}");
    }
}

/// The codes by which a Responses answer fails inside its stream.
#[test]
fn codes_of_failed_answers_have_a_class() {
    for (code, message, class) in [
        ("server_error", "The server had an error", Class::Upstream),
        ("server_is_overloaded", "Try again later.", Class::Overloaded),
        ("rate_limit_exceeded", "Please try again in 1.5s.", Class::RateLimit),
        ("slow_down", "Slow down.", Class::RateLimit),
        ("insufficient_quota", "You exceeded your current quota", Class::Quota),
        ("context_length_exceeded", "Your input exceeds the window", Class::ContextLength),
        ("invalid_prompt", "Invalid prompt", Class::BadParam),
        (
            "invalid_prompt",
            "your prompt was flagged as potentially violating our usage policy",
            Class::ContentFilter,
        ),
        ("bio_policy", "Refused.", Class::ContentFilter),
        ("invalid_image_url", "No such image", Class::BadParam),
        ("model_not_found", "No such model", Class::ModelNotFound),
    ] {
        let body = json!({"error": {"code": code, "message": message}}).to_string();
        let refusal = refused("generic", 200, body);
        assert_eq!(refusal.class, class, "{code}");
    }
}

#[test]
fn a_key_in_the_upstreams_words_is_not_repeated() {
    let body =
        json!({"error": {"message": "Incorrect API key provided: sk-proj-abcdefghijklmnop."}});
    let fault = refused("openai", 401, body.to_string()).into_fault("openai", None);
    assert_eq!(
        fault.message,
        "openai does not accept the configured key (401): Incorrect API key provided: sk-…."
    );
}

#[test]
fn a_repair_that_was_not_made_is_no_reason_to_repeat() {
    let body = json!({"error": {"message": "invalid reasoning value: 'minimal'"}}).to_string();
    let refusal = refused("ollama", 400, body);
    assert_eq!((refusal.fix, refusal.transient), (Some(Fix::EffortNearest), true));
    assert_eq!(refusal.into_fault("ollama", None).retry(), Retry::Never);
}
