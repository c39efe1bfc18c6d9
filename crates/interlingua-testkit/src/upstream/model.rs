//! A model that plays an agent by chance, and remembers every thought that it had.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use serde_json::{Value, json};

use super::answer::{Answer, Piece, call, finish, reasoning, redacted, text, usage};
use super::script::Request;
use super::strict::{Rule, Violation};
use super::thought::{Issuer, Thought, thoughts};
use super::wire::Wire;
use history::{Said, Step};

mod history;

/// Makes up an agent's steps: thoughts that are never the same, and texts, tools, arguments and ids that
/// are the same again and again.
///
/// A history has to bring back exactly the thoughts that this model had in this conversation, and never
/// one of another. What the user says begins with [`USER`]. A conversation is known by the nonce `[[…]]` in its first user message and by who is
/// speaking, which the test tells the [`Ledger`], because the requests of two clients may be equal.
///
/// Equal histories get equal answers, except for the thought, whoever asks; every second time that one
/// is asked for again it is another answer.
#[derive(Debug)]
pub struct Model {
    name: String,
    ledger: Ledger,
    seed: u64,
    rng: Rng,
    /// How often each conversation asked for each step.
    asked: BTreeMap<String, u64>,
}

/// What the models of one test know in common, so that a conversation can move between them.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    speaker: String,
    /// How many thoughts there have been.
    count: usize,
    /// In which conversation each was had, by its text and by its seal.
    owners: BTreeMap<String, String>,
    /// What was thought with a step, by its conversation and everything visible up to it.
    steps: BTreeMap<String, Vec<Issued>>,
}

/// The thoughts of one step.
#[derive(Clone, Debug)]
struct Issued {
    model: String,
    thoughts: Vec<Thought>,
}

impl Ledger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says who sends the requests from now on.
    pub fn speaks(&self, who: &str) {
        who.clone_into(&mut self.lock().speaker);
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How everything begins that the user says himself; results of tools must not.
pub const USER: &str = "User: ";

/// Out of a hundred steps, how many go on with calls.
const GOES_ON: u8 = 70;

/// Out of a hundred steps, how many have a thought.
const THINKS: u8 = 85;

/// The longest loop of one turn.
const ROUNDS: usize = 6;

const TEXTS: [&str; 4] = ["", "", "Looking.", "One moment, please."];
const VALUES: [&str; 3] = ["a.txt", "notes \"two\"", "你好"];
const TAILS: [&str; 4] = ["", " Then look.", "\nWith \"quotes\" and \\ backslash.\n", " 你好 😀"];

impl Model {
    /// A model of that name; what it does follows from the seed.
    pub fn new(name: &str, seed: u64, ledger: &Ledger) -> Self {
        let rng = Rng::with_seed(seed);
        Self { name: name.into(), ledger: ledger.clone(), seed, rng, asked: BTreeMap::new() }
    }

    /// What is wrong with the thoughts that a request brings back.
    pub(super) fn check(&self, request: &Request) -> Vec<Violation> {
        let Some(wire) = Wire::of(request) else { return Vec::new() };
        let said = history::read(wire, request);
        let book = self.ledger.lock();
        let Some(conversation) = conversation(&book.speaker, &said) else {
            return vec![violation(Rule::BadParameter, 0, "no nonce in the first user message")];
        };
        let begin = said.iter().rposition(is_prompt).unwrap_or_default();
        let mut found = Vec::new();
        for (at, said_here) in said.iter().enumerate() {
            let Said::ByModel(step) = said_here else { continue };
            let foreign =
                |text: &String| book.owners.get(text).is_some_and(|it| *it != conversation);
            let carried = step.thoughts.iter().flat_map(|(text, seal)| [Some(text), seal.as_ref()]);
            if carried.flatten().any(foreign) {
                found.push(violation(Rule::ThoughtForeign, at, "thought of another conversation"));
                continue;
            }
            let Some(issued) = book.steps.get(&key(&conversation, &said[..=at])) else {
                let text = format!("this was never said: {}", step.visible());
                found.push(violation(Rule::ThoughtForged, at, &text));
                continue;
            };
            found.extend(self.judge(wire, step, issued, at, at >= begin));
        }
        found
    }

    /// Judges one step by what was issued; several when it was asked for again.
    fn judge(
        &self,
        wire: Wire,
        step: &Step,
        issued: &[Issued],
        at: usize,
        current: bool,
    ) -> Option<Violation> {
        let own: Vec<_> = issued.iter().filter(|it| it.model == self.name).collect();
        let others: Vec<_> = issued.iter().filter(|it| it.model != self.name).collect();
        if own.iter().any(|it| brings(wire, step, &it.thoughts)) {
            return None;
        }
        let is_bare = step.thoughts.iter().all(|(text, seal)| text.is_empty() && seal.is_none());
        let known = others.iter().flat_map(|it| &it.thoughts).any(|it| is_among(step, it));
        let sealed = step.thoughts.iter().any(|(_, seal)| seal.is_some());
        // Two models may have said the same, and the client kept what the other one said: that thought
        // may be shown or dropped.
        if !sealed && (known || is_bare && !others.is_empty()) {
            return None;
        }
        if own.is_empty() {
            // Another model's thought may be dropped, replaced or shown, but not sealed as ours.
            let forged = sealed || !(is_bare || known || wire == Wire::Chat);
            return forged.then(|| violation(Rule::ThoughtForged, at, "not thought by this model"));
        }
        if !is_bare {
            return Some(violation(Rule::ThoughtForged, at, "thought was changed"));
        }
        let needed = match wire {
            Wire::Chat | Wire::Responses => !step.calls.is_empty(),
            Wire::Messages => !step.calls.is_empty() && current,
        };
        needed.then(|| violation(Rule::ThoughtMissing, at, "thought must be passed back"))
    }

    /// The next step.
    pub(super) fn answer(&mut self, request: &Request, issuer: Issuer) -> Answer {
        let Some(wire) = Wire::of(request) else { return Answer::text("") };
        let mut said = history::read(wire, request);
        let Some(conversation) = conversation(&self.ledger.lock().speaker, &said) else {
            return Answer::error(400, "no_nonce", "no nonce in the first user message");
        };
        let asked = self.asked.entry(key(&conversation, &said)).or_default();
        *asked += 1;
        self.rng = Rng::with_seed(self.seed ^ hash(&key("", &said)) ^ (*asked / 2));
        let pieces = self.step(wire, request, &said);
        let mut book = self.ledger.lock();
        let thoughts = thoughts(issuer, &pieces);
        for thought in &thoughts {
            for known in [&thought.text, &thought.seal].into_iter().filter(|it| !it.is_empty()) {
                book.owners.insert(known.clone(), conversation.clone());
            }
        }
        said.push(Said::ByModel(visible(&pieces)));
        let step = Issued { model: self.name.clone(), thoughts };
        book.steps.entry(key(&conversation, &said)).or_default().push(step);
        Answer::stream(pieces)
    }

    fn step(&mut self, wire: Wire, request: &Request, said: &[Said]) -> Vec<Piece> {
        let tools = tools(wire, &request.body);
        let since = said.iter().rev().take_while(|it| !is_prompt(it));
        let rounds = since.filter(|it| matches!(it, Said::ByModel(_))).count();
        let goes_on = !tools.is_empty() && rounds < ROUNDS && self.rng.u8(..100) < GOES_ON;
        let mut pieces = Vec::new();
        if self.rng.u8(..100) < THINKS {
            pieces.push(self.thought());
        }
        if wire == Wire::Messages && self.rng.u8(..100) < 10 {
            pieces.push(redacted());
        }
        let prose = TEXTS[self.rng.usize(..TEXTS.len())];
        if !goes_on {
            let prose = if prose.is_empty() { "Done." } else { prose };
            pieces.extend([text(prose), finish("stop"), usage(100, 10)]);
            return pieces;
        }
        if !prose.is_empty() {
            pieces.push(text(prose));
            // Some think again between what they say and what they do.
            if wire != Wire::Chat && self.rng.u8(..100) < 20 {
                pieces.push(self.thought());
            }
        }
        let before: usize = said
            .iter()
            .map(|it| match it {
                Said::ByModel(step) => step.calls.len(),
                Said::ToModel(_) => 0,
            })
            .sum();
        for index in 0..self.rng.usize(1..=3) {
            let tool = &tools[self.rng.usize(..tools.len())];
            let arguments = json!({ "value": VALUES[self.rng.usize(..VALUES.len())] }).to_string();
            let id = match wire {
                // Real servers begin anew in every answer.
                Wire::Chat => format!("call_{index}"),
                Wire::Responses => format!("call_{}", before + index),
                Wire::Messages => format!("toolu_{}", before + index),
            };
            pieces.push(call(id, tool, arguments));
        }
        pieces.extend([finish("tool_calls"), usage(100, 10)]);
        pieces
    }

    fn thought(&mut self) -> Piece {
        let mut book = self.ledger.lock();
        book.count += 1;
        let tail = TAILS[self.rng.usize(..TAILS.len())];
        reasoning(format!("Thought {} of {}.{tail}", book.count, self.name))
    }
}

fn violation(rule: Rule, at: usize, param: &str) -> Violation {
    Violation { rule, param: param.into(), place: format!("/said/{at}") }
}

/// Who speaks, and the nonce of what was said first.
fn conversation(speaker: &str, said: &[Said]) -> Option<String> {
    let first = said.iter().find_map(|it| match it {
        Said::ToModel(text) => Some(text),
        Said::ByModel(_) => None,
    })?;
    let (_, rest) = first.split_once("[[")?;
    let (nonce, _) = rest.split_once("]]")?;
    Some(format!("{speaker}/{nonce}"))
}

/// A step, by everything that can be seen up to it.
fn key(conversation: &str, said: &[Said]) -> String {
    let seen = said.iter().map(|it| match it {
        Said::ToModel(text) => format!("<{text:?}"),
        Said::ByModel(step) => format!(">{}", step.visible()),
    });
    [conversation.to_owned()].into_iter().chain(seen).collect::<Vec<_>>().join("\n")
}

/// FNV-1a: what a seed gives has to be the same on every machine.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What the user says himself begins by a word that no tool says.
fn is_prompt(said: &Said) -> bool {
    matches!(said, Said::ToModel(text) if text.starts_with(USER))
}

/// Whether a step brings back these thoughts, all of them and nothing else.
fn brings(wire: Wire, step: &Step, thoughts: &[Thought]) -> bool {
    if wire == Wire::Chat {
        let sent: String = step.thoughts.iter().map(|(text, _)| text.as_str()).collect();
        let had: String = thoughts.iter().map(|it| it.text.as_str()).collect();
        return sent == had;
    }
    let same = |(text, seal): &(String, Option<String>), thought: &Thought| {
        *text == thought.text && seal.as_deref() == Some(thought.seal.as_str())
    };
    step.thoughts.len() == thoughts.len()
        && step.thoughts.iter().zip(thoughts).all(|(sent, had)| same(sent, had))
}

fn is_among(step: &Step, thought: &Thought) -> bool {
    step.thoughts.iter().any(|(text, _)| text.contains(&thought.text))
}

/// What the pieces will look like when they come back.
fn visible(pieces: &[Piece]) -> Step {
    let mut step = Step::default();
    for piece in pieces {
        match piece {
            Piece::Text(text) => step.text.push_str(text),
            Piece::Call { name, arguments, .. } => {
                let arguments = serde_json::from_str(arguments).unwrap_or_default();
                step.calls.push((name.clone(), arguments));
            }
            _ => {}
        }
    }
    step
}

/// The names of the tools that the client runs.
fn tools(wire: Wire, body: &Value) -> Vec<String> {
    let tools = body["tools"].as_array().into_iter().flatten();
    let names = tools.filter_map(|tool| match wire {
        Wire::Chat => tool["function"]["name"].as_str(),
        Wire::Responses | Wire::Messages => tool["name"].as_str(),
    });
    names.map(str::to_owned).collect()
}
