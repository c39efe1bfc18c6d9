use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use interlingua_dialect::{BuiltinWebSearch, Dialect, Dialects, Images, ParallelRule};
use interlingua_ir::Usage;

/// The window that is assumed where nobody tells one: small enough for every model in use.
pub const ASSUMED_WINDOW: u64 = 131_072;

/// The models of a provider.
#[derive(Debug)]
pub enum Models {
    /// The user listed them; there are no others.
    Declared(Vec<Arc<Model>>),
    /// Some are known, and any other name is passed on.
    Open {
        /// Those of the preset, then those that the provider lists itself.
        known: Vec<Arc<Model>>,
        /// Those that were asked for.
        asked: Asked,
    },
}

impl Models {
    /// The models that are known by name.
    pub fn listed(&self) -> &[Arc<Model>] {
        match self {
            Self::Declared(models) | Self::Open { known: models, .. } => models,
        }
    }

    /// Whether names that are not listed are passed on.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// Models of an open provider, made when somebody first asks for one.
///
/// Remembers what is always the same, so that a dialect is not resolved for every request.
#[derive(Default)]
pub struct Asked(RwLock<HashMap<Box<str>, Arc<Model>>>);

impl Asked {
    /// Names come from clients; more than these are not worth the memory.
    const MOST: usize = 256;

    pub(crate) fn get_or_make<E>(
        &self,
        id: &str,
        make: impl FnOnce() -> Result<Model, E>,
    ) -> Result<Arc<Model>, E> {
        // A panic elsewhere cannot leave the map half written.
        let known = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(model) = known.get(id) {
            return Ok(model.clone());
        }
        drop(known);
        let model = Arc::new(make()?);
        let mut known = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() < Self::MOST {
            known.insert(id.into(), model.clone());
        }
        Ok(model)
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

/// One model of one provider.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Model {
    /// The upstream's spelling, byte for byte.
    pub id: Arc<str>,
    /// For humans.
    pub name: Option<String>,
    /// Other names for it, within its provider.
    pub aliases: Vec<String>,
    /// Who says that it exists.
    pub source: ModelSource,
    /// In tokens.
    pub context_window: u64,
    /// Whether nobody told the window, so that [`ASSUMED_WINDOW`] stands for it.
    pub window_assumed: bool,
    /// In tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether it sees images, where that is known.
    pub images: Option<bool>,
    /// Whether it thinks before it answers, where that is known.
    pub reasoning: Option<bool>,
    /// What it costs, where that is known.
    pub price: Option<Price>,
    /// How to speak with it.
    pub dialect: Arc<Dialect>,
}

/// Who says that a model exists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ModelSource {
    /// The user's configuration.
    Declared,
    /// What is known about the vendor.
    Preset,
    /// The provider's own list.
    Discovered,
    /// A client that asked for it.
    #[default]
    Asked,
}

impl ModelSource {
    /// Its name in what programs read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Preset => "preset",
            Self::Discovered => "discovered",
            Self::Asked => "asked",
        }
    }
}

/// What a model costs, in US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Tokens of the prompt.
    pub input: f64,
    /// Tokens of the prompt that came from the upstream's cache; as the others where nothing is said.
    pub cached_input: Option<f64>,
    /// Tokens of the answer, thoughts included.
    pub output: f64,
}

impl Price {
    /// What a turn cost, in US dollars, to a millionth.
    #[expect(clippy::cast_precision_loss, reason = "2^52 tokens are more than anybody buys")]
    pub fn of(&self, usage: &Usage) -> f64 {
        let cached = usage.cached.unwrap_or_default().min(usage.input);
        let fresh = (usage.input - cached) as f64 * self.input;
        let cached = cached as f64 * self.cached_input.unwrap_or(self.input);
        (fresh + cached + usage.output as f64 * self.output).round() / 1e6
    }
}

/// What somebody says about a model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) name: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) source: ModelSource,
    pub(crate) context_window: Option<u64>,
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) images: Option<bool>,
    pub(crate) reasoning: Option<bool>,
    pub(crate) search: Option<bool>,
    pub(crate) parallel_calls: Option<bool>,
    pub(crate) price: Option<Price>,
}

impl Model {
    /// Joins what is said about a model with its dialect.
    pub(crate) fn new(
        id: &str,
        facts: Facts,
        dialects: &Dialects,
        dialect: &str,
    ) -> Result<Self, String> {
        let mut dialect = dialects.resolve(dialect, id).map_err(|error| error.to_string())?;
        if let Some(images) = facts.images {
            dialect.vision.images = if images { Images::Yes } else { Images::No };
        }
        if facts.search == Some(false) {
            dialect.tools.builtin_web_search = BuiltinWebSearch::None;
        }
        if let Some(parallel) = facts.parallel_calls {
            dialect.tools.parallel =
                if parallel { ParallelRule::Always } else { ParallelRule::Never };
        }
        let images = match dialect.vision.images {
            Images::Yes => Some(true),
            Images::No => Some(false),
            Images::ByModel => None,
        };
        Ok(Self {
            id: id.into(),
            name: facts.name,
            aliases: facts.aliases,
            source: facts.source,
            context_window: facts.context_window.unwrap_or(ASSUMED_WINDOW),
            window_assumed: facts.context_window.is_none(),
            max_output_tokens: facts.max_output_tokens,
            images,
            reasoning: facts.reasoning,
            price: facts.price,
            dialect: Arc::new(dialect),
        })
    }

    /// Whether its upstream can search the web for it.
    pub fn can_search(&self) -> bool {
        self.dialect.tools.builtin_web_search != BuiltinWebSearch::None
    }

    /// Whether it can be given tools at all.
    pub fn has_tools(&self) -> bool {
        !self.dialect.tools.types.is_empty() && self.dialect.tools.max > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_have_their_own_price() {
        let usage = |input, cached| Usage { input, cached, output: 1_000_000, ..Usage::default() };
        let price = Price { input: 2.0, cached_input: Some(0.5), output: 8.0 };
        let cost = |price: Price, usage| format!("{:.3}", price.of(&usage));
        assert_eq!(cost(price, usage(1_000_000, None)), "10.000");
        assert_eq!(cost(price, usage(1_000_000, Some(400_000))), "9.400");
        assert_eq!(cost(Price { cached_input: None, ..price }, usage(1, Some(9))), "8.000");
    }
}
