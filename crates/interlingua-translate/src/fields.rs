//! The fields of a request that goes on as it came, but for some of them.

use std::borrow::Cow;
use std::ops::Range;

use crate::spans::{Member, member};
use crate::splices::Splices;

/// The top of a request, and what becomes of its fields.
#[derive(Debug)]
pub(crate) struct Fields<'t> {
    text: &'t str,
    /// What the request says.
    pub(crate) members: Vec<Member<'t>>,
    /// For each member, what takes its place.
    changes: Vec<Change<'t>>,
    /// What is put in front.
    added: Vec<(String, Cow<'t, str>)>,
}

#[derive(Clone, Debug, Default)]
enum Change<'t> {
    #[default]
    Nothing,
    Value(Cow<'t, str>),
    Gone,
}

impl<'t> Fields<'t> {
    /// The members are those of the object that is all of `text`.
    pub(crate) fn of(text: &'t str, members: Vec<Member<'t>>) -> Self {
        let changes = vec![Change::Nothing; members.len()];
        Self { text, members, changes, added: Vec::new() }
    }

    /// The value that a field came with, unless it is null.
    pub(crate) fn get(&self, name: &str) -> Option<&'t str> {
        member(&self.members, name).filter(|it| *it != "null")
    }

    /// Sets a field, in its place if it has one, else in front of all others.
    pub(crate) fn set(&mut self, name: &str, json: impl Into<Cow<'t, str>>) {
        let json = json.into();
        let known: Vec<usize> = self.positions(name);
        if known.is_empty() {
            self.added.retain(|(added, _)| added != name);
            self.added.push((name.to_owned(), json));
            return;
        }
        for at in known {
            self.changes[at] = Change::Value(json.clone());
        }
    }

    /// Leaves a field out.
    pub(crate) fn drop(&mut self, name: &str) {
        self.added.retain(|(added, _)| added != name);
        for at in self.positions(name) {
            self.changes[at] = Change::Gone;
        }
    }

    fn positions(&self, name: &str) -> Vec<usize> {
        (0..self.members.len()).filter(|at| self.members[*at].name == name).collect()
    }

    /// Makes the changes of the text that `splices` changes.
    pub(crate) fn apply(self, splices: &mut Splices<'t>) {
        let range = |it: &Member<'t>| splices.range(it.whole).unwrap_or_default();
        let ranges: Vec<Range<usize>> = self.members.iter().map(range).collect();
        let gone: Vec<bool> = self.changes.iter().map(|it| matches!(it, Change::Gone)).collect();
        splices.remove(self.text.trim(), &ranges, &gone);
        let start = self.text.find('{').map_or(0, |at| at + 1);
        let last = self.added.len().wrapping_sub(1);
        for (nth, (name, json)) in self.added.into_iter().enumerate() {
            let follows = nth != last || gone.contains(&false);
            let comma = if follows { "," } else { "" };
            splices.put(start..start, format!("\"{name}\":{json}{comma}"));
        }
        for (member, change) in self.members.iter().zip(self.changes) {
            match change {
                Change::Value(json) if json != member.value => splices.replace(member.value, json),
                Change::Value(_) | Change::Nothing | Change::Gone => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::members;

    #[track_caller]
    fn check(text: &str, change: impl FnOnce(&mut Fields<'_>), expect: &str) {
        let mut fields = Fields::of(text, members(text));
        change(&mut fields);
        let mut splices = Splices::new(text);
        fields.apply(&mut splices);
        assert_eq!(String::from_utf8(splices.apply()).unwrap(), expect);
    }

    #[test]
    fn fields_are_set_where_they_are_or_in_front() {
        check(
            r#"{"a": 1, "b": {"c": 2}, "a": 3}"#,
            |it| {
                assert_eq!(it.get("a"), Some("3"));
                it.set("a", "9");
                it.set("new", "\"x\"");
                it.set("newer", "0");
            },
            r#"{"new":"x","newer":0,"a": 9, "b": {"c": 2}, "a": 9}"#,
        );
    }

    #[test]
    fn what_is_dropped_leaves_an_object() {
        let text = r#"{ "a" : 1 , "b":[2], "a\u0062":null }"#;
        check(text, |it| it.drop("none"), text);
        check(text, |it| it.drop("a"), r#"{ "b":[2], "a\u0062":null }"#);
        check(text, |it| it.drop("b"), r#"{ "a" : 1, "a\u0062":null }"#);
        check(text, |it| it.drop("ab"), r#"{ "a" : 1 , "b":[2] }"#);
        let all = |it: &mut Fields<'_>| ["a", "b", "ab"].iter().for_each(|name| it.drop(name));
        check(text, all, "{}");
        let instead = |it: &mut Fields<'_>| {
            all(it);
            it.set("x", "1");
            it.set("y", "2");
        };
        check(text, instead, r#"{"x":1,"y":2}"#);
    }

    #[test]
    fn a_change_of_mind_counts() {
        check(
            r#"{"a":1,"b":2}"#,
            |it| {
                it.drop("a");
                it.set("a", "3");
                it.set("c", "4");
                it.drop("c");
            },
            r#"{"a":3,"b":2}"#,
        );
    }
}
