//! What a record may hold, told once: the structs are the schema.
//!
//! [`block!`] and [`closed_enum!`] give a type both its parser (serde) and its [`Shape`]. The reader of
//! TOML records walks the shape beside the text, so it can report every mistake with its place,
//! where serde would stop at the first.

use std::collections::BTreeMap;

/// What is allowed at one place of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Bool,
    /// A whole number from zero to `u32::MAX`.
    Whole,
    Number,
    Text,
    /// A regular expression, or several of which one must match.
    Pattern,
    /// One of some names, and what each means.
    OneOf(&'static [&'static str], &'static [&'static str]),
    List(&'static Kind),
    /// A table with free keys.
    Map(&'static Kind),
    Table(&'static [Field]),
    /// A table whose fields may all be missing, wherever it stands.
    Patch(&'static [Field]),
    /// May be taken away with `remove`.
    Nullable(&'static Kind),
    /// Request fields, in any shape.
    Fields,
    /// One effort level: request fields, or the name of another level.
    Level(&'static [&'static str]),
}

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// What it says, as it is documented where it is defined.
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
}

impl Kind {
    /// Whether `remove` may name a field of this kind.
    pub(crate) fn is_nullable(&self) -> bool {
        matches!(self, Self::Nullable(_) | Self::Level(_))
    }

    /// Whether an element of a list may leave the field out.
    pub(crate) fn is_optional(&self) -> bool {
        matches!(
            self,
            Self::Nullable(_) | Self::List(_) | Self::Map(_) | Self::Patch(_) | Self::Fields
        )
    }

    /// What to write, in words.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Whole => "a whole number from 0 up".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Pattern => "a regular expression or a list of them".to_owned(),
            Self::OneOf(names, _) => format!("one of {}", quoted(names)),
            Self::List(of) => format!("a list, each {}", of.wanted()),
            Self::Map(_) | Self::Table(_) | Self::Patch(_) | Self::Fields => "a table".to_owned(),
            Self::Nullable(of) => of.wanted(),
            Self::Level(_) => "a table of request fields, or the name of another level".to_owned(),
        }
    }
}

/// Puts names into backquotes, with commas between.
pub(crate) fn quoted(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// A type that can say what is allowed in its place.
pub(crate) trait Shape {
    const KIND: Kind;
}

impl Shape for bool {
    const KIND: Kind = Kind::Bool;
}

impl Shape for u32 {
    const KIND: Kind = Kind::Whole;
}

impl Shape for f64 {
    const KIND: Kind = Kind::Number;
}

impl Shape for String {
    const KIND: Kind = Kind::Text;
}

impl<T: Shape> Shape for Option<T> {
    const KIND: Kind = Kind::Nullable(&T::KIND);
}

impl<T: Shape> Shape for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
}

impl<T: Shape> Shape for BTreeMap<String, T> {
    const KIND: Kind = Kind::Map(&T::KIND);
}

/// Defines a closed set of values by their names in records.
macro_rules! closed_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[doc = $about:literal])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize)]
        pub enum $name {
            $($(#[doc = $about])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Its name in dialect records.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl $crate::shape::Shape for $name {
            const KIND: $crate::shape::Kind = $crate::shape::Kind::OneOf(
                &[$($text),+],
                &[$(concat!($($about),*)),+],
            );
        }
    };
}

/// Defines a table with known keys; `field as "key"` where the key is no Rust name.
macro_rules! block {
    ($(#[$meta:meta])* pub struct $name:ident {
        $(
            $(#[doc = $about:literal])* $(#[serde($($serde:tt)+)])*
            pub $field:ident $(as $key:literal)?: $kind:ty,
        )+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[doc = $about])* $(#[serde($($serde)+)])* $(#[serde(rename = $key)])?
                pub $field: $kind,
            )+
        }

        impl $crate::shape::Shape for $name {
            const KIND: $crate::shape::Kind = $crate::shape::Kind::Table(&[
                $($crate::shape::Field {
                    name: $crate::shape::block!(@key $field $($key)?),
                    about: concat!($($about),*),
                    kind: <$kind as $crate::shape::Shape>::KIND,
                },)+
            ]);
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
}

pub(crate) use {block, closed_enum};

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::dialect::BLOCKS;

    /// The schema that the table of dialects is written against.
    fn schema() -> Value {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/dialects/dialects.schema.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[track_caller]
    fn check(root: &Value, path: &str, schema: &Value, kind: &Kind) {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = root.pointer(reference.strip_prefix('#').unwrap()).unwrap();
            return check(root, path, target, kind);
        }
        let names = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
        };
        match kind {
            Kind::Nullable(of) => check(root, path, schema, of),
            Kind::Table(fields) | Kind::Patch(fields) => {
                let properties = schema["properties"].as_object().unwrap();
                let ours: Vec<_> = fields.iter().map(|field| field.name).collect();
                assert_eq!(properties.keys().collect::<Vec<_>>(), ours, "{path}");
                for field in *fields {
                    let path = format!("{path}.{}", field.name);
                    check(root, &path, &properties[field.name], &field.kind);
                }
            }
            Kind::OneOf(ours, _) => assert_eq!(names(&schema["enum"]), *ours, "{path}"),
            Kind::Level(ours) => assert_eq!(names(&schema["anyOf"][1]["enum"]), *ours, "{path}"),
            Kind::List(of) => check(root, path, &schema["items"], of),
            Kind::Map(of) => check(root, path, &schema["additionalProperties"], of),
            Kind::Fields => assert_eq!(schema["type"], "object", "{path}"),
            Kind::Bool => assert_eq!(schema["type"], "boolean", "{path}"),
            Kind::Whole => assert_eq!(schema["type"], "integer", "{path}"),
            Kind::Number => assert_eq!(schema["type"], "number", "{path}"),
            Kind::Text | Kind::Pattern => {
                let kind = &schema["type"];
                assert!(kind == "string" || kind[0] == "string", "{path}: {kind}");
            }
        }
    }

    #[test]
    fn the_structs_are_the_schema() {
        let root = schema();
        check(&root, "", &root["$defs"]["partial"], &Kind::Patch(BLOCKS));
    }
}
