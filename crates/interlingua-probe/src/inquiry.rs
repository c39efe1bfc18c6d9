//! Asking, and keeping what was found.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Dialects, Wire};
use interlingua_ir::{Class, Fault};
use interlingua_translate::{Repairs, Target, upstream};
use serde_json::{Map, Value};

use crate::answer::{Facts, Seen};
use crate::draft::{Change, Draft};
use crate::probe::{Ask, Finding, MOST, Reply, Report, Server};
use crate::proposal::{Names, Proposal, propose};
use crate::turns::Asked;
use crate::words::{meaning, shown, told};

/// After how many questions in a row without an answer nothing more is asked: each may take minutes.
const SILENT: usize = 3;

/// A running inquiry.
pub(crate) struct Inquiry<'i> {
    dialects: &'i Dialects,
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
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) bytes: Vec<u8>,
    pub(crate) seen: Seen,
    pub(crate) facts: Facts,
}

impl<'i> Inquiry<'i> {
    pub(crate) fn new(
        dialects: &'i Dialects,
        provider: String,
        model: String,
        server: &'i mut dyn Server,
        draft: Draft,
    ) -> Self {
        Self {
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
        }
    }

    /// All that was found out, or why nothing was.
    pub(crate) fn end(self, proposal: Option<Proposal>) -> Result<Report, Fault> {
        let Self { findings, requests, halted, .. } = self;
        match halted {
            Some(fault) => Err(fault),
            None => Ok(Report { findings, requests, proposal }),
        }
    }

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
            conversation: None,
            stream: turn.stream,
            repairs: &Repairs::default(),
        };
        let body = match upstream::write(Wire::Chat, None, turn, &target) {
            Ok(request) => request.written.body.to_vec(),
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
        let all = self.dialects.ids().filter_map(|id| self.dialects.fields(id, "").ok());
        all.filter(|record| record.get("wire").is_some_and(|wire| wire == "chat")).collect()
    }

    /// The record that follows from what was found.
    pub(crate) fn propose(&self, id: &str, base: &str) -> Option<Proposal> {
        let title = format!("{} as it was probed", self.provider);
        let proposal = |id, overrules| {
            propose(&self.draft, Names { id, title: &title, base, model: &self.model, overrules })
        };
        let trial = proposal(self.draft.word("id"), false)?;
        let dialects = self.dialects.clone().with([("probe", &trial.toml)]).ok();
        let resolved = dialects.and_then(|it| it.resolve(&trial.id, &self.model).ok());
        let says_all = resolved.zip(self.draft.dialect()).is_some_and(|(mut it, draft)| {
            it.title.clone_from(&draft.title);
            it == *draft
        });
        proposal(id, !says_all)
    }
}
