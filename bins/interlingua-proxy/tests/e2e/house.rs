//! What the scenarios of the other clients stand on: an upstream of one of three protocols, and a
//! gateway before it, unless the client asks the upstream straight.

use std::fmt;
use std::net::SocketAddr;

use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::upstream::{Exchange, Request, Script, Scripted, Wire};
use serde_json::Value;

use self::Kind::{Imitator, Signing};
use crate::stage::{KEY, binary};

/// How a client reaches its model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Without a gateway: shows that script and client understand each other.
    Straight(Wire),
    /// Through the gateway, to an upstream of this protocol.
    To(Wire),
}

impl Way {
    /// The three ways through the gateway.
    pub(crate) const THROUGH: [Self; 3] =
        [Self::To(Wire::Chat), Self::To(Wire::Responses), Self::To(Wire::Messages)];

    /// The protocol of the upstream.
    pub(crate) fn wire(self) -> Wire {
        match self {
            Self::Straight(wire) | Self::To(wire) => wire,
        }
    }

    pub(crate) fn is_straight(self) -> bool {
        matches!(self, Self::Straight(_))
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Straight(_) => f.write_str("straight"),
            Self::To(wire) => write!(f, "{} upstream", wire.name()),
        }
    }
}

/// The model that all of them ask for: it thinks and sees.
pub(crate) const MODEL: &str = "up/thinker";

pub(crate) struct House {
    pub(crate) way: Way,
    pub(crate) upstream: Scripted,
    gateway: Option<Gateway>,
}

impl House {
    pub(crate) fn new(way: Way, script: Script) -> Self {
        Self::with(way, script, KEY, "")
    }

    /// With another key for the upstream, and more lines of configuration at its top.
    pub(crate) fn with(way: Way, script: Script, key: &str, top: &str) -> Self {
        Self::of(way, script, key, top, Imitator)
    }

    /// For clients that ask for thought: over Messages the upstream is taken for one that thinks only
    /// then, and checks its signatures.
    pub(crate) fn asked_for_thought(way: Way, script: Script, key: &str, top: &str) -> Self {
        Self::of(way, script, key, top, Signing)
    }

    fn of(way: Way, script: Script, key: &str, top: &str, kind: Kind) -> Self {
        let upstream = Scripted::start(script.key(KEY)).unwrap();
        let gateway = (!way.is_straight()).then(|| {
            let config = format!("{top}\n{}", provider("up", &upstream, way.wire(), kind));
            Setup::new(binary(), &config).env("UP_KEY", key).argument("-v").start().unwrap()
        });
        Self { way, upstream, gateway }
    }

    /// What a client is told that adds `/v1` itself.
    pub(crate) fn root(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What a client is told that does not.
    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.root())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.gateway.as_ref().map_or(self.upstream.address(), Gateway::address)
    }

    /// The key that a client uses: straight it is the upstream's own.
    pub(crate) fn key(&self) -> &'static str {
        if self.way.is_straight() { KEY } else { "any" }
    }

    pub(crate) fn log(&self) -> String {
        self.gateway.as_ref().map(Gateway::log).unwrap_or_default()
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.upstream.bodies()
    }

    /// The requests that a lane answered.
    pub(crate) fn lane(&self, name: &str) -> Vec<Exchange> {
        self.upstream.exchanges().into_iter().filter(|it| it.lane == name).collect()
    }

    /// Nobody was refused anything, everything was asked for, and no key was told.
    #[track_caller]
    pub(crate) fn check(&self, transcript: &str) {
        let told = || format!("{transcript}\ngateway:\n{}", self.log());
        assert_eq!(self.upstream.faults(), [""; 0], "{}", told());
        self.no_secret(transcript);
    }

    #[track_caller]
    pub(crate) fn no_secret(&self, transcript: &str) {
        for text in [transcript, &self.log()] {
            let told = !self.way.is_straight() && text.contains(KEY);
            assert!(!told, "the key was printed");
        }
    }
}

/// What kind of Messages upstream the gateway takes one for.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// It thinks when it likes, and wants its thoughts back.
    Imitator,
    /// It thinks when it is asked to, and checks its signatures.
    Signing,
}

/// A provider of one model, in a configuration. Over Chat it is one that wants its thoughts back.
pub(crate) fn provider(id: &str, upstream: &Scripted, wire: Wire, kind: Kind) -> String {
    let dialect = match (wire, kind) {
        (Wire::Chat, _) => "dialect = \"mimo\"\n",
        (Wire::Messages, Signing) => "dialect = \"anthropic\"\n",
        _ => "",
    };
    format!(
        "[providers.{id}]\nbase_url = \"{}\"\nwire = \"{}\"\n{dialect}key = {{ env = \"UP_KEY\" }}\n\
         [[providers.{id}.models]]\nid = \"thinker\"\ncontext_window = 100000\n\
         max_output_tokens = 32000\nimages = true\nreasoning = true\n",
        upstream.base_url(),
        wire.name(),
    )
}

/// How many pictures a request holds, in the protocol's own words.
pub(crate) fn pictures(wire: Wire, body: &Value) -> usize {
    let kind = match wire {
        Wire::Chat => "\"type\":\"image_url\"",
        Wire::Responses => "\"type\":\"input_image\"",
        Wire::Messages => "\"type\":\"image\"",
    };
    body.to_string().matches(kind).count()
}

/// The names of the tools that a request offers.
pub(crate) fn tools(wire: Wire, body: &Value) -> Vec<&str> {
    let tools = body["tools"].as_array().into_iter().flatten();
    let names = tools.map(|tool| if wire == Wire::Chat { &tool["function"] } else { tool });
    names.filter_map(|tool| tool["name"].as_str()).collect()
}

/// A request beside the conversation: it offers nothing to do.
pub(crate) fn has_no_tools(request: &Request) -> bool {
    request.body["tools"].as_array().is_none_or(Vec::is_empty)
}
