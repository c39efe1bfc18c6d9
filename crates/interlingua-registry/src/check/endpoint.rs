//! Where a provider is and what is spoken there.

use interlingua_dialect::{Dialects, Wire};

use super::keys::Keys;
use super::providers::{Reader, own_preset};
use crate::address::BaseUrl;
use crate::preset::{Preset, PresetUrl};
use crate::problem::{Origin, Problem, did_you_mean};
use crate::provider::UpstreamTimeouts;
use crate::secret::Secret;
use crate::section::{Found, Section};
use crate::units::show_duration;

impl Reader<'_> {
    pub(super) fn base_url(
        &self,
        id: &str,
        section: &Section<'_>,
        preset: Option<&'static Preset>,
        keys: &Keys,
        wire: Option<Wire>,
    ) -> Option<BaseUrl> {
        // The variable, as the vendor's own clients know it, is about the usual protocol.
        let own = own_preset(id, preset).filter(|preset| !preset.has_apart(wire));
        let variable = own.map(|preset| preset.url_env.as_str());
        let of_variable = || {
            let value = self.environment.get(variable?)?.to_owned();
            Some(Found { value, origin: Origin::Variable(variable?.into()) })
        };
        let said = section.text("base_url").or_else(of_variable);
        let said = said.or_else(|| {
            let preset = preset?;
            let key = keys.first().map(Secret::expose);
            let fitting = preset.urls_for(wire, key, keys.variable());
            let first = fitting.first()?;
            if key.is_some() && first.region.is_some() && fitting.len() > 1 {
                let what = format!(
                    "the key of provider `{id}` fits several addresses; {} is used",
                    first.url
                );
                let others: Vec<_> = fitting.iter().skip(1).map(|it| it.url.as_str()).collect();
                let key = variable.unwrap_or("base_url");
                let remedy = format!("set {key} if it is another: {}", others.join(", "));
                section.findings.warning(Problem::new(&section.origin, what).remedy(remedy));
            }
            Some(Found {
                value: first.url.clone(),
                origin: Origin::Preset(preset.id.as_str().into()),
            })
        });
        let Some(said) = said else {
            let what = format!("provider `{id}` has no `base_url`");
            let presets: Vec<_> = Preset::all().iter().map(|preset| preset.id.as_str()).collect();
            let remedy = match variable {
                Some(variable) => format!("write one, or set {variable}"),
                None => format!("write one, or name a `preset`: {}", presets.join(", ")),
            };
            section.problem(Problem::new(&section.origin, what).remedy(remedy));
            return None;
        };
        let parsed = BaseUrl::parse(&said.value).map_err(|error| {
            let key = match &said.origin {
                Origin::Variable(name) => name.to_string(),
                _ => "base_url".to_owned(),
            };
            let problem = Problem::new(&said.origin, format!("`{key}` {error}"));
            section.problem(problem.remedy("write it like \"https://api.example.com/v1\""));
        });
        let base_url = parsed.ok()?;
        // The vendor's other protocols have other paths.
        let usual = preset.filter(|_| wire != Some(Wire::Messages));
        let usual = usual.and_then(|preset| BaseUrl::parse(&preset.base_urls.first()?.url).ok());
        let base_url = usual.map_or(base_url.clone(), |usual| base_url.with_path_of(&usual));
        section.row("base_url", &base_url, &said.origin);
        let urls = preset.map_or(&[][..], |preset| preset.urls(wire));
        warn_about_prefix(id, section, urls, &base_url, keys.first());
        Some(base_url)
    }

    pub(super) fn dialect(
        &self,
        section: &Section<'_>,
        preset: Option<&Preset>,
        base_url: Option<&BaseUrl>,
        key: Option<&Secret>,
        wire: Option<Wire>,
    ) -> Option<String> {
        if let Some(found) = section.text("dialect") {
            let is_known = self.dialects.contains(&found.value);
            if !is_known && self.lacks_dialects {
                // So that nothing else is blamed for what its record does not say.
                return Some(Dialects::of_stranger(None).to_owned());
            }
            if !is_known {
                let ids: Vec<&str> = self.dialects.ids().collect();
                let what = format!("unknown dialect `{}`", found.value);
                let remedy = did_you_mean(&found.value, &ids);
                section.problem(Problem::new(&found.origin, what).remedy(remedy));
                return None;
            }
            section.row("dialect", &found.value, &found.origin);
            return Some(found.value);
        }
        let known = match preset {
            Some(preset) => {
                Some((preset.dialect.as_str(), Origin::Preset(preset.id.as_str().into())))
            }
            None => {
                let key = key.map_or("", Secret::expose);
                let guessed = self.dialects.guess(&base_url?.to_string(), key);
                guessed.map(|id| (id, Origin::Derived("base_url")))
            }
        };
        // How a server speaks Messages besides, no record of another protocol tells.
        let is_of = |id: &str| self.dialects.resolve(id, "").is_ok_and(|it| Some(it.wire) == wire);
        let (dialect, origin) = known
            .filter(|(id, _)| wire != Some(Wire::Messages) || is_of(id))
            .unwrap_or_else(|| {
                let origin = wire.map_or(Origin::Default, |_| Origin::Derived("wire"));
                (Dialects::of_stranger(wire), origin)
            });
        section.row("dialect", &dialect, &origin);
        Some(dialect.to_owned())
    }

    pub(super) fn wire(
        &self,
        section: &Section<'_>,
        said: Option<Found<String>>,
        dialect: Option<&str>,
    ) -> Option<Wire> {
        if let Some(found) = said {
            let Some(wire) = Wire::named(&found.value) else {
                let what = format!("unknown wire `{}`", found.value);
                let remedy = did_you_mean(&found.value, &Wire::ALL.map(Wire::name));
                section.problem(Problem::new(&found.origin, what).remedy(remedy));
                return None;
            };
            section.row("wire", &wire.name(), &found.origin);
            return Some(wire);
        }
        let wire = self.dialects.resolve(dialect?, "").ok()?.wire;
        section.row("wire", &wire.name(), &Origin::Derived("dialect"));
        Some(wire)
    }

    pub(super) fn timeouts(&self, section: &Section<'_>) -> UpstreamTimeouts {
        let mut timeouts = self.timeouts;
        let Some(inner) = section.table("timeouts") else { return timeouts };
        let places = [
            ("connect", &mut timeouts.connect),
            ("first_byte", &mut timeouts.first_byte),
            ("idle", &mut timeouts.idle),
        ];
        for (key, place) in places {
            if let Some(found) = inner.duration(key) {
                *place = found.value;
                inner.row(key, &show_duration(found.value), &found.origin);
            }
        }
        inner.close();
        timeouts
    }
}

/// Warns of a key that the address will refuse, as its beginning tells.
fn warn_about_prefix(
    id: &str,
    section: &Section<'_>,
    urls: &[PresetUrl],
    base_url: &BaseUrl,
    key: Option<&Secret>,
) {
    let at = urls.iter().find(|it| it.url == base_url.to_string());
    let (Some(prefix), Some(key)) = (at.and_then(|it| it.key_prefix.as_deref()), key) else {
        return;
    };
    if !key.expose().starts_with(prefix) {
        let what =
            format!("keys for {base_url} begin with `{prefix}`, that of provider `{id}` does not");
        let remedy = "use the address that belongs to the key";
        section.findings.warning(Problem::new(&section.origin, what).remedy(remedy));
    }
}
