//! What is remembered of a request: one log line, whatever becomes of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use interlingua_ir::{Class, Event, Fault, Note, Usage};
use interlingua_registry::Price;

/// Counts one answer as it passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    begun: Instant,
    first: Option<Duration>,
    usage: Option<Usage>,
    fault: Option<Class>,
    ended: bool,
}

impl Meter {
    /// Counts from when the request began.
    pub(crate) fn since(begun: Instant) -> Self {
        Self { begun, first: None, usage: None, fault: None, ended: false }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::End { usage, .. } => {
                self.usage = *usage;
                self.ended = true;
            }
            Event::Open { .. } if self.first.is_none() => self.first = Some(self.begun.elapsed()),
            _ => {}
        }
    }

    pub(crate) fn fault(&mut self, fault: &Fault) {
        self.fault = Some(fault.class);
    }
}

/// Everything that is known about a request. Its log line is written when it is dropped, so a client
/// that hangs up leaves one, too.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) request_id: String,
    pub(crate) route: &'static str,
    /// The key id of the client.
    pub(crate) client: String,
    /// The model that was asked for.
    pub(crate) asked: String,
    /// The provider and the model that answered.
    pub(crate) answered: Option<(String, String)>,
    pub(crate) attempts: u32,
    pub(crate) status: u16,
    pub(crate) notes: Vec<Note>,
    pub(crate) upstream_request_id: Option<String>,
    /// What messages call the key that was used.
    pub(crate) key: Option<String>,
    /// What the model that answered costs.
    pub(crate) price: Option<Price>,
    pub(crate) fault: Option<Fault>,
    meter: Option<Meter>,
    pub(crate) begun: Instant,
}

impl Record {
    pub(crate) fn new(request_id: String, route: &'static str) -> Self {
        Self {
            request_id,
            route,
            client: String::new(),
            asked: String::new(),
            answered: None,
            attempts: 0,
            status: 0,
            notes: Vec::new(),
            upstream_request_id: None,
            key: None,
            price: None,
            fault: None,
            meter: None,
            begun: Instant::now(),
        }
    }

    /// Takes over what the answer's meter has seen, and what was noted on its way to the client.
    pub(crate) fn read(&mut self, meter: &Meter, notes: &[Note]) {
        self.notes.extend_from_slice(notes);
        self.meter = Some(*meter);
    }

    /// The notes as one header value or log field: each kind and subject once, with its count.
    pub(crate) fn notes_line(&self) -> String {
        let mut counted: Vec<(&Note, usize)> = Vec::new();
        let mut places = HashMap::new();
        for note in self.notes.iter().filter(|note| !note.kind.is_quiet()) {
            let at = *places.entry((note.kind, &*note.subject)).or_insert(counted.len());
            match counted.get_mut(at) {
                Some((_, count)) => *count += 1,
                None => counted.push((note, 1)),
            }
        }
        let more = counted.len().saturating_sub(MAX_TOLD);
        let shown = counted.into_iter().take(MAX_TOLD).map(|(note, count)| {
            let text = shortened(note.to_string());
            if count == 1 { text } else { format!("{text} x{count}") }
        });
        let more = (more > 0).then(|| format!("and {more} more"));
        shown.chain(more).collect::<Vec<_>>().join("; ")
    }
}

/// The most notes that are told of one request, and the longest in bytes: clients and upstreams choose the
/// names of what is lost, and how many there are.
const MAX_TOLD: usize = 64;
const MAX_NOTE: usize = 256;

fn shortened(mut text: String) -> String {
    if text.len() > MAX_NOTE {
        text.truncate(text.floor_char_boundary(MAX_NOTE));
        text.push('…');
    }
    text
}

impl Drop for Record {
    fn drop(&mut self) {
        let meter = self.meter.take();
        let usage = meter.as_ref().and_then(|it| it.usage).unwrap_or_default();
        let fault =
            self.fault.as_ref().map(|it| it.class).or(meter.as_ref().and_then(|it| it.fault));
        let gone =
            self.status == 0 || (fault.is_none() && meter.as_ref().is_some_and(|it| !it.ended));
        let (provider, model) = self.answered.as_ref().map_or(("", ""), |(p, m)| (p, m));
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "interlingua::request",
            request_id = %self.request_id,
            route = self.route,
            client = %self.client,
            asked = %self.asked,
            provider,
            model,
            status = if gone { 499 } else { self.status },
            err = fault.map_or("", Class::name),
            ms = milliseconds(self.begun.elapsed()),
            ttft_ms = meter.as_ref().and_then(|it| it.first).map(milliseconds),
            in_tok = usage.input,
            cached_tok = usage.cached,
            out_tok = usage.output,
            reasoning_tok = usage.reasoning,
            cost_usd = meter.as_ref().and_then(|it| Some(self.price?.of(&it.usage?))),
            key = self.key,
            attempts = self.attempts,
            upstream_request_id = self.upstream_request_id,
            notes = %self.notes_line(),
            reason = self.fault.as_ref().map(|it| it.message.as_str()),
        );
    }
}

#[cfg(test)]
mod tests {
    use interlingua_ir::NoteKind;

    use super::*;

    fn line(notes: impl IntoIterator<Item = (NoteKind, String)>) -> String {
        let mut record = Record::new(String::new(), "");
        record.notes = notes.into_iter().map(|(kind, what)| Note::new(kind, what)).collect();
        record.notes_line()
    }

    #[test]
    fn notes_are_told_once_in_their_order() {
        let notes = [
            (NoteKind::Dropped, "b"),
            (NoteKind::Changed, "b"),
            (NoteKind::Housekeeping, "c"),
            (NoteKind::Dropped, "a"),
            (NoteKind::Dropped, "b"),
        ];
        let notes = notes.map(|(kind, what)| (kind, what.to_owned()));
        assert_eq!(line(notes), "dropped=b x2; changed=b; dropped=a");
    }

    #[test]
    fn many_notes_and_long_ones_are_told_shortly() {
        let begun = Instant::now();
        let told = line((0..100_000).map(|nth| (NoteKind::Dropped, format!("a field f{nth}"))));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert!(told.ends_with("; dropped=a field f63; and 99936 more"), "{told}");
        let told = line([(NoteKind::Unknown, "é".repeat(1_000))]);
        assert!(told.len() < 300 && told.ends_with("é…"), "{told}");
    }
}
