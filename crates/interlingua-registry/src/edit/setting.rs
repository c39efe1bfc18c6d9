use toml_edit::{Array, InlineTable, Value};

/// A value to be written into the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A text.
    Text(String),
    /// A number.
    Integer(u64),
    /// A number with a fraction.
    Fraction(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<Self>),
    /// A table on one line.
    Table(Vec<(String, Self)>),
}

impl Setting {
    /// A list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// Reads a value as TOML writes it; none if it is none, or a date.
    pub(super) fn parse(toml: &str) -> Option<Self> {
        Self::of(&toml.parse::<Value>().ok()?)
    }

    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::String(text) => Self::Text(text.value().clone()),
            Value::Integer(number) => Self::Integer(u64::try_from(*number.value()).ok()?),
            Value::Float(number) => Self::Fraction(*number.value()),
            Value::Boolean(flag) => Self::Boolean(*flag.value()),
            Value::Datetime(_) => return None,
            Value::Array(list) => Self::List(list.iter().map(Self::of).collect::<Option<_>>()?),
            Value::InlineTable(table) => {
                let entries = table.iter().map(|(key, it)| Some((key.to_owned(), Self::of(it)?)));
                Self::Table(entries.collect::<Option<_>>()?)
            }
        })
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            // Nothing that a person counts comes near the end of TOML's numbers.
            Self::Integer(number) => i64::try_from(*number).unwrap_or(i64::MAX).into(),
            Self::Fraction(number) => (*number).into(),
            Self::Boolean(flag) => (*flag).into(),
            Self::List(settings) => settings.iter().map(Self::to_value).collect::<Array>().into(),
            Self::Table(entries) => {
                let entries = entries.iter().map(|(key, it)| (key.as_str(), it.to_value()));
                entries.collect::<InlineTable>().into()
            }
        }
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Setting {
    fn from(flag: bool) -> Self {
        Self::Boolean(flag)
    }
}

impl From<u64> for Setting {
    fn from(number: u64) -> Self {
        Self::Integer(number)
    }
}
