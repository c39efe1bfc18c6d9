use interlingua_registry::foreign::{Wish, Wishes as _};
use serde_json::{Map, Value as Json};

use super::options::Options;
use super::owned::{ENV, OWNED};
use super::variables::in_the_way;

/// A whole `settings.json` that sends Claude Code to the gateway, and says nothing else.
pub fn settings_json(options: &Options) -> String {
    written(variables(options))
}

/// The same for one session, over settings that may send Claude Code elsewhere: what would be in the way
/// is emptied.
pub fn session_settings(options: &Options) -> String {
    let emptied = in_the_way().map(|name| (name, String::new()));
    written(variables(options).chain(emptied))
}

/// The variables that send Claude Code to the gateway. Settings beat them.
pub fn variables(options: &Options) -> impl Iterator<Item = (&'static str, String)> {
    OWNED.into_iter().filter_map(|key| match options.wish(key) {
        Wish::Source(source) => Some((key.name(), serde_json::from_str(&source).ok()?)),
        Wish::Absent | Wish::AsBefore => None,
    })
}

fn written(variables: impl Iterator<Item = (&'static str, String)>) -> String {
    let env: Map<String, Json> =
        variables.map(|(name, value)| (name.to_owned(), value.into())).collect();
    format!("{:#}\n", Json::from(Map::from_iter([(ENV.to_owned(), env.into())])))
}

#[cfg(test)]
mod tests {
    use interlingua_registry::Secret;

    use super::super::{Tiers, plan};
    use super::*;

    #[test]
    fn what_is_printed_is_what_is_applied_to_no_file() {
        let options = Options {
            base_url: "http://127.0.0.1:8787/v1".to_owned(),
            token: Secret::new("a\"b\\c".to_owned()),
            model: "house/größe".to_owned(),
            tiers: Tiers::default(),
            context_window: Some(1),
            max_output_tokens: None,
        };
        let printed = settings_json(&options);
        assert_eq!(plan(None, None, &options).unwrap().after, printed);
        let json: Json = serde_json::from_str(&printed).unwrap();
        assert_eq!(json["env"]["ANTHROPIC_AUTH_TOKEN"], "a\"b\\c");
        let session: Json = serde_json::from_str(&session_settings(&options)).unwrap();
        assert_eq!(session["env"]["CLAUDE_CODE_USE_BEDROCK"], "");
        assert_eq!(session["env"]["ANTHROPIC_API_KEY"], "");
        assert_eq!(session["env"]["ANTHROPIC_MODEL"], "house/größe");
    }
}
