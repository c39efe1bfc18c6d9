//! What a model is told about tools of a kind that its protocol lacks.

use std::borrow::Cow;

use interlingua_ir::{Function, Text};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::freeform::ARGUMENT;

/// What the group is about whose first tool this is.
pub(crate) fn about_group(function: &Function<'_>) -> Option<Text<'static>> {
    let group = function.namespace.as_deref().zip(function.namespace_description.as_ref());
    let (name, about) = group.filter(|(_, about)| !about.is_empty())?;
    let mut text = Vec::new();
    Text::plain(format!("Tools whose names begin with {name}: ")).write_json(&mut text);
    about.write_json(&mut text);
    Some(Text::Json(String::from_utf8_lossy(&text).into_owned().into()))
}

/// The description of a tool that takes free text, for a model that knows only functions.
pub(crate) fn freeform_words<'t>(
    description: Option<&'t Text<'t>>,
    format: Option<&RawValue>,
) -> Vec<Cow<'t, Text<'t>>> {
    let how = format!(
        "This tool takes free text. Put all of it, exactly as it is, into the one argument `{ARGUMENT}`."
    );
    let mut texts: Vec<Cow<'t, Text<'t>>> = Vec::with_capacity(4);
    texts.extend(description.map(Cow::Borrowed));
    texts.push(Cow::Owned(how.into()));
    let form = match (format.and_then(Grammar::read), format) {
        (Some(Grammar { syntax, definition, .. }), _) => {
            let syntax = syntax.and_then(|it| Text::from_json(it.get()));
            let syntax = syntax.unwrap_or(Text::EMPTY).to_plain().into_owned();
            let text = Text::from_json(definition.get()).unwrap_or(Text::plain(definition.get()));
            vec![
                Text::from(format!("The text must follow this {syntax} grammar:")),
                text.into_owned(),
            ]
        }
        (_, Some(format)) => vec![Text::from(format!("The form of the text: {}", format.get()))],
        (_, None) => Vec::new(),
    };
    texts.extend(form.into_iter().map(Cow::Owned));
    texts
}

/// The schema of the function that stands for a tool that takes free text.
pub(crate) fn freeform_schema() -> String {
    format!(
        r#"{{"type":"object","properties":{{"{ARGUMENT}":{{"type":"string","description":"The whole text."}}}},"required":["{ARGUMENT}"],"additionalProperties":false}}"#
    )
}

/// The grammar of a freeform tool's input.
pub(crate) struct Grammar<'a> {
    pub(crate) syntax: Option<&'a RawValue>,
    pub(crate) definition: &'a RawValue,
    /// It stands in an object of its own, as Chat has it.
    pub(crate) nested: bool,
}

impl<'a> Grammar<'a> {
    pub(crate) fn read(format: &'a RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Format<'a> {
            #[serde(borrow, default)]
            syntax: Option<&'a RawValue>,
            #[serde(borrow, default)]
            definition: Option<&'a RawValue>,
            #[serde(borrow, default)]
            grammar: Option<Box<Format<'a>>>,
        }
        let flat: Format<'a> = serde_json::from_str(format.get()).ok()?;
        let nested = flat.grammar.is_some();
        let inner =
            flat.grammar.map_or((flat.syntax, flat.definition), |it| (it.syntax, it.definition));
        Some(Self { syntax: inner.0, definition: inner.1?, nested })
    }
}
