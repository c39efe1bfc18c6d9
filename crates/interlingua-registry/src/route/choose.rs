//! Choosing among the targets of a route.

use std::fmt;

use super::{Policy, Route, Skipped, Target};
use crate::provider::Unusable;

/// What a request needs of the model that answers it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    /// It declares tools.
    pub tools: bool,
    /// It shows images.
    pub images: bool,
    /// How long it is at least, in tokens.
    pub tokens: u64,
}

/// Why a target that is listed does not answer.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SkipReason {
    /// Nothing can be sent to its provider.
    Unusable(Unusable),
    /// The request has tools, and it takes none.
    NoTools,
    /// The request has images, and it sees none.
    NoImages,
    /// The request is longer than its window.
    TooLong {
        /// The request, in tokens, at least.
        tokens: u64,
        /// Its window, in tokens.
        window: u64,
    },
    /// It failed lately.
    Cooling,
}

impl Demand {
    /// Why a target cannot meet it.
    fn unmet(&self, target: &Target) -> Option<SkipReason> {
        let model = &target.model;
        let window = model.context_window;
        if self.tools && !model.has_tools() {
            Some(SkipReason::NoTools)
        } else if self.images && model.images == Some(false) {
            Some(SkipReason::NoImages)
        } else if !model.window_assumed && self.tokens > window {
            Some(SkipReason::TooLong { tokens: self.tokens, window })
        } else {
            None
        }
    }
}

impl Route {
    /// Whether there is anything to choose.
    pub fn is_choice(&self) -> bool {
        self.targets.len() > 1
    }

    /// Leaves out the targets that cannot meet the demand, as long as another can. If none can, all
    /// stay: a picture that is left out is better than no answer, and the upstream may know better.
    pub fn fit(&mut self, demand: &Demand) {
        let unmet: Vec<_> = self.targets.iter().map(|target| demand.unmet(target)).collect();
        if unmet.iter().all(Option::is_some) {
            return;
        }
        let mut unmet = unmet.into_iter();
        let skipped = &mut self.skipped;
        self.targets.retain(|target| {
            let why = unmet.next().flatten();
            skipped.extend(why.clone().map(|why| Skipped { slug: target.slug.to_string(), why }));
            why.is_none()
        });
    }

    /// Puts the targets into the order in which a session asks them. Where they are weighted, equal
    /// seeds give equal orders, and many seeds spread by weight; so a session stays with its target,
    /// whose prompt cache is warm, and nobody has to remember it.
    pub fn order(&mut self, seed: u64) {
        if self.policy == Policy::Weighted {
            self.targets.sort_by_cached_key(|target| rank(seed, &target.slug, target.weight));
        }
    }

    /// Moves the target of this slug to the front, where it is one of them.
    pub fn prefer(&mut self, slug: &str) {
        if let Some(at) = self.targets.iter().position(|target| *target.slug == *slug) {
            let preferred = self.targets.remove(at);
            self.targets.insert(0, preferred);
        }
    }
}

/// The place of a candidate in the order of a seed, the smallest first: weighted rendezvous hashing.
///
/// Adding or removing a candidate moves only the seeds that it wins or loses.
pub fn rank(seed: u64, name: &str, weight: u32) -> impl Ord + use<> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(name.as_bytes());
    let mut head = [0; 8];
    hasher.finalize_xof().fill(&mut head);
    // 53 bits make a fraction between zero and one, both excluded.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = ((u64::from_le_bytes(head) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    let score = -fraction.ln() / f64::from(weight.max(1));
    // Positive floating point numbers are ordered as their bits are.
    score.to_bits()
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => why.fmt(f),
            Self::NoTools => f.write_str("it takes no tools"),
            Self::NoImages => f.write_str("it sees no images"),
            Self::TooLong { tokens, window } => {
                write!(f, "about {tokens} tokens do not fit into its window of {window}")
            }
            Self::Cooling => f.write_str("it failed lately"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_sessions_spread_by_weight_and_each_stays() {
        let candidates = [("a/x", 1), ("b/y", 3)];
        let first = |seed| {
            *candidates.iter().min_by_key(|(name, weight)| rank(seed, name, *weight)).unwrap()
        };
        let of_b = (0..4_000).filter(|seed| first(*seed).0 == "b/y").count();
        assert!((2_850..3_150).contains(&of_b), "{of_b}");
        assert_eq!(first(7), first(7));
    }

    #[test]
    fn a_new_candidate_takes_sessions_only_for_itself() {
        let (old, new) = (["a/x", "b/y"], ["a/x", "b/y", "c/z"]);
        let first = |names: &[&'static str], seed| {
            *names.iter().min_by_key(|name| rank(seed, name, 1)).unwrap()
        };
        for seed in 0..1_000 {
            let (before, after) = (first(&old, seed), first(&new, seed));
            assert!(after == before || after == "c/z", "{seed}: {before} -> {after}");
        }
    }
}
