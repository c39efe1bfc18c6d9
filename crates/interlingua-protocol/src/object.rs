//! Objects that keep the fields they do not know.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A field that the type it was found in has no place for.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// Its value.
    pub json: &'a RawValue,
}

/// A short string that is borrowed from the document when it holds no escapes.
///
/// `Option<Cow<str>>` always allocates: serde borrows a `Cow` only where it is a field of its own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Name<'a>(pub Cow<'a, str>);

impl Name<'_> {
    /// The string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> From<Name<'a>> for Cow<'a, str> {
    fn from(name: Name<'a>) -> Self {
        name.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// What is read from a JSON object, field by field.
pub(crate) trait Object<'de>: Default {
    /// Takes the fields of the object.
    fn fill<M: MapAccess<'de>>(&mut self, map: M) -> Result<(), M::Error>;
}

/// Reads an object, or nothing for `null`, into a place that is there already: to move a large struct
/// up through all layers of the parser costs more than to read it.
pub(crate) struct Fill<'p, T>(pub(crate) &'p mut Option<T>);

impl<'de, T: Object<'de>> DeserializeSeed<'de> for Fill<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: Object<'de>> Visitor<'de> for Fill<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        *self.0 = None;
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        self.0.insert(T::default()).fill(map)
    }
}

/// Reads an object into the end of a list, for the same reason.
pub(crate) struct Push<'p, T>(pub(crate) &'p mut Vec<T>);

impl<'de, T: Object<'de>> DeserializeSeed<'de> for Push<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Object<'de>> Visitor<'de> for Push<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        self.0.push(T::default());
        let last = self.0.last_mut().expect("it was just pushed");
        last.fill(map)
    }
}

/// A string, or a list of objects.
pub(crate) enum TextOrList<'a, T> {
    /// A string.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<T>),
}

/// Reads a string, or a list of objects.
pub(crate) fn text_or_list<'de, T: Object<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<TextOrList<'de, T>, D::Error> {
    struct TextOrListVisitor<T>(std::marker::PhantomData<T>);
    impl<'de, T: Object<'de>> Visitor<'de> for TextOrListVisitor<T> {
        type Value = TextOrList<'de, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or an array")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(TextOrList::Text(Cow::Borrowed(text)))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(TextOrList::Text(Cow::Owned(text.to_owned())))
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
            let mut list = Vec::new();
            while seq.next_element_seed(Push(&mut list))?.is_some() {}
            Ok(TextOrList::List(list))
        }
    }
    deserializer.deserialize_any(TextOrListVisitor(std::marker::PhantomData))
}

/// Declares a struct that is read from a JSON object.
///
/// Every field is optional and may be `null`; its name on the wire stands behind the `=`. Fields
/// that are not declared go into `extra`. serde's own `flatten` would buffer the whole object first,
/// which costs more than everything else we do with it.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident<'a> {
            $( $(#[$doc:meta])* pub $field:ident: $type:ty = $($wire:literal)|+, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub struct $name<'a> {
            $( $(#[$doc])* pub $field: Option<$type>, )*
            /// What is not declared here.
            pub extra: Vec<$crate::Field<'a>>,
        }

        impl $name<'_> {
            /// The declared fields that hold something, by their names on the wire.
            pub fn fields(&self) -> impl Iterator<Item = &'static str> + use<> {
                [$( self.$field.as_ref().map(|_| $crate::object::first!($($wire),+)) ),*]
                    .into_iter()
                    .flatten()
            }
        }

        impl<'de: 'a, 'a> $crate::object::Object<'de> for $name<'a> {
            fn fill<M: serde::de::MapAccess<'de>>(&mut self, mut map: M) -> Result<(), M::Error> {
                while let Some(name) = map.next_key::<$crate::Name<'de>>()? {
                    match name.as_str() {
                        $( $($wire)|+ => self.$field = map.next_value()?, )*
                        _ => {
                            let json = map.next_value()?;
                            self.extra.push($crate::Field { name, json });
                        }
                    }
                }
                Ok(())
            }
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor;
                impl<'de> serde::de::Visitor<'de> for ObjectVisitor {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<M: serde::de::MapAccess<'de>>(
                        self,
                        map: M,
                    ) -> Result<Self::Value, M::Error> {
                        let mut object = $name::default();
                        $crate::object::Object::fill(&mut object, map)?;
                        Ok(object)
                    }
                }
                deserializer.deserialize_map(ObjectVisitor)
            }
        }
    };
}

/// The first of several names.
macro_rules! first {
    ($first:literal $(, $rest:literal)*) => {
        $first
    };
}

pub(crate) use {first, object};
