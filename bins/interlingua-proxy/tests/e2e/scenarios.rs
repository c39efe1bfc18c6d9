//! Everything that can be run, by stage and name.

use interlingua_testkit::upstream::Wire;

use crate::house::Way;
use crate::{
    claude, codex, compaction, dialects, errors, loops, memory, opencode, patches, pool, sdk,
    setup, store, talk, tools,
};

/// One run of a client.
pub(crate) struct Scenario {
    /// What can be run apart from the rest.
    pub(crate) stage: &'static str,
    pub(crate) name: String,
    pub(crate) run: Box<dyn Fn() + Send + Sync>,
}

impl Scenario {
    /// How many of its stage may be at work at once. Those that measure time, or that load the machine by
    /// themselves, stay alone.
    pub(crate) fn at_once(&self) -> usize {
        if ["claude", "opencode"].contains(&self.stage) { 2 } else { 1 }
    }

    /// Whether the gateway lacks what it needs.
    pub(crate) fn waits(&self) -> bool {
        NOT_YET.iter().any(|begin| self.name.starts_with(begin))
    }
}

/// How the names of those scenarios begin that the gateway cannot pass yet, because it lacks a route or a
/// protocol. They are listed, and neither run nor counted as passed.
const NOT_YET: &[&str] = &[];

pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (name, run) in CODEX {
        all.push(Scenario { stage: "codex", name: (*name).into(), run: Box::new(run) });
    }
    for way in Way::THROUGH {
        for (name, run) in codex::CASES {
            let name = format!("codex, {way}: {name}");
            all.push(Scenario { stage: "codex", name, run: Box::new(move || run(way)) });
        }
    }
    for way in [&[Way::Straight(Wire::Messages)], &Way::THROUGH[..]].concat() {
        for (name, run) in claude::CASES {
            let name = format!("claude, {way}: {name}");
            all.push(Scenario { stage: "claude", name, run: Box::new(move || run(way)) });
        }
    }
    for flavour in Wire::ALL {
        for way in [&[Way::Straight(flavour)], &Way::THROUGH[..]].concat() {
            for (name, run) in opencode::CASES {
                let name = format!("opencode over {}, {way}: {name}", flavour.name());
                let run = Box::new(move || run(flavour, way));
                all.push(Scenario { stage: "opencode", name, run });
            }
        }
    }
    all.extend(sdk::all());
    all.extend(dialects::all());
    for (name, run) in loops::CASES {
        all.push(Scenario { stage: "loops", name: (*name).into(), run: Box::new(run) });
    }
    for (name, run) in store::CASES {
        all.push(Scenario { stage: "store", name: (*name).into(), run: Box::new(run) });
    }
    all
}

/// The scenarios of Codex.
const CODEX: &[(&str, fn())] = &[
    ("demo: a newcomer sees thought, text, a command and a patch", talk::demo),
    ("codex reads every awkward file that we have set up", setup::every_file),
    ("text turn", talk::text_turn),
    ("text turn, whole, for other clients", talk::whole),
    ("openai sdk for python, types enforced", talk::openai_sdk),
    ("json schema output", talk::json_schema),
    ("image in", talk::image_in),
    ("image to a text model becomes a placeholder", talk::image_to_text_model),
    ("unknown model", talk::unknown_model),
    ("shell loop of three rounds with reasoning", tools::shell_loop),
    ("without injection the strict upstream refuses", tools::without_injection),
    ("apply_patch changes a file", tools::apply_patch),
    ("46 malformed patches are mended or left alone", patches::malformed),
    ("parallel calls", tools::parallel_calls),
    ("mcp namespace tool", tools::mcp),
    ("tool search", tools::tool_search),
    ("image from a tool", tools::image_from_tool),
    ("sub-agent beside its parent", memory::sub_agent),
    ("resume after a gateway restart in mid-loop", memory::restart),
    ("resume with a lost seal key", memory::lost_key),
    ("local compaction", memory::compaction),
    ("compaction by the gateway and by codex in one long session", compaction::long_session),
    ("a compaction storm is stopped", compaction::storm),
    ("missing reasoning heals itself", memory::self_healing),
    ("three providers in one pool", pool::one_pool),
    ("without the pool nothing changes for one provider", pool::without_the_pool),
    ("a provider comes and goes while codex works", pool::pool_changes),
    ("failover along a chain", pool::failover),
    ("a thousand unknown names reach nobody", pool::unknown_names),
    ("context overflow", errors::context_overflow),
    ("429 with Retry-After", errors::rate_limit),
    ("429 without Retry-After", errors::rate_limit_unknown),
    ("upstream dies in mid-call", errors::dies_in_call),
    ("stall", errors::stall),
    ("slow first token keeps the client alive", errors::slow_start),
    ("wrong upstream key", errors::wrong_key),
    ("wrong gateway key", errors::wrong_client_key),
    ("client gone, upstream cancelled", errors::client_gone),
];
