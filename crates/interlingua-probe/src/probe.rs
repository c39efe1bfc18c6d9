//! Asking, and keeping what was found.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Dialects, UnknownDialect, Wire};
use interlingua_ir::{Class, Fault};
use interlingua_translate::{Repairs, Target, upstream};
use serde_json::{Map, Value};

use crate::answer::{Facts, Seen};
use crate::draft::{Change, Draft};
use crate::proposal::{Names, Proposal, inline, propose};
use crate::questions;
use crate::turns::Asked;

/// How many requests a server costs that takes nearly everything.
pub const USUAL: usize = 40;

/// The most requests that are made. What is not asked by then stays unknown.
pub const MOST: usize = 90;

/// After how many questions in a row without an answer nothing more is asked: each may take minutes.
const SILENT: usize = 3;

/// How much of a refusal's text is kept.
const TEXT_LIMIT: usize = 90;

/// Whoever can be asked.
pub trait Server {
    /// Sends a request, and gives back all of the answer.
    fn ask(&mut self, ask: Ask<'_>) -> Reply;
}

/// One request.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The dialect that it is written in; its refusal is to be classified by it.
    pub dialect: &'a Arc<Dialect>,
    /// The request itself.
    pub body: Vec<u8>,
    /// Whether it asks for a stream.
    pub stream: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Reply {
    /// The body of an answer with status 200.
    Answer(Vec<u8>),
    /// A refusal, or no answer.
    Refused(Fault),
}

/// One question and its answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What was asked.
    pub asked: String,
    /// What came.
    pub came: String,
    /// What it means; `None` if it tells nothing.
    pub means: Option<String>,
    /// The fields of a record that follow from it and differ from the base: paths, and values. Null means
    /// that the field goes.
    pub changes: Vec<(String, Value)>,
}

/// All that was found out.
#[derive(Debug)]
pub struct Report {
    /// One entry a question.
    pub findings: Vec<Finding>,
    /// How many requests it took.
    pub requests: usize,
    /// The record; `None` if the base says all of it.
    pub proposal: Option<Proposal>,
}

/// An inquiry into one model of one server.
#[derive(Debug)]
pub struct Probe<'d> {
    pub(crate) dialects: &'d Dialects,
    base: String,
    provider: String,
    model: String,
    id: String,
    draft: Draft,
}

impl<'d> Probe<'d> {
    /// Prepares to ask a model about its departures from a record, `base`.
    ///
    /// # Errors
    ///
    /// [`UnknownDialect`] if there is no such record.
    pub fn new(
        dialects: &'d Dialects,
        base: &str,
        provider: &str,
        model: &str,
    ) -> Result<Self, UnknownDialect> {
        let fields = dialects.fields(base, model)?;
        // A record may not take the name of another one.
        let taken = |id: &str| dialects.contains(id);
        let (mut id, mut number) = (provider.to_owned(), 1);
        while taken(&id) {
            number += 1;
            id = format!("{provider}-{number}");
        }
        let mut draft = Draft::new(fields);
        // Thoughts know the record of whoever had them, so all drafts bear one name.
        draft.name(&id);
        Ok(Self {
            dialects,
            base: base.to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            id,
            draft,
        })
    }

    /// Asks everything, in an order in which each question can rely on what was found before.
    ///
    /// # Errors
    ///
    /// The server's fault, if it does not answer the simplest of questions, or refuses the key.
    pub fn run(self, server: &mut dyn Server) -> Result<Report, Fault> {
        let Self { dialects, base, provider, model, id, draft } = self;
        let mut inquiry = Inquiry {
            dialects,
            provider,
            model,
            server,
            draft,
            findings: Vec::new(),
            requests: 0,
            halted: None,
            silence: None,
            silent: 0,
            is_lenient: false,
        };
        questions::all(&mut inquiry)?;
        let proposal = inquiry.propose(&id, &base);
        questions::verify(&mut inquiry);
        match inquiry.halted {
            Some(fault) => Err(fault),
            None => Ok(Report { findings: inquiry.findings, requests: inquiry.requests, proposal }),
        }
    }
}

/// A running inquiry.
pub(crate) struct Inquiry<'i> {
    pub(crate) dialects: &'i Dialects,
    provider: String,
    model: String,
    server: &'i mut dyn Server,
    pub(crate) draft: Draft,
    findings: Vec<Finding>,
    requests: usize,
    /// The key was refused: nothing more is asked.
    halted: Option<Fault>,
    /// The last fault that tells nothing about what the server takes.
    silence: Option<Fault>,
    /// How many such faults there have been in a row.
    silent: usize,
    /// What the server does not know, it does not look at: that it takes a field tells nothing.
    pub(crate) is_lenient: bool,
}

/// What came of a request.
pub(crate) enum Outcome {
    Answered(Box<Answered>),
    /// The server does not take it.
    Refused(Fault),
    /// Nothing can be concluded.
    Untold(String),
}

/// An answer, read by the draft with which it was asked for.
pub(crate) struct Answered {
    pub(crate) bytes: Vec<u8>,
    pub(crate) seen: Seen,
    pub(crate) facts: Facts,
}

impl Inquiry<'_> {
    /// Asks in the words of a draft.
    pub(crate) fn ask(&mut self, draft: &Draft, turn: &Asked) -> Outcome {
        let (Some(dialect), None) = (draft.dialect(), &self.halted) else {
            return Outcome::Untold("not asked".to_owned());
        };
        let first = self.ask_once(&dialect, turn);
        // A server that breaks once may break by chance; one that breaks twice cannot take it.
        let breaks = |outcome: &Outcome| matches!(outcome, Outcome::Refused(fault) if fault.class == Class::Upstream);
        if breaks(&first) { self.ask_once(&dialect, turn) } else { first }
    }

    fn ask_once(&mut self, dialect: &Arc<Dialect>, turn: &Asked) -> Outcome {
        if self.requests == MOST {
            return Outcome::Untold(format!("not asked, since {MOST} requests were made"));
        }
        if self.silent == SILENT {
            return Outcome::Untold("not asked, since it answers no more".to_owned());
        }
        let target = Target {
            dialect,
            provider: &self.provider,
            model: &self.model,
            max_output_tokens: None,
            stream: turn.stream,
            repairs: &Repairs::default(),
        };
        let body = match upstream::write(Wire::Chat, None, turn, &target) {
            Ok(request) => request.written.body,
            Err(fault) => return Outcome::Untold(fault.message),
        };
        self.requests += 1;
        match self.server.ask(Ask { dialect, body, stream: turn.stream }) {
            Reply::Refused(fault) => self.judge(fault),
            Reply::Answer(bytes) => match Seen::read(&bytes, dialect, &self.provider) {
                Ok(seen) => {
                    self.silent = 0;
                    let facts = Facts::of(&bytes);
                    Outcome::Answered(Box::new(Answered { bytes, seen, facts }))
                }
                Err(fault) => self.judge(fault),
            },
        }
    }

    fn judge(&mut self, fault: Fault) -> Outcome {
        match fault.class {
            Class::Auth | Class::Quota => {
                let text = told(&fault);
                self.halted = Some(fault);
                Outcome::Untold(text)
            }
            Class::InvalidRequest
            | Class::ModelNotFound
            | Class::TooLarge
            | Class::ContextLength
            | Class::ReplayMissing
            | Class::ToolHistoryInvalid
            | Class::BadParam
            | Class::FeatureDisabled
            | Class::Upstream => {
                self.silent = 0;
                Outcome::Refused(fault)
            }
            // Who is busy or away, or does not like the words, says nothing about what it takes.
            _ => {
                let text = told(&fault);
                self.silence = Some(fault);
                self.silent += 1;
                Outcome::Untold(text)
            }
        }
    }

    /// Reads bytes that came before by another draft.
    pub(crate) fn read(&self, draft: &Draft, bytes: &[u8]) -> Option<Seen> {
        Seen::read(bytes, &draft.dialect()?, &self.provider).ok()
    }

    /// The refusal of the key, if that was it.
    pub(crate) fn halted(&self) -> Option<&Fault> {
        self.halted.as_ref()
    }

    /// Why there is no answer to the simplest of questions.
    pub(crate) fn silence(&mut self, why: &str) -> Fault {
        let fault = self.halted.clone().or_else(|| self.silence.take());
        fault.unwrap_or_else(|| {
            Fault::new(Class::Upstream, format!("nothing can be found out: {why}"))
        })
    }

    /// Tries values of a field in their order, and keeps the first that is taken. What was not taken and
    /// needs no proof is `last`.
    pub(crate) fn choose(
        &mut self,
        asked: &str,
        path: &str,
        values: &[Value],
        last: Option<Value>,
        turn: &Asked,
    ) -> Option<Box<Answered>> {
        let options = values.iter().map(|value| vec![(path.to_owned(), value.clone())]);
        let last = last.map(|value| vec![(path.to_owned(), value)]);
        self.first(asked, &options.collect::<Vec<_>>(), last, turn)
    }

    /// Asks whether a value passes that is better than what the base does. From a server that takes
    /// whatever it does not know, nothing follows but that it does no harm.
    pub(crate) fn offer(
        &mut self,
        asked: &str,
        path: &str,
        better: &Value,
        else_: &str,
        turn: &Asked,
    ) {
        if !self.is_lenient {
            self.choose(asked, path, std::slice::from_ref(better), Some(else_.into()), turn);
            return;
        }
        let draft = self.draft.with(&[(path.to_owned(), better.clone())]);
        match self.ask(&draft, turn) {
            Outcome::Answered(_) => {
                self.unknown(asked, "taken, as is any field that it does not know");
            }
            Outcome::Refused(fault) => {
                let came = format!("refused: {}", told(&fault));
                self.keep(asked, &came, &[(path.to_owned(), else_.into())]);
            }
            Outcome::Untold(why) => self.unknown(asked, &why),
        }
    }

    /// The same with several fields at once.
    pub(crate) fn first(
        &mut self,
        asked: &str,
        options: &[Vec<Change>],
        last: Option<Vec<Change>>,
        turn: &Asked,
    ) -> Option<Box<Answered>> {
        let mut came = Vec::new();
        for changes in options {
            let draft = self.draft.with(changes);
            match self.ask(&draft, turn) {
                Outcome::Answered(answered) => {
                    came.push(format!("{}taken", shown(changes)));
                    self.keep(asked, &came.join("; "), changes);
                    return Some(answered);
                }
                Outcome::Refused(fault) => {
                    came.push(format!("{}refused: {}", shown(changes), told(&fault)));
                }
                Outcome::Untold(why) => {
                    came.push(why);
                    self.unknown(asked, &came.join("; "));
                    return None;
                }
            }
        }
        match last {
            Some(changes) => self.keep(asked, &came.join("; "), &changes),
            None => self.unknown(asked, &came.join("; ")),
        }
        None
    }

    /// Notes a finding, and makes it a part of the draft.
    pub(crate) fn keep(&mut self, asked: &str, came: &str, changes: &[Change]) {
        let before = self.draft.all_changes();
        self.draft = self.draft.with(changes);
        let after = self.draft.all_changes();
        let new: Vec<&Change> = after.iter().filter(|it| !before.contains(it)).collect();
        let means = match new.as_slice() {
            [] => "as the record says".to_owned(),
            new => meaning(&self.draft, new),
        };
        let new = new.into_iter().map(|(path, value)| (path.clone(), value.clone())).collect();
        self.push(asked, came, Some(means), new);
    }

    /// Notes what was seen and changes nothing.
    pub(crate) fn note(&mut self, asked: &str, came: &str, means: &str) {
        self.push(asked, came, Some(means.to_owned()), Vec::new());
    }

    /// Notes that something cannot be told.
    pub(crate) fn unknown(&mut self, asked: &str, came: &str) {
        self.push(asked, came, None, Vec::new());
    }

    fn push(&mut self, asked: &str, came: &str, means: Option<String>, changes: Vec<Change>) {
        // Once the key is refused, nothing that follows was asked.
        if self.halted.is_none() {
            let (asked, came) = (asked.to_owned(), came.to_owned());
            self.findings.push(Finding { asked, came, means, changes });
        }
    }

    /// The resolved records of Chat servers that are known.
    pub(crate) fn known(&self) -> Vec<Map<String, Value>> {
        let ids: Vec<&str> = self.dialects.ids().collect();
        let all = ids.into_iter().filter_map(|id| self.dialects.fields(id, "").ok());
        all.filter(|record| record.get("wire").is_some_and(|wire| wire == "chat")).collect()
    }

    fn propose(&self, id: &str, base: &str) -> Option<Proposal> {
        let title = format!("{} as it was probed", self.provider);
        let [plain, overruling] = [false, true].map(|overrules| {
            let names = Names { id, title: &title, base, model: &self.model, overrules };
            propose(&self.draft, names)
        });
        let plain = plain?;
        let dialects = self.dialects.clone().with([("probe", &plain.toml)]).ok();
        let resolved = dialects.and_then(|it| it.resolve(id, &self.model).ok());
        let says_all = resolved.zip(self.draft.dialect()).is_some_and(|(mut it, draft)| {
            it.title.clone_from(&draft.title);
            it == *draft
        });
        if says_all { Some(plain) } else { overruling }
    }
}

/// What a refusal says, short, and without what is the same in all of them.
pub(crate) fn told(fault: &Fault) -> String {
    let text: String = fault.message.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.split_once("): ").map_or(text.as_str(), |(_, text)| text);
    if text.chars().count() <= TEXT_LIMIT {
        return text.to_owned();
    }
    text.chars().take(TEXT_LIMIT).chain(['…']).collect()
}

/// The value of changes, for people, where it is a word.
fn shown(changes: &[Change]) -> String {
    match changes.first() {
        Some((_, Value::String(word))) => format!("`{word}` "),
        Some((_, value @ Value::Bool(_))) => format!("`{value}` "),
        // What is longer shows in what follows from it.
        _ => String::new(),
    }
}

/// What changes say, for people: of a list only what is new in it.
fn meaning(draft: &Draft, changes: &[&Change]) -> String {
    let (gone, set): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|(_, value)| value.is_null());
    let mut words: Vec<String> = set
        .into_iter()
        .map(|(path, value)| match (draft.before(path).as_array(), value.as_array()) {
            (Some(before), Some(now)) => {
                let marked = |sign: &str, here: &[Value], there: &[Value]| {
                    let new = here.iter().filter(|it| !there.contains(it)).map(inline);
                    new.map(|it| format!("{sign}{it}")).collect::<Vec<_>>()
                };
                let more = marked("+", now, before).into_iter().chain(marked("-", before, now));
                [path.clone()].into_iter().chain(more).collect::<Vec<_>>().join(" ")
            }
            _ => format!("{path} = {}", inline(value)),
        })
        .collect();
    let gone = gone.into_iter().map(|(path, _)| path.rsplit('.').next().unwrap_or(path));
    let gone: Vec<&str> = gone.collect();
    if !gone.is_empty() {
        words.push(format!("without {}", gone.join(", ")));
    }
    words.join(", ")
}
