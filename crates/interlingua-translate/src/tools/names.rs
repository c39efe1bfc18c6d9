use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use interlingua_dialect::{Pattern, Tools};
use interlingua_ir::{CallHead, Form, Note, NoteKind, Tool, Turn};

/// The names under which a turn's tools travel to the upstream.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    known: Vec<Known<'a>>,
    /// Where each stands, by its name and its namespace.
    places: HashMap<(&'a str, Option<&'a str>), usize>,
    rules: Rules<'a>,
}

/// What an upstream wants names to be like.
#[derive(Clone, Copy, Debug)]
struct Rules<'a> {
    /// In bytes.
    max: usize,
    /// What names have to match, where that is more than that they are safe everywhere.
    pattern: Option<&'a Pattern>,
}

#[derive(Debug)]
struct Known<'a> {
    wire: Cow<'a, str>,
    name: &'a str,
    namespace: Option<&'a str>,
    form: Form,
    /// Position in [`Turn::tools`].
    tool: usize,
}

impl<'a> Names<'a> {
    /// Gives each tool of `turn` a name that is safe everywhere and as the upstream wants it.
    ///
    /// The first of several tools of the same name wins; strict upstreams refuse the second.
    pub(crate) fn of(turn: &'a Turn<'_>, upstream: &'a Tools, notes: &mut Vec<Note>) -> Self {
        let rules = Rules::of(upstream);
        let known = Vec::with_capacity(turn.tools.len());
        let mut names = Self { known, places: HashMap::with_capacity(turn.tools.len()), rules };
        let mut taken: HashSet<Cow<'a, str>> = HashSet::with_capacity(turn.tools.len());
        for (tool, offered) in turn.tools.iter().enumerate() {
            let (name, namespace, form): (&'a str, Option<&'a str>, _) = match offered {
                Tool::Function(it) => (&it.name, it.namespace.as_deref(), Form::Function),
                Tool::ToolSearch(it) => (&it.name, None, Form::ToolSearch),
                Tool::Custom { name, .. } => (name, None, Form::Custom),
                Tool::WebSearch | Tool::Other { .. } => continue,
            };
            if names.find(name, namespace).is_some() {
                notes.push(Note::new(NoteKind::Dropped, format!("duplicate tool {name}")));
                continue;
            }
            let mut wire = wire_name(name, namespace, rules);
            if !taken.insert(wire.clone()) {
                wire = hashed(&wire, name, namespace, rules.max).into();
                taken.insert(wire.clone());
            }
            if rules.refuses(&wire) {
                notes.push(Note::new(NoteKind::Unknown, format!("the name of tool {name}")));
            }
            names.places.insert((name, namespace), names.known.len());
            names.known.push(Known { wire, name, namespace, form, tool });
        }
        names
    }

    /// The name of a tool, offered or not: a call of the past may name a tool that is gone.
    pub(crate) fn wire(&self, head: &'a CallHead<'_>) -> Cow<'a, str> {
        match self.find(&head.name, head.namespace.as_deref()) {
            Some(known) => known.wire.clone(),
            None => wire_name(&head.name, head.namespace.as_deref(), self.rules),
        }
    }

    /// The name of the tool `name`, if it was offered.
    pub(crate) fn offered(&self, name: &str, namespace: Option<&str>) -> Option<&str> {
        self.find(name, namespace).map(|it| &*it.wire)
    }

    /// Every tool that travels: its position in [`Turn::tools`] and its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &str)> {
        self.known.iter().map(|it| (it.tool, &*it.wire))
    }

    /// What is needed to undo this: the tools that the model sees otherwise than the client does.
    pub(crate) fn map(&self) -> ToolMap {
        let renamed =
            self.known.iter().filter(|it| it.form != Form::Function || it.wire != it.name);
        let entries = renamed.map(|it| Renamed {
            wire: it.wire.as_ref().into(),
            name: it.name.into(),
            namespace: it.namespace.map(Into::into),
            form: it.form,
        });
        let offered = self.known.iter().map(|it| it.wire.as_ref().into());
        ToolMap { entries: entries.collect(), offered: offered.collect(), in_prompt: None }
    }

    fn find(&self, name: &str, namespace: Option<&str>) -> Option<&Known<'a>> {
        self.known.get(*self.places.get(&(name, namespace))?)
    }
}

/// The way back from the names that the model sees to the tools that the client declared.
#[derive(Clone, Debug, Default)]
pub struct ToolMap {
    entries: Box<[Renamed]>,
    /// The names of all tools that the model was offered.
    offered: Box<[Box<str>]>,
    /// Where they were offered in the prompt.
    in_prompt: Option<InPrompt>,
}

/// How calls are known that the model writes into its text, and what they must look like.
#[derive(Clone, Debug)]
struct InPrompt {
    nonce: Box<str>,
    /// The schema of each tool's arguments, by its name.
    schemas: Box<[(Box<str>, Box<str>)]>,
}

#[derive(Clone, Debug)]
struct Renamed {
    wire: Box<str>,
    name: Box<str>,
    namespace: Option<Box<str>>,
    form: Form,
}

impl ToolMap {
    /// Whether the model was offered a tool of exactly this name.
    pub(crate) fn offers(&self, wire: &str) -> bool {
        self.offered.iter().any(|it| **it == *wire)
    }

    /// The same tools, offered in the prompt.
    pub(super) fn in_prompt(self, nonce: &str, schemas: Box<[(Box<str>, Box<str>)]>) -> Self {
        Self { in_prompt: Some(InPrompt { nonce: nonce.into(), schemas }), ..self }
    }

    /// The mark of the envelope in which the model writes its calls, if it writes them into its text.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.in_prompt.as_ref().map(|it| &*it.nonce)
    }

    /// The schema of a tool's arguments, where nobody but us holds the model to it.
    pub(super) fn schema(&self, wire: &str) -> Option<&str> {
        let mut schemas = self.in_prompt.as_ref()?.schemas.iter();
        schemas.find(|(name, _)| **name == *wire).map(|(_, schema)| &**schema)
    }

    /// The call that the client expects where the model called `head`.
    ///
    /// A tool that the model made up stays as it is: the client tells the model so.
    pub(crate) fn restore<'a>(&'a self, head: CallHead<'a>) -> CallHead<'a> {
        match self.entries.iter().find(|it| *it.wire == *head.name) {
            Some(it) => CallHead {
                id: head.id,
                name: Cow::Borrowed(&it.name),
                namespace: it.namespace.as_deref().map(Cow::Borrowed),
                form: it.form,
            },
            None => head,
        }
    }

    /// Whether the model sees every tool as the client declared it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.in_prompt.is_none()
    }
}

impl<'a> Rules<'a> {
    fn of(upstream: &'a Tools) -> Self {
        let max = upstream.name_max as usize;
        // Most ask for no more than what every name keeps to, and need no look at each.
        let safe = |it: &Pattern| {
            let most = it.as_str().strip_prefix("^[a-zA-Z0-9_-]{1,")?.strip_suffix("}$")?;
            most.parse().ok().filter(|most| max <= *most)
        };
        Self { max, pattern: Some(&upstream.name_pattern).filter(|it| safe(it).is_none()) }
    }

    fn refuses(&self, wire: &str) -> bool {
        self.pattern.is_some_and(|it| !it.is_match(wire))
    }
}

/// What is put before a name that begins otherwise than the upstream wants, or is too short for it.
const BEFORE: &str = "tool_";

/// The name under which a tool travels, as long as no other tool has it.
fn wire_name<'a>(name: &'a str, namespace: Option<&str>, rules: Rules<'_>) -> Cow<'a, str> {
    let wire = safe_name(name, namespace, rules.max);
    if !rules.refuses(&wire) {
        return wire;
    }
    let longer = format!("{BEFORE}{wire}");
    let hashed = || hashed(&longer, name, namespace, rules.max);
    let fits = |it: &String| it.len() <= rules.max && !rules.refuses(it);
    // What nothing makes fit stays as it is.
    [longer.clone(), hashed()].into_iter().find(fits).map_or(wire, Cow::Owned)
}

fn safe_name<'a>(name: &'a str, namespace: Option<&str>, max: usize) -> Cow<'a, str> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if namespace.is_none() && !name.is_empty() && name.len() <= max && name.bytes().all(safe) {
        return Cow::Borrowed(name);
    }
    let mut joined = String::new();
    for part in namespace.into_iter().chain([name]) {
        if !joined.is_empty() {
            joined.push_str("__");
        }
        joined
            .extend(part.chars().map(|it| if u8::try_from(it).is_ok_and(safe) { it } else { '_' }));
    }
    let changed =
        joined.is_empty() || !name.bytes().chain(namespace.unwrap_or("").bytes()).all(safe);
    if changed || joined.len() > max {
        return hashed(&joined, name, namespace, max).into();
    }
    joined.into()
}

/// The name under which a tool travels to every upstream; `None` if that depends on the upstream.
pub(crate) fn plain_name<'a>(name: &'a str, namespace: Option<&str>) -> Option<Cow<'a, str>> {
    /// The least that any upstream takes.
    const LEAST: usize = 3;
    let starts = |wire: &str| wire.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    joined_name(name, namespace).filter(|wire| wire.len() >= LEAST && starts(wire))
}

/// A name and its namespace as one name, if it needs no change but that.
pub(crate) fn joined_name<'a>(name: &'a str, namespace: Option<&str>) -> Option<Cow<'a, str>> {
    /// The most that every upstream takes.
    const MOST: usize = 64;
    let wire = safe_name(name, namespace, MOST);
    let parts = namespace.into_iter().chain([name]);
    let length = parts.map(|part| part.len() + 2).sum::<usize>();
    (wire.len() + 2 == length).then_some(wire)
}

/// Makes a name unique by a hash of what it stands for; the same in every turn.
fn hashed(wire: &str, name: &str, namespace: Option<&str>, max: usize) -> String {
    let hash = short_hash(&[namespace.unwrap_or(""), "\0", name]);
    let room = max.saturating_sub(1 + hash.len());
    let kept: String = wire.chars().take(room).collect();
    format!("{kept}_{hash}")
}

/// Eight hexadecimal digits that stand for `parts` (FNV-1a): stable across versions and machines,
/// because names that change from turn to turn cost the upstream's prompt cache.
pub(crate) fn short_hash(parts: &[&str]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}

#[cfg(test)]
mod tests {
    use interlingua_dialect::Dialects;
    use interlingua_ir::Function;

    use super::*;

    fn function(name: &str, namespace: Option<&str>) -> Tool<'static> {
        Tool::Function(Function {
            name: name.to_owned().into(),
            namespace: namespace.map(|it| it.to_owned().into()),
            namespace_description: None,
            description: None,
            parameters: None,
            strict: None,
        })
    }

    /// Names tools and turns the names back.
    #[track_caller]
    fn check(tools: &[(&str, Option<&str>)], expect: &[&str]) {
        check_at("generic", tools, expect);
    }

    /// The same at an upstream of a record.
    #[track_caller]
    fn check_at(dialect: &str, tools: &[(&str, Option<&str>)], expect: &[&str]) {
        let rules = Dialects::builtin().resolve(dialect, "").unwrap().tools;
        let tools = tools.iter().map(|(name, namespace)| function(name, *namespace)).collect();
        let turn = Turn { tools, ..Turn::default() };
        let mut notes = Vec::new();
        let names = Names::of(&turn, &rules, &mut notes);
        let wires: Vec<_> = names.iter().map(|(_, wire)| wire).collect();
        assert_eq!(wires, expect);

        let map = names.map();
        for (tool, wire) in names.iter() {
            assert!(wire.len() <= 64, "{wire}");
            let Tool::Function(declared) = &turn.tools[tool] else { unreachable!() };
            let head = CallHead {
                id: "c".into(),
                name: wire.into(),
                namespace: None,
                form: Form::Function,
            };
            let restored = map.restore(head);
            assert_eq!(
                (restored.name, restored.namespace),
                (declared.name.clone(), declared.namespace.clone())
            );
        }
    }

    #[test]
    fn plain_names_stay() {
        check(&[("exec_command", None), ("view-image", None)], &["exec_command", "view-image"]);
    }

    #[test]
    fn namespaces_become_a_part_of_the_name() {
        check(&[("echo", Some("mcp__tiny"))], &["mcp__tiny__echo"]);
    }

    #[test]
    fn long_and_odd_names_are_hashed() {
        let long = "x".repeat(80);
        let expect = format!("{}_{}", "x".repeat(55), short_hash(&["", "\0", &long]));
        check(&[(&long, None)], &[&expect]);
        check(&[("a.b", None)], &[&format!("a_b_{}", short_hash(&["", "\0", "a.b"]))]);
    }

    #[test]
    fn names_are_as_the_upstream_wants_them() {
        let tools = [("ls", None), ("1c_check", None), ("_run", None), ("read", None)];
        check(&tools, &["ls", "1c_check", "_run", "read"]);
        check_at("kimi", &tools, &["tool_ls", "tool_1c_check", "_run", "read"]);
        check_at("gemini", &tools, &["ls", "tool_1c_check", "_run", "read"]);
        let long = "1".repeat(60);
        let expect = format!("tool_{}_{}", "1".repeat(50), short_hash(&["", "\0", &long]));
        check_at("kimi", &[(&long, None)], &[&expect]);
        let taken = format!("tool_ls_{}", short_hash(&["", "\0", "ls"]));
        check_at("kimi", &[("tool_ls", None), ("ls", None)], &["tool_ls", &taken]);
    }

    #[test]
    fn only_a_name_that_all_upstreams_take_is_plain() {
        for (name, namespace, plain) in [
            ("read", None, Some("read")),
            ("ls", None, None),
            ("1c_check", None, None),
            ("b", Some("a"), Some("a__b")),
            ("a.b", None, None),
        ] {
            assert_eq!(plain_name(name, namespace).as_deref(), plain, "{name}");
        }
        assert_eq!(joined_name("ls", None).as_deref(), Some("ls"));
    }

    #[test]
    fn two_tools_never_share_a_name() {
        let second = format!("a__b_{}", short_hash(&["a", "\0", "b"]));
        check(&[("a__b", None), ("b", Some("a"))], &["a__b", &second]);
    }

    #[test]
    fn the_first_of_two_equal_tools_wins() {
        check(&[("f", None), ("f", None)], &["f"]);
    }
}
