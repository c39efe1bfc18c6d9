//! The real Claude Code.

use interlingua_testkit::claude::{self, Claude, Run};
use interlingua_testkit::upstream::Script;

use crate::house::{House, MODEL, Way};
use crate::stage::KEY;

mod errors;
mod side;
mod talk;

/// A scenario for each way to the model.
pub(crate) type Case = (&'static str, fn(Way));

pub(crate) const CASES: &[Case] = &[
    ("text", talk::text_turn),
    ("thinking and a tool loop of three rounds", talk::tool_loop),
    ("parallel calls", talk::parallel),
    ("second turn", talk::second_turn),
    ("deferred tools", talk::deferred),
    ("image typed", talk::image_typed),
    ("image read", talk::image_read),
    ("arguments that are no JSON", talk::bad_arguments),
    ("sub-agent", side::sub_agent),
    ("web search side request", side::web_search),
    ("count_tokens", side::count_tokens),
    ("discovery", side::discovery),
    ("error in mid-stream", errors::mid_stream),
    ("cut in mid-stream", errors::cut_off),
    ("overflow and its own compaction", errors::overflow),
    ("an unspecific 400", errors::bad_request),
    ("401", errors::unauthorized),
    ("403", errors::forbidden),
    ("404", errors::not_found),
    ("429", errors::rate_limited),
    ("529", errors::overloaded),
    ("wrong gateway key", errors::wrong_client_key),
];

/// A house with a Claude Code in it.
struct Desk {
    house: House,
    claude: Claude,
}

impl Desk {
    fn new(way: Way, script: Script) -> Self {
        Self::of(House::asked_for_thought(way, script, KEY, ""))
    }

    fn of(house: House) -> Self {
        let binary = claude::find().unwrap_or_else(|missing| panic!("{missing}"));
        let claude = Claude::new(&binary, &house.root(), house.key(), MODEL).unwrap();
        Self { house, claude }
    }

    /// Runs a prompt and expects that it says this in the end, and that nobody was refused anything.
    #[track_caller]
    fn succeed(&self, prompt: &str, allowed: &[&str], said: &str) -> Run {
        let run = self.claude.ask(prompt, allowed).unwrap();
        self.check(&run, said);
        run
    }

    #[track_caller]
    fn check(&self, run: &Run, said: &str) {
        let told = || format!("{}\ngateway:\n{}", run.transcript(), self.house.log());
        assert_eq!(run.said(), Some(said), "{}", told());
        self.house.check(&run.transcript());
    }

    /// Runs a prompt and expects that it fails.
    #[track_caller]
    fn fail(&self, prompt: &str) -> (Run, String, Option<u64>) {
        let run = self.claude.ask(prompt, &[]).unwrap();
        let (text, status) = run.failure().unwrap_or_else(|| panic!("{}", run.transcript()));
        let text = text.to_owned();
        self.house.no_secret(&run.transcript());
        (run, text, status)
    }
}
