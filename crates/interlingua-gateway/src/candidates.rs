//! Who may answer a turn, in the order in which they are asked.

use std::sync::Arc;
use std::time::Instant;

use interlingua_ir::{Class, Fault, Item, Note, NoteKind, Output, Part, Text, Tool, Turn};
use interlingua_registry::{Demand, KeyState, Model, ProviderKey, Route, Target, rank};

use crate::health::{Failures, Moved};

/// A target, and the key with which it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'c> {
    pub(crate) target: &'c Target,
    pub(crate) key: Option<&'c ProviderKey>,
    /// It failed lately, so the others are asked first until then.
    pub(crate) pause: Option<Instant>,
}

impl Candidate<'_> {
    /// Stands for this model behind this key, over all configurations.
    pub(crate) fn id(&self) -> u64 {
        let Self { target, key, .. } = self;
        let mut hasher = blake3::Hasher::new();
        hasher.update(target.slug.as_bytes()).update(b"\0");
        hasher.update(target.provider.base_url.to_string().as_bytes()).update(b"\0");
        if let Some(key) = key {
            hasher.update(key.secret.expose().as_bytes());
        }
        let mut id = [0; 8];
        hasher.finalize_xof().fill(&mut id);
        u64::from_le_bytes(id)
    }
}

/// Puts the targets of a route into the order in which a conversation asks them. Gives the one that it
/// would ask first if it had not moved, where there is a choice.
pub(crate) fn arrange(
    route: &mut Route,
    turn: &Turn<'_>,
    seed: u64,
    moved: &Moved,
) -> Option<Arc<str>> {
    if !route.is_choice() {
        return None;
    }
    route.fit(&demand(turn));
    route.order(seed);
    let home = route.targets.first().map(|target| target.slug.clone());
    if let Some(slug) = moved.to(seed, Instant::now()) {
        route.prefer(&slug);
    }
    home
}

/// Leaves out the targets that are asked with the caller's own key, where it brings none.
///
/// # Errors
///
/// If there are no others.
pub(crate) fn leave_out_keyless(route: &mut Route, notes: &mut Vec<Note>) -> Result<(), Fault> {
    let wants_key = |target: &Target| target.provider.key_state == KeyState::OfClient;
    let Some(first) = route.targets.iter().find(|target| wants_key(target)) else { return Ok(()) };
    let fault = no_key(&first.provider.id);
    route.targets.retain(|target| {
        let keep = !wants_key(target);
        if !keep {
            let what = format!("{}: the request brings no key for it", target.slug);
            notes.push(Note::new(NoteKind::Skipped, what));
        }
        keep
    });
    if route.targets.is_empty() { Err(fault) } else { Ok(()) }
}

/// The candidates of an arranged route: each target with each of its keys. Those that failed lately
/// come last, whoever is well again first; nobody is refused because all are unwell.
pub(crate) fn candidates<'c>(
    targets: &'c [Target],
    own_key: Option<&'c ProviderKey>,
    seed: u64,
    failures: &Failures,
) -> Vec<Candidate<'c>> {
    let mut all = Vec::with_capacity(targets.len());
    for target in targets {
        let provider = &target.provider;
        let candidate = |key: Option<&'c ProviderKey>| Candidate { target, key, pause: None };
        match (&provider.key_state, provider.keys.as_slice()) {
            (KeyState::OfClient, _) => all.push(candidate(own_key)),
            (_, []) => all.push(candidate(None)),
            (_, [only]) => all.push(candidate(Some(only))),
            (_, several) => {
                // A conversation keeps its key, because prompt caches belong to accounts. Keys that
                // one program prints have one name.
                let mut keys: Vec<_> = several.iter().collect();
                keys.sort_by_cached_key(|key| rank(seed, key.secret.expose(), 1));
                all.extend(keys.into_iter().map(|key| candidate(Some(key))));
            }
        }
    }
    if all.len() > 1 && failures.any() {
        let now = Instant::now();
        for candidate in &mut all {
            candidate.pause = failures.pause(candidate.id(), now);
        }
        all.sort_by_key(|candidate| candidate.pause);
    }
    all
}

/// The header in which a client brings its own key for the provider, where its bearer token is the
/// gateway's.
pub(crate) const OWN_KEY: &str = "x-interlingua-provider-key";

fn no_key(provider: &str) -> Fault {
    let what = format!(
        "{provider} is asked with your own key, and the request brings none; send it in the header `{OWN_KEY}`"
    );
    Fault::new(Class::Auth, what).by(provider)
}

/// Whether somebody else may do what the model of a target could not, because the turn was too long
/// for it.
pub(crate) fn is_wider(other: &Model, than: &Model) -> bool {
    other.window_assumed || other.context_window > than.context_window
}

/// Letters of a text that make a token at least; there are more of them in nearly every language.
const LETTERS: usize = 4;

/// The letters of a text, rather too few than too many: an escaped one is written with six.
fn letters_of(text: &Text<'_>) -> usize {
    match text {
        Text::Plain(text) => text.len(),
        Text::Json(inside) => inside.len().saturating_sub(5 * inside.matches("\\u").count()),
    }
}

fn demand(turn: &Turn<'_>) -> Demand {
    let mut demand = Demand { tools: !turn.tools.is_empty(), ..Demand::default() };
    let mut letters = 0;
    let mut parts = |parts: &[Part<'_>], images: &mut bool| {
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => letters += letters_of(text),
                Part::Image { .. } => *images = true,
                Part::File { .. } | Part::Audio { .. } | Part::Other { .. } => {}
            }
        }
    };
    for item in &turn.items {
        match item {
            Item::Message(message) => parts(&message.parts, &mut demand.images),
            Item::Output(Output { parts: said, .. }) => parts(said, &mut demand.images),
            _ => {}
        }
    }
    for tool in &turn.tools {
        if let Tool::Function(function) = tool {
            letters += function.parameters.map_or(0, |it| it.get().len());
            letters += function.description.as_ref().map_or(0, letters_of);
        }
    }
    demand.tokens = u64::try_from(letters / LETTERS).unwrap_or(u64::MAX);
    demand
}

#[cfg(test)]
mod tests {
    use interlingua_dialect::Dialects;
    use interlingua_registry::{KeyError, KeySource, RawConfig, ResolveKey, Secret, check};

    use super::*;

    /// Keys are what a program is told.
    struct Told;

    impl ResolveKey for Told {
        fn resolve(&self, source: &KeySource) -> Result<Secret, KeyError> {
            match source {
                KeySource::Command(argv) => Ok(Secret::new(argv[1].clone())),
                KeySource::Env(_) | KeySource::File(_) => Err(KeyError::Unset),
            }
        }
    }

    #[test]
    fn conversations_spread_over_keys_that_one_program_prints() {
        let config = "[providers.up]\nbase_url = 'http://127.0.0.1:1'\n\
            key = [{ command = ['pass', 'a'] }, { command = ['pass', 'b'] }]\n\
            models = [{ id = 'm' }]\n";
        let raw = RawConfig::new().file("config.toml", config);
        let snapshot = check(&raw, &Arc::new(Dialects::builtin()), &Told).unwrap();
        let targets = snapshot.route(Some("up/m")).unwrap().targets;
        let failures = Failures::default();
        let first = |seed| {
            let all = candidates(&targets, None, seed, &failures);
            all[0].key.unwrap().secret.expose().to_owned()
        };
        let of_a = (0..100).filter(|seed| first(*seed) == "a").count();
        assert!((30..70).contains(&of_a), "{of_a}");
    }

    #[test]
    fn escaped_letters_count_as_others_do() {
        let json = |text| letters_of(&Text::from_json(text).unwrap());
        assert_eq!(json(r#""hi\u4f60\u597d""#), 4);
        assert_eq!(json(r#""\\u""#), 0);
        assert_eq!(letters_of(&Text::plain("hi")), 2);
    }
}
