//! The gateway as a person starts it.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::http::Call;
use serde_json::json;

use crate::support::{BINARY, CANARY, Home};

/// Starts it with a configuration, waits until it is ready.
fn start(config: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Gateway {
    let setup = Setup::new(Path::new(BINARY), config);
    let setup = arguments.iter().fold(setup, |setup, it| setup.argument(it));
    let setup = variables.iter().fold(setup, |setup, (name, value)| setup.env(name, value));
    setup.start().unwrap()
}

#[test]
fn without_a_provider_the_demo_answers_and_says_so() {
    let mut gateway = start("", &[], &[]);
    let banner = gateway.log();
    assert!(banner.contains("the built-in demo answers"), "{banner}");
    assert!(banner.contains("MIMO_API_KEY") && banner.contains("GENERIC_BASE_URL"), "{banner}");
    let next = format!("codex apply --config {}", gateway.config().display());
    assert!(banner.contains(&next), "{banner}");
    let call = Call::post("/v1/responses", &json!({ "model": "demo/assistant", "input": "hi" }));
    let reply = gateway.send(&call).unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("demo"), "{}", reply.text());
    assert!(gateway.terminate(Duration::from_secs(10)).unwrap().success());
}

#[test]
fn the_demo_answers_in_all_three_protocols() {
    let gateway = start("", &[], &[]);
    let said = "No real model is connected yet.";
    let messages = json!([{ "role": "user", "content": "hi" }]);
    for (path, field, value, end) in [
        ("/v1/responses", "input", json!("hi"), "response.completed"),
        ("/v1/chat/completions", "messages", messages.clone(), "[DONE]"),
        ("/v1/messages", "messages", messages, "message_stop"),
    ] {
        let mut ask = json!({ "model": "demo/assistant", "max_tokens": 99, field: value });
        let whole = gateway.send(&Call::post(path, &ask)).unwrap();
        assert_eq!(whole.status, 200, "{path}: {}", whole.text());
        assert!(whole.text().contains(said), "{path}: {}", whole.text());
        ask["stream"] = true.into();
        let stream = gateway.send(&Call::post(path, &ask)).unwrap().text();
        assert!(stream.contains("connected ") && stream.contains(end), "{path}: {stream}");
    }
}

#[test]
fn every_error_has_the_form_of_its_clients_protocol() {
    let gateway = start("", &[], &[]);
    let versioned = |path: &str| Call::get(path).header("anthropic-version", "2023-06-01");
    for (call, status, kind) in [
        (Call::get("/v1/messages"), 405, "invalid_request_error"),
        (versioned("/v1/models/none/such"), 404, "not_found_error"),
        (versioned("/v1/nothing"), 404, "invalid_request_error"),
        (Call::get("/v1/messages").header("origin", "https://evil.test"), 403, "permission_error"),
    ] {
        let reply = gateway.send(&call).unwrap();
        assert_eq!(reply.status, status, "{}", reply.text());
        let error = reply.json();
        assert_eq!((&error["type"], &error["error"]["type"]), (&json!("error"), &json!(kind)));
        assert_eq!(error["request_id"], reply.header("x-request-id").unwrap());
    }
    let reply = gateway.send(&Call::get("/v1/nothing")).unwrap();
    assert_eq!(reply.json()["error"]["code"], "route_not_found");
    assert!(reply.text().contains("no route `/v1/nothing` here"), "{}", reply.text());
}

#[test]
fn providers_are_shown_with_the_state_of_their_keys_only() {
    let config = "[providers.deepseek]\npreset = \"deepseek\"\n";
    let gateway = start(config, &[], &[("MIMO_API_KEY", CANARY)]);
    let banner = gateway.log();
    assert!(banner.contains("mimo      ready, key from env MIMO_API_KEY"), "{banner}");
    assert!(banner.contains("DEEPSEEK_API_KEY is not set; make one at https://"), "{banner}");
    assert!(banner.contains("\n  mimo/mimo-v2.5-pro\n"), "{banner}");
    assert!(!banner.contains(CANARY) && !banner.contains("demo"), "{banner}");
}

#[test]
fn the_quiet_one_says_where_it_listens_and_nothing_else() {
    let gateway = start("", &["--quiet"], &[]);
    assert_eq!(gateway.log(), format!("listening on http://{}\n", gateway.address()));
}

#[test]
fn what_codex_print_says_reaches_the_gateway() {
    let home = Home::empty();
    let key = home.run(&["keys", "add", "laptop"]).ok();
    let gateway = start(&home.text(), &[], &[]);
    let listen = gateway.address().to_string();
    let config = home.run(&["codex", "print", "--listen", &listen]).ok();
    let config: toml_edit::DocumentMut = config.parse().unwrap();
    let url = config["model_providers"]["interlingua"]["model_catalog_url"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{listen}")).unwrap();
    assert_eq!(gateway.send(&Call::get(path)).unwrap().status, 401);
    let bearer = format!("Bearer {}", key.trim());
    let reply = gateway.send(&Call::get(path).header("authorization", &bearer)).unwrap();
    assert_eq!(reply.status, 200);
}

#[test]
fn the_printed_catalog_is_the_one_that_is_served() {
    let config = r#"
        default_model = "open/big"
        [providers.house]
        base_url = "http://127.0.0.1:9/v1"
        models = [{ id = "a", aliases = ["b"] }, { id = "c" }]
        [providers.open]
        base_url = "http://127.0.0.1:9/v1"
        default_model = "small"
        [aliases]
        work = { targets = ["house/c", "open/big"], policy = "failover" }
    "#;
    let printed = Home::with(config).run(&["codex", "print", "--catalog"]).ok();
    let served = start(config, &[], &[]).send(&Call::get("/v1/codex/models")).unwrap();
    assert_eq!(printed.trim_end(), served.text());
    for slug in ["open/big", "open/small", "house/a", "house/c", "work"] {
        assert_eq!(printed.matches(&format!("\"slug\":\"{slug}\"")).count(), 1, "{slug}");
    }
}

#[test]
fn a_taken_port_is_98_and_a_wrong_configuration_78() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    for command in [&[][..], &["up"]] {
        let home = Home::empty();
        let said = home.run(&[command, &["--listen", &address]].concat()).failed(98);
        assert!(said.contains(&address) && said.contains("already taken"), "{said}");
    }
    let said = Home::empty().run(&["up", "--listen", "0.0.0.0:0"]).failed(78);
    assert!(said.contains("flag --listen") && said.contains("keys add"), "{said}");
}

#[test]
fn a_running_gateway_tells_its_status() {
    let upstream = "[providers.up]\nbase_url = \"http://127.0.0.1:9/v1\"\nmodels = [{ id = \"m\", context_window = 9 }]\n";
    let gateway = start(upstream, &[], &[]);
    let listen = gateway.address().to_string();
    let home = Home::with(upstream);
    let told = home.run(&["status", "--listen", &listen]).ok();
    assert!(told.contains("number 1, just now") && told.contains("provider up"), "{told}");
    assert!(told.contains("1, the pool is off") && told.contains("1 model known"), "{told}");
    let status = home.run(&["status", "--listen", &listen, "--json"]).json("interlingua.status/1");
    assert_eq!((&status["models"], &status["address"]), (&json!(1), &json!(listen)));

    std::fs::write(gateway.config(), "colour = 1").unwrap();
    gateway.signal("HUP").unwrap();
    let end = std::time::Instant::now() + Duration::from_secs(10);
    let refused = loop {
        let ran = home.run(&["status", "--listen", &listen]);
        if ran.code == Some(1) || std::time::Instant::now() > end {
            break ran;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stdout.contains("NOT in force")
            && refused.stdout.contains(":1:1: unknown key `colour`")
    );
}

#[test]
fn the_status_says_how_the_store_fares() {
    let gateway = start("", &[], &[]);
    let listen = gateway.address().to_string();
    let home = Home::empty();
    let status =
        || home.run(&["status", "--listen", &listen, "--json"]).json("interlingua.status/1");
    let space =
        json!({ "entries": 0, "bytes": 0, "hits": 0, "misses": 0, "losses": 0, "degraded": null });
    assert_eq!(status()["store"], json!({ "reasoning": space, "responses": space }));

    let ask = json!({ "model": "demo/assistant", "input": "hi" });
    let answer = gateway.send(&Call::post("/v1/responses", &ask)).unwrap().json();
    let path = format!("/v1/responses/{}", answer["id"].as_str().unwrap());
    assert_eq!(gateway.send(&Call::get(&path)).unwrap().json(), answer);
    assert_eq!(gateway.send(&Call::get("/v1/responses/resp_none")).unwrap().status, 404);
    let store = status()["store"]["responses"].clone();
    let counts = ["entries", "hits", "misses", "losses"].map(|it| store[it].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 1, 0], "{store}");
    assert!(store["bytes"].as_u64() > Some(0), "{store}");
    let told = home.run(&["status", "--listen", &listen]).ok();
    assert!(told.contains("1 response in ") && told.contains("; 1 of 2 found\n"), "{told}");
}

#[test]
fn a_store_that_is_away_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = format!("[store]\nurl = \"redis://{free}\"\n");
    let gateway = start(&store, &[], &[]);
    let listen = gateway.address().to_string();
    let ask = json!({ "model": "demo/assistant", "input": "hi" });
    assert_eq!(gateway.send(&Call::post("/v1/responses", &ask)).unwrap().status, 200);
    let home = Home::with(&format!("listen = \"{listen}\"\n"));
    let told = home.run(&["status"]).ok();
    assert!(told.contains("; 1 would not have survived a crash\n"), "{told}");
    assert!(told.contains("\nthe store has been away for "), "{told}");
    let said = home.run(&["doctor"]).stdout;
    assert!(
        said.contains("warn  store  ") && said.contains("does not survive a restart"),
        "{said}"
    );
}

#[test]
fn where_no_gateway_runs_the_status_says_so() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = Home::empty().run(&["status", "--listen", &free]).failed(69);
    assert!(said.contains(&format!("no gateway at {free}")), "{said}");
    assert!(said.contains("`interlingua up` starts one"), "{said}");
}
