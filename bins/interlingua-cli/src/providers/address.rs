//! Which of a vendor's addresses is meant.

use interlingua_dialect::{Dialects, Plan, Wire};
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

/// An address that was chosen.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Chosen {
    pub(super) base_url: String,
    /// The dialect, where it is not that of the vendor's usual protocol.
    pub(super) dialect: Option<&'static str>,
}

impl Wanted<'_> {
    /// Chooses among a vendor's addresses. None is chosen where nothing is said: then the key chooses,
    /// each time that the configuration is read.
    ///
    /// # Errors
    ///
    /// The vendor has no such address, or only the user knows it. The text says what there is.
    pub(super) fn choose(&self, preset: &Preset) -> Result<Option<Chosen>, Failure> {
        let id = &preset.id;
        if let Some(form) = &preset.base_url_form {
            let form = form.replace('{', "<").replace('}', ">");
            return Err(Failure::argument(format!(
                "{} has an address for each customer; say yours with `--base-url {form}`",
                preset.name
            )));
        }
        let besides = self.wire == Some(Wire::Messages) && !preset.messages_urls.is_empty();
        let urls = if besides { &preset.messages_urls } else { &preset.base_urls };
        if self.region.is_none() && self.plan.is_none() && !besides {
            return Ok(None);
        }
        let mut fitting = urls.iter().filter(|url| self.fits(url));
        let Some(first) = fitting.next() else {
            let what = if besides { "no such address for Messages" } else { "no such address" };
            let there_are = match urls.as_slice() {
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
        let dialect = besides.then(|| Dialects::of_stranger(self.wire));
        Ok(Some(Chosen { base_url: first.url.clone(), dialect }))
    }

    fn fits(&self, url: &PresetUrl) -> bool {
        self.region.is_none_or(|region| url.region.as_deref() == Some(region))
            && self.plan.is_none_or(|plan| url.plan.map(Plan::name) == Some(plan))
    }
}

fn listed<'a>(urls: impl Iterator<Item = &'a PresetUrl>) -> String {
    urls.map(|url| format!("{} ({})", url.label(), url.url)).collect::<Vec<_>>().join(", ")
}
