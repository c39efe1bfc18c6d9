use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Fields;
use crate::shape::{Field, Kind, Shape, block, closed_enum};

block! {
    /// How thinking is switched and steered.
    pub struct Thinking {
        /// What happens if nothing is asked for.
        pub default: ThinkingDefault,
        /// The request fields of each level.
        pub effort: EffortTable,
        /// What to do about a level that the upstream does not have.
        pub unknown_level: UnknownLevel,
        /// How to limit the tokens spent on thinking.
        pub budget: Option<Budget>,
        /// Fields that must not be sent while thinking is on.
        pub drop_when_on: Vec<String>,
        /// Fields that ask the upstream to keep the reasoning of earlier turns.
        pub preserve: Option<Fields>,
    }
}

block! {
    /// How to limit the tokens spent on thinking.
    pub struct Budget {
        /// Where the limit stands in the request, as a dotted path.
        pub path: String,
        /// The smallest limit, in tokens.
        pub min: Option<u32>,
        /// The largest limit, in tokens.
        pub max: Option<u32>,
        /// A request may hold a limit or a level, not both.
        pub exclusive_with_effort: bool,
    }
}

closed_enum! {
    /// What happens if nothing is asked for.
    pub enum ThinkingDefault {
        /// The model thinks.
        On = "on",
        /// It does not.
        Off = "off",
        /// It thinks, and cannot be stopped.
        Forced = "forced",
        /// It cannot think.
        Never = "never",
        /// It depends on the model, and the record does not know.
        Model = "model",
    }
}

closed_enum! {
    /// What to do about a level that the upstream does not have.
    pub enum UnknownLevel {
        /// Take the nearest one that it has.
        Nearest = "nearest",
        /// Ask for none.
        Omit = "omit",
        /// Refuse the request.
        Refuse = "refuse",
    }
}

closed_enum! {
    /// How hard the model should think, from not at all upwards.
    pub enum Effort {
        /// Not at all.
        None = "none",
        /// As little as possible.
        Minimal = "minimal",
        /// A little.
        Low = "low",
        /// Moderately.
        Medium = "medium",
        /// Hard.
        High = "high",
        /// Very hard.
        Xhigh = "xhigh",
        /// As hard as possible.
        Max = "max",
    }
}

impl Effort {
    /// All levels, weakest first.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];
    const NAMES: [&'static str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

    fn rank(self) -> usize {
        self as usize
    }
}

impl FromStr for Effort {
    type Err = UnknownEffort;

    fn from_str(name: &str) -> Result<Self, UnknownEffort> {
        let known = Self::ALL.into_iter().find(|level| level.name() == name);
        known.ok_or_else(|| UnknownEffort(name.to_owned()))
    }
}

/// A name that is no effort level.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no effort level; write none, minimal, low, medium, high, xhigh or max")]
pub struct UnknownEffort(String);

/// The request fields of each effort level, with aliases followed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EffortTable([Option<EffortLevel>; 7]);

/// One level that the upstream has.
#[derive(Clone, Debug, PartialEq)]
pub struct EffortLevel {
    /// The level that the upstream is asked for; another than the table's key where that is an alias.
    pub level: Effort,
    /// The request fields that ask for it.
    pub fields: Fields,
}

impl EffortTable {
    /// The level, if the upstream has it or an alias stands for it.
    pub fn get(&self, level: Effort) -> Option<&EffortLevel> {
        self.0[level.rank()].as_ref()
    }

    /// The closest level that the upstream has; of two equally close ones the weaker.
    ///
    /// Thinking that was asked for is never switched off.
    pub fn nearest(&self, wanted: Effort) -> Option<&EffortLevel> {
        Effort::ALL
            .into_iter()
            .filter_map(|level| Some((level.rank().abs_diff(wanted.rank()), self.get(level)?)))
            .filter(|(_, found)| found.level != Effort::None || wanted == Effort::None)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, found)| found)
    }

    /// Reads the table of a merged record; a level whose aliases run in a circle does not exist.
    pub(crate) fn from_table(table: &Map<String, Value>) -> Self {
        Self(Effort::ALL.map(|level| follow(table, level)))
    }
}

impl<'de> Deserialize<'de> for EffortTable {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Map::deserialize(from).map(|table| Self::from_table(&table))
    }
}

impl Shape for EffortTable {
    const KIND: Kind = Kind::Table(&{
        let about = "The fields that ask for it, or the level that stands for it.";
        let mut fields = [Field { name: "", about, kind: Kind::Level(&Effort::NAMES) }; 7];
        let mut at = 0;
        while at < fields.len() {
            fields[at].name = Effort::NAMES[at];
            at += 1;
        }
        fields
    });
}

/// The levels of a merged record whose aliases run in a circle.
pub(crate) fn circular_levels(table: &Map<String, Value>) -> Vec<Effort> {
    Effort::ALL.into_iter().filter(|level| target(table, *level).is_none()).collect()
}

fn follow(table: &Map<String, Value>, level: Effort) -> Option<EffortLevel> {
    let level = target(table, level)?;
    let fields = table.get(level.name())?.as_object()?;
    Some(EffortLevel { level, fields: fields.into() })
}

/// Where the aliases that begin at `level` end; none if they do not.
fn target(table: &Map<String, Value>, level: Effort) -> Option<Effort> {
    let mut at = level;
    for _ in Effort::ALL {
        let alias = table.get(at.name()).and_then(Value::as_str);
        match alias.and_then(|alias| alias.parse().ok()) {
            Some(next) => at = next,
            None => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(value: &Value) -> EffortTable {
        EffortTable::from_table(value.as_object().unwrap())
    }

    #[test]
    fn an_alias_is_followed_and_says_so() {
        let table = table(&json!({"xhigh": "high", "high": "medium", "medium": {"e": 1}}));
        let found = table.get(Effort::Xhigh).unwrap();
        assert_eq!(found.level, Effort::Medium);
        assert_eq!(&found.fields[..], [("e".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_circle_ends_in_nothing() {
        let circle = json!({"low": "high", "high": "low", "max": "low", "medium": {}});
        assert_eq!(table(&circle).get(Effort::Max), None);
        let circular = circular_levels(circle.as_object().unwrap());
        assert_eq!(circular, [Effort::Low, Effort::High, Effort::Max]);
    }

    #[test]
    fn the_nearest_level_is_the_weaker_of_two_and_never_off() {
        let table = table(&json!({"none": {"n": 0}, "low": {"n": 1}, "high": {"n": 2}}));
        assert_eq!(table.nearest(Effort::Medium).unwrap().level, Effort::Low);
        assert_eq!(table.nearest(Effort::Max).unwrap().level, Effort::High);
        assert_eq!(table.nearest(Effort::Minimal).unwrap().level, Effort::Low);
        assert_eq!(table.nearest(Effort::None).unwrap().level, Effort::None);
    }
}
