use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::edit::add_provider;

/// Reads a file and compares what would be written, which keys it held, and what is said about it.
#[track_caller]
fn check(tool: Tool, text: &str, expected: &Expect) {
    assert_eq!(Tool::of(text), Some(tool));
    let import = read(tool, text, &["house".to_owned()]).unwrap();
    let mut shown = String::new();
    for Imported { draft, key } in &import.providers {
        shown = add_provider(&shown, draft).unwrap();
        assert!(!shown.contains("sk-fixture"), "{shown}");
        if let Some(key) = key {
            assert!(key.expose().starts_with("sk-fixture"));
            writeln!(shown, "# and its key").unwrap();
        }
    }
    shown.push('\n');
    for Note { about, what } in &import.notes {
        writeln!(shown, "! {about}: {what}").unwrap();
    }
    assert!(!shown.contains("sk-fixture") && !shown.contains("gateway-secret"), "{shown}");
    expected.assert_eq(&shown);
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../fixtures/import/", $name))
    };
}

#[test]
fn mimo2codex() {
    check(
        Tool::Mimo2codex,
        fixture!("mimo2codex.json"),
        &expect![[r#"
            [providers.sensenova]
            name = "SenseNova"
            shortcut = "sn"
            base_url = "https://token.sensenova.cn/v1"
            wire = "chat"
            key = { env = "SENSENOVA_API_KEY" }
            default_model = "sensenova-6.7-flash-lite"
            docs = "https://platform.sensenova.cn/docs"

            [[providers.sensenova.models]]
            id = "sensenova-6.7-flash-lite"
            name = "SenseNova 6.7 Flash-Lite"
            aliases = ["lite"]
            context_window = 262144
            max_output_tokens = 65536
            images = true
            reasoning = true
            search = false
            parallel_calls = true

            [[providers.sensenova.models]]
            id = "deepseek-v4-flash"
            context_window = 1000000
            parallel_calls = true

            [providers.local-2]
            base_url = "http://127.0.0.1:11434/v1"
            key = { env = "LOCAL_API_KEY" }
            default_model = "qwen3:8b"

            [providers.native]
            base_url = "https://api.example.com/v1"
            wire = "responses"
            key = { env = "NATIVE_API_KEY" }
            default_model = "big"

            [[providers.native.models]]
            id = "big"

            [[providers.native.models]]
            id = "small"
            # and its key

            ! SenseNova/sensenova-6.7-flash-lite: has no counterpart here: deprecatedAfter
            ! SenseNova: features are not taken, the dialect knows what a server wants: dropNullContent, enhanceErrorPreset
            ! SenseNova: its id is `sensenova` here
            ! local: `forceDefaultModel` is not taken: no name is ever answered by another model; give the names that you use an alias instead
            ! local: `local` is reserved or taken, so its id is `local-2` here
            ! local: its shortcut `local` is taken, so it gets none
            ! house: not taken: there is a provider or shortcut `house` already
            ! plain: not taken: its key would travel unencrypted; add it by hand if you accept that
            ! broken: not taken: its address must begin with `http://` or `https://`
            ! providers[6]: not taken: it has no `id`
        "#]],
    );
}

#[test]
fn claude_code_router() {
    check(
        Tool::ClaudeCodeRouter,
        fixture!("claude-code-router.json"),
        &expect![[r#"
        [providers.openrouter]
        name = "openrouter"
        base_url = "https://openrouter.ai/api/v1"
        key = { env = "OPENROUTER_API_KEY" }
        proxy = "http://127.0.0.1:7890"

        [[providers.openrouter.models]]
        id = "google/gemini-2.5-pro-preview"

        [[providers.openrouter.models]]
        id = "anthropic/claude-3.7-sonnet:thinking"

        [providers.deepseek]
        name = "deepseek"
        base_url = "https://api.deepseek.com"
        key = { env = "DEEPSEEK_API_KEY" }
        proxy = "http://127.0.0.1:7890"

        [[providers.deepseek.models]]
        id = "deepseek-chat"

        [[providers.deepseek.models]]
        id = "deepseek-reasoner"
        # and its key

        [providers.ollama]
        name = "ollama"
        base_url = "http://localhost:11434/v1"
        proxy = "http://127.0.0.1:7890"

        [[providers.ollama.models]]
        id = "qwen2.5-coder:latest"

        [providers.claude-direct]
        name = "Claude Direct"
        base_url = "https://api.example.com/v1"
        wire = "messages"
        key = { env = "DIRECT_KEY" }
        proxy = "http://127.0.0.1:7890"
        enabled = false

        [[providers.claude-direct.models]]
        id = "claude-sonnet-4.5"
        name = "Sonnet"

        [providers.modelscope]
        name = "modelscope"
        base_url = "https://api-inference.modelscope.cn/v1"
        proxy = "http://127.0.0.1:7890"

        [[providers.modelscope.models]]
        id = "Qwen/Qwen3-Coder-480B-A35B-Instruct"

        ! openrouter: transformers are not taken, the dialect knows what a server wants: openrouter
        ! deepseek: transformers are not taken, the dialect knows what a server wants: deepseek, tooluse of deepseek-chat
        ! ollama: what stands for its key is too short to be one, so it is left out
        ! gemini: not taken: nobody here speaks `gemini`
        ! Claude Direct: has no counterpart here: extraHeaders
        ! Claude Direct: its id is `claude-direct` here
        ! Router.default: not taken: it names deepseek/deepseek-chat; write it as `default_model` if requests without a model are to go there
        ! Router.background: not taken: it names ollama/qwen2.5-coder:latest; give the name that your client asks for an alias to it
        ! Router.longContextThreshold: has no counterpart here
        ! APIKEY: not taken: make a client key with `interlingua keys add`
        ! HOST: not taken: write `listen` if the usual address is not right
        ! API_TIMEOUT_MS: not taken: write `timeouts.first_byte` if the usual one is not right
        ! CUSTOM_ROUTER_PATH: has no counterpart here
    "#]],
    );
}

#[test]
fn cc_switch() {
    check(
        Tool::CcSwitch,
        fixture!("cc-switch.json"),
        &expect![[r#"
            [providers.deepseek]
            name = "DeepSeek"
            base_url = "https://api.deepseek.com/anthropic/v1"
            wire = "messages"
            key = { env = "DEEPSEEK_API_KEY" }
            default_model = "deepseek-chat"
            docs = "https://platform.deepseek.com"
            # and its key

            [providers.deepseek-2]
            name = "DeepSeek"
            base_url = "https://api.deepseek.com/v1"
            wire = "responses"
            key = { env = "DEEPSEEK_2_API_KEY" }
            default_model = "deepseek-v4-pro"

            [[providers.deepseek-2.models]]
            id = "deepseek-v4-pro"
            name = "V4 Pro"
            context_window = 1000000
            images = false
            parallel_calls = true
            # and its key

            ! DeepSeek (claude): its id is `deepseek` here
            ! Claude Official (claude): not taken: it has no address of its own, so it is the client's own login
            ! DeepSeek (codex): `deepseek` is reserved or taken, so its id is `deepseek-2` here
            ! OpenAI Official (codex): not taken: it has no address of its own, so it is the client's own login
            ! Gemini relay (gemini): not taken: settings of `gemini` are not read
            ! the file: tool servers, prompts, skills and which provider was in use are not taken
        "#]],
    );
}

#[test]
fn cc_switch_export() {
    check(
        Tool::CcSwitch,
        fixture!("cc-switch.sql"),
        &expect![[r#"
        [providers.nancy-s-box]
        name = "Nancy's box"
        base_url = "http://10.0.0.5:8000/v1"
        wire = "chat"
        key = { env = "NANCY_S_BOX_API_KEY" }

        [[providers.nancy-s-box.models]]
        id = "qwen3-coder"
        name = "Qwen3 Coder"
        context_window = 262144
        max_output_tokens = 32768
        # and its key

        [providers.relay]
        name = "Relay"
        base_url = "https://relay.example.com/v1"
        wire = "chat"
        key = { env = "RELAY_KEY" }
        default_model = "m"
        docs = "https://relay.example.com"

        ! Nancy's box (opencode): its id is `nancy-s-box` here
        ! Relay (codex): its id is `relay` here
        ! the export: tool servers, prompts, skills and which provider was in use are not taken
    "#]],
    );
}

#[test]
fn cc_switch_links() {
    check(
        Tool::CcSwitch,
        fixture!("cc-switch.links.txt"),
        &expect![[r#"
        [providers.one-only]
        name = "One & only"
        base_url = "https://one.example.com/v1"
        wire = "messages"
        key = { env = "ONE_ONLY_API_KEY" }
        default_model = "m"
        docs = "https://one.example.com"
        # and its key

        [providers.two]
        name = "Two"
        base_url = "https://two.example.com/v1"
        wire = "responses"
        key = { env = "TWO_API_KEY" }
        default_model = "m1"
        # and its key

        ! One & only (claude): its id is `one-only` here
        ! Two (codex): its id is `two` here
        ! A prompt: not taken: it holds a prompt, not a provider
    "#]],
    );
}

#[test]
fn the_first_version_was_about_one_client() {
    let text = r#"{"current":"x","providers":{"x":{"id":"x","name":"X","settingsConfig":{"env":{
        "ANTHROPIC_BASE_URL":"https://x.example.com/","ANTHROPIC_API_KEY":"sk-fixture-9999999999"}}}}}"#;
    let import = read(Tool::CcSwitch, text, &[]).unwrap();
    let draft = &import.providers[0].draft;
    assert_eq!(draft.base_url.as_deref(), Some("https://x.example.com/v1"));
    assert_eq!(
        import.notes,
        [Note { about: "X (claude)".into(), what: "its id is `x` here".into() }]
    );
}

#[test]
fn variables_stand_for_one_provider() {
    let variable = |name: &str| {
        let value = match name {
            "GENERIC_BASE_URL" => "https://g.example.com/v1",
            "GENERIC_DEFAULT_MODEL" => "m",
            "GENERIC_WIRE_API" => "responses",
            "GENERIC_SHORTCUT" => "g",
            "GENERIC_FORCE_DEFAULT_MODEL" => "true",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let import = generic_variables(variable, &[]).unwrap();
    let text = add_provider("", &import.providers[0].draft).unwrap();
    let expected = "[providers.generic]\nshortcut = \"g\"\nbase_url = \"https://g.example.com/v1\"\n\
                    wire = \"responses\"\nkey = { env = \"GENERIC_API_KEY\" }\ndefault_model = \"m\"\n";
    assert_eq!(text, expected);
    assert_eq!(import.notes.len(), 1);
    assert!(generic_variables(|_| None, &[]).is_none());
}

#[test]
fn what_is_no_such_file_says_so() {
    for tool in Tool::ALL {
        let error = read(tool, "{\"sk-fixture\": [", &[]).unwrap_err();
        assert!(matches!(error, Unreadable::Json(_)), "{error}");
        assert!(!error.to_string().contains("fixture"), "{error}");
        let error = read(tool, "{}", &[]).unwrap_err();
        assert!(error.to_string().contains(tool.name()), "{error}");
    }
    for text in ["", "hello", "[]", "{}", "{\"a\": 1}"] {
        assert_eq!(Tool::of(text), None, "{text}");
    }
}
