//! `GET /models` in the shape of this protocol.

use std::borrow::Cow;

use interlingua_ir::Text;

use crate::render::field;

/// A model as a list shows it.
#[derive(Clone, Debug)]
pub struct Listed<'m> {
    /// By which it is asked for.
    pub id: Cow<'m, str>,
    /// What people read.
    pub name: Cow<'m, str>,
    /// When it came, in seconds since 1970; zero if nobody knows.
    pub created_at: u64,
    /// The most tokens of a prompt.
    pub window: Option<u64>,
    /// The most tokens of an answer.
    pub max_output_tokens: Option<u64>,
}

/// Writes a page of models. `has_more` says that the list goes on behind the last one.
///
/// The fields are those that the official SDK for Python insists on or shows, in 2.11.0.
pub fn models_page<'m>(models: impl IntoIterator<Item = Listed<'m>>, has_more: bool) -> Vec<u8> {
    let mut out = b"{\"data\":[".to_vec();
    let (mut first, mut last) = (None, None);
    for model in models {
        if first.is_some() {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"type\":\"model\",\"id\":");
        string(&model.id, &mut out);
        out.extend_from_slice(b",\"display_name\":");
        string(&model.name, &mut out);
        out.extend_from_slice(b",\"created_at\":");
        string(&moment(model.created_at), &mut out);
        out.extend_from_slice(b",\"lifecycle\":\"active\"");
        for (name, number) in
            [("max_input_tokens", model.window), ("max_tokens", model.max_output_tokens)]
        {
            if let Some(number) = number {
                field(&mut out, name, itoa::Buffer::new().format(number));
            }
        }
        out.push(b'}');
        let id = model.id.into_owned();
        first.get_or_insert_with(|| id.clone());
        last = Some(id);
    }
    out.extend_from_slice(b"],\"has_more\":");
    out.extend_from_slice(if has_more { b"true" } else { b"false" });
    for (name, id) in [("first_id", first), ("last_id", last)] {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        match id {
            Some(id) => string(&id, &mut out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
    out
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    Text::plain(text).write_json(out);
    out.push(b'"');
}

/// A moment in the form of RFC 3339.
fn moment(seconds: u64) -> String {
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970u64;
    let leaps = |year: u64| match year.is_multiple_of(100) {
        true => year.is_multiple_of(400),
        false => year.is_multiple_of(4),
    };
    let length = |year: u64| 365 + u64::from(leaps(year));
    // A number that no calendar knows is as good as the last day of it.
    while year < LAST_YEAR && days >= length(year) {
        days -= length(year);
        year += 1;
    }
    let february = 28 + u64::from(leaps(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let day = days.min(30) + 1;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The last year of four digits.
const LAST_YEAR: u64 = 9999;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_names_its_ends() {
        let listed = |id: &'static str, name: &'static str, created_at, window| Listed {
            id: id.into(),
            name: name.into(),
            created_at,
            window,
            max_output_tokens: window.map(|it| it / 4),
        };
        let entries = [
            listed("claude/up/m\"1", "M 1", 0, None),
            listed("claude/up/m2", "M 2", 1_700_000_000, Some(8_000)),
        ];
        let page = models_page(entries, true);
        let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
        let expected = json!({
            "data": [
                { "type": "model", "id": "claude/up/m\"1", "display_name": "M 1",
                  "created_at": "1970-01-01T00:00:00Z", "lifecycle": "active" },
                { "type": "model", "id": "claude/up/m2", "display_name": "M 2",
                  "created_at": "2023-11-14T22:13:20Z", "lifecycle": "active",
                  "max_input_tokens": 8000, "max_tokens": 2000 },
            ],
            "has_more": true, "first_id": "claude/up/m\"1", "last_id": "claude/up/m2",
        });
        assert_eq!(page, expected);
    }

    #[test]
    fn an_empty_page_has_no_ends() {
        let page = models_page(std::iter::empty(), false);
        let expected = r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#;
        assert_eq!(String::from_utf8(page).unwrap(), expected);
    }

    #[test]
    fn moments_follow_the_calendar() {
        for (seconds, expected) in [
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (1_798_761_600, "2027-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(moment(seconds), expected, "{seconds}");
        }
    }
}
