//! Several providers in one pool, and a pool that changes under a running Codex.

use std::fs;
use std::time::{Duration, Instant};

use interlingua_testkit::codex::{Codex, Run};
use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::http::Call;
use interlingua_testkit::upstream::{Answer, Script, Scripted, call, cut, finish, text};
use serde_json::{Value, json};

use crate::stage::{binary, codex};

const LONG: Duration = Duration::from_secs(20);

/// Three providers, each with two models; those of `b` and `c` share their names.
struct Pool {
    upstreams: [Scripted; 3],
    gateway: Gateway,
}

const MODELS: [(&str, [&str; 2]); 3] =
    [("a", ["small", "vendor/large:free"]), ("b", ["coder", "twin"]), ("c", ["other", "twin"])];

impl Pool {
    fn new(scripts: [Script; 3], top: &str) -> Self {
        let upstreams = scripts.map(|script| Scripted::start(script).unwrap());
        let gateway = Setup::new(binary(), &config(&upstreams, &["a", "b", "c"], top));
        let gateway = gateway.argument("-v").start().unwrap();
        Self { upstreams, gateway }
    }

    fn saying_their_names(top: &str) -> Self {
        let say = |name: &str| Script::new().otherwise(Answer::text(format!("I am {name}.")));
        Self::new(["a", "b", "c"].map(say), top)
    }

    /// Makes the gateway know these providers only, and waits until it does.
    fn configure(&self, ids: &[&str], top: &str) {
        let before = self.number();
        fs::write(self.gateway.config(), config(&self.upstreams, ids, top)).unwrap();
        let end = Instant::now() + LONG;
        while self.number() == before {
            assert!(Instant::now() < end, "{}", self.gateway.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn number(&self) -> u64 {
        let status = self.gateway.send(&Call::get("/status")).unwrap().json();
        status["configuration"]["number"].as_u64().unwrap()
    }

    fn asked(&self) -> [usize; 3] {
        [0, 1, 2].map(|at| self.upstreams[at].exchanges().len())
    }
}

fn config(upstreams: &[Scripted; 3], ids: &[&str], top: &str) -> String {
    let providers = MODELS.iter().zip(upstreams).filter(|((id, _), _)| ids.contains(id));
    let providers = providers.map(|((id, models), upstream)| {
        let models = models.map(|model| format!("{{ id = '{model}', context_window = 100000 }}"));
        let (base_url, models) = (upstream.base_url(), models.join(", "));
        format!("[providers.{id}]\nbase_url = '{base_url}'\nmodels = [{models}]\n")
    });
    format!("{top}\n{}", providers.collect::<String>())
}

fn slugs(ids: &[&str]) -> Vec<String> {
    let listed = MODELS.iter().filter(|(id, _)| ids.contains(id));
    listed.flat_map(|(id, models)| models.map(|model| format!("{id}/{model}"))).collect()
}

/// The models that Codex's picker shows.
fn picker(codex: &Codex) -> Vec<String> {
    let run = codex.run(&["debug", "models"]).unwrap();
    let told = || run.transcript();
    let catalog: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", told()));
    let models = catalog["models"].as_array().unwrap().iter();
    let shown = models.filter(|model| model["visibility"] == "list");
    shown.map(|model| model["slug"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn answered(pool: &Pool, run: &Run, message: &str) {
    assert_eq!(run.code, Some(0), "{}\n{}", run.transcript(), pool.gateway.log());
    assert_eq!(run.messages().last(), Some(&message), "{}", run.transcript());
}

/// The picker shows every slug, and each reaches its own server and model.
pub(crate) fn one_pool() {
    let pool = Pool::saying_their_names("expose_all_models = true");
    let all = slugs(&["a", "b", "c"]);
    assert_eq!(picker(&codex(&pool.gateway, "a/small", "")), all);
    for slug in &all {
        let before = pool.asked();
        let run = codex(&pool.gateway, slug, "").exec("who are you?").unwrap();
        let (id, model) = slug.split_once('/').unwrap();
        answered(&pool, &run, &format!("I am {id}."));
        let at = MODELS.iter().position(|(it, _)| *it == id).unwrap();
        let mut after = before;
        after[at] += 1;
        assert_eq!(pool.asked(), after, "{slug}");
        assert_eq!(pool.upstreams[at].bodies().last().unwrap()["model"], model);
    }
}

/// With the pool switched off, the picker shows the first provider; the others answer all the same.
pub(crate) fn without_the_pool() {
    let pool = Pool::saying_their_names("");
    assert_eq!(picker(&codex(&pool.gateway, "a/small", "")), slugs(&["a"]));
    let run = codex(&pool.gateway, "c/twin", "").exec("who are you?").unwrap();
    answered(&pool, &run, "I am c.");

    let alone = Pool::saying_their_names("");
    alone.configure(&["a"], "");
    let catalog = |pool: &Pool| {
        let json = pool.gateway.send(&Call::get("/v1/codex/models")).unwrap().json();
        let shown = |it: &&Value| it["visibility"] == "list";
        json["models"].as_array().unwrap().iter().filter(shown).cloned().collect::<Vec<_>>()
    };
    assert_eq!(catalog(&pool), catalog(&alone), "what a user of one provider sees");
}

/// A provider is added while Codex works: it fetches the catalog again and can use the new model. A
/// provider that was removed is told as such.
pub(crate) fn pool_changes() {
    let gate = std::env::temp_dir().join(format!("interlingua-gate-{}", std::process::id()));
    drop(fs::remove_file(&gate));
    let wait = format!("while ! test -e {}; do sleep 0.1; done", gate.display());
    let shell = |id: &str, command: &str| {
        Answer::stream([
            call(id, "exec_command", json!({ "cmd": command }).to_string()),
            finish("tool_calls"),
        ])
    };
    let spawn = json!({ "message": "SUBTASK say who you are", "model": "b/coder" }).to_string();
    let first = Script::new()
        .then(shell("call_1", &wait))
        .then(shell("call_2", "sleep 1"))
        .then(Answer::stream([
            call("call_3", "multi_agent_v1__spawn_agent", spawn),
            finish("tool_calls"),
        ]))
        .then(shell("call_4", "sleep 2"))
        .then(Answer::text("Done."));
    let second = Script::new().otherwise(Answer::stream([text("I am b."), finish("stop")]));
    let pool = Pool::new([first, second, Script::new()], "expose_all_models = true");
    pool.configure(&["a"], "expose_all_models = true");
    let codex = codex(&pool.gateway, "a/small", "");
    let fetched = || pool.gateway.log().matches("\"path\":\"/v1/codex/models\"").count();
    let running = codex
        .start(&["exec", "--json", "--skip-git-repo-check", "-s", "danger-full-access", "--", "go"])
        .unwrap();
    pool.upstreams[0].wait_until(LONG, |seen| !seen.is_empty());
    let before = fetched();
    pool.configure(&["a", "b"], "expose_all_models = true");
    fs::write(&gate, "").unwrap();
    let run = running.wait().unwrap();
    fs::remove_file(&gate).unwrap();
    answered(&pool, &run, "Done.");
    assert!(fetched() > before, "the catalog is fetched again: {}", pool.gateway.log());
    let reached = pool.upstreams[1].bodies();
    assert_eq!(reached.len(), 1, "{}\n{}", run.transcript(), pool.gateway.log());
    assert_eq!(reached[0]["model"], "coder");

    pool.configure(&["a"], "expose_all_models = true");
    let run = self::codex(&pool.gateway, "b/coder", "").exec("who are you?").unwrap();
    assert_ne!(run.code, Some(0), "{}", run.transcript());
    let told = run.errors().join(" ");
    assert!(told.contains("there is no model `b/coder`: there is no provider `b`"), "{told}");
    assert_eq!(pool.upstreams[1].exchanges().len(), 1);
}

/// Whatever the first of a chain does before its first word, Codex gets its answer from the second and
/// notices nothing; after the first word, nobody else is asked.
pub(crate) fn failover() {
    let top = "aliases.work.targets = ['a/small', 'b/coder']\ntimeouts.first_byte = '1s'";
    let half = Answer::stream([text("Half an ans"), cut()]);
    for (how, answer) in [
        ("refuses", Answer::error(403, "forbidden", "no")),
        ("429", Answer::rate_limited(Some(60))),
        ("500", Answer::error(500, "internal", "oops")),
        ("stalls", Answer::text("late").after(LONG)),
        ("dies before the first event", Answer::hang_up()),
    ] {
        let second = Script::new().otherwise(Answer::text("I am b."));
        let pool = Pool::new([Script::new().otherwise(answer), second, Script::new()], top);
        let run = codex(&pool.gateway, "work", "").exec("who are you?").unwrap();
        answered(&pool, &run, "I am b.");
        assert_eq!(run.errors(), [""; 0], "{how}: {}", run.transcript());
        assert_eq!(pool.upstreams[1].exchanges().len(), 1, "{how}");
    }
    let scripts = [Script::new().then(half).otherwise(Answer::text("I am a.")), Script::new()];
    let [first, second] = scripts;
    let pool = Pool::new([first, second, Script::new()], top);
    let run = codex(&pool.gateway, "work", "").exec("who are you?").unwrap();
    answered(&pool, &run, "I am a.");
    assert_eq!(pool.asked(), [2, 0, 0], "it was Codex that asked again: {}", run.transcript());
}

/// A thousand names that nobody gave to a model reach nobody.
pub(crate) fn unknown_names() {
    let pool = Pool::saying_their_names("expose_all_models = true\ndefault_model = 'a/small'");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let known = slugs(&["a", "b", "c"]);
    let letters: Vec<char> = "abcdegmnoprstuvw0123456789-_./: []".chars().collect();
    for round in 0..1_000 {
        let mut name: Vec<char> = match round % 4 {
            // A known name with a slip in it is the likeliest mistake.
            0 | 1 => known[usize::try_from(random(known.len() as u64)).unwrap()].chars().collect(),
            2 => ["gpt-6.1-terra", "claude-opus", "small "][usize::try_from(random(3)).unwrap()]
                .chars()
                .collect(),
            _ => Vec::new(),
        };
        for _ in 0..=random(4) {
            let at = usize::try_from(random(name.len() as u64 + 1)).unwrap();
            name.insert(at, letters[usize::try_from(random(letters.len() as u64)).unwrap()]);
        }
        let name: String = name.into_iter().collect();
        let bare = name.split_once('/').map_or(name.as_str(), |(_, model)| model);
        if known.iter().any(|it| *it == name || it.ends_with(&format!("/{bare}")) && bare == name) {
            continue;
        }
        let body = json!({ "model": name, "input": "hi" });
        let reply = pool.gateway.send(&Call::post("/v1/responses", &body).limit(LONG)).unwrap();
        assert_eq!(reply.status, 404, "{name:?}: {}", reply.text());
        assert_eq!(reply.json()["error"]["code"], "model_not_found");
    }
    assert_eq!(pool.asked(), [0, 0, 0]);
}
