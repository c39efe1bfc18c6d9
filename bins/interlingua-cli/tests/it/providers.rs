//! `providers`, `models` and `pool`: what the file looks like afterwards, and what is said.

use std::fs;

use interlingua_testkit::upstream::{Answer, Script, Scripted};
use serde_json::json;

use crate::support::{CANARY, Home};

const TWO: &str = "\
# mine

# a box
[providers.a]
base_url = 'http://127.0.0.1:1/v1' # old
headers = { x-team = 'canary-header' }
models = [{ id = 'm', context_window = 1000 }]

[providers.b]
base_url = \"http://127.0.0.1:2/v1\"
[[providers.b.models]]
id = 'n'
context_window = 2000

[aliases]
work = 'a/m'
both = { targets = ['a/m', 'b/n'] }
";

fn server(models: &[&'static str]) -> Scripted {
    Scripted::start(Script::new().models(models.iter().copied())).unwrap()
}

#[test]
fn a_server_is_added_by_its_address() {
    let upstream = server(&["q", "bge-m3"]);
    let home = Home::with("# mine\r\nlisten = '127.0.0.1:4'\r\n");
    let pasted = format!(" {}/v1/chat/completions ", upstream.base_url());
    let ran = home.run(&["providers", "add", "house", "--base-url", &pasted, "--name", "In house"]);
    let said = ran.stderr.clone();
    assert_eq!(ran.ok(), "");
    assert!(said.contains(&format!("the base URL is {}", upstream.base_url())), "{said}");
    assert!(said.contains("1 model,") && said.contains("+[providers.house]"), "{said}");
    assert!(!said.contains("pool on"), "{said}");
    let expected = format!(
        "# mine\r\nlisten = '127.0.0.1:4'\r\n\r\n[providers.house]\r\nname = \"In house\"\r\nbase_url = \"{}\"\r\n",
        upstream.base_url()
    );
    assert_eq!(home.text(), expected);

    let again = home.run(&["providers", "add", "house", "--base-url", &pasted]).failed(64);
    assert!(again.contains("providers edit house"), "{again}");
    let second = home.run(&["providers", "add", "mimo", "--no-test"]).stderr;
    assert!(second.contains("2 providers") && second.contains("interlingua pool on"), "{second}");
    assert!(home.text().ends_with("[providers.mimo]\r\npreset = \"mimo\"\r\n"), "{}", home.text());
}

#[test]
fn what_a_provider_tells_is_known_to_the_other_commands() {
    let upstream = server(&["q", "r"]);
    let url = upstream.base_url();
    let home = Home::empty();
    home.run(&["providers", "add", "house", "--base-url", &url]).ok();
    let models = home.run(&["models"]).ok();
    assert!(models.contains("house/q ") && models.contains("house/r "), "{models}");
    let listed = home.run(&["providers", "list"]).ok();
    assert!(listed.contains("  2+ models  "), "{listed}");
    let config = home.run(&["codex", "print", "--model", "house"]).ok();
    assert!(config.starts_with("model = \"house/q\"\n"), "{config}");

    let quiet = Home::with("discover = false\n");
    quiet.run(&["providers", "add", "house", "--base-url", &url]).ok();
    assert_eq!(quiet.run(&["models"]).ok(), "");
    let listed = quiet.run(&["providers", "list"]).ok();
    assert!(listed.contains("  models not known  "), "{listed}");
}

#[test]
fn a_key_that_is_wanted_is_asked_for_with_the_command() {
    let upstream = Scripted::start(Script::new().key("k").models(["q"])).unwrap();
    let (home, url) = (Home::empty(), upstream.base_url());
    let remedy = "`interlingua providers edit x --key-env <NAME>`";
    let added = home.run(&["providers", "add", "x", "--base-url", &url]);
    assert!(added.stderr.contains("wants a key") && added.stderr.contains(remedy), "{added:?}");
    assert!(home.run(&["providers", "test", "x"]).failed(77).contains(remedy));
    let edit = ["providers", "edit", "x", "--key-env", "X_KEY", "--no-test"];
    let edited = home.run(&edit).stderr;
    assert!(edited.contains("a gateway finds `X_KEY` only if it was started with it"), "{edited}");
}

#[test]
fn the_path_that_answers_is_taken() {
    for (at, typed, taken) in [("/models", "/v1", ""), ("/v1/models", "", "/v1")] {
        let script = Script::new().models(["q"]).models_only_at(at);
        let upstream = Scripted::start(script).unwrap();
        let root = format!("http://{}", upstream.address());
        let home = Home::empty();
        let url = format!("{root}{typed}");
        let said = home.run(&["providers", "add", "x", "--base-url", &url]).stderr;
        assert!(said.contains(&format!("tried {url}/models")) && said.contains("404"), "{said}");
        assert!(said.contains(&format!("the base URL is {root}{taken}\n")), "{said}");
        assert!(
            home.text().contains(&format!("base_url = \"{root}{taken}\"\n")),
            "{}",
            home.text()
        );
    }
}

#[test]
fn who_is_no_vendor_needs_an_address() {
    let home = Home::empty();
    let said = home.run(&["providers", "add", "foo"]).failed(64);
    assert!(
        said.contains("no vendor that is known (mimo, ") && said.contains("--base-url <URL>"),
        "{said}"
    );
    assert!(!home.config().exists());
}

#[test]
fn what_cannot_be_reached_is_saved_with_a_warning() {
    let home = Home::empty();
    let ran = home.run(&["providers", "add", "off", "--base-url", "http://127.0.0.1:1/v1"]);
    assert!(
        ran.stderr.contains("cannot be reached now and is saved all the same"),
        "{}",
        ran.stderr
    );
    ran.ok();
    assert!(home.text().contains("[providers.off]"));
}

#[test]
fn a_key_is_tried_but_never_told() {
    let upstream = Scripted::start(Script::new().key("another").models(["q"])).unwrap();
    let home = Home::empty().env("HOUSE_KEY", CANARY);
    let url = upstream.base_url();
    let add = ["providers", "add", "x", "--base-url", &url, "--key-env", "HOUSE_KEY"];
    let ran = home.run(&add);
    assert!(ran.stderr.contains("the key of `x` is not accepted"), "{}", ran.stderr);
    assert!(ran.stderr.contains("env HOUSE_KEY"), "{}", ran.stderr);
    ran.ok();
    assert!(home.text().contains("key = { env = \"HOUSE_KEY\" }\n"), "{}", home.text());
    assert_eq!(upstream.exchanges().len(), 1);

    let tested = home.run(&["providers", "test", "x", "--json"]);
    assert_eq!(tested.code, Some(77), "{}", tested.stderr);
    let tested = tested.json("interlingua.provider-test/1");
    assert_eq!(tested["tried"][0]["class"], "auth");
    assert_eq!((&tested["ok"], &tested["keys"]), (&json!(false), &json!(["env HOUSE_KEY"])));

    let missing = Home::with(&home.text());
    let listed = missing.run(&["providers", "list", "--json"]).json("interlingua.providers/1");
    assert_eq!(listed["providers"][0]["keys"][0]["there"], false);
    assert!(missing.run(&["providers", "test", "x"]).failed(77).contains("does not accept"));
}

#[test]
fn a_key_that_a_server_repeats_is_not_told() {
    let refused = Answer::error(401, "invalid_api_key", &format!("no such key: {CANARY}"));
    let upstream = Scripted::start(Script::new().models_answer(refused)).unwrap();
    let url = upstream.base_url();
    let config = format!("[providers.x]\nbase_url = \"{url}\"\nkey = {{ env = \"X_KEY\" }}\n");
    let home = Home::with(&config).env("X_KEY", CANARY);
    for command in [&["providers", "test", "x"][..], &["providers", "models", "x", "--refresh"]] {
        assert!(home.run(command).failed(77).contains("[secret]"));
    }
}

#[test]
fn a_key_is_never_an_argument() {
    let home = Home::with(TWO);
    let url = ["--base-url", "http://127.0.0.1:1"];
    for words in [
        ["--key", CANARY],
        ["--api-key", CANARY],
        ["--key-env", CANARY],
        ["--key-file", CANARY],
        ["--key-command", CANARY],
        ["--name", CANARY],
        ["--header", &format!("x-api-key={CANARY}")],
    ] {
        let add = ["providers", "add", "x", url[0], url[1], words[0], words[1]];
        let said = home.run(&add).failed(64);
        assert!(said.contains("key") && said.contains("--key-env"), "{said}");
    }
    let set = format!("key={CANARY}");
    let said = home.run(&["providers", "edit", "a", "--set", &set]).failed(64);
    assert!(said.contains("looks like a key"), "{said}");
    let url = format!("http://{CANARY}@127.0.0.1/v1");
    home.run(&["providers", "add", "x", "--base-url", &url]).failed(64);
    assert_eq!(home.text(), TWO);
}

#[test]
fn fields_change_where_they_stand() {
    let home = Home::with(TWO);
    let edit = |more: &[&str]| home.run(&[&["providers", "edit", "a", "--no-test"], more].concat());
    let dry = edit(&["--set", "name=A box", "--dry-run"]);
    assert!(dry.stderr.is_empty(), "{}", dry.stderr);
    let diff = dry.ok();
    assert!(diff.contains("+name = \"A box\"\n") && !diff.contains("canary-header"), "{diff}");
    assert_eq!(home.text(), TWO);

    edit(&["--set", "base_url=http://127.0.0.1:1/v1/v1/", "--set", "models.m.context_window=5000"])
        .ok();
    let expected = TWO.replace("'http://127.0.0.1:1/v1' # old", "\"http://127.0.0.1:1/v1\" # old");
    let expected = expected.replace("context_window = 1000", "context_window = 5000");
    assert_eq!(home.text(), expected);

    edit(&["--model", "new", "--set", "models.new.context_window=7"]).ok();
    let models = home.run(&["models", "--json"]).json("interlingua.models/1");
    assert_eq!(
        (&models["models"][1]["slug"], &models["models"][1]["context_window"]),
        (&json!("a/new"), &json!(7))
    );
    edit(&["--remove-model", "new"]).ok();
    assert_eq!(home.text(), expected);

    let typo = edit(&["--set", "bas_url=x"]).failed(64);
    assert!(typo.contains("did you mean `base_url`"), "{typo}");
    assert!(edit(&["--set", "id=x"]).failed(64).contains("never changes"));
    let wrong = edit(&["--set", "dialect=nothing"]).failed(78);
    assert!(wrong.contains("nothing was written") && wrong.contains("config.toml:"), "{wrong}");
    assert!(edit(&["--unset", "docs"]).failed(64).contains("no field `docs`"));
    assert_eq!(home.text(), expected);
}

#[test]
fn a_key_does_not_move_to_another_host_unasked() {
    let keyed = TWO.replace("# old\n", "# old\nkey = { env = 'K' }\n");
    let home = Home::with(&keyed).env("K", CANARY);
    let edit =
        ["providers", "edit", "a", "--no-test", "--set", "base_url=https://elsewhere.test/v1"];
    let said = home.run(&edit).failed(64);
    assert!(said.contains("meant for http://127.0.0.1:1") && said.contains("--keep-key"), "{said}");
    assert_eq!(home.text(), keyed);
    home.run(&[&edit[..], &["--keep-key"]].concat()).ok();
    assert!(home.text().contains("https://elsewhere.test/v1"));
}

#[test]
fn what_is_named_is_not_removed_unasked() {
    let home = Home::with(TWO);
    let said = home.run(&["providers", "remove", "a"]).failed(64);
    assert!(said.contains("the alias `work`") && said.contains("`both`'s targets"), "{said}");
    assert_eq!(home.text(), TWO);
    home.run(&["providers", "remove", "a", "--force"]).ok();
    let text = home.text();
    assert!(text.starts_with("# mine\n\n[providers.b]\n"), "{text}");
    assert!(text.ends_with("[aliases]\nboth = { targets = ['b/n'] }\n"), "{text}");
    assert!(home.run(&["providers", "remove", "a"]).failed(64).contains("no provider `a`"));

    let vendor = Home::with("[providers.mimo]\npreset = 'mimo'\n").env("MIMO_API_KEY", CANARY);
    let said = vendor.run(&["providers", "remove", "mimo"]).stderr;
    assert!(said.contains("still there, because of env MIMO_API_KEY"), "{said}");
}

#[test]
fn providers_are_put_aside_and_in_order() {
    let home = Home::with(TWO);
    home.run(&["providers", "disable", "a"]).ok();
    assert!(home.text().contains("enabled = false\n"), "{}", home.text());
    let models = home.run(&["models"]).ok();
    assert!(models.contains("b/n") && !models.contains("a/m"), "{models}");
    let all = home.run(&["models", "--all", "--json"]).json("interlingua.models/1");
    assert_eq!(
        (&all["models"][0]["slug"], &all["models"][0]["usable"]),
        (&json!("a/m"), &json!(false))
    );
    assert_eq!(all["models"][0]["why"], "it is disabled in the configuration");
    home.run(&["providers", "enable", "a"]).ok();
    assert_eq!(home.text(), TWO);

    home.run(&["providers", "reorder", "b"]).ok();
    let listed = home.run(&["providers", "list", "--json"]).json("interlingua.providers/1");
    assert_eq!(
        (&listed["providers"][0]["id"], &listed["providers"][1]["id"]),
        (&json!("b"), &json!("a"))
    );
    home.run(&["providers", "reorder", "a", "b"]).ok();
    assert_eq!(home.text(), TWO);

    let vendor = Home::empty().env("MIMO_API_KEY", CANARY);
    vendor.run(&["providers", "disable", "mimo"]).ok();
    assert_eq!(vendor.text(), "[providers.mimo]\nenabled = false\n");
}

#[test]
fn the_pool_is_switched() {
    let home = Home::with(TWO);
    assert!(home.run(&["pool", "status"]).ok().contains("the models of `a` are offered, of 2"));
    home.run(&["pool", "on"]).ok();
    assert!(
        home.text().starts_with("# mine\n\nexpose_all_models = true\n\n# a box\n[providers.a]\n")
    );
    let status = home.run(&["pool", "status", "--json"]).json("interlingua.pool/1");
    assert_eq!((&status["on"], &status["models"]), (&json!(true), &json!(2)));
    assert!(home.run(&["pool", "off", "--dry-run"]).ok().contains("-expose_all_models = true"));
    home.run(&["pool", "off"]).ok();
    assert!(home.text().contains("expose_all_models = false\n"));
    let overruled = home.env("INTERLINGUA_EXPOSE_ALL_MODELS", "true").run(&["pool", "off"]);
    assert!(overruled.stderr.contains("config show --origin"), "{}", overruled.stderr);
}

#[test]
fn a_provider_is_asked_for_its_models() {
    let upstream = server(&["q", "whisper-1", "r"]);
    let home = Home::with(&format!("[providers.up]\nbase_url = '{}'\n", upstream.base_url()));
    let listed = home.run(&["providers", "models", "up"]).ok();
    assert_eq!(listed, "up/q  ?\nup/r  ?\n");
    let strict = Home::with(&format!(
        "[providers.up]\nbase_url = '{}'\nmodels = [{{ id = 'q', context_window = 9 }}]\n",
        upstream.base_url()
    ));
    assert_eq!(strict.run(&["providers", "models", "up"]).ok(), "up/q  9\n");
    let asked = strict.run(&["providers", "models", "up", "--refresh", "--json"]);
    let asked = asked.json("interlingua.provider-models/1");
    let reachable = |n: usize| (&asked["models"][n]["slug"], &asked["models"][n]["reachable"]);
    assert_eq!(reachable(0), (&json!("up/q"), &json!(true)));
    assert_eq!(reachable(1), (&json!("up/r"), &json!(false)));
    let ran = strict.run(&["providers", "test", "up"]);
    assert!(ran.stderr.contains("2 models"), "{}", ran.stderr);
    ran.ok();
    let page = Scripted::start(Script::new().models_answer(Answer::bytes(200, "<html>"))).unwrap();
    let home = Home::with(&format!("[providers.up]\nbase_url = '{}'\n", page.base_url()));
    let said = home.run(&["providers", "test", "up"]).failed(76);
    assert!(said.contains("not JSON") && said.contains("--set base_url=http://127"), "{said}");
}

#[test]
fn a_file_changed_or_wrong_is_left_alone() {
    let home = Home::with("listen = \n");
    let said = home.run(&["providers", "add", "x", "--base-url", "http://127.0.0.1:1"]).failed(78);
    assert!(said.contains("not TOML") && said.contains("line 1"), "{said}");
    assert_eq!(home.text(), "listen = \n");

    let broken = Home::with("[providers.a]\nbase_url = 'nowhere'\n");
    broken.run(&["pool", "on"]).failed(78);
    broken
        .run(&["providers", "edit", "a", "--no-test", "--set", "base_url=http://127.0.0.1:1"])
        .ok();
    assert!(broken.text().contains("http://127.0.0.1:1"));

    let named = home.path().join("other.toml");
    home.run(&["pool", "on", "--config", "other.toml"]).failed(78);
    assert!(!named.exists());
    let home = Home::empty();
    home.run(&["pool", "on", "--config", "other.toml"]).ok();
    assert_eq!(
        fs::read_to_string(home.path().join("other.toml")).unwrap(),
        "expose_all_models = true\n"
    );
}

#[cfg(unix)]
#[test]
fn a_program_that_gives_a_key_is_asked_once() {
    let count = "echo x >> count; echo sk-canary-5f1d";
    let home = Home::with(&format!(
        "[providers.a]\nbase_url = 'http://127.0.0.1:1/v1'\nkey = {{ command = ['/bin/sh', '-c', '{count}'] }}\n"
    ));
    home.run(&["pool", "on"]).ok();
    assert_eq!(fs::read_to_string(home.path().join("count")).unwrap(), "x\n");
}
