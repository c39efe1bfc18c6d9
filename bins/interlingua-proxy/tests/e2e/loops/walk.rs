//! One walk: three clients with equal histories and keys of their own, step by step in any order.

use std::fs;
use std::io;
use std::net::SocketAddr;

use interlingua_registry::generate;
use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::talk::Talker;
use interlingua_testkit::upstream::{
    Ledger, Model, Script, Scripted, Strict, USER, Violation, Wire,
};

use crate::house::{Kind, provider};
use crate::stage::{KEY, binary};

/// What there is to walk through.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// The protocols of the clients.
    pub(super) clients: &'static [Wire],
    /// The protocols of the providers.
    pub(super) providers: &'static [Wire],
    /// The gateway puts nothing back.
    pub(super) forgets: bool,
    /// There is no gateway; the client speaks the protocol of the only provider, and keeps its thoughts.
    pub(super) straight: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { clients: &Wire::ALL, providers: &Wire::ALL, forgets: false, straight: false }
    }
}

/// The providers and the gateway before them.
pub(super) struct Town {
    plan: Plan,
    ledger: Ledger,
    providers: Vec<Scripted>,
    gateway: Option<Gateway>,
    /// How many walks there have been: no two of them share a nonce.
    walks: u64,
}

/// How many clients there are.
const CLIENTS: u8 = 3;

/// The longest walk of one client.
const STEPS: usize = 40;

/// How often the user says something.
const TURNS: usize = 3;

impl Town {
    pub(super) fn new(plan: Plan, seed: u64) -> Self {
        let ledger = Ledger::new();
        let model = |at: usize| {
            let model = Model::new(&format!("model {at}"), seed + at as u64, &ledger);
            Scripted::start(Script::new().key(KEY).strict(Strict::mimo()).model(model)).unwrap()
        };
        let providers: Vec<_> = (0..plan.providers.len()).map(model).collect();
        let gateway = (!plan.straight).then(|| gateway(plan, &providers));
        Self { plan, ledger, providers, gateway, walks: 0 }
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        self.providers.iter().flat_map(Scripted::violations).collect()
    }

    /// Walks, and fails if anybody is refused or given what is not his.
    #[track_caller]
    pub(super) fn walk(&mut self, seed: u64) {
        let result = self.try_walk(seed);
        let told = || {
            let refused: Vec<_> = self.violations().iter().map(ToString::to_string).collect();
            let log = self.gateway.as_ref().map(Gateway::log).unwrap_or_default();
            format!("seed {seed}: {result:?}\n{}\n{log}", refused.join("\n"))
        };
        assert!(result.is_ok() && self.violations().is_empty(), "{}", told());
    }

    /// Walks until the end, or until somebody is refused.
    pub(super) fn try_walk(&mut self, seed: u64) -> io::Result<()> {
        self.walks += 1;
        let mut chance = fastrand::Rng::with_seed(seed);
        let wire = *chance.choice(self.plan.clients).expect("there is a client");
        let nonce = format!("{seed}-{}", self.walks);
        let walker = |client: u8, nonce: &str| {
            let name = client_key(client);
            let key = if self.plan.straight { KEY } else { &name };
            let talker = Talker::new(wire, &slug(0)).key(key);
            let talker = if self.plan.straight { talker } else { talker.effort("medium") };
            // Some clients of Chat do send their thoughts back.
            let keeps = self.plan.straight || seed % 5 == 0;
            let talker = if keeps { talker.keeping_thought() } else { talker };
            // All decide alike, so that their histories are equal.
            let chance = fastrand::Rng::with_seed(seed);
            Walker { name, nonce: nonce.to_owned(), talker, chance, turns: 0 }
        };
        let mut walkers: Vec<_> = (0..CLIENTS).map(|client| walker(client, &nonce)).collect();
        // And a second conversation of one of them.
        walkers.push(walker(0, &format!("{nonce}-b")));
        for _ in 0..STEPS * walkers.len() {
            let going: Vec<_> = (0..walkers.len()).filter(|at| !walkers[*at].is_home()).collect();
            let Some(next) = chance.choice(&going) else { return Ok(()) };
            if let Some(gateway) = self.gateway.as_mut().filter(|_| chance.u8(..100) < 2) {
                gateway.kill()?;
                gateway.start()?;
            }
            let walker = &mut walkers[*next];
            self.ledger.speaks(&walker.name);
            let straight = self.providers[0].address();
            let address = self.gateway.as_ref().map_or(straight, Gateway::address);
            walker.step(self.providers.len(), address)?;
        }
        Ok(())
    }
}

struct Walker {
    /// Who he is, for the models: his key.
    name: String,
    nonce: String,
    talker: Talker,
    chance: fastrand::Rng,
    turns: usize,
}

impl Walker {
    fn is_home(&self) -> bool {
        self.turns > TURNS
    }

    /// One request, and what leads to it.
    fn step(&mut self, providers: usize, address: SocketAddr) -> io::Result<()> {
        if providers > 1 && self.chance.u8(..100) < 10 {
            self.talker.switch(&slug(self.chance.usize(..providers)));
        }
        let prompts = self.talker.prompts();
        if !self.talker.open().is_empty() && self.chance.u8(..100) >= 5 {
            self.talker.answer(|call| format!("{} of {}", call.name, call.arguments["value"]));
        } else if prompts.len() > 1 && self.chance.u8(..100) < 15 {
            // What was said is said otherwise, and all behind it is gone.
            let at = prompts[self.chance.usize(1..prompts.len())];
            self.talker.rewind(at);
            self.talker.say(&format!("{USER}no, otherwise"));
        } else if !prompts.is_empty() && self.chance.u8(..100) < 15 {
            // The last answer is asked for again.
            self.talker.rewind(prompts[prompts.len() - 1] + 1);
        } else {
            if !self.talker.open().is_empty() {
                // The user breaks off in the middle of a loop.
                self.talker.answer(|_| "cancelled".into());
            }
            self.turns += 1;
            if self.is_home() {
                return Ok(());
            }
            self.talker.say(&format!("{USER}go on [[{}]]", self.nonce));
        }
        let stream = self.chance.bool();
        self.talker.ask(address, stream).map(drop)
    }
}

fn client_key(client: u8) -> String {
    generate([client + 1; 32]).0.expose().to_owned()
}

fn slug(provider: usize) -> String {
    format!("p{provider}/thinker")
}

fn gateway(plan: Plan, providers: &[Scripted]) -> Gateway {
    let mut config = String::new();
    for client in 0..CLIENTS {
        let hash = generate([client + 1; 32]).1;
        config += &format!("[[client_keys]]\nid = \"client-{client}\"\nhash = \"{hash}\"\n");
    }
    if plan.clients.contains(&Wire::Chat) {
        config += "[store]\nurl = \"sqlite\"\n";
    }
    for ((at, upstream), wire) in providers.iter().enumerate().zip(plan.providers) {
        config += &provider(&format!("p{at}"), upstream, *wire, Kind::Signing);
    }
    if plan.forgets {
        config = config.replace("dialect = \"mimo\"", "dialect = \"forgetful\"");
    }
    let setup = Setup::new(binary(), &config).env("UP_KEY", KEY);
    if !plan.forgets {
        return setup.start().unwrap();
    }
    // A dialect that differs from the other in nothing else, which the gateway reads beside its
    // configuration.
    let record = "id = \"forgetful\"\ntitle = \"Without replay\"\nextends = \"mimo\"\n\
                  [replay]\nrule = \"forbid\"\ncarrier = \"none\"\non_missing = \"none\"\n";
    let mut gateway = Setup::new(binary(), "").env("UP_KEY", KEY).start().unwrap();
    let folder = gateway.config().with_file_name("dialects.d");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("forgetful.toml"), record).unwrap();
    fs::write(gateway.config(), config).unwrap();
    gateway.kill().unwrap();
    gateway.start().unwrap();
    gateway
}
