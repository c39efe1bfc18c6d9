//! Every snippet is what its client can read, whatever the models are called.

use std::io::ErrorKind;
use std::process::Command;

use interlingua_clients::snippet::{
    Client, Flavour, Key, Kind, Lang, Model, Options, Snippet, snippet,
};
use interlingua_registry::Secret;
use serde_json::{Value, json};

/// A name that means something in every language that it is written into.
const NASTY: &str = "house/a'b\"c\\d $HOME `id` {{key}} ${x} ü\u{1f980}";

fn model(slug: &str) -> Model {
    Model {
        slug: slug.to_owned(),
        name: format!("The {slug}"),
        context_window: 200_000,
        window_assumed: false,
        max_output_tokens: Some(16_000),
        images: true,
        reasoning: true,
    }
}

fn options(slug: &str) -> Options {
    let plain = Model {
        window_assumed: true,
        context_window: 100_000,
        max_output_tokens: None,
        images: false,
        reasoning: false,
        ..model("house/plain")
    };
    Options {
        base_url: "http://127.0.0.1:8787/v1/".to_owned(),
        key: Key::Text(Secret::new("il_ke'y".to_owned())),
        model: model(slug),
        small: Some("house/plain".to_owned()),
        models: vec![model(slug), plain],
        flavour: None,
        lang: None,
        prompt: "Say \"hello\", it's $5.\nNow.".to_owned(),
    }
}

/// All that a client can be told, by every key.
fn every(client: Client, slug: &str) -> Vec<(String, Snippet)> {
    let keys = [
        ("text", Key::Text(Secret::new("il_ke'y".to_owned()))),
        ("variable", Key::Variable("MY_KEY".to_owned())),
    ];
    let langs = [vec![None], client.langs().iter().copied().map(Some).collect()].concat();
    let mut all = Vec::new();
    for (word, key) in keys {
        for flavour in client.flavours() {
            for lang in &langs {
                let options = Options {
                    key: key.clone(),
                    flavour: Some(*flavour),
                    lang: *lang,
                    ..options(slug)
                };
                let name = format!("{} {word} {flavour:?} {lang:?}", client.name());
                all.push((name, snippet(client, &options)));
            }
        }
    }
    all
}

/// Lets a program look at a text; whether it was there to do so.
#[expect(clippy::print_stdout, reason = "what is skipped is told")]
#[track_caller]
fn check_by(name: &str, program: &str, arguments: &[&str], suffix: &str, text: &str) {
    let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    match Command::new(program).args(arguments).arg(file.path()).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {said}\n{text}");
        }
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            println!("skipped {name}: there is no `{program}`");
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

#[test]
fn every_snippet_can_be_read_by_its_language() {
    const PARSE: &str = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())";
    for slug in ["house/coder", NASTY] {
        for (name, made) in Client::ALL.into_iter().flat_map(|client| every(client, slug)) {
            let text = &made.text;
            match made.kind {
                Kind::Json => drop(serde_json::from_str::<Value>(text).unwrap()),
                Kind::Python => check_by(&name, "python3", &["-c", PARSE], ".py", text),
                Kind::JavaScript => check_by(&name, "node", &["--check"], ".mjs", text),
                Kind::Shell => check_by(&name, "sh", &["-n"], ".sh", text),
                Kind::Text => assert!(!text.trim().is_empty()),
            }
            assert!(text.ends_with('\n') && !text.contains("\n\n\n\n"), "{name}: {text}");
            if slug != NASTY {
                assert!(!text.contains("{{") && text.contains(slug), "{name}: {text}");
            }
            let shows_key = text.contains("il_ke");
            assert!(!shows_key || name.contains("text"), "{name}: {text}");
        }
    }
}

#[test]
fn what_is_printed_for_debugging_holds_no_key() {
    let options = options("house/coder");
    let made = snippet(Client::Curl, &options);
    assert!(!format!("{made:?} {options:?}").contains("il_ke"));
}

#[track_caller]
fn json_of(client: Client, flavour: Option<Flavour>) -> Value {
    let options = Options { flavour, ..options("house/coder") };
    serde_json::from_str(&snippet(client, &options).text).unwrap()
}

#[test]
fn opencode_is_told_of_every_model() {
    let made = json_of(Client::Opencode, None);
    assert_eq!(made["model"], "interlingua/house/coder");
    assert_eq!(made["small_model"], "interlingua/house/plain");
    let provider = &made["provider"]["interlingua"];
    assert_eq!(provider["npm"], "@ai-sdk/openai-compatible");
    let expected = json!({ "baseURL": "http://127.0.0.1:8787/v1", "apiKey": "il_ke'y" });
    assert_eq!(provider["options"], expected);
    let expected = json!({
        "house/coder": {
            "name": "The house/coder", "reasoning": true, "tool_call": true, "attachment": true,
            "modalities": { "input": ["text", "image"], "output": ["text"] },
            "limit": { "context": 200_000, "output": 16_000 },
        },
        "house/plain": {
            "name": "The house/plain", "reasoning": false, "tool_call": true, "attachment": false,
            "modalities": { "input": ["text"], "output": ["text"] },
            "limit": { "context": 100_000, "output": 25_000 },
        },
    });
    assert_eq!(provider["models"], expected);
    for (flavour, package) in
        [(Flavour::Responses, "@ai-sdk/openai"), (Flavour::Messages, "@ai-sdk/anthropic")]
    {
        let made = json_of(Client::Opencode, Some(flavour));
        assert_eq!(made["provider"]["interlingua"]["npm"], package);
    }
    let options = Options { key: Key::Variable("MY_KEY".to_owned()), ..options("house/coder") };
    let made: Value = serde_json::from_str(&snippet(Client::Opencode, &options).text).unwrap();
    assert_eq!(made["provider"]["interlingua"]["options"]["apiKey"], "{env:MY_KEY}");
}

#[test]
fn zed_speaks_three_protocols() {
    for (flavour, list, url, capabilities) in [
        (
            Flavour::Chat,
            "openai_compatible",
            "http://127.0.0.1:8787/v1",
            json!({ "tools": true, "images": true, "chat_completions": true, "interleaved_reasoning": true }),
        ),
        (
            Flavour::Responses,
            "openai_compatible",
            "http://127.0.0.1:8787/v1",
            json!({ "tools": true, "images": true, "chat_completions": false }),
        ),
        (
            Flavour::Messages,
            "anthropic_compatible",
            "http://127.0.0.1:8787",
            json!({ "tools": true, "images": true, "prompt_caching": true }),
        ),
    ] {
        let made = json_of(Client::Zed, Some(flavour));
        let provider = &made["language_models"][list]["interlingua"];
        assert_eq!(provider["api_url"], url);
        let expected = json!({
            "name": "house/coder", "display_name": "The house/coder", "max_tokens": 200_000,
            "max_output_tokens": 16_000, "capabilities": capabilities,
        });
        assert_eq!(provider["available_models"][0], expected);
        assert_eq!(made["agent"]["default_model"]["model"], "house/coder");
    }
}

#[test]
fn roo_gets_a_profile_for_each_model() {
    let made = json_of(Client::Roo, None);
    let profiles = &made["providerProfiles"];
    let current = profiles["currentApiConfigName"].as_str().unwrap();
    let expected = json!({
        "apiProvider": "openai",
        "openAiBaseUrl": "http://127.0.0.1:8787/v1",
        "openAiApiKey": "il_ke'y",
        "openAiModelId": "house/coder",
        "openAiStreamingEnabled": true,
        "openAiCustomModelInfo": {
            "maxTokens": 16_000, "contextWindow": 200_000, "supportsImages": true,
            "supportsPromptCache": false,
        },
    });
    assert_eq!(profiles["apiConfigs"][current], expected);
    assert_eq!(profiles["apiConfigs"].as_object().unwrap().len(), 2);
}

/// What a shell makes of a script, by the variables that it exports.
#[cfg(unix)]
#[track_caller]
fn exported(client: Client, flavour: Flavour, slug: &str) -> Vec<(String, String)> {
    let options = Options { flavour: Some(flavour), ..options(slug) };
    let script = snippet(client, &options).text + "env -0\n";
    let mut shell = Command::new("sh");
    shell.env_clear().env("PATH", "/usr/bin:/bin").args(["-c", &script]);
    let output = shell.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.split_terminator('\0').filter_map(|it| it.split_once('='));
    let ours = pairs.filter(|(name, _)| name.starts_with("COPILOT") || name.starts_with("OPENAI"));
    let mut ours: Vec<_> = ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    ours.sort();
    ours
}

#[cfg(unix)]
#[test]
fn variables_hold_what_was_meant() {
    let url = "http://127.0.0.1:8787/v1";
    let check = |found: Vec<(String, String)>, expected: &[(&str, &str)]| {
        let found: Vec<_> = found.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
        assert_eq!(found, expected);
    };
    check(
        exported(Client::CopilotCli, Flavour::Chat, NASTY),
        &[
            ("COPILOT_MODEL", NASTY),
            ("COPILOT_PROVIDER_BASE_URL", url),
            ("COPILOT_PROVIDER_BEARER_TOKEN", "il_ke'y"),
            ("COPILOT_PROVIDER_MAX_OUTPUT_TOKENS", "16000"),
            ("COPILOT_PROVIDER_MAX_PROMPT_TOKENS", "184000"),
            ("COPILOT_PROVIDER_TYPE", "openai"),
            ("COPILOT_PROVIDER_WIRE_API", "completions"),
        ],
    );
    let messages = exported(Client::CopilotCli, Flavour::Messages, "house/coder");
    let names: Vec<_> = messages.iter().map(|it| it.0.as_str()).collect();
    assert!(!names.contains(&"COPILOT_PROVIDER_WIRE_API"));
    let messages = messages.iter().map(|it| it.1.as_str()).collect::<Vec<_>>();
    assert!(messages.contains(&"anthropic") && messages.contains(&"http://127.0.0.1:8787"));
    check(
        exported(Client::Qwen, Flavour::Chat, NASTY),
        &[("OPENAI_API_KEY", "il_ke'y"), ("OPENAI_BASE_URL", url), ("OPENAI_MODEL", NASTY)],
    );
}

/// The words of each call of curl, as a shell cuts them.
#[cfg(unix)]
#[test]
fn curl_asks_what_was_meant() {
    let check = |key: Key| {
        let options = Options { key, ..options(NASTY) };
        let script = format!(
            "curl() {{ printf '%s\\0' \"$@\" end; }}\n{}",
            snippet(Client::Curl, &options).text
        );
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &script]).env("MY_KEY", "il_ke'y").output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        let calls: Vec<_> = words.split("end\0").filter(|it| !it.is_empty()).collect();
        assert_eq!(calls.len(), 3);
        for (call, path) in calls.iter().zip(["chat/completions", "responses", "messages"]) {
            let words: Vec<_> = call.split_terminator('\0').collect();
            assert!(words.contains(&format!("http://127.0.0.1:8787/v1/{path}").as_str()));
            assert!(words.contains(&"Authorization: Bearer il_ke'y"), "{words:?}");
            let body: Value = serde_json::from_str(words.last().unwrap()).unwrap();
            assert_eq!((&body["model"], &body["stream"]), (&NASTY.into(), &true.into()));
        }
    };
    check(Key::Text(Secret::new("il_ke'y".to_owned())));
    check(Key::Variable("MY_KEY".to_owned()));
}

#[test]
fn what_cannot_be_known_is_told() {
    let notes = |client: Client, key: Key| {
        let options = Options { key, ..options("house/coder") };
        snippet(client, &options).notes.join("\n")
    };
    let variable = || Key::Variable("MY_KEY".to_owned());
    assert!(notes(Client::Opencode, variable()).contains("window of `house/plain`"));
    assert!(!notes(Client::Curl, variable()).contains("window"));
    for client in [Client::Cursor, Client::Trae, Client::Roo] {
        let said = notes(client, variable());
        assert!(said.contains("PUT-YOUR-CLIENT-KEY-HERE") && said.contains("not tried"), "{said}");
        assert!(!notes(client, Key::Text(Secret::new("x".to_owned()))).contains("PUT-YOUR"));
    }
    assert!(notes(Client::Cursor, variable()).contains("public https address"));
}

/// What is said of a window is said of one that the snippet speaks of.
#[test]
fn a_window_that_nobody_tells_is_told_where_it_would_stand() {
    let known = options("house/coder");
    let unknown = Options { model: known.models[1].clone(), ..known.clone() };
    let notes = |client: Client, options: &Options| snippet(client, options).notes.join("\n");
    for client in [Client::Trae, Client::CopilotCli] {
        let said = notes(client, &known);
        assert!(!said.contains("window of"), "{said}");
    }
    for (client, expected) in [
        (Client::Trae, "the window of `house/plain`, so a small one stands there"),
        (Client::CopilotCli, "the window of `house/plain`, so none is given"),
    ] {
        let said = notes(client, &unknown);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn names_are_found_again() {
    assert!(Client::ALL.iter().all(|it| it.name().parse() == Ok(*it) && !it.about().is_empty()));
    assert!(Flavour::ALL.iter().all(|it| it.name().parse() == Ok(*it)));
    assert!(Lang::ALL.iter().all(|it| it.name().parse() == Ok(*it)));
    assert_eq!("curl2".parse::<Client>(), Err(()));
}
