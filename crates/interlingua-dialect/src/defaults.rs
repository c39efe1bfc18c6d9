use std::sync::LazyLock;

use interlingua_ir::Class;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml_edit::Document;

use crate::dialect::BLOCKS;
use crate::errors::{ErrorRule, Pattern, class_by_name};
use crate::problem::Problems;
use crate::read::{Expect, Reader};
use crate::shape::{Field, Kind, Shape};

const FILE: &str = "defaults.toml";
const TEXT: &str = include_str!("../dialects/defaults.toml");

/// What holds for every upstream unless its record says otherwise.
#[derive(Debug)]
pub(crate) struct Defaults {
    pub(crate) patch: Map<String, Value>,
    pub(crate) rules: Vec<ErrorRule>,
    pub(crate) used_up_window: Pattern,
    pub(crate) rejected_param: Pattern,
    pub(crate) rejected_value: Pattern,
    pub(crate) answer_limit: Vec<Pattern>,
    retryable: Vec<(Class, bool)>,
}

impl Defaults {
    /// The embedded defaults, read at first use.
    pub(crate) fn get() -> &'static Self {
        static DEFAULTS: LazyLock<Defaults> = LazyLock::new(read);
        &DEFAULTS
    }

    /// Whether another try may help after a failure of this class.
    pub(crate) fn is_retryable(&self, class: Class) -> bool {
        let known = self.retryable.iter().find(|(known, _)| *known == class);
        known.map_or(class.is_transient(), |(_, retryable)| *retryable)
    }
}

const FIELDS: [Field; 7] = [
    Field { name: "used_up_window", about: "", kind: Kind::Pattern },
    Field { name: "rejected_param", about: "", kind: Kind::Pattern },
    Field { name: "rejected_value", about: "", kind: Kind::Pattern },
    Field { name: "answer_limit", about: "", kind: Vec::<Pattern>::KIND },
    Field { name: "retryable", about: "", kind: Kind::Map(&Kind::Bool) },
    Field { name: "defaults", about: "", kind: Kind::Patch(BLOCKS) },
    Field { name: "error_rules", about: "", kind: Vec::<ErrorRule>::KIND },
];

fn read() -> Defaults {
    let mut problems = Problems::new(FILE, TEXT);
    let document =
        Document::parse(TEXT).expect("the embedded defaults are TOML; a test reads them");
    let mut read = Reader::new(&mut problems, false).table(
        "",
        document.as_table(),
        &FIELDS,
        Expect::Patch,
        None,
    );
    let problems = problems.into_sorted();
    assert!(problems.is_empty(), "the embedded defaults are wrong: {problems:?}");

    let mut take = |name: &str| read.remove(name).expect("the embedded defaults are complete");
    let Value::Object(patch) = take("defaults") else { unreachable!("read as a table") };
    let Value::Object(retryable) = take("retryable") else { unreachable!("read as a table") };
    Defaults {
        patch,
        rules: Vec::deserialize(take("error_rules")).expect("rules were read by their shape"),
        used_up_window: Pattern::deserialize(take("used_up_window"))
            .expect("a pattern was read as text"),
        rejected_param: Pattern::deserialize(take("rejected_param"))
            .expect("a pattern was read as text"),
        rejected_value: Pattern::deserialize(take("rejected_value"))
            .expect("a pattern was read as text"),
        answer_limit: Vec::deserialize(take("answer_limit")).expect("they were read as texts"),
        retryable: retryable
            .iter()
            .filter_map(|(name, value)| Some((class_by_name(name)?, value.as_bool()?)))
            .collect(),
    }
}
