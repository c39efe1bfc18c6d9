//! What a turn cost, told at its beginning and at its end.

use interlingua_dialect::Usage as Rules;
use interlingua_ir::Usage;
use serde_json::{Map, Value};

/// The counts of an answer as they are known so far.
#[derive(Debug, Default)]
pub(super) struct Tally(Map<String, Value>);

impl Tally {
    /// Takes counts that replace those of the same name. Some servers begin or end with zeros where
    /// they do not know a count, so a zero replaces nothing.
    pub(super) fn add(&mut self, json: &str) {
        let Ok(counts) = serde_json::from_str::<Map<String, Value>>(json) else { return };
        for (name, count) in counts {
            let says_nothing = count.is_null() || count == 0;
            if !says_nothing || !self.0.contains_key(&name) {
                self.0.insert(name, count);
            }
        }
    }

    /// The cost by the record's rules, if any of it was told.
    pub(super) fn usage(&self, rules: &Rules) -> Option<Usage> {
        let count = |name: &str| self.0.get(name).and_then(Value::as_u64);
        let (input, output) = (count("input_tokens"), count("output_tokens"));
        input.or(output)?;
        let mut usage = Usage {
            input: input.unwrap_or(0),
            cached: self.part(&rules.cached),
            cache_write: self.part(&rules.cache_write).filter(|it| *it > 0),
            output: output.unwrap_or(0),
            reasoning: self.part(&rules.reasoning),
        };
        if !rules.input_includes_cached {
            let parts = [usage.cached, usage.cache_write].into_iter().flatten();
            usage.input = parts.fold(usage.input, u64::saturating_add);
        }
        if !rules.output_includes_reasoning {
            usage.output = usage.output.saturating_add(usage.reasoning.unwrap_or(0));
        }
        Some(usage)
    }

    /// The first of several places that says something.
    fn part(&self, paths: &[String]) -> Option<u64> {
        paths.iter().find_map(|path| {
            let (first, rest) = path.split_once('.').unwrap_or((path, ""));
            let inner = rest.split('.').filter(|it| !it.is_empty());
            let value = inner.fold(self.0.get(first), |at, name| at?.get(name));
            value.and_then(Value::as_u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use interlingua_dialect::Dialects;

    use super::*;

    #[track_caller]
    fn check(told: &[&str], expect: &str) {
        let rules = Dialects::builtin().resolve("anthropic", "").unwrap().usage;
        let mut tally = Tally::default();
        for json in told {
            tally.add(json);
        }
        let got = tally.usage(&rules).map_or("nothing".to_owned(), |it| it.to_string());
        assert_eq!(got, expect);
    }

    #[test]
    fn later_counts_replace_earlier_ones() {
        check(
            &[
                r#"{"input_tokens":5,"cache_read_input_tokens":90,"cache_creation_input_tokens":7,"output_tokens":1}"#,
                r#"{"output_tokens":40,"output_tokens_details":{"thinking_tokens":30}}"#,
            ],
            "in=102 cached=90 written=7 out=40 reasoning=30",
        );
        check(
            &[r#"{"input_tokens":0}"#, r#"{"input_tokens":12,"output_tokens":2}"#],
            "in=12 out=2",
        );
    }

    #[test]
    fn nothing_and_zero_replace_no_count() {
        check(
            &[
                r#"{"input_tokens":5,"cache_read_input_tokens":0}"#,
                r#"{"input_tokens":0,"cache_read_input_tokens":null,"output_tokens":2}"#,
            ],
            "in=5 cached=0 out=2",
        );
        check(&[], "nothing");
        check(&["{}", "null", "[]"], "nothing");
    }
}
