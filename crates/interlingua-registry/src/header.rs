use crate::secret::Secret;

/// What stands in a header's value for the client's session.
const SESSION: &str = "{session_id}";

/// A header field that every request to a provider carries.
#[derive(Clone, Debug)]
pub struct Header {
    /// Its name, in lower case.
    pub name: String,
    value: Secret,
}

impl Header {
    pub(crate) fn new(name: String, value: String) -> Self {
        Self { name, value: Secret::new(value) }
    }

    /// The value as it stands in the configuration.
    pub fn secret(&self) -> &Secret {
        &self.value
    }

    /// Whether the value names the client's session.
    pub fn depends_on_session(&self) -> bool {
        self.value.expose().contains(SESSION)
    }

    /// The value for a request of `session`. None where the value names the session, and there is
    /// none: half a value would make all strangers one.
    pub fn value(&self, session: Option<&str>) -> Option<Secret> {
        if !self.depends_on_session() {
            return Some(self.value.clone());
        }
        Some(Secret::new(self.value.expose().replace(SESSION, session?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_takes_its_place() {
        let header = Header::new("x-affinity".to_owned(), "il-{session_id}".to_owned());
        let value = |session| header.value(session).map(|it| it.expose().to_owned());
        assert_eq!(value(Some("s1")).as_deref(), Some("il-s1"));
        assert_eq!(value(None), None);
        let fixed = Header::new("x".to_owned(), "y".to_owned());
        assert_eq!(fixed.value(None).unwrap().expose(), "y");
    }
}
