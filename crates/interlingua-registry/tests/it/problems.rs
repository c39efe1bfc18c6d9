use expect_test::expect;
use interlingua_registry::ProblemKind;

use crate::{check, snapshot};

#[test]
fn all_problems_are_told_at_once() {
    check(
        r#"listen = "everywhere"
allowed_hosts = ["*.lan", "gateway.lan"]
cors_origins = ["*"]
default_modell = "mimo/mimo-v2.5-pro"
default_model = "mino/mimo-v2.5-pro"
workers = 0
x-note = "kept"

[[client_keys]]
id = "laptop"
hash = "blake3:short"

[[client_keys]]
hash = "blake3:0000000000000000000000000000000000000000000000000000000000000000"

[providers.mimo]
preset = "mimmo"
base_ur = "https://api.xiaomimimo.com/v1"

[providers.House]
base_url = "localhost:8000/v1"
wire = "chatt"
dialect = "vlm"
key = "sk-literal"

[providers.demo]
base_url = "http://localhost:1"

[providers.far]
base_url = "http://api.example.com/v1"
key = { env = "FAR", file = "x" }
proxy = "ftp://x"
headers = { "Content-Length" = "1" }
enabled = "yes"
timeouts = { idle = 300 }

[[providers.far.models]]
id = "a"
aliases = ["b"]
context_window = -1

[[providers.far.models]]
id = "b"

[[providers.far.models]]
name = "nameless"

[aliases]
"far/a" = "far/b"
loop = "other"
other = { targets = [], policy = "random" }

[limits]
body = "lots"

[store]
url = "mongodb://me:canary@x"
"#,
        &[("INTERLINGUA_LIMITS__BODDY", "1"), ("FAR", "sk-1")],
        &expect![[r#"
            config.toml:1:10: `listen` cannot be "everywhere"; write an address and a port: "127.0.0.1:8787"
            config.toml:2:18: `allowed_hosts` cannot hold "*.lan"; wildcards would let any page in; write each name
            config.toml:3:17: `cors_origins` cannot hold "*"; that would let any page in; write each origin
            config.toml:4:1: unknown key `default_modell`; did you mean `default_model`?
            config.toml:5:17: there is no provider `mino` for default_model `mino/mimo-v2.5-pro`; providers are: far
            config.toml:6:11: `workers` must be a whole number above zero, not this number
            config.toml:11:8: `hash` is malformed; a hash is written `blake3:` and 64 hexadecimal digits
            config.toml:13:1: the client key has no `id`; make one with `interlingua keys add <name>`
            config.toml:16:1: provider `mimo` has no `base_url`; write one, or name a `preset`: mimo, deepseek, openai, anthropic, glm, kimi, minimax, qwen, mistral, xai, gemini, openrouter, groq, cerebras, together, fireworks, siliconflow, volcengine, stepfun, azure, ollama, vllm, transformers, sglang, lmstudio, llamacpp, generic
            config.toml:17:10: unknown preset `mimmo`; did you mean `mimo`?
            config.toml:18:1: unknown key `base_ur`; did you mean `base_url`?
            config.toml:20:12: "House" is no provider id; write 1 to 32 of a-z, 0-9, `_` and `-`, a letter or digit first
            config.toml:21:12: `base_url` must begin with `http://` or `https://`; write it like "https://api.example.com/v1"
            config.toml:22:8: unknown wire `chatt`; did you mean `chat`?
            config.toml:23:11: unknown dialect `vlm`; did you mean `vllm`?
            config.toml:24:7: a key does not belong into the configuration, only where it is kept; write { env = "NAME" }, { file = "/path" }, { command = ["program", "argument"] } or { client = true }
            config.toml:26:12: the provider id `demo` is reserved; choose another one
            config.toml:31:7: `key` names more than one place; write { env = "NAME" }, { file = "/path" }, { command = ["program", "argument"] } or { client = true }
            config.toml:32:9: `proxy` is no address of a proxy; write "http://host:port", "socks5h://host:port" or "direct"
            config.toml:33:13: the header "Content-Length" cannot be set; remove it
            config.toml:34:11: `enabled` must be `true` or `false`, not this text
            config.toml:35:21: `idle` must be a time like "300s", "500ms" or "2m", not this number
            config.toml:40:18: `context_window` must be a whole number above zero, not this number
            config.toml:43:6: the model `b` is there already, at config.toml:38:6; remove one
            config.toml:45:1: the model has no `id`; write the name that the upstream gives it
            config.toml:49:1: the alias `far/a` would hide the model `far/a`; choose another name
            config.toml:50:8: the alias `loop` leads to `other`, which is one, too; name the models themselves
            config.toml:51:9: the alias `other` has no `targets`; list one slug or several
            config.toml:51:34: unknown policy `random`; known are: failover, weighted
            config.toml:54:8: `body` must be a size like "64KiB" or "16MiB", not this text
            config.toml:57:7: `url` is no store; write "memory", "sqlite" or "redis://host:6379"
            env INTERLINGUA_LIMITS__BODDY: unknown key `boddy`; did you mean `body`?
        "#]],
    );
}

#[test]
fn what_is_wrong_with_a_protocol_is_told_once() {
    check(
        "[providers.a]\nbase_url = 'http://localhost:1'\nwire = 5\n",
        &[],
        &expect![[r#"
            config.toml:3:8: `wire` must be text, not this number
        "#]],
    );
}

#[test]
fn text_that_is_not_toml_is_told_with_its_place() {
    check(
        "listen = \"a\"\n[providers.\n",
        &[],
        &expect![[r#"
        config.toml:2:12: this is not TOML: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
    "#]],
    );
    check(
        "a = 1\na = 2\n",
        &[],
        &expect![[r#"
        config.toml:2:1: this is not TOML: duplicate key
    "#]],
    );
}

#[test]
fn a_place_is_counted_in_characters() {
    check(
        "\u{feff}name = 1\r\n\"x-käse\" = 1\r\nstore = { \"ü\" = 2, urll = 1, url = 3 }\r\n",
        &[],
        &expect![[r#"
            config.toml:1:1: unknown key `name`; remove it, or begin it with `x-` to keep it as a note
            config.toml:3:11: unknown key `ü`; remove it, or begin it with `x-` to keep it as a note
            config.toml:3:20: unknown key `urll`; did you mean `url`?
            config.toml:3:36: `url` must be text, not this number
        "#]],
    );
}

#[test]
fn an_open_listener_is_refused_with_a_kind_of_its_own() {
    let kinds = |text: &str| {
        let problems = snapshot(text, &[]).map(|_| ()).unwrap_err();
        problems.iter().map(|problem| problem.kind).collect::<Vec<_>>()
    };
    for open in ["0.0.0.0:8787", "[::]:8787", "192.168.1.2:8787", "[::ffff:10.0.0.1]:8787"] {
        assert_eq!(kinds(&format!("listen = '{open}'")), [ProblemKind::OpenListener], "{open}");
    }
    check(
        "listen = ['127.0.0.1:1', '0.0.0.0:1']",
        &[],
        &expect![[r#"
        config.toml:1:26: 0.0.0.0:1 can be reached from other machines, and there is no client key; make a key with `interlingua keys add <name>`, or listen on 127.0.0.1
    "#]],
    );
    let key = format!("[[client_keys]]\nid = 'a'\nhash = 'blake3:{}'\n", "0".repeat(64));
    let text = format!("listen = '0.0.0.0:8787'\n{key}");
    assert_eq!(snapshot(&text, &[]).unwrap().settings().listen.len(), 1);
}

#[test]
fn a_key_does_not_travel_unencrypted() {
    let text = "[providers.x]\nbase_url = 'http://api.example.com/v1'\nkey = { env = 'X' }\n";
    check(
        text,
        &[("X", "k")],
        &expect![[r#"
        config.toml:1:1: the key of provider `x` would travel unencrypted to http://api.example.com/v1; use https://, or set `allow_insecure = true` if you accept that
    "#]],
    );
    assert!(snapshot(&format!("{text}allow_insecure = true\n"), &[("X", "k")]).is_ok());
    assert!(snapshot(&text.replace("api.example.com", "10.0.0.1"), &[("X", "k")]).is_ok());
    assert!(snapshot(&text.replace("http:", "https:"), &[("X", "k")]).is_ok());
}

#[test]
fn the_same_name_twice_is_told_with_both_places() {
    let hash = |digit: &str| format!("blake3:{}", digit.repeat(64));
    let text = format!(
        "client_keys = [\n  {{ id = 'a', hash = '{0}' }},\n  {{ id = 'a', hash = '{1}' }},\n  {{ id = 'c', hash = '{0}' }},\n]\n\
         [providers.a]\nbase_url = 'http://localhost:1'\nshortcut = 's'\nmodels = [\n  {{ id = 'm', context_window = 1 }},\n  {{ id = 'm', context_window = 1 }},\n]\n\
         [providers.b]\nbase_url = 'http://localhost:2'\nshortcut = 's'\n\
         [providers.c]\nbase_url = 'http://localhost:3'\nshortcut = 'a'\n",
        hash("0"),
        hash("1"),
    );
    check(
        &text,
        &[],
        &expect![[r#"
        config.toml:3:3: the client key `a` is the same as `a` at config.toml:2:3; remove one
        config.toml:4:3: the client key `c` is the same as `a` at config.toml:2:3; remove one
        config.toml:11:10: the model `m` is there already, at config.toml:10:10; remove one
        config.toml:15:12: the shortcut `s` is taken at config.toml:8:12; choose another one
        config.toml:18:12: the shortcut `a` is the id of a provider; choose another one
    "#]],
    );
}

#[test]
fn aliases_lead_to_models_and_hide_none() {
    check(
        "[providers.a]\nbase_url = 'http://localhost:1'\nmodels = [{ id = 'm', context_window = 1 }]\n\
         [providers.open]\nbase_url = 'http://localhost:2'\n\
         [aliases]\n'a/m' = 'open/x'\n'open/y' = 'open/x'\none = 'a/mm'\ntwo = 'b/m'\nthree = 'm'\nfour = 'open/anything'\nfive = 'deepseek/deepseek-v4-pro'\n",
        &[],
        &expect![[r#"
            config.toml:7:1: the alias `a/m` would hide the model `a/m`; choose another name
            config.toml:8:1: the alias `open/y` looks like a model of provider `open`; choose another name
            config.toml:9:7: provider `a` lists no model like `a/mm`; did you mean `a/m`?
            config.toml:10:7: there is no provider `b` for alias `b/m`; providers are: a, open
            config.toml:11:9: alias `m` is no slug `<provider>/<model>`; providers are: a, open
        "#]],
    );
}

#[test]
fn a_bad_variable_is_named() {
    check(
        "",
        &[
            ("OLLAMA_BASE_URL", "localhost:11434"),
            ("INTERLINGUA_LISTEN", "here"),
            ("INTERLINGUA_TIMEOUTS__IDLE", "soon"),
            ("INTERLINGUA_TIMEOUT__IDLE", "1s"),
        ],
        &expect![[r#"
            env INTERLINGUA_LISTEN: `listen` cannot be "here"; write an address and a port: "127.0.0.1:8787"
            env INTERLINGUA_TIMEOUTS__IDLE: `idle` must be a time like "300s", "500ms" or "2m", not this text
            env OLLAMA_BASE_URL: `OLLAMA_BASE_URL` must begin with `http://` or `https://`; write it like "https://api.example.com/v1"
            env INTERLINGUA_TIMEOUT__IDLE: unknown key `timeout`; did you mean `timeouts`?
        "#]],
    );
}

#[test]
fn a_store_is_somewhere_and_has_bounds() {
    check(
        "[store]\nurl = { env = 'NOWHERE' }\n[store.reasoning]\nbytes = 'much'\nage = 7\n\
         [store.responses]\nentries = 0\nagee = '1d'\n",
        &[],
        &expect![[r#"
            config.toml:2:15: the address of the store is missing: env NOWHERE is not set; set it and start again
            config.toml:4:9: `bytes` must be a size like "64KiB" or "16MiB", not this text
            config.toml:5:7: `age` must be a time like "300s", "500ms" or "2m", not this number
            config.toml:7:11: `entries` must be a whole number above zero, not this number
            config.toml:8:1: unknown key `agee`; did you mean `age`?
        "#]],
    );
    check(
        "store = { url = {} }\n",
        &[],
        &expect![[r#"
        config.toml:1:17: `url` does not say where the address is kept; write { env = "NAME" }
    "#]],
    );
    check(
        "store = { url = { env = 'S' } }\n",
        &[("S", "http://canary")],
        &expect![[r#"
        config.toml:1:17: `url` is no store; write "memory", "sqlite" or "redis://host:6379"
    "#]],
    );
    check(
        "store = { url = 'rediss://h/#insecure' }\n",
        &[],
        &expect![[r#"
        config.toml:1:17: `url` is no store; write "memory", "sqlite" or "redis://host:6379"
    "#]],
    );
    check(
        "store = { url = 'redis:', reasoning = 1 }\n",
        &[],
        &expect![[r#"
        config.toml:1:17: `url` is no store; write "memory", "sqlite" or "redis://host:6379"
        config.toml:1:39: `reasoning` must be a table, not this number
    "#]],
    );
}
