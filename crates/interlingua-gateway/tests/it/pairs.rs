//! Three protocols of clients, three of upstreams: what each of the nine pairs has to do alike.

use std::fmt;
use std::net::SocketAddr;

use interlingua_testkit::http::{Call, Reply};
use interlingua_testkit::talk::{Answered, Talker};
use interlingua_testkit::upstream::{Script, Scripted, Strict, Wire};
use serde_json::{Value, json};

use crate::stage::{LONG, MODEL, Running, Stage, at_once};

mod answers;
mod cache;
mod faults;
mod lane;
mod table;
mod waiting;

/// A protocol as one kind of upstream speaks it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Kind {
    pub(crate) wire: Wire,
    pub(crate) dialect: &'static str,
}

/// Those that a client can meet: one that wants its thoughts back, and those by the book.
pub(crate) const KINDS: [Kind; 5] = [
    Kind { wire: Wire::Chat, dialect: "mimo" },
    Kind { wire: Wire::Chat, dialect: "openai" },
    Kind { wire: Wire::Responses, dialect: "openai" },
    Kind { wire: Wire::Messages, dialect: "anthropic" },
    // What a Messages provider speaks of which nothing is known.
    Kind { wire: Wire::Messages, dialect: "anthropic_compat" },
];

impl Kind {
    /// Whether it shows its thoughts and takes them back.
    pub(crate) fn has_thoughts(self) -> bool {
        self.wire != Wire::Chat || self.dialect == "mimo"
    }

    /// A script that judges what it is asked, as far as this kind of upstream is known to the judge.
    pub(crate) fn script(self) -> Script {
        let script = Script::new().key(crate::stage::KEY);
        if self.has_thoughts() { script.strict(Strict::mimo()) } else { script }
    }

    /// A provider of this kind, in a configuration.
    pub(crate) fn provider(self, id: &str, base_url: &str) -> String {
        let Self { wire, dialect } = self;
        format!(
            "[providers.{id}]\nbase_url = \"{base_url}\"\nwire = \"{}\"\ndialect = \"{dialect}\"\n\
             key = {{ env = \"UP_KEY\" }}\n[[providers.{id}.models]]\nid = \"m\"\n\
             context_window = 100000\nmax_output_tokens = 32000\nimages = true\nreasoning = true\n",
            wire.name(),
        )
    }

    /// A gateway before one upstream of this kind; `tables` stand at the end of its configuration.
    pub(crate) fn stage(self, script: Script, tables: &str) -> Stage {
        let upstream = Scripted::start(script).unwrap();
        let provider = self.provider("up", &upstream.base_url());
        let gateway = Running::start(&format!("listen = \"127.0.0.1:0\"\n{provider}\n{tables}"));
        Stage { upstream, gateway }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.wire.name(), self.dialect)
    }
}

/// A client and an upstream.
#[derive(Clone, Copy, Debug)]
struct Pair {
    client: Wire,
    kind: Kind,
}

impl Pair {
    fn all() -> impl Iterator<Item = Self> {
        Wire::ALL.into_iter().flat_map(|client| KINDS.map(|kind| Self { client, kind }))
    }

    /// Those whose frames go on as they come.
    fn is_lane(self) -> bool {
        self.client == self.kind.wire && self.kind.dialect != "mimo"
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.client.name(), self.kind)
    }
}

/// Checks every pair, once streamed and once whole, all at once.
fn for_each(check: impl Fn(Pair, bool) + Sync) {
    let both = |pair| [true, false].map(|stream| (pair, stream));
    at_once(Pair::all().flat_map(both), |(pair, stream)| check(pair, stream));
}

/// A client that has said something.
pub(crate) fn talker(client: Wire, said: &str) -> Talker {
    let mut talker = Talker::new(client, MODEL).limit(LONG);
    talker.say(said);
    talker
}

/// What the client would send, with everything in it that it has to ask for: to be told what the answer
/// cost, and that the model thinks.
pub(crate) fn body(talker: &Talker, client: Wire, stream: bool) -> Value {
    let mut body = talker.body(stream);
    match client {
        Wire::Chat => {
            body["reasoning_effort"] = "high".into();
            if stream {
                body["stream_options"] = json!({ "include_usage": true });
            }
        }
        Wire::Responses => body["reasoning"] = json!({ "effort": "high" }),
        // It asks in any case.
        Wire::Messages => {}
    }
    body
}

/// Asks the model to go on, and keeps its answer.
#[track_caller]
pub(crate) fn go_on(
    talker: &mut Talker,
    address: SocketAddr,
    client: Wire,
    stream: bool,
) -> Answered {
    let reply = talker.call(&body(talker, client, stream)).send(address).unwrap();
    let answered = talker.read(&reply, stream).unwrap_or_else(|error| panic!("{error}"));
    talker.keep(&answered);
    answered
}

/// Asks for something, and gives the reply as it came.
fn ask(stage: &Stage, client: Wire, stream: bool) -> Reply {
    stage.send(&asking(client, stream))
}

fn asking(client: Wire, stream: bool) -> Call {
    let talker = talker(client, "hi");
    talker.call(&body(&talker, client, stream))
}

/// Understands a reply that has to be a whole answer.
#[track_caller]
fn read(client: Wire, reply: &Reply, stream: bool) -> Answered {
    match talker(client, "hi").read(reply, stream) {
        Ok(answered) => answered,
        Err(error) => panic!("{error}"),
    }
}

/// The whole stream of an upstream, as it would send it to whoever asks it straight.
fn recorded(kind: Kind, answer: interlingua_testkit::upstream::Answer) -> Vec<u8> {
    let upstream = Scripted::start(Script::new().then(answer)).unwrap();
    asking(kind.wire, true).send(upstream.address()).unwrap().body
}
