//! What goes in, and what comes out.

use std::sync::Arc;

use interlingua_dialect::{Dialect, Dialects, UnknownDialect};
use interlingua_ir::Fault;
use serde_json::Value;

use crate::draft::Draft;
use crate::inquiry::Inquiry;
use crate::proposal::Proposal;
use crate::questions;

/// How many requests a server costs that takes nearly everything.
pub const USUAL: usize = 40;

/// The most requests that are made. What is not asked by then stays unknown.
pub const MOST: usize = 90;

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
    dialects: &'d Dialects,
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
        // No record may take the name of a shipped one. The user's own of that name is what a probe found
        // before, unless it is what the base builds on.
        let shipped = Dialects::builtin();
        let id = free(provider, if shipped.contains(base) { &shipped } else { dialects });
        let mut draft = Draft::new(fields);
        // Thoughts know the record of whoever had them, so all drafts bear one name, which is nobody's.
        draft.name(&free(provider, dialects));
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
        let mut inquiry = Inquiry::new(dialects, provider, model, server, draft);
        questions::all(&mut inquiry)?;
        let proposal = inquiry.propose(&id, &base);
        questions::verify(&mut inquiry);
        inquiry.end(proposal)
    }
}

/// A name that no dialect has: this one as records are named, else with a number behind it.
fn free(name: &str, dialects: &Dialects) -> String {
    let name = as_id(name);
    let (mut id, mut number) = (name.clone(), 1);
    while dialects.contains(&id) {
        number += 1;
        id = format!("{name}_{number}");
    }
    id
}

/// A provider's name in the letters that a record's may have.
fn as_id(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if name.starts_with(|c: char| c.is_ascii_lowercase()) { name } else { format!("at_{name}") }
}
