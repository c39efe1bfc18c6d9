use std::sync::Arc;

use crate::pool::PoolMap;
use crate::preset::Preset;
use crate::problem::{Origin, Problem, did_you_mean, suggest};
use crate::provider::Provider;
use crate::raw::{Node, Value, loose_list};
use crate::route::{Alias, AliasTarget, Policy};
use crate::section::{Found, Section};

const POLICIES: [Policy; 2] = [Policy::Failover, Policy::Weighted];

/// Reads `[aliases]` and, in the table `codex`, `[codex.slots]`: aliases that Codex is shown.
pub(super) fn read(
    root: &Section<'_>,
    codex: Option<Section<'_>>,
    providers: &[Arc<Provider>],
    pool: &PoolMap,
) -> Vec<Alias> {
    let sections = [
        (root.table("aliases"), false),
        (codex.as_ref().and_then(|codex| codex.table("slots")), true),
    ];
    let sections: Vec<_> =
        sections.into_iter().filter_map(|(section, slot)| Some((section?, slot))).collect();
    let names: Vec<&str> =
        sections.iter().flat_map(|(section, _)| section.entries()).map(|(name, ..)| name).collect();
    let mut aliases: Vec<Alias> = Vec::new();
    for (section, slot) in &sections {
        for (name, origin, node) in section.entries() {
            check_name(root, name, origin, providers, pool);
            if *slot && name.contains('/') {
                let what = format!("the slot `{name}` has a slash, which the picker hides");
                root.problem(Problem::new(origin, what).remedy("write a name without one"));
            }
            if aliases.iter().any(|alias| alias.name == name) {
                let what = format!("`{name}` is an alias and a slot");
                root.problem(Problem::new(origin, what).remedy("remove one"));
            }
            let Some((targets, policy)) = targets(section, name, node) else { continue };
            for target in &targets {
                if names.contains(&target.slug.value.as_str()) {
                    let what = format!("the alias `{name}` leads to `{}`", target.slug.value);
                    let problem = Problem::new(&target.slug.origin, what + ", which is one, too");
                    section.problem(problem.remedy("name the models themselves"));
                    continue;
                }
                check_target(root, "alias", &target.slug, providers, pool);
            }
            let shown = match targets.as_slice() {
                [one] => one.slug.value.clone(),
                several => {
                    let shown: Vec<_> = several.iter().map(Weighed::show).collect();
                    format!("{} ({})", shown.join(", "), policy.name())
                }
            };
            section.row(name, &shown, &node.origin);
            let targets = targets
                .into_iter()
                .map(|it| AliasTarget { slug: it.slug.value, weight: it.weight })
                .collect();
            aliases.push(Alias { name: name.to_owned(), targets, policy, slot: *slot });
        }
    }
    drop(sections);
    if let Some(codex) = codex {
        codex.close();
    }
    aliases
}

/// Reports a slug that cannot lead to a model.
///
/// A slug of a preset that is not switched on is only worth a warning: the same file must work
/// before and after its variable is set.
pub(super) fn check_target(
    root: &Section<'_>,
    of: &str,
    target: &Found<String>,
    providers: &[Arc<Provider>],
    pool: &PoolMap,
) {
    let slug = target.value.as_str();
    if pool.get(slug).is_some() {
        return;
    }
    let split = PoolMap::split(slug);
    let provider = split.and_then(|(id, _)| providers.iter().find(|it| &*it.id == id));
    let ids = || providers.iter().filter(|it| !it.is_demo()).map(|provider| &*provider.id);
    let what = match (split, provider) {
        (_, Some(provider)) if provider.models.is_open() => return,
        (_, Some(provider)) => format!("provider `{}` lists no model like `{slug}`", provider.id),
        // The provider itself is what is wrong.
        (Some((id, _)), None) if is_there(root, id) => return,
        (Some((id, _)), None) => {
            if let Some(preset) = Preset::find(id) {
                let what = format!("provider `{id}` of {of} `{slug}` is not switched on");
                let remedy = format!("set {}", preset.key_env[0]);
                let warning = Problem::new(&target.origin, what).remedy(remedy);
                return root.findings.warning(warning.docs(preset.docs.as_deref()));
            }
            format!("there is no provider `{id}` for {of} `{slug}`")
        }
        (None, None) => format!("{of} `{slug}` is no slug `<provider>/<model>`"),
    };
    let slugs = pool.all().map(|entry| &*entry.slug);
    let mut problem = Problem::new(&target.origin, what);
    problem.remedy = match suggest(slug, slugs) {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None => Some(format!("providers are: {}", ids().collect::<Vec<_>>().join(", "))),
    };
    root.problem(problem);
}

fn is_there(root: &Section<'_>, provider: &str) -> bool {
    match root.node("providers").map(|node| &node.value) {
        Some(Value::Table(providers)) => providers.get(provider).is_some(),
        _ => false,
    }
}

fn check_name(
    root: &Section<'_>,
    name: &str,
    origin: &Origin,
    providers: &[Arc<Provider>],
    pool: &PoolMap,
) {
    let of_provider =
        PoolMap::split(name).and_then(|(id, _)| providers.iter().find(|it| &*it.id == id));
    let what = match (pool.get(name), of_provider) {
        (Some(entry), _) => format!("the alias `{name}` would hide the model `{}`", entry.slug),
        (None, Some(provider)) => {
            format!("the alias `{name}` looks like a model of provider `{}`", provider.id)
        }
        (None, None) if name.is_empty() || name.chars().any(char::is_control) => {
            format!("an alias cannot be called {name:?}")
        }
        (None, None) => return,
    };
    root.problem(Problem::new(origin, what).remedy("choose another name"));
}

type Targets = (Vec<Weighed>, Policy);

/// A slug, and how often it is to be chosen.
struct Weighed {
    slug: Found<String>,
    weight: u32,
}

impl Weighed {
    fn show(&self) -> String {
        match self.weight {
            1 => self.slug.value.clone(),
            weight => format!("{} x{weight}", self.slug.value),
        }
    }
}

fn targets(section: &Section<'_>, name: &str, node: &Node) -> Option<Targets> {
    if let Value::Text(text) | Value::Loose(text) = &node.value {
        let slug = Found { value: text.clone(), origin: node.origin.clone() };
        return Some((vec![Weighed { slug, weight: 1 }], Policy::default()));
    }
    // The borrow ends with this function, so the table is read where it stands.
    let Value::Table(table) = &node.value else {
        let what = format!("the alias `{name}` must be a slug or a table with `targets`");
        let remedy = format!("write {name:?} = \"<provider>/<model>\"");
        section.problem(Problem::new(&node.origin, what).remedy(remedy));
        return None;
    };
    let inner = Section::new(section.path(name), table, node.origin.clone(), section.findings);
    let targets = inner.node("targets").map(|node| listed(&inner, node)).unwrap_or_default();
    if targets.is_empty() {
        let what = format!("the alias `{name}` has no `targets`");
        inner.problem(Problem::new(&node.origin, what).remedy("list one slug or several"));
    }
    let policy = inner.text("policy").map_or(Policy::default(), |found| {
        let known = POLICIES.into_iter().find(|policy| policy.name() == found.value);
        known.unwrap_or_else(|| {
            let names = POLICIES.map(Policy::name);
            let what = format!("unknown policy `{}`", found.value);
            let remedy = did_you_mean(&found.value, &names);
            inner.problem(Problem::new(&found.origin, what).remedy(remedy));
            Policy::default()
        })
    });
    if policy == Policy::Failover
        && let Some(heavy) = targets.iter().find(|target| target.weight != 1)
    {
        let what = format!("the weight of `{}` counts for nothing", heavy.slug.value);
        let remedy = "write `policy = \"weighted\"`, or leave the weight out";
        inner.problem(Problem::new(&heavy.slug.origin, what).remedy(remedy));
    }
    inner.close();
    Some((targets, policy))
}

/// Slugs, or tables of a slug and its weight.
fn listed(section: &Section<'_>, node: &Node) -> Vec<Weighed> {
    let single = std::slice::from_ref(node);
    let loose;
    let nodes = match &node.value {
        Value::List(nodes) => nodes.as_slice(),
        Value::Loose(text) => {
            loose = loose_list(text, &node.origin);
            loose.as_slice()
        }
        _ => single,
    };
    let mut targets = Vec::new();
    for node in nodes {
        let weighed = match &node.value {
            Value::Text(slug) | Value::Loose(slug) => {
                let slug = Found { value: slug.clone(), origin: node.origin.clone() };
                Some(Weighed { slug, weight: 1 })
            }
            Value::Table(table) => {
                let path = section.path("targets");
                let inner = Section::new(path, table, node.origin.clone(), section.findings);
                let slug = inner.text("model");
                let weight = inner.count("weight").map_or(1, |found| found.value);
                inner.close();
                slug.map(|slug| Weighed { slug, weight: u32::try_from(weight).unwrap_or(u32::MAX) })
            }
            _ => None,
        };
        if weighed.is_none() {
            let remedy = "write a slug, or { model = \"<provider>/<model>\", weight = 2 }";
            section.problem(Problem::new(&node.origin, "this is no target").remedy(remedy));
        }
        targets.extend(weighed);
    }
    targets
}
