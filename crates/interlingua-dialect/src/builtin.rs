//! The records that ship with this crate: all that lie in `dialects/`.

use std::sync::OnceLock;

use crate::record::Record;

pub(crate) struct Builtin {
    pub(crate) id: &'static str,
    pub(crate) text: &'static str,
    record: OnceLock<Record>,
}

impl Builtin {
    const fn new(id: &'static str, text: &'static str) -> Self {
        Self { id, text, record: OnceLock::new() }
    }

    /// The record, read at first use.
    pub(crate) fn record(&self) -> &Record {
        self.record.get_or_init(|| {
            Record::parse(self.id, self.text, false).expect("a test reads every embedded record")
        })
    }
}

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
