//! Where reasoning and responses are kept.

use url::Url;

use crate::address::HiddenUrl;
use crate::problem::{Origin, Problem};
use crate::raw::{Node, Value};
use crate::secret::{KeySource, ResolveKey};
use crate::section::Section;
use crate::store::{Store, StoreBounds, StorePlace};
use crate::units::{show_duration, show_size};

/// Reads the table. The address may be kept where keys are, because it may hold a password.
pub(super) fn read(root: &Section<'_>, keys: &dyn ResolveKey) -> Store {
    let mut store = Store::default();
    let section = root.table("store");
    let place = section.as_ref().and_then(|section| Some((section, section.node("url")?)));
    match place {
        Some((section, node)) => store.place = place_of(section, node, keys).unwrap_or_default(),
        None => root.findings.row("store.url".to_owned(), "sqlite", &Origin::Default),
    }
    bounds(root, section.as_ref(), "reasoning", &mut store.reasoning);
    bounds(root, section.as_ref(), "responses", &mut store.responses);
    if let Some(section) = section {
        section.close();
    }
    store
}

fn place_of(section: &Section<'_>, node: &Node, keys: &dyn ResolveKey) -> Option<StorePlace> {
    let (text, from) = match &node.value {
        Value::Table(table) => {
            let inner =
                Section::new(section.path("url"), table, node.origin.clone(), section.findings);
            let name = inner.text("env");
            inner.close();
            let Some(name) = name else {
                let remedy = "write { env = \"NAME\" }";
                let what = "`url` does not say where the address is kept";
                section.problem(Problem::new(&node.origin, what).remedy(remedy));
                return None;
            };
            let source = KeySource::Env(name.value);
            let secret = keys.resolve(&source).map_err(|why| {
                let what = format!("the address of the store is missing: {source} {why}");
                section.problem(Problem::new(&name.origin, what).remedy("set it and start again"));
            });
            (secret.ok()?.expose().to_owned(), format!(" ({source})"))
        }
        _ => (section.text("url")?.value, String::new()),
    };
    let Some(place) = parse(&text) else {
        let remedy = "write \"memory\", \"sqlite\" or \"redis://host:6379\"";
        section.problem(Problem::new(&node.origin, "`url` is no store").remedy(remedy));
        return None;
    };
    let shown = match &place {
        StorePlace::Memory => "memory".to_owned(),
        StorePlace::Sqlite => "sqlite".to_owned(),
        StorePlace::Redis(url) => url.to_string(),
    };
    section.row("url", &format!("{shown}{from}"), &node.origin);
    Some(place)
}

fn parse(text: &str) -> Option<StorePlace> {
    match text {
        "memory" => Some(StorePlace::Memory),
        "sqlite" => Some(StorePlace::Sqlite),
        _ => {
            let url = Url::parse(text).ok()?;
            let is_redis = matches!(url.scheme(), "redis" | "rediss");
            // What stands behind `#` would switch off the checks of TLS.
            let is_plain = url.host().is_some() && url.fragment().is_none();
            (is_redis && is_plain).then(|| StorePlace::Redis(HiddenUrl::new(&url)))
        }
    }
}

fn bounds(
    root: &Section<'_>,
    section: Option<&Section<'_>>,
    key: &'static str,
    bounds: &mut StoreBounds,
) {
    let table = section.and_then(|section| section.table(key));
    let inner = table.as_ref();
    let row = |field: &str, value: &dyn ToString, origin: Option<Origin>| {
        let origin = origin.unwrap_or(Origin::Default);
        root.findings.row(format!("store.{key}.{field}"), &value.to_string(), &origin);
    };
    let bytes = inner.and_then(|inner| inner.size("bytes"));
    bounds.bytes = bytes.as_ref().map_or(bounds.bytes, |it| it.value);
    row("bytes", &show_size(bounds.bytes), bytes.map(|it| it.origin));
    let age = inner.and_then(|inner| inner.duration("age"));
    bounds.age = age.as_ref().map_or(bounds.age, |it| it.value);
    row("age", &show_duration(bounds.age), age.map(|it| it.origin));
    let entries = inner.and_then(|inner| inner.count("entries"));
    let count = entries.as_ref().map(|it| usize::try_from(it.value).unwrap_or(usize::MAX));
    bounds.entries = count.unwrap_or(bounds.entries);
    row("entries", &bounds.entries, entries.map(|it| it.origin));
    if let Some(table) = table {
        table.close();
    }
}
