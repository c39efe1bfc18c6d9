//! Every recording of every upstream, as real clients read it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use interlingua_dialect::Dialects;
use interlingua_testkit::fixtures::{self, Stream, dialect_streams};
use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::sdk::Language;
use interlingua_testkit::upstream::{Answer, Request, Script, Scripted, Wire};
use serde_json::{Map, Value};

use crate::scenarios::Scenario;
use crate::stage::{KEY, binary, codex};

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (language, name) in [(Language::Python, "python"), (Language::Node, "node")] {
        for protocol in Wire::ALL {
            let name = format!("recordings, sdk for {name} over {}", protocol.name());
            let run = Box::new(move || read_by_the_sdk(language, protocol));
            all.push(Scenario { stage: "dialects", name, run });
        }
    }
    let name = "recordings with calls, codex".to_owned();
    all.push(Scenario { stage: "dialects", name, run: Box::new(acted_on_by_codex) });
    all
}

/// A server without a parser for thoughts, which an endpoint's owner has to know.
const BARE: &str = "id = \"bare\"\nextends = \"vllm\"\nreasoning_out.tags = \"implicit_open\"\n";

/// A gateway with a provider for each dialect; each has its recordings as models.
struct Library {
    upstream: Scripted,
    gateway: Gateway,
}

impl Library {
    fn new(streams: &[Stream], script: Script) -> Self {
        let upstream = Scripted::start(script).unwrap();
        let mut models: BTreeMap<&str, String> = BTreeMap::new();
        for stream in streams {
            let provider = provider(stream);
            *models.entry(provider).or_default() += &format!(
                "[[providers.{provider}.models]]\nid = \"{}\"\ncontext_window = 100000\n",
                model(stream)
            );
        }
        let dialects = Dialects::builtin();
        let config = models.iter().map(|(id, models)| {
            let wire = dialects.resolve(id, "").map_or("chat", |it| it.wire.name());
            let base_url = upstream.base_url();
            format!(
                "[providers.{id}]\nbase_url = \"{base_url}\"\nwire = \"{wire}\"\ndialect = \"{id}\"\n\
                 key = {{ env = \"UP_KEY\" }}\n{models}"
            )
        });
        let config: String = config.collect();
        let mut gateway = Setup::new(binary(), "").env("UP_KEY", KEY).start().unwrap();
        let folder = gateway.config().with_file_name("dialects.d");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("bare.toml"), BARE).unwrap();
        fs::write(gateway.config(), config).unwrap();
        gateway.kill().unwrap();
        gateway.start().unwrap();
        Self { upstream, gateway }
    }

    /// The file that tells the scripts what each recording means, and whom to ask for it.
    fn table(&self, streams: &[Stream]) -> PathBuf {
        let entries = streams.iter().map(|stream| {
            let mut expected = stream.expected.clone();
            expected["provider"] = provider(stream).into();
            (stream.name.clone(), expected)
        });
        let path = self.gateway.home().join("recordings.json");
        let table = Value::Object(entries.collect::<Map<_, _>>());
        fs::write(&path, table.to_string()).unwrap();
        path
    }
}

fn provider(stream: &Stream) -> &str {
    if stream.expected["needs"].is_object() { "bare" } else { &stream.dialect }
}

/// A recording as a model; the name is no model's, so that it belongs to no family.
fn model(stream: &Stream) -> String {
    format!("of-{}", stream.name.trim_end_matches(".sse"))
}

fn asks_for(stream: &Stream) -> impl Fn(&Request) -> bool + Send + 'static {
    let model = model(stream);
    move |request| request.body["model"] == model.as_str()
}

fn read_by_the_sdk(language: Language, protocol: Wire) {
    let streams = dialect_streams(None);
    let mut script = Script::new();
    for stream in &streams {
        let answer = Answer::bytes(200, stream.bytes.clone());
        script = script.always(&stream.name, asks_for(stream), answer);
    }
    let library = Library::new(&streams, script);
    let file = match language {
        Language::Python => "dialects.py",
        Language::Node => "dialects.mjs",
    };
    let file = fixtures::workspace().join("bins/interlingua-proxy/tests/e2e/sdk").join(file);
    let table = library.table(&streams);
    let root = format!("http://{}", library.gateway.address());
    let arguments = [protocol.name(), table.to_str().unwrap()];
    let checked = language.run(&file, &root, "", "any", &arguments).unwrap();
    assert_eq!(checked.failed(), [""; 0], "{}\n{}", checked.transcript(), library.gateway.log());
    assert_eq!(checked.passed().len(), streams.len(), "{}", checked.transcript());
}

/// Codex runs what it is asked for, or says that there is no such tool, and goes on.
fn acted_on_by_codex() {
    let mut streams = dialect_streams(None);
    streams.retain(|it| {
        let calls = it.expected["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
        calls && !it.expected["error_class"].is_string()
    });
    let mut script = Script::new();
    for stream in &streams {
        let recording = Answer::bytes(200, stream.bytes.clone());
        let end = Answer::text(format!("The end of {}.", stream.name));
        script = script.lane(&stream.name, asks_for(stream), [recording, end]);
    }
    let library = Library::new(&streams, script);
    for stream in &streams {
        let slug = format!("{}/{}", provider(stream), model(stream));
        let run = codex(&library.gateway, &slug, "").exec("go on").unwrap();
        let told = || format!("{}\n{}\n{}", stream.name, run.transcript(), library.gateway.log());
        assert_eq!(run.code, Some(0), "{}", told());
        let end = format!("The end of {}.", stream.name);
        assert!(run.messages().contains(&end.as_str()), "{}", told());
        let bodies = library.upstream.bodies();
        let of_this = bodies.iter().filter(|it| it["model"] == model(stream).as_str());
        let [_, second] = of_this.collect::<Vec<_>>()[..] else { panic!("{}", told()) };
        let calls = stream.expected["tool_calls"].as_array().map_or(0, Vec::len);
        assert_eq!(results(second), calls, "{}", told());
    }
}

/// How many calls a request answers.
fn results(body: &Value) -> usize {
    let messages = body["messages"].as_array().unwrap();
    let of_chat = messages.iter().filter(|it| it["role"] == "tool").count();
    let blocks = messages.iter().filter_map(|it| it["content"].as_array()).flatten();
    of_chat + blocks.filter(|it| it["type"] == "tool_result").count()
}
