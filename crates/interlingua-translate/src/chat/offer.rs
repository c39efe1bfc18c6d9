//! The tools of a request, and whether one must be called.

use std::borrow::Cow;

use interlingua_dialect::{
    ChoiceNamedAs, ChoiceRequiredAs, Fix, ForcedWithThinking, ParallelRule, StrictRule,
    ToolChoiceKind,
};
use interlingua_ir::{Note, NoteKind, Place, Protocol, Tool, ToolChoice, Turn};
use interlingua_protocol::Name;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::extras::Extras;
use super::write::field;
use crate::target::Target;
use crate::tools::{Lost, Names};

mod tool;

pub(super) use tool::is_builtin_search;

/// The tools that a turn offers to an upstream.
pub(super) struct Offer<'o, 'a> {
    pub(super) turn: &'o Turn<'a>,
    pub(super) target: &'o Target<'o>,
    pub(super) names: &'o Names<'o>,
    pub(super) extras: &'o Extras<'o>,
    /// Whether the model will think.
    pub(super) thinks: bool,
}

impl<'o> Offer<'o, '_> {
    /// Writes `tools`, `tool_choice` and `parallel_tool_calls`; nothing at all when no tool is left, because
    /// some upstreams refuse an empty list.
    pub(super) fn write(&self, out: &mut Vec<u8>, notes: &mut Vec<Note>) {
        self.write_search_options(out);
        self.write_search_plugin(out);
        let choice = self.choose(notes);
        if matches!(choice, Choice::Withhold) || !self.write_tools(&choice, out, notes) {
            return;
        }
        let drops = |name, notes: &mut Vec<Note>| self.target.repairs.drops(name, notes);
        match &choice {
            Choice::Say(json) | Choice::Only(_, Some(json)) => {
                if !drops("tool_choice", notes) {
                    field(out, "tool_choice", json);
                }
            }
            Choice::Only(_, None) | Choice::Silent | Choice::Withhold => {}
        }
        let parallel = match self.target.dialect.tools.parallel {
            ParallelRule::Pass => self.turn.parallel_calls,
            ParallelRule::Always => Some(true),
            ParallelRule::Never => Some(false),
            ParallelRule::Drop => None,
        };
        match parallel {
            Some(_) if drops("parallel_tool_calls", notes) => {}
            Some(parallel) => {
                field(out, "parallel_tool_calls", if parallel { "true" } else { "false" });
            }
            None if self.turn.parallel_calls == Some(false) => {
                notes.push(Note::new(NoteKind::Dropped, "parallel_tool_calls=false"));
            }
            None => {}
        }
    }

    /// Writes the list of tools; whether one is left.
    fn write_tools(&self, choice: &Choice<'_>, out: &mut Vec<u8>, notes: &mut Vec<Note>) -> bool {
        let rules = &self.target.dialect.tools;
        let is_strict =
            |tool: &Tool<'_>| matches!(tool, Tool::Function(it) if it.strict == Some(true));
        let strict = match rules.strict {
            _ if self.target.repairs.has(Fix::DropStrict) => false,
            StrictRule::Pass => true,
            StrictRule::Drop => false,
            StrictRule::AllOrNothing => self.turn.tools.iter().all(is_strict),
        };
        let start = out.len();
        out.extend_from_slice(b",\"tools\":[");
        let mut count = 0;
        let mut lost = Lost::default();
        let mut wires = self.names.iter().peekable();
        for at in 0..self.turn.tools.len() {
            let wire = wires.next_if(|(tool, _)| *tool == at).map(|(_, wire)| wire);
            let offered = |only: &[Cow<'_, str>]| only.iter().any(|it| wire == Some(&**it));
            if matches!(choice, Choice::Only(only, _) if !offered(only))
                || self.search_options(at).is_some()
            {
                continue;
            }
            if count == rules.max {
                notes.push(Note::new(NoteKind::Dropped, format!("tools beyond {}", rules.max)));
                break;
            }
            let comma = out.len();
            if count > 0 {
                out.push(b',');
            }
            match self.tool(at, wire, strict, &mut lost, out, notes) {
                true => count += 1,
                false => out.truncate(comma),
            }
        }
        lost.note(notes);
        match count {
            0 => out.truncate(start),
            _ => out.push(b']'),
        }
        count > 0
    }

    /// Asks for a search in Chat's own words, where the client did and the upstream knows them.
    fn write_search_options(&self, out: &mut Vec<u8>) {
        let mut options = (0..self.turn.tools.len()).filter_map(|at| self.search_options(at));
        if let Some(options) = options.next() {
            field(out, SEARCH_OPTIONS, options);
        }
    }

    /// Asks for a search where that is a plugin and no tool, and the client has named none itself.
    fn write_search_plugin(&self, out: &mut Vec<u8>) {
        let wanted = tool::searches_by_plugin(self.target)
            && self.turn.tools.iter().any(|it| matches!(it, Tool::WebSearch));
        if wanted && self.extras.find(Place::Top, PLUGINS).is_none() {
            field(out, PLUGINS, r#"[{"id":"web"}]"#);
        }
    }

    fn search_options(&self, tool: usize) -> Option<&'o str> {
        let passes = !self.target.repairs.has(Fix::DropWebSearch)
            && !self.target.dialect.request.drop.iter().any(|it| it == SEARCH_OPTIONS);
        self.extras.find(Place::Tool(tool), SEARCH_OPTIONS).filter(|_| passes)
    }
}

const PLUGINS: &str = "plugins";

const SEARCH_OPTIONS: &str = "web_search_options";

/// Whether the upstream has tools that take free text.
pub(super) fn takes_custom(target: &Target<'_>) -> bool {
    target.dialect.tools.types.iter().any(|it| it == "custom")
}

/// What to say about calling tools.
enum Choice<'t> {
    /// This JSON.
    Say(Cow<'t, str>),
    /// Nothing.
    Silent,
    /// Offer these tools alone, and say this.
    Only(Vec<Cow<'t, str>>, Option<Cow<'t, str>>),
    /// Offer no tool.
    Withhold,
}

impl<'o> Offer<'o, '_> {
    fn choose(&self, notes: &mut Vec<Note>) -> Choice<'o> {
        let Self { turn, target, names, .. } = self;
        let rules = &target.dialect.tools;
        let can = |kind| rules.choice.contains(&kind);
        let auto = || match can(ToolChoiceKind::Auto) {
            true => Choice::Say("\"auto\"".into()),
            false => Choice::Silent,
        };
        let mut weakened = |what: &str| {
            notes.push(Note::new(NoteKind::Changed, format!("tool_choice {what} to auto")));
            auto()
        };
        match &turn.tool_choice {
            ToolChoice::Unset => Choice::Silent,
            ToolChoice::Auto => auto(),
            ToolChoice::None if can(ToolChoiceKind::None) => Choice::Say("\"none\"".into()),
            ToolChoice::None => Choice::Withhold,
            ToolChoice::Required if !self.can_force() => weakened("required"),
            ToolChoice::Required => match rules.choice_required_as {
                ChoiceRequiredAs::Auto => weakened("required"),
                ChoiceRequiredAs::Required | ChoiceRequiredAs::Any => {
                    Choice::Say(required(target).into())
                }
            },
            ToolChoice::Named { name, .. } if !self.can_force() => weakened(name),
            ToolChoice::Named { name, namespace } => {
                let Some(wire) = names.offered(name, namespace.as_deref()) else {
                    return weakened(name);
                };
                match rules.choice_named_as {
                    ChoiceNamedAs::Auto => weakened(name),
                    ChoiceNamedAs::FilterRequired => {
                        Choice::Only(vec![wire.into()], Some(required(target).into()))
                    }
                    ChoiceNamedAs::Named => {
                        let is_custom = |tool: &Tool<'_>| matches!(tool, Tool::Custom { name: custom, .. } if custom == name);
                        let custom = takes_custom(target) && turn.tools.iter().any(is_custom);
                        let kind = if custom { "custom" } else { "function" };
                        Choice::Say(
                            format!(r#"{{"type":"{kind}","{kind}":{{"name":"{wire}"}}}}"#).into(),
                        )
                    }
                }
            }
            ToolChoice::Other(json) => match self.allowed(json) {
                Some(choice) => choice,
                None => weakened("of an unknown kind"),
            },
        }
    }

    fn can_force(&self) -> bool {
        // A model that cannot be stopped thinking cannot be forced either.
        let ok = self.target.dialect.tools.forced_with_thinking == ForcedWithThinking::Ok;
        !self.thinks || ok
    }

    /// A choice among some of the tools. Whoever has no word for it gets no other tools.
    fn allowed(&self, json: &'o RawValue) -> Option<Choice<'o>> {
        let rules = &self.target.dialect.tools;
        let allowed = Allowed::of(json)?;
        let mut same = self.turn.protocol == Protocol::Chat;
        let wires = allowed.tools.iter().filter_map(|tool| {
            let (name, namespace) = tool.name();
            let wire = self.names.offered(name, namespace)?;
            same &= wire == name;
            Some(Cow::Borrowed(wire))
        });
        let wires: Vec<Cow<'o, str>> = wires.collect();
        let required_as = rules.choice_required_as;
        let forces = self.can_force() && required_as != ChoiceRequiredAs::Auto;
        let must = allowed.mode.as_str() == "required";
        if same && rules.choice.contains(&ToolChoiceKind::Allowed) && (forces || !must) {
            return Some(Choice::Say(json.get().into()));
        }
        let say = match must && forces {
            true => Some(required(self.target)),
            false => Some("\"auto\"").filter(|_| rules.choice.contains(&ToolChoiceKind::Auto)),
        };
        (!wires.is_empty()).then(|| Choice::Only(wires, say.map(Cow::Borrowed)))
    }
}

/// The value of `tool_choice` that allows some of the tools only, in the form of Chat or of Responses.
#[derive(Deserialize)]
struct Allowed<'a> {
    #[serde(borrow, default, rename = "allowed_tools")]
    inner: Option<Box<Allowed<'a>>>,
    #[serde(borrow, default)]
    mode: Name<'a>,
    #[serde(borrow, default)]
    tools: Vec<AllowedTool<'a>>,
}

#[derive(Default, Deserialize)]
struct AllowedTool<'a> {
    #[serde(borrow, default)]
    function: Option<Box<AllowedTool<'a>>>,
    #[serde(borrow, default)]
    custom: Option<Box<AllowedTool<'a>>>,
    #[serde(borrow, default)]
    name: Name<'a>,
    #[serde(borrow, default)]
    namespace: Option<Name<'a>>,
}

impl<'a> Allowed<'a> {
    fn of(json: &'a RawValue) -> Option<Self> {
        let read: Self = serde_json::from_str(json.get()).ok()?;
        let inner = match read.inner {
            Some(inner) => *inner,
            None => read,
        };
        (!inner.tools.is_empty()).then_some(inner)
    }
}

impl AllowedTool<'_> {
    fn name(&self) -> (&str, Option<&str>) {
        match self.function.as_deref().or(self.custom.as_deref()) {
            Some(inner) => inner.name(),
            None => (self.name.as_str(), self.namespace.as_ref().map(Name::as_str)),
        }
    }
}

fn required(target: &Target<'_>) -> &'static str {
    match target.dialect.tools.choice_required_as {
        ChoiceRequiredAs::Required => "\"required\"",
        ChoiceRequiredAs::Any => "\"any\"",
        ChoiceRequiredAs::Auto => "\"auto\"",
    }
}
