//! Tools in the prompt, for models that have none of their own.
//!
//! A call stands on a line of its own, in an envelope that no text has by chance: its mark is made of the
//! conversation's name, so that it stays the same from turn to turn, differs between conversations, and is
//! not known to whoever wrote what the model reads. What was called and what came of it is told in the same
//! words.

use interlingua_dialect::OfferedIn;
use interlingua_ir::{Call, Item, Note, NoteKind, Part, Role, Text, Tool, ToolChoice, Turn};

use super::{Names, ToolMap, arguments, short_hash};
use super::{description, freeform_description, freeform_schema};
use crate::render::quoted;
use crate::target::Target;

/// How calls are told from prose in one conversation.
#[derive(Debug)]
pub(crate) struct Envelope {
    nonce: String,
}

impl Envelope {
    /// The envelope of a conversation, if the record wants one and there is something to put into it.
    pub(crate) fn of(turn: &Turn<'_>, target: &Target<'_>) -> Option<Self> {
        let in_prompt = target.dialect.tools.offered_in == OfferedIn::Prompt;
        let has_calls = || turn.items.iter().any(|it| matches!(it, Item::Call(_)));
        if !in_prompt || (turn.tools.is_empty() && !has_calls()) {
            return None;
        }
        let nonce = match target.conversation {
            Some(name) => short_hash(&[name]),
            None => of_first_words(turn),
        };
        Some(Self { nonce })
    }

    /// What the model is told about its tools; nothing where it may not use any.
    pub(crate) fn instruction(&self, turn: &Turn<'_>, names: &Names<'_>) -> Option<Text<'static>> {
        let offered: Vec<(&str, String, String)> = offered(turn, names).collect();
        if offered.is_empty() || matches!(turn.tool_choice, ToolChoice::None) {
            return None;
        }
        let Self { nonce } = self;
        let mut text = format!(
            "You can use tools. To call one, write on a line of its own, outside of any code block:\n\
             <call id=\"{nonce}\">{{\"name\":\"TOOL\",\"arguments\":{{…}}}}</call>\n\
             Use the exact name of a tool and strict JSON that follows its parameters. You may write \
             several such lines; then stop and wait. The results come as <result id=\"{nonce}\" \
             of=\"TOOL\">. Nothing else is a call.\n"
        );
        text.push_str(match &turn.tool_choice {
            ToolChoice::Required => "You must call a tool now.\n",
            _ if turn.parallel_calls == Some(false) => "Call one tool at a time.\n",
            _ => "",
        });
        if let ToolChoice::Named { name, namespace } = &turn.tool_choice
            && let Some(wire) = names.offered(name, namespace.as_deref())
        {
            text.extend(["You must call ", wire, " now.\n"]);
        }
        text.push_str("The tools:");
        for (name, about, schema) in &offered {
            text.extend(["\n\n", *name, ": ", about, "\nparameters: ", schema]);
        }
        Some(Text::from(text))
    }

    /// A call as the model writes it.
    pub(crate) fn call(&self, name: &str, call: &Call<'_>, notes: &mut Vec<Note>) -> Text<'static> {
        let mut input = Vec::new();
        arguments(call, &mut input, notes);
        let (nonce, name, input) = (&self.nonce, quoted(name), interlingua_protocol::lossy(&input));
        Text::from(format!("<call id=\"{nonce}\">{{\"name\":{name},\"arguments\":{input}}}</call>"))
    }

    /// What stands before and behind the result of a call.
    pub(crate) fn result(&self, name: &str) -> (Text<'static>, Text<'static>) {
        let start = format!("<result id=\"{}\" of={}>", self.nonce, quoted(name));
        (Text::from(start), Text::plain("</result>"))
    }

    /// What the reader of the answer has to know.
    pub(crate) fn map(&self, turn: &Turn<'_>, names: &Names<'_>) -> ToolMap {
        let schemas = offered(turn, names).map(|(name, _, schema)| (name.into(), schema.into()));
        names.map().in_prompt(&self.nonce, schemas.collect())
    }

    /// Tells which tools cannot be offered in words.
    pub(crate) fn note(turn: &Turn<'_>, notes: &mut Vec<Note>) {
        for tool in &turn.tools {
            let lost = match tool {
                Tool::WebSearch => "web_search",
                Tool::Other { kind, .. } => kind,
                Tool::Function(_) | Tool::ToolSearch(_) | Tool::Custom { .. } => continue,
            };
            notes.push(Note::new(NoteKind::Dropped, format!("tool {lost}")));
        }
        notes.push(Note::new(NoteKind::Changed, "tools to words"));
    }
}

/// The mark of a conversation that nobody has named: who knows how it begins knows the mark, too.
fn of_first_words(turn: &Turn<'_>) -> String {
    let asked = turn.items.iter().find_map(|item| match item {
        Item::Message(message) if message.role == Role::User => Some(&message.parts),
        _ => None,
    });
    let words = asked.into_iter().flatten().filter_map(|part| match part {
        Part::Text(text) => Some(text.to_plain()),
        _ => None,
    });
    let words: Vec<_> = words.collect();
    short_hash(&words.iter().map(|it| &**it).collect::<Vec<_>>())
}

/// Name, description and parameters of each tool that travels.
fn offered<'o>(
    turn: &'o Turn<'_>,
    names: &'o Names<'_>,
) -> impl Iterator<Item = (&'o str, String, String)> {
    names.iter().filter_map(|(at, wire)| {
        let (about, schema) = match turn.tools.get(at)? {
            Tool::Function(it) | Tool::ToolSearch(it) => {
                let schema = it.parameters.map_or(EMPTY, |it| it.get());
                (description(it), schema.to_owned())
            }
            Tool::Custom { description, format, .. } => {
                (freeform_description(description.as_ref(), *format), freeform_schema())
            }
            Tool::WebSearch | Tool::Other { .. } => return None,
        };
        let about: Vec<_> = about.iter().map(|it| it.to_plain().into_owned()).collect();
        Some((wire, about.join("\n"), schema))
    })
}

/// The parameters of a tool that takes none.
const EMPTY: &str = r#"{"type":"object","properties":{}}"#;
