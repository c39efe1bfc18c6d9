use std::time::Duration;

use expect_test::expect;
use interlingua_registry::{Environment, KeyState, Listener, Policy, Proxy, RawConfig, StorePlace};

use crate::{EXAMPLE, check, check_providers, snapshot};

#[test]
fn the_example_of_the_documentation() {
    check(
        EXAMPLE,
        &[("MIMO_API_KEY", "sk-1")],
        &expect![[r#"
            mimo https://api.xiaomimimo.com/v1 mimo: usable
            house http://10.0.0.5:8000/v1 vllm: usable
              mimo/mimo-v2.5-pro window 1000000, no images
              mimo/mimo-v2.5 window 1000000, images
              mimo/mimo-v2.6-pro window 1048576, images
              mimo/mimo-v2.6-flash window 1048576, images
              mimo/mimo-v2-pro window 131072 assumed, no images
              mimo/mimo-v2-omni window 131072 assumed, images
              mimo/mimo-v2-flash window 262144, no images
              house/qwen3-coder window 262144, no images
        "#]],
    );
}

#[test]
fn the_example_is_kept_whole() {
    let snapshot = snapshot(EXAMPLE, &[("MIMO_API_KEY", "sk-1")]).unwrap();
    assert_eq!(snapshot.default_model(), Some("mimo/mimo-v2.5-pro"));
    assert_eq!(snapshot.client_keys().iter().next().unwrap().id.as_str(), "laptop");
    assert!(matches!(snapshot.store().place, StorePlace::Sqlite));
    let house = snapshot.provider("house").unwrap();
    assert_eq!(house.name, "In-house vLLM");
    assert_eq!(house.shortcut.as_deref(), Some("h"));
    assert_eq!(house.expose.as_deref(), Some(&["qwen3-*".to_owned()][..]));
    assert!(matches!(&house.proxy, Proxy::Url(url) if url.expose() == "socks5h://127.0.0.1:1080"));
    assert_eq!(house.key_state, KeyState::NotNeeded);
    assert!(!house.models.is_open());
    let work = snapshot.aliases().iter().find(|alias| alias.name == "work").unwrap();
    assert_eq!(work.policy, Policy::Failover);
    let targets: Vec<_> = work.targets.iter().map(|target| target.slug.as_str()).collect();
    assert_eq!(targets, ["mimo/mimo-v2.5-pro", "house/qwen3-coder"]);
}

#[test]
fn a_vendors_own_variable_is_enough() {
    check(
        "",
        &[("MIMO_API_KEY", "sk-1"), ("DEEPSEEK_API_KEY", "sk-2")],
        &expect![[r#"
            mimo https://api.xiaomimimo.com/v1 mimo: usable
            deepseek https://api.deepseek.com deepseek: usable
              mimo/mimo-v2.5-pro window 1000000, no images
              mimo/mimo-v2.5 window 1000000, images
              mimo/mimo-v2.6-pro window 1048576, images
              mimo/mimo-v2.6-flash window 1048576, images
              mimo/mimo-v2-pro window 131072 assumed, no images
              mimo/mimo-v2-omni window 131072 assumed, images
              mimo/mimo-v2-flash window 262144, no images
              deepseek/deepseek-v4-pro window 1000000, no images
              deepseek/deepseek-flash window 1000000, images
              deepseek/deepseek-v4-flash window 1000000, no images
        "#]],
    );
}

#[test]
fn the_generic_variables_make_a_provider() {
    check(
        "",
        &[
            ("GENERIC_BASE_URL", "http://localhost:9000/v1/chat/completions"),
            ("GENERIC_API_KEY", "k"),
            ("GENERIC_DEFAULT_MODEL", "my/model"),
        ],
        &expect![[r#"
            generic http://localhost:9000/v1 generic: usable
              generic/my/model window 131072 assumed
        "#]],
    );
}

#[test]
fn a_key_chooses_its_region_and_a_variable_overrules_it() {
    check_providers(
        "",
        &[("MIMO_API_KEY", "tp-1")],
        &expect![[r#"
            mimo https://token-plan-cn.xiaomimimo.com/v1 mimo: usable
            ! env MIMO_API_KEY: the key of provider `mimo` fits several addresses; https://token-plan-cn.xiaomimimo.com/v1 is used; set MIMO_BASE_URL if it is another: https://token-plan-sgp.xiaomimimo.com/v1, https://token-plan-ams.xiaomimimo.com/v1
        "#]],
    );
    check_providers(
        "",
        &[("MIMO_API_KEY", "tp-1"), ("MIMO_BASE_URL", "https://token-plan-ams.xiaomimimo.com/v1")],
        &expect![[r#"
            mimo https://token-plan-ams.xiaomimimo.com/v1 mimo: usable
        "#]],
    );
    check_providers(
        "",
        &[("MIMO_API_KEY", "sk-1"), ("MIMO_BASE_URL", "https://token-plan-ams.xiaomimimo.com/v1")],
        &expect![[r#"
            mimo https://token-plan-ams.xiaomimimo.com/v1 mimo: usable
            ! env MIMO_API_KEY: keys for https://token-plan-ams.xiaomimimo.com/v1 begin with `tp-`, that of provider `mimo` does not; use the address that belongs to the key
        "#]],
    );
}

#[test]
fn a_vendor_that_speaks_messages_besides_does_so_elsewhere_and_in_another_dialect() {
    let mimo = |key| [("MIMO_API_KEY", key), ("MIMO_BASE_URL", "https://api.xiaomimimo.com/v1")];
    let config = |id: &str, more: &str| {
        format!(
            "[providers.{id}]\nwire = 'messages'\nmodels = [{{ id = 'm', context_window = 9 }}]\n{more}"
        )
    };
    check(
        &config("mimo", ""),
        &mimo("sk-1"),
        &expect![[r#"
            mimo https://api.xiaomimimo.com/anthropic anthropic_compat: usable
              mimo/m window 9, images
        "#]],
    );
    check(
        &config(
            "mimo",
            "base_url = 'https://token-plan-ams.xiaomimimo.com/anthropic'\npreset = 'mimo'",
        ),
        &mimo("sk-1"),
        &expect![[r#"
            mimo https://token-plan-ams.xiaomimimo.com/anthropic anthropic_compat: usable
              mimo/m window 9, images
            ! config.toml:1:1: keys for https://token-plan-ams.xiaomimimo.com/anthropic begin with `tp-`, that of provider `mimo` does not; use the address that belongs to the key
        "#]],
    );
    check(
        &config("anthropic", ""),
        &[("ANTHROPIC_API_KEY", "sk-ant-1")],
        &expect![[r#"
            anthropic https://api.anthropic.com anthropic: usable
              anthropic/m window 9, images
        "#]],
    );
}

#[test]
fn local_servers_need_a_variable_but_no_key() {
    check(
        "",
        &[("OLLAMA_BASE_URL", "http://localhost:11434")],
        &expect![[r#"
            ollama http://localhost:11434/v1 ollama: usable
        "#]],
    );
}

#[test]
fn a_key_without_an_address_is_told() {
    check(
        "",
        &[("GENERIC_API_KEY", "k")],
        &expect![[r#"
        demo http://demo.invalid generic: usable
          demo/assistant window 131072, no images
        ! env GENERIC_API_KEY: it is set, but GENERIC_BASE_URL is not, so there is no provider `generic`; set GENERIC_BASE_URL to the address of the server
    "#]],
    );
}

#[test]
fn without_anything_there_is_the_demo() {
    check(
        "",
        &[],
        &expect![[r#"
        demo http://demo.invalid generic: usable
          demo/assistant window 131072, no images
    "#]],
    );
}

#[test]
fn a_variable_only_lends_its_key_to_a_provider_of_the_file() {
    check(
        "[providers.relay]\npreset = 'mimo'\nbase_url = 'https://relay.example.com/v1'\n\n\
         [providers.deepseek]\nmodels = [{ id = 'deepseek-v4-pro' }]\n",
        &[
            ("MIMO_API_KEY", "sk-1"),
            ("DEEPSEEK_API_KEY", "sk-2"),
            ("MIMO_BASE_URL", "http://localhost:1"),
        ],
        &expect![[r#"
            relay https://relay.example.com/v1 mimo: usable
            deepseek https://api.deepseek.com deepseek: usable
            mimo http://localhost:1/v1 mimo: usable
              relay/mimo-v2.5-pro window 1000000, no images
              relay/mimo-v2.5 window 1000000, images
              relay/mimo-v2.6-pro window 1048576, images
              relay/mimo-v2.6-flash window 1048576, images
              relay/mimo-v2-pro window 131072 assumed, no images
              relay/mimo-v2-omni window 131072 assumed, images
              relay/mimo-v2-flash window 262144, no images
              deepseek/deepseek-v4-pro window 1000000, no images
              mimo/mimo-v2.5-pro window 1000000, no images
              mimo/mimo-v2.5 window 1000000, images
              mimo/mimo-v2.6-pro window 1048576, images
              mimo/mimo-v2.6-flash window 1048576, images
              mimo/mimo-v2-pro window 131072 assumed, no images
              mimo/mimo-v2-omni window 131072 assumed, images
              mimo/mimo-v2-flash window 262144, no images
        "#]],
    );
}

#[test]
fn a_missing_key_is_told_with_its_name_and_where_to_get_one() {
    check(
        "[providers.mimo]\n\n\
         [providers.x]\nbase_url = 'https://x.example.com/v1'\nkey = [{ env = 'X1' }, { env = 'X2' }]\n\n\
         [providers.y]\nbase_url = 'https://y.example.com/v1'\n\n\
         [providers.z]\nbase_url = 'https://z.example.com/v1'\nkey = []\nmodels = [{ id = 'z' }]\n",
        &[("X2", "two words")],
        &expect![[r#"
            mimo https://api.xiaomimimo.com/v1 mimo: its key is missing: env MIMO_API_KEY is not set
            x https://x.example.com/v1 generic: its key is missing: env X1 is not set, env X2 has blanks or control characters inside
            y https://y.example.com/v1 generic: no key is configured
            z https://z.example.com/v1 generic: usable
              z/z window 131072 assumed
            ! config.toml:1:1: provider `mimo` cannot be used: env MIMO_API_KEY is not set; set it and start again (see https://platform.xiaomimimo.com/#/console/api-keys)
            ! config.toml:5:8: provider `x` cannot be used: env X1 is not set; set it and start again
            ! config.toml:5:24: provider `x` cannot be used: env X2 has blanks or control characters inside; set it and start again
            ! config.toml:7:1: provider `y` cannot be used: no key is configured; add `key = { env = "NAME" }`, or `key = []` if it needs none
            ! config.toml:13:18: the window of model `z` is not known; 131072 tokens are assumed; write `context_window = …`
        "#]],
    );
}

#[test]
fn every_wire_is_spoken() {
    check(
        "[providers.relay]\nbase_url = 'https://relay.test/v1'\nwire = 'responses'\nkey = []\n\
         models = [{ id = 'm', context_window = 9 }]\n",
        &[],
        &expect![[r#"
            relay https://relay.test/v1 generic: usable
              relay/m window 9
        "#]],
    );
}

#[test]
fn slots_without_names_are_told() {
    let told = |config: &str| {
        let warnings = snapshot(config, &[]).unwrap().warnings().to_vec();
        warnings.iter().map(ToString::to_string).collect::<String>()
    };
    assert_eq!(
        told("[codex]\ncatalog = 'slots'\n"),
        "config.toml:1:1: Codex is shown no model, because `catalog` is \"slots\" and there are none; \
         write `[codex.slots]` with lines like \"gpt-6-sol\" = \"<provider>/<model>\""
    );
    let slots = "slots = { 'gpt-6-sol' = 'mimo/mimo-v2.5' }";
    let mimo = "[providers.mimo]\nenabled = false\n";
    assert_eq!(told(&format!("[codex]\ncatalog = 'slots'\n{slots}\n{mimo}")), "");
    assert_eq!(told("[codex]\ncatalog = 'slug'\n"), "");
}

#[test]
fn one_usable_key_of_several_is_enough() {
    let text = "[providers.x]\nbase_url = 'https://x.example.com/v1'\nkey = [{ env = 'X1' }, { env = 'X2' }]";
    let snapshot = snapshot(text, &[("X2", " k \n")]).unwrap();
    let keys = &snapshot.provider("x").unwrap().keys;
    assert_eq!(keys.len(), 1);
    assert_eq!((keys[0].name.as_str(), keys[0].secret.expose()), ("env X2", "k"));
}

#[test]
fn layers_overrule_one_another_key_by_key() {
    let environment = Environment::from_iter([
        ("INTERLINGUA_LIMITS__BODY", "1MiB"),
        ("INTERLINGUA_PROVIDERS__HOUSE__BASE_URL", "http://localhost:2/v1"),
        ("INTERLINGUA_PROVIDERS__HOUSE__KEY", "k"),
        ("INTERLINGUA_ALLOWED_HOSTS", "a.lan, b.lan:8787"),
        ("INTERLINGUA_HOME", "/somewhere/else"),
        ("INTERLINGUA_UNRELATED", "1"),
    ]);
    let raw = RawConfig::new()
        .file("system.toml", "expose_headers = false\n[timeouts]\nidle = '1m'\nconnect = '1s'\n")
        .file(
            "user.toml",
            "[timeouts]\nidle = '2m'\n[providers.house]\nbase_url = 'http://localhost:1/v1'\n",
        )
        .environment(&environment)
        .flag("--listen", "listen", "127.0.0.1:1");
    let snapshot =
        interlingua_registry::check(&raw, &std::sync::Arc::default(), &environment).unwrap();
    let rows: Vec<String> = snapshot
        .rows()
        .iter()
        .filter(|row| row.origin.to_string() != "default")
        .map(|row| format!("{} = {}  ({})\n", row.path, row.value, row.origin))
        .collect();
    expect![[r#"
        listen = 127.0.0.1:1  (flag --listen)
        allowed_hosts = a.lan, b.lan:8787  (env INTERLINGUA_ALLOWED_HOSTS)
        expose_headers = false  (system.toml:1:18)
        limits.body = 1MiB  (env INTERLINGUA_LIMITS__BODY)
        timeouts.connect = 1s  (system.toml:4:11)
        timeouts.idle = 120s  (user.toml:2:8)
        providers.house.base_url = http://localhost:2/v1  (env INTERLINGUA_PROVIDERS__HOUSE__BASE_URL)
        providers.house.wire = chat  (from dialect)
        providers.house.key = env INTERLINGUA_PROVIDERS__HOUSE__KEY (set)  (env INTERLINGUA_PROVIDERS__HOUSE__KEY)
    "#]].assert_eq(&rows.concat());
}

#[test]
fn every_effective_value_is_shown_with_its_origin() {
    let snapshot = snapshot(EXAMPLE, &[("DEEPSEEK_API_KEY", "sk-2")]).unwrap();
    let rows: Vec<String> = snapshot
        .rows()
        .iter()
        .map(|row| format!("{} = {}  ({})\n", row.path, row.value, row.origin))
        .collect();
    expect![[r#"
        client_keys[0].id = laptop  (config.toml:5:1)
        codex.catalog = slug  (default)
        codex.tool_search = false  (default)
        listen = 127.0.0.1:8787  (config.toml:2:10)
        allowed_hosts =   (default)
        cors_origins =   (default)
        expose_headers = true  (default)
        expose_all_models = false  (default)
        discover = true  (default)
        limits.header_size = 64KiB  (default)
        limits.header_fields = 100  (default)
        limits.request_line = 8KiB  (default)
        limits.body = 64MiB  (default)
        limits.json_depth = 128  (default)
        limits.json_nodes = 2000000  (default)
        limits.upstream_event = 16MiB  (default)
        limits.upstream_body = 64MiB  (default)
        limits.connections = 10000  (default)
        limits.in_flight = 1024  (default)
        limits.in_flight_per_key = 64  (default)
        limits.in_flight_per_provider = 256  (default)
        limits.queue = 256  (default)
        timeouts.connect = 10s  (default)
        timeouts.first_byte = 300s  (default)
        timeouts.idle = 300s  (default)
        timeouts.heartbeat = 15s  (default)
        timeouts.commit_grace = 10s  (default)
        timeouts.drain = 120s  (default)
        timeouts.queue = 2s  (default)
        timeouts.client_first_byte = 10s  (default)
        timeouts.client_head = 10s  (default)
        timeouts.client_body = 30s  (default)
        timeouts.client_idle = 120s  (default)
        timeouts.client_write = 60s  (default)
        store.url = sqlite  (config.toml:34:7)
        store.reasoning.bytes = 256MiB  (default)
        store.reasoning.age = 7d  (default)
        store.reasoning.entries = 1000000  (default)
        store.responses.bytes = 64MiB  (default)
        store.responses.age = 1d  (default)
        store.responses.entries = 100000  (default)
        providers.mimo.preset = mimo  (config.toml:10:10)
        providers.mimo.name = Xiaomi MiMo  (preset mimo)
        providers.mimo.docs = https://platform.xiaomimimo.com/docs  (preset mimo)
        providers.mimo.base_url = https://api.xiaomimimo.com/v1  (preset mimo)
        providers.mimo.dialect = mimo  (preset mimo)
        providers.mimo.wire = chat  (from dialect)
        providers.mimo.key = env MIMO_API_KEY (is not set)  (config.toml:11:7)
        providers.mimo.default_model = mimo-v2.5-pro  (preset mimo)
        providers.house.shortcut = h  (config.toml:15:12)
        providers.house.name = In-house vLLM  (config.toml:14:8)
        providers.house.base_url = http://10.0.0.5:8000/v1  (config.toml:16:12)
        providers.house.dialect = vllm  (config.toml:18:11)
        providers.house.wire = chat  (config.toml:17:8)
        providers.house.proxy = socks5h://127.0.0.1:1080  (config.toml:19:9)
        providers.house.expose = qwen3-*  (config.toml:20:10)
        providers.house.models[0].aliases = coder  (config.toml:23:11)
        providers.house.models[0].context_window = 262144  (config.toml:24:18)
        providers.house.models[0].max_output_tokens = 32768  (config.toml:25:21)
        providers.house.models[0].images = false  (config.toml:26:10)
        providers.house.models[0].reasoning = true  (config.toml:27:13)
        providers.house.models[0].id = qwen3-coder  (config.toml:22:6)
        providers.house.key = (none needed)  (config.toml:13:1)
        providers.deepseek.name = DeepSeek  (preset deepseek)
        providers.deepseek.docs = https://api-docs.deepseek.com/  (preset deepseek)
        providers.deepseek.base_url = https://api.deepseek.com  (preset deepseek)
        providers.deepseek.dialect = deepseek  (preset deepseek)
        providers.deepseek.wire = chat  (from dialect)
        providers.deepseek.key = env DEEPSEEK_API_KEY (set)  (preset deepseek)
        providers.deepseek.default_model = deepseek-v4-pro  (preset deepseek)
        aliases."gpt-6.1-terra" = mimo/mimo-v2.5-pro  (config.toml:30:19)
        aliases.work = mimo/mimo-v2.5-pro, house/qwen3-coder (failover)  (config.toml:31:8)
        default_model = mimo/mimo-v2.5-pro  (config.toml:3:17)
    "#]]
    .assert_eq(&rows.concat());
}

#[test]
fn the_default_listeners_are_both_loopbacks_and_the_second_is_optional() {
    let loopback =
        |address: &str, optional| Listener { address: address.parse().unwrap(), optional };
    let both = [loopback("127.0.0.1:8787", false), loopback("[::1]:8787", true)];
    assert_eq!(snapshot("", &[]).unwrap().settings().listen, both);
    let said = snapshot("listen = 'localhost:8787'", &[]).unwrap();
    assert_eq!(said.settings().listen, both);
}

#[test]
fn what_a_user_says_about_images_overrules_the_dialect() {
    let text = "[providers.mimo]\nkey = { env = 'K' }\n\
                models = [{ id = 'mimo-v2.5-pro', images = true }, { id = 'mimo-v2.5', images = false }, { id = 'mimo-v2-omni' }]";
    let snapshot = snapshot(text, &[("K", "sk-1")]).unwrap();
    let images: Vec<_> = snapshot
        .pool()
        .iter()
        .map(|entry| (entry.model.images, entry.model.dialect.vision.images.name()))
        .collect();
    assert_eq!(images, [(Some(true), "yes"), (Some(false), "no"), (Some(true), "yes")]);
}

#[test]
fn a_provider_may_wait_longer_than_the_rest() {
    let text = "[timeouts]\nidle = '1m'\n[providers.x]\nbase_url = 'http://localhost:1'\ntimeouts = { first_byte = '20m' }";
    let snapshot = snapshot(text, &[]).unwrap();
    let timeouts = snapshot.provider("x").unwrap().timeouts;
    assert_eq!(
        (timeouts.connect.as_secs(), timeouts.first_byte.as_secs(), timeouts.idle.as_secs()),
        (10, 1200, 60)
    );
}

#[test]
fn a_store_may_be_shared_and_its_address_kept_elsewhere() {
    let text = "[store]\nurl = { env = 'STORE' }\nreasoning = { bytes = '1GiB', age = '30d', entries = 5 }\n";
    let address = "rediss://me:canary@cache.example.com:6380/2";
    let at = |address: &str| snapshot(text, &[("STORE", address)]).unwrap();
    let snapshot = at(address);
    let store = snapshot.store();
    assert_eq!(store, at(address).store());
    assert_ne!(store, at(&address.replace("canary", "other")).store());
    let StorePlace::Redis(url) = &store.place else { panic!("{store:?}") };
    assert_eq!(url.expose(), address);
    assert_eq!((store.reasoning.bytes, store.reasoning.entries), (1 << 30, 5));
    assert_eq!(store.reasoning.age, Duration::from_hours(30 * 24));
    assert!(snapshot.secrets().any(|secret| secret.expose() == "canary"));
    let rows = snapshot.rows().iter().filter(|row| row.path.starts_with("store."));
    let rows: Vec<_> =
        rows.map(|row| format!("{} = {}  ({})", row.path, row.value, row.origin)).collect();
    expect![[r#"
        store.url = rediss://cache.example.com:6380/2 (env STORE)  (config.toml:2:7)
        store.reasoning.bytes = 1024MiB  (config.toml:3:23)
        store.reasoning.age = 30d  (config.toml:3:37)
        store.reasoning.entries = 5  (config.toml:3:54)
        store.responses.bytes = 64MiB  (default)
        store.responses.age = 1d  (default)
        store.responses.entries = 100000  (default)"#]]
    .assert_eq(&rows.join("\n"));
}
