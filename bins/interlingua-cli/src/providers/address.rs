//! Which of a vendor's addresses is meant.

use interlingua_dialect::{Dialect, Dialects, Plan, Wire};
use interlingua_registry::{Preset, PresetUrl};

use crate::failure::Failure;
use crate::output;

/// What is said about the address of a vendor.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) region: Option<&'a str>,
    pub(super) plan: Option<&'a str>,
    pub(super) wire: Option<Wire>,
}

impl Wanted<'_> {
    /// Chooses among a vendor's addresses. None leaves that to the protocol and the key, each time that the
    /// configuration is read.
    ///
    /// # Errors
    ///
    /// The vendor has no such address, or only the user knows it. The text says what there is.
    pub(super) fn choose(&self, preset: &Preset) -> Result<Option<String>, Failure> {
        let id = &preset.id;
        if let Some(form) = &preset.base_url_form {
            let form = form.replace('{', "<").replace('}', ">");
            return Err(Failure::argument(format!(
                "{} has an address for each customer; say yours with `--base-url {form}`",
                preset.name
            )));
        }
        let besides = self.wire == Some(Wire::Messages) && !speaks_messages_only(preset);
        if besides && !speaks_messages_too(preset) {
            let what = format!("`{id}` is not known to speak Messages; leave `--wire` out");
            return Err(Failure::argument(what));
        }
        if self.region.is_none() && self.plan.is_none() {
            return Ok(None);
        }
        let urls = preset.urls(self.wire);
        let mut fitting = urls.iter().filter(|url| self.fits(url));
        let Some(first) = fitting.next() else {
            let what = if besides { "no such address for Messages" } else { "no such address" };
            let there_are = match urls {
                [] => "say it with `--base-url <URL>`".to_owned(),
                urls => format!("there are: {}", listed(urls.iter())),
            };
            return Err(Failure::argument(format!("`{id}` has {what}; {there_are}")));
        };
        let others = listed(fitting);
        if !others.is_empty() {
            output::hint(&format!(
                "{} is taken; `--region` and `--plan` choose another: {others}",
                first.url
            ));
        }
        Ok(Some(first.url.clone()))
    }

    fn fits(&self, url: &PresetUrl) -> bool {
        self.region.is_none_or(|region| url.region.as_deref() == Some(region))
            && self.plan.is_none_or(|plan| url.plan.map(Plan::name) == Some(plan))
    }
}

fn listed<'a>(urls: impl Iterator<Item = &'a PresetUrl>) -> String {
    urls.map(|url| format!("{} ({})", url.label(), url.url)).collect::<Vec<_>>().join(", ")
}

fn speaks_messages_only(preset: &Preset) -> bool {
    record(preset).is_some_and(|it| it.wire == Wire::Messages)
}

/// A server that nobody has described may.
fn speaks_messages_too(preset: &Preset) -> bool {
    let at_all = record(preset).is_none_or(|it| it.endpoint.messages_url.is_some());
    at_all || preset.base_urls.is_empty()
}

fn record(preset: &Preset) -> Option<Dialect> {
    Dialects::builtin().resolve(&preset.dialect, "").ok()
}
