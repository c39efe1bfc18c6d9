use std::sync::Arc;

use interlingua_registry::{CatalogMode, PoolEntry, PoolMap, Snapshot};

use crate::entry::{Entry, Visibility};

/// The largest catalog, in bytes: Codex refuses more than 1 MiB, and proxies may add to it.
pub const MAX_CATALOG: usize = 900 << 10;

const HEAD: &str = r#"{"models":["#;
const TAIL: &str = "]}";

/// The model catalog that Codex fetches or reads from a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Catalog {
    json: String,
    etag: String,
    slugs: Vec<Arc<str>>,
    left_out: Vec<Arc<str>>,
}

/// What enters the catalog.
#[derive(Clone, Debug)]
pub struct CatalogOptions<'a> {
    /// Whose models Codex's picker shows.
    pub shown: Shown<'a>,
    /// Models that the pool does not list though the gateway answers for them, under the slug that
    /// they are asked for by: an alias, or a model of an open provider.
    pub also: &'a [PoolEntry],
    /// Whether the tools of MCP servers hide behind Codex's `tool_search`.
    pub tool_search: bool,
}

impl<'a> CatalogOptions<'a> {
    /// The usual catalog: what the pool lists, with all tools in the open.
    pub fn new(shown: Shown<'a>) -> Self {
        Self { shown, also: &[], tool_search: false }
    }
}

/// Whose models Codex's picker shows.
///
/// The others follow as hidden entries: nobody is offered them, but Codex then gives them their
/// tools and window if they are asked for by name, which it does not do for a model it has never
/// heard of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shown<'a> {
    /// Those of all providers: one pool.
    All,
    /// Those of the provider with this id, first of all.
    Provider(&'a str),
    /// Those that the pool does not list: [`CatalogOptions::also`].
    Also,
}

impl Shown<'_> {
    fn includes(self, entry: &PoolEntry, listed: bool) -> bool {
        match self {
            Self::All => true,
            Self::Provider(id) => *entry.provider.id == *id,
            Self::Also => !listed,
        }
    }
}

impl Catalog {
    /// The catalog that a configuration asks for: the models of the whole pool or of the default
    /// provider, under their slugs or under the names of its slots, and whatever else is answered.
    /// `chosen` is a model that some client is set up with.
    pub fn of_snapshot(snapshot: &Snapshot, chosen: Option<&str>) -> Self {
        let settings = snapshot.settings();
        let tool_search = settings.codex.tool_search;
        if settings.codex.catalog == CatalogMode::Slots {
            let also = snapshot.slots();
            let options = CatalogOptions { shown: Shown::Also, also: &also, tool_search };
            return Self::of(snapshot.pool(), &options);
        }
        let first = chosen.map(str::to_owned).or_else(|| snapshot.suggested_slug());
        let first = first.and_then(|name| snapshot.route(Some(&name)).ok());
        let first = first.and_then(|route| route.targets.into_iter().next());
        let shown = match &first {
            Some(target) if !settings.expose_all_models => Shown::Provider(&target.provider.id),
            _ => Shown::All,
        };
        let also = snapshot.unlisted(chosen);
        Self::of(snapshot.pool(), &CatalogOptions { shown, also: &also, tool_search })
    }

    /// Describes the models of the pool that can be asked now and that their providers expose.
    ///
    /// What does not fit into [`MAX_CATALOG`] is [left out](Self::left_out) from the end.
    pub fn of(pool: &PoolMap, options: &CatalogOptions<'_>) -> Self {
        let mut json = String::from(HEAD);
        let (mut slugs, mut left_out) = (Vec::new(), Vec::new());
        for (listed, visibility) in offered(pool, options) {
            // The order counts, so a smaller one must not slip in behind one that was left out.
            if !left_out.is_empty() {
                left_out.push(listed.slug.clone());
                continue;
            }
            let entry = Entry::new(listed, slugs.len(), visibility, options.tool_search).to_json();
            let comma = if slugs.is_empty() { "" } else { "," };
            if json.len() + comma.len() + entry.len() + TAIL.len() > MAX_CATALOG {
                left_out.push(listed.slug.clone());
                continue;
            }
            json.push_str(comma);
            json.push_str(&entry);
            slugs.push(listed.slug.clone());
        }
        json.push_str(TAIL);
        let etag = format!("\"{}\"", blake3::hash(json.as_bytes()).to_hex());
        Self { json, etag, slugs, left_out }
    }

    /// The catalog in Codex's shape.
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The catalog in Codex's shape, without a copy.
    pub fn into_json(self) -> String {
        self.json
    }

    /// The value of `ETag` and `x-models-etag`, quotes included: another one as soon as a single
    /// byte of the catalog is another.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The slugs that are in it, in its order, hidden ones included.
    pub fn slugs(&self) -> &[Arc<str>] {
        &self.slugs
    }

    /// The slugs that did not fit. The gateway answers for them all the same.
    pub fn left_out(&self) -> &[Arc<str>] {
        &self.left_out
    }
}

/// The entries in the catalog's order: those that are shown, then those that are hidden.
fn offered<'a>(
    pool: &'a PoolMap,
    options: &CatalogOptions<'a>,
) -> impl Iterator<Item = (&'a PoolEntry, Visibility)> {
    let is_new = |entry: &&PoolEntry| pool.get(&entry.slug).is_none() && entry.is_usable();
    let also = options.also.iter().filter(is_new).map(|entry| (entry, false));
    let listed = pool.offered().map(|entry| (entry, true));
    let (shown, hidden): (Vec<_>, Vec<_>) =
        also.chain(listed).partition(|(entry, listed)| options.shown.includes(entry, *listed));
    let shown = shown.into_iter().map(|(entry, _)| (entry, Visibility::List));
    shown.chain(hidden.into_iter().map(|(entry, _)| (entry, Visibility::Hide)))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::Value;

    use super::*;
    use crate::testing::{HOUSE, snapshot};

    fn all(config: &str, variables: &[&str]) -> Catalog {
        Catalog::of(snapshot(config, variables).pool(), &CatalogOptions::new(Shown::All))
    }

    fn models(catalog: &Catalog) -> Vec<Value> {
        let json: Value = serde_json::from_str(catalog.as_json()).unwrap();
        json["models"].as_array().unwrap().clone()
    }

    /// Each entry as its slug, its priority and how it is shown.
    fn show(catalog: &Catalog) -> Vec<String> {
        let show = |model: &Value| {
            let text = |key: &str| model[key].as_str().unwrap().to_owned();
            format!("{} {} {}", model["priority"], text("slug"), text("visibility"))
        };
        models(catalog).iter().map(show).collect()
    }

    #[test]
    fn slots_are_shown_with_what_they_stand_for_and_slugs_are_hidden() {
        let config = format!(
            "{HOUSE}\n[codex]\ncatalog = 'slots'\n[codex.slots]\n\"gpt-5.5\" = 'house/llama-4'\n\
             idle = 'deepseek/deepseek-flash'"
        );
        let catalog = Catalog::of_snapshot(&snapshot(&config, &[]), None);
        assert_eq!(
            show(&catalog),
            ["0 gpt-5.5 list", "1 house/llama-4 hide", "2 house/qwen3-coder hide"]
        );
        assert_eq!(models(&catalog)[0]["display_name"], "gpt-5.5 = house/llama-4");
    }

    #[test]
    fn only_usable_models_are_listed_in_pool_order() {
        let catalog = all(HOUSE, &["MIMO_API_KEY"]);
        assert_eq!(
            show(&catalog)[..3],
            ["0 house/llama-4 list", "1 house/qwen3-coder list", "2 mimo/mimo-v2.5-pro list"]
        );
        assert!(!catalog.as_json().contains("deepseek/"));
        let slugs: Vec<_> = catalog.slugs().iter().map(|slug| &**slug).collect();
        let of_json = models(&catalog);
        let of_json: Vec<_> = of_json.iter().map(|it| it["slug"].as_str().unwrap()).collect();
        assert_eq!(slugs, of_json);
    }

    #[test]
    fn without_the_pool_the_others_are_hidden_behind() {
        let snapshot = snapshot(HOUSE, &["MIMO_API_KEY"]);
        let options = CatalogOptions::new(Shown::Provider("mimo"));
        let shown = show(&Catalog::of(snapshot.pool(), &options));
        assert_eq!(shown[0], "0 mimo/mimo-v2.5-pro list");
        // How many models a vendor has is no matter of this test.
        let behind = [("house/llama-4", shown.len() - 2), ("house/qwen3-coder", shown.len() - 1)];
        let behind = behind.map(|(slug, place)| format!("{place} {slug} hide"));
        assert_eq!(shown[shown.len() - 2..], behind);
    }

    #[test]
    fn expose_decides_what_enters() {
        let with = |expose: &str| {
            let config = HOUSE.replace("shortcut = \"h\"", expose);
            let catalog = all(&config, &[]);
            catalog.slugs().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(with("expose = ['qwen3-*']"), ["house/qwen3-coder"]);
        assert_eq!(with("expose = ['*-4', 'q*c*r']"), ["house/llama-4", "house/qwen3-coder"]);
        assert_eq!(with("expose = ['qwen3', '*coders']"), [""; 0]);
        assert_eq!(with("expose = []"), [""; 0]);
    }

    #[test]
    fn models_beyond_the_pool_enter_under_the_name_that_they_are_asked_by() {
        let snapshot = snapshot(HOUSE, &[]);
        let coder = snapshot.pool().get("house/qwen3-coder").unwrap();
        let mut options = CatalogOptions::new(Shown::All);
        let also = [PoolEntry { slug: "work".into(), ..coder.clone() }, coder.clone()];
        options.also = &also;
        let catalog = Catalog::of(snapshot.pool(), &options);
        assert_eq!(
            show(&catalog),
            ["0 work list", "1 house/llama-4 list", "2 house/qwen3-coder list"]
        );
    }

    #[test]
    fn the_etag_follows_the_content() {
        let first = all(HOUSE, &["MIMO_API_KEY"]);
        assert_eq!(first, all(HOUSE, &["MIMO_API_KEY"]));
        assert!(first.etag().starts_with('"') && first.etag().ends_with('"'));
        let others = [
            all(HOUSE, &[]),
            all(&HOUSE.replace("262144", "262143"), &["MIMO_API_KEY"]),
            all(&HOUSE.replace("\"llama-4\"", "\"llama-5\""), &["MIMO_API_KEY"]),
        ];
        for other in &others {
            assert_ne!(first.etag(), other.etag());
        }
        // A key is no part of it.
        assert!(!first.as_json().contains("sk-test"));
    }

    #[test]
    fn what_does_not_fit_is_left_out_from_the_end() {
        let mut config = String::from("[providers.house]\nbase_url = 'http://127.0.0.1:1/v1'\n");
        for n in 0..400 {
            writeln!(config, "[[providers.house.models]]\nid = 'm{n:03}'").unwrap();
        }
        let catalog = all(&config, &[]);
        let fits = catalog.slugs().len();
        assert!(catalog.as_json().len() <= MAX_CATALOG);
        assert!((100..200).contains(&fits), "{fits}");
        assert_eq!(models(&catalog).len(), fits);
        let all = catalog.slugs().iter().chain(catalog.left_out());
        let expected = (0..400).map(|n| format!("house/m{n:03}"));
        assert!(all.map(ToString::to_string).eq(expected));
        // One more would have been too many.
        let entry = catalog.as_json().len() / fits;
        assert!(catalog.as_json().len() + entry > MAX_CATALOG - 100);
    }
}
