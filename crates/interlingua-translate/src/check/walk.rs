//! Whether a value follows a JSON Schema, at a cost that nobody can drive up.
//!
//! Schemas come from clients and values from models. A schema may refer to itself, branch into itself, or
//! hold a pattern that is slow; so each step of the walk is paid from a budget, and how deep it goes is
//! limited. Whoever runs out of either is told so, and no verdict is made up.
//!
//! Keywords that are not known here are not held against a value.

use std::collections::HashMap;

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Map, Number, Value};

/// What a walk may cost, in steps of some ten nanoseconds.
const BUDGET: usize = 1_000_000;

/// How many schemas may be around the one that is looked at. No tool nests so deep, and each takes some
/// of the stack.
const MAX_DEPTH: usize = 128;

/// The largest a pattern may become, in bytes; a byte of text costs no more steps than it has states.
const MAX_PATTERN: usize = 4 << 10;
const STEPS_PER_BYTE: usize = 16;

/// Why a value is not known to follow a schema.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It breaks a rule of it: the way to the value and to the rule, the last step first.
    Breaks { place: Vec<String>, rule: Vec<String> },
    /// The schema refers to something outside of it.
    Unknown,
    /// To find out would cost too much.
    Costly,
}

impl Wrong {
    /// The value is wrong as a whole.
    fn here() -> Self {
        Self::Breaks { place: Vec::new(), rule: Vec::new() }
    }

    /// It is wrong inside of the value, at `step`.
    fn at(mut self, step: &dyn ToString) -> Self {
        if let Self::Breaks { place, .. } = &mut self {
            place.push(step.to_string());
        }
        self
    }

    /// The rule stands inside of the schema, at `step`.
    fn under(mut self, step: &dyn ToString) -> Self {
        if let Self::Breaks { rule, .. } = &mut self {
            rule.push(step.to_string());
        }
        self
    }
}

type Outcome = Result<(), Wrong>;

/// Holds values against the parts of one schema.
pub(super) struct Walk<'s> {
    root: &'s Value,
    left: usize,
    depth: usize,
    /// Patterns of the schema; nothing for one that cannot be read.
    patterns: HashMap<&'s str, Option<Regex>>,
}

impl<'s> Walk<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root, left: BUDGET, depth: 0, patterns: HashMap::new() }
    }

    /// Holds a value against the schema.
    pub(super) fn whole(mut self, value: &Value) -> Outcome {
        self.follow(self.root, value)
    }

    fn follow(&mut self, schema: &'s Value, value: &Value) -> Outcome {
        self.pay(1)?;
        match schema {
            Value::Object(_) if self.depth == MAX_DEPTH => Err(Wrong::Costly),
            Value::Object(rules) => {
                self.depth += 1;
                let mut rest = rules.iter();
                let outcome = rest.try_for_each(|(name, rule)| {
                    self.rule(rules, name, rule, value).map_err(|it| it.under(name))
                });
                self.depth -= 1;
                outcome
            }
            Value::Bool(false) => Err(Wrong::here()),
            _ => Ok(()),
        }
    }

    fn fits(&mut self, schema: &'s Value, value: &Value) -> Result<bool, Wrong> {
        match self.follow(schema, value) {
            Ok(()) => Ok(true),
            Err(Wrong::Breaks { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn rule(
        &mut self,
        rules: &'s Map<String, Value>,
        name: &str,
        rule: &'s Value,
        value: &Value,
    ) -> Outcome {
        self.pay(1)?;
        let is_kept = match (name, rule, value) {
            ("$ref", Value::String(reference), _) => {
                self.pay(reference.len())?;
                let pointer = reference.strip_prefix('#').ok_or(Wrong::Unknown)?;
                let target = self.root.pointer(pointer).ok_or(Wrong::Unknown)?;
                return self.follow(target, value);
            }
            ("type", Value::String(kind), _) => is_of(kind, value),
            ("type", Value::Array(kinds), _) => {
                self.pay(kinds.len())?;
                kinds.iter().any(|kind| kind.as_str().is_some_and(|kind| is_of(kind, value)))
            }
            ("const", rule, _) => self.equal(rule, value)?,
            ("enum", Value::Array(all), _) => self.is_among(all, value)?,
            ("allOf", Value::Array(all), _) => {
                for (nth, schema) in all.iter().enumerate() {
                    self.follow(schema, value).map_err(|it| it.under(&nth))?;
                }
                true
            }
            ("anyOf", Value::Array(all), _) => self.count(all, value, 1)? == 1,
            ("oneOf", Value::Array(all), _) => self.count(all, value, 2)? == 1,
            ("not", schema, _) => !self.fits(schema, value)?,
            ("if", schema, _) => {
                let then = if self.fits(schema, value)? { "then" } else { "else" };
                let Some(schema) = rules.get(then) else { return Ok(()) };
                return self.follow(schema, value).map_err(|it| it.under(&then));
            }
            (_, _, Value::Object(value)) => return self.object(rules, name, rule, value),
            (_, _, Value::Array(value)) => return self.array(rules, name, rule, value),
            (_, _, Value::String(value)) => self.text(name, rule, value)?,
            (_, Value::Number(limit), Value::Number(value)) => is_within(name, limit, value),
            _ => true,
        };
        is_kept.then_some(()).ok_or_else(Wrong::here)
    }

    fn object(
        &mut self,
        rules: &'s Map<String, Value>,
        name: &str,
        rule: &'s Value,
        value: &Map<String, Value>,
    ) -> Outcome {
        let is_kept = match (name, rule) {
            ("required", Value::Array(names)) => {
                self.pay(names.len())?;
                names.iter().filter_map(Value::as_str).all(|name| value.contains_key(name))
            }
            ("properties", Value::Object(known)) => {
                for (key, inner) in value {
                    if let Some(schema) = known.get(key) {
                        self.follow(schema, inner).map_err(|it| it.at(key).under(key))?;
                    }
                }
                true
            }
            ("patternProperties", Value::Object(known)) => {
                for ((key, inner), (pattern, schema)) in
                    value.iter().flat_map(|it| known.iter().map(move |known| (it, known)))
                {
                    if self.matches(pattern, key)? == Some(true) {
                        self.follow(schema, inner).map_err(|it| it.at(key).under(pattern))?;
                    }
                }
                true
            }
            ("additionalProperties", schema) => {
                for (key, inner) in value {
                    if !self.is_known(rules, key)? {
                        self.follow(schema, inner).map_err(|it| it.at(key))?;
                    }
                }
                true
            }
            ("minProperties", limit) => is_least(limit, value.len()),
            ("maxProperties", limit) => is_most(limit, value.len()),
            _ => true,
        };
        is_kept.then_some(()).ok_or_else(Wrong::here)
    }

    fn array(
        &mut self,
        rules: &'s Map<String, Value>,
        name: &str,
        rule: &'s Value,
        value: &[Value],
    ) -> Outcome {
        let is_kept = match (name, rule) {
            // Older schemas call a tuple so, too.
            ("prefixItems" | "items", Value::Array(schemas)) => {
                for (nth, (schema, inner)) in schemas.iter().zip(value).enumerate() {
                    self.follow(schema, inner).map_err(|it| it.at(&nth).under(&nth))?;
                }
                true
            }
            ("items" | "additionalItems", schema) => {
                let tuple = if name == "items" { "prefixItems" } else { "items" };
                let tuple = rules.get(tuple).and_then(Value::as_array);
                let first = match tuple {
                    Some(tuple) => tuple.len(),
                    None if name == "items" => 0,
                    None => value.len(),
                };
                for (nth, inner) in value.iter().enumerate().skip(first) {
                    self.follow(schema, inner).map_err(|it| it.at(&nth))?;
                }
                true
            }
            ("minItems", limit) => is_least(limit, value.len()),
            ("maxItems", limit) => is_most(limit, value.len()),
            ("uniqueItems", Value::Bool(true)) => {
                for (nth, one) in value.iter().enumerate() {
                    if self.is_among(&value[..nth], one)? {
                        return Err(Wrong::here());
                    }
                }
                true
            }
            _ => true,
        };
        is_kept.then_some(()).ok_or_else(Wrong::here)
    }

    fn text(&mut self, name: &str, rule: &'s Value, value: &str) -> Result<bool, Wrong> {
        self.pay(value.len() / 64)?;
        Ok(match (name, rule) {
            ("pattern", Value::String(pattern)) => self.matches(pattern, value)?.unwrap_or(true),
            ("minLength", limit) => is_least(limit, value.chars().count()),
            ("maxLength", limit) => is_most(limit, value.chars().count()),
            _ => true,
        })
    }

    /// How many of the schemas a value follows, counted up to `most`.
    fn count(&mut self, all: &'s [Value], value: &Value, most: usize) -> Result<usize, Wrong> {
        let mut count = 0;
        for schema in all {
            count += usize::from(self.fits(schema, value)?);
            if count == most {
                break;
            }
        }
        Ok(count)
    }

    /// Whether other keywords than `additionalProperties` speak of a property.
    fn is_known(&mut self, rules: &'s Map<String, Value>, key: &str) -> Result<bool, Wrong> {
        let named = |name: &str| rules.get(name).and_then(Value::as_object);
        if named("properties").is_some_and(|it| it.contains_key(key)) {
            return Ok(true);
        }
        for pattern in named("patternProperties").into_iter().flat_map(Map::keys) {
            // What a pattern means that cannot be read is not known.
            if self.matches(pattern, key)? != Some(false) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a pattern occurs in a text; `None` if it cannot be read.
    fn matches(&mut self, pattern: &'s str, text: &str) -> Result<Option<bool>, Wrong> {
        if !self.patterns.contains_key(pattern) {
            self.pay(MAX_PATTERN.max(pattern.len()))?;
        }
        self.pay(1 + text.len().saturating_mul(STEPS_PER_BYTE))?;
        let compile = || RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build().ok();
        let regex = self.patterns.entry(pattern).or_insert_with(compile);
        Ok(regex.as_ref().map(|it| it.is_match(text)))
    }

    fn is_among(&mut self, all: &[Value], value: &Value) -> Result<bool, Wrong> {
        for one in all {
            if self.equal(one, value)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn equal(&mut self, one: &Value, other: &Value) -> Result<bool, Wrong> {
        self.pay(1)?;
        Ok(match (one, other) {
            (Value::Number(one), Value::Number(other)) => {
                one == other || one.as_f64() == other.as_f64()
            }
            (Value::Array(one), Value::Array(other)) => {
                for (one, other) in one.iter().zip(other) {
                    if !self.equal(one, other)? {
                        return Ok(false);
                    }
                }
                one.len() == other.len()
            }
            (Value::Object(one), Value::Object(other)) => {
                for (key, one) in one {
                    let Some(other) = other.get(key) else { return Ok(false) };
                    if !self.equal(one, other)? {
                        return Ok(false);
                    }
                }
                one.len() == other.len()
            }
            (Value::String(one), Value::String(other)) => {
                self.pay(one.len().min(other.len()) / 64)?;
                one == other
            }
            (one, other) => one == other,
        })
    }

    fn pay(&mut self, steps: usize) -> Outcome {
        self.left = self.left.checked_sub(steps).ok_or(Wrong::Costly)?;
        Ok(())
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match (kind, value) {
        ("null", Value::Null)
        | ("boolean", Value::Bool(_))
        | ("number", Value::Number(_))
        | ("string", Value::String(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        ("integer", Value::Number(number)) => {
            !number.is_f64() || number.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        _ => false,
    }
}

fn is_within(name: &str, limit: &Number, value: &Number) -> bool {
    let (Some(limit), Some(value)) = (limit.as_f64(), value.as_f64()) else { return true };
    match name {
        "minimum" => value >= limit,
        "maximum" => value <= limit,
        "exclusiveMinimum" => value > limit,
        "exclusiveMaximum" => value < limit,
        "multipleOf" if limit > 0.0 => {
            let times = value / limit;
            (times - times.round()).abs() < 1e-9
        }
        _ => true,
    }
}

fn is_least(limit: &Value, size: usize) -> bool {
    limit.as_u64().is_none_or(|limit| size as u64 >= limit)
}

fn is_most(limit: &Value, size: usize) -> bool {
    limit.as_u64().is_none_or(|limit| size as u64 <= limit)
}

#[cfg(test)]
mod tests;
