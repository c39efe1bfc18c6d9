//! Which conversation a request belongs to, as far as it tells.

use http::HeaderMap;
use interlingua_ir::{Item, Part, Role, Turn};

/// Headers by which agents name the conversation, the widest first: sub-agents share their parent's.
const HEADERS: [&str; 5] =
    ["session-id", "thread-id", "x-session-id", "x-claude-code-session-id", "x-session-affinity"];

/// Longer names are nobody's.
const MAX_NAME: usize = 256;

/// The name that a client gives its session in a header.
pub(crate) fn named(headers: &HeaderMap) -> Option<String> {
    let texts = HEADERS.iter().filter_map(|name| headers.get(*name)?.to_str().ok());
    texts.map(str::trim).find(|it| fits(it)).map(str::to_owned)
}

/// The session of a turn: its header's name, else the key under which the client wants its prompt
/// cached.
pub(crate) fn of<'t>(named: Option<&'t str>, turn: &'t Turn<'_>) -> Option<&'t str> {
    named.or_else(|| cache_key(turn).filter(|it| fits(it)))
}

/// The key under which the client wants its prompt cached, as it is written between its quotes.
pub(crate) fn cache_key<'t>(turn: &'t Turn<'_>) -> Option<&'t str> {
    let param = turn.params.iter().find(|param| param.name == "prompt_cache_key")?;
    param.json.get().strip_prefix('"')?.strip_suffix('"')
}

/// Whether a text may name a session: headers carry it on.
fn fits(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_graphic() || it == b' ')
}

/// A number that stays the same through a conversation with a model and differs between conversations,
/// and between models: a session's helpers ask others. A client that names no session is known by how
/// its conversation begins.
pub(crate) fn seed(tenant: &str, session: Option<&str>, turn: &Turn<'_>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tenant.as_bytes()).update(b"\0");
    hasher.update(turn.model.as_bytes()).update(b"\0");
    match session {
        Some(session) => {
            hasher.update(session.as_bytes());
        }
        None => {
            let said = turn.items.iter().find_map(|item| match item {
                Item::Message(message) if message.role == Role::User => Some(&message.parts),
                _ => None,
            });
            for part in said.into_iter().flatten() {
                if let Part::Text(text) = part {
                    hasher.update(text.to_plain().as_bytes());
                }
            }
        }
    }
    let mut seed = [0; 8];
    hasher.finalize_xof().fill(&mut seed);
    u64::from_le_bytes(seed)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use interlingua_translate::{json::Limits, responses};

    use super::*;

    fn turn(body: &str) -> Turn<'_> {
        responses::read(body.as_bytes(), Limits::default()).unwrap().0
    }

    #[test]
    fn a_header_names_the_session_better_than_the_body() {
        let mut headers = HeaderMap::new();
        let turn = turn(r#"{"input":"hi","prompt_cache_key":"k1"}"#);
        assert_eq!(of(named(&headers).as_deref(), &turn), Some("k1"));
        headers.insert("thread-id", HeaderValue::from_static("t1"));
        headers.insert("session-id", HeaderValue::from_static("s1"));
        assert_eq!(of(named(&headers).as_deref(), &turn), Some("s1"));
    }

    #[test]
    fn a_conversation_keeps_its_seed_and_tenants_do_not_share_it() {
        let first = turn(r#"{"input":[{"role":"user","content":"hi"}]}"#);
        let later = turn(
            r#"{"input":[{"role":"user","content":"hi"},{"role":"assistant","content":"x"},
                {"role":"user","content":"more"}]}"#,
        );
        let other = turn(r#"{"input":[{"role":"user","content":"ho"}]}"#);
        assert_eq!(seed("a", None, &first), seed("a", None, &later));
        assert_ne!(seed("a", None, &first), seed("b", None, &first));
        assert_ne!(seed("a", None, &first), seed("a", None, &other));
        let helper = turn(r#"{"model":"fast","input":[{"role":"user","content":"hi"}]}"#);
        assert_ne!(seed("a", Some("s"), &first), seed("a", Some("s"), &helper));
        assert_eq!(seed("a", Some("s"), &first), seed("a", Some("s"), &other));
    }
}
