//! What an upstream's refusal means.

mod body;
mod limit;
mod refusal;
mod rule;
mod text;
mod wait;

use std::time::Duration;

use interlingua_ir::Class;

pub use limit::AnswerLimit;
pub use refusal::Refusal;
pub(crate) use rule::class_by_name;
pub use rule::{ErrorRule, Errors, Fix, Pattern};

use crate::defaults::Defaults;
use crate::dialect::Dialect;
use body::Body;
use rule::Evidence;

/// A longer wait than this is no matter of rate any more: the allowance is used up.
const LONGEST_RATE_LIMIT: Duration = Duration::from_mins(5);

impl Dialect {
    /// Says what a refusal means, given its status, its `Retry-After` and its body.
    ///
    /// The rules of the dialect are tried before those that all share, then the status decides.
    pub fn classify(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Refusal {
        self.judge(status, retry_after, Body::read(body))
    }

    /// Says what an error means that arrived under HTTP 200, as an event of a stream or as a body.
    ///
    /// None if it is no error: it has no `error`, is not of the kind `error`, and its `base_resp`,
    /// if it has one, reports success.
    pub fn classify_event(&self, json: &str) -> Option<Refusal> {
        let body = Body::read(json.as_bytes());
        body.is_error.then(|| self.judge(200, None, body))
    }

    fn judge(&self, status: u16, retry_after: Option<Duration>, body: Body) -> Refusal {
        let defaults = Defaults::get();
        let status = body.status.filter(|_| status < 400).unwrap_or(status);
        let haystack = body.haystack();
        let evidence = Evidence { status, codes: &body.codes, kinds: &body.kinds, text: &haystack };
        let rule =
            self.errors.rules.iter().chain(&defaults.rules).find(|rule| rule.matches(&evidence));

        let retry_after = retry_after.or(body.wait);
        let class = rule.map_or_else(|| class_by_status(status), |rule| rule.class);
        let used_up = class == Class::RateLimit
            && match retry_after {
                Some(wait) => wait > LONGEST_RATE_LIMIT,
                None => defaults.used_up_window.is_match(&haystack),
            };
        let class = if used_up { Class::Quota } else { class };
        let named = |pattern: &Pattern| {
            let name = pattern.group(&haystack).filter(|_| class == Class::BadParam)?;
            Some(request_name(name))
        };
        let by_value = named(&defaults.rejected_value);
        let drop = if by_value.is_some() { Fix::DropValue } else { Fix::DropParam };
        let rejected = by_value.or_else(|| named(&defaults.rejected_param));
        // What is wrong inside of a list is no parameter that could be left out.
        let whole = rejected.as_ref().filter(|name| !name.contains('['));
        let fix = match rule.and_then(|rule| rule.fix) {
            None => whole.map(|_| drop),
            Some(Fix::DropParam) => Some(drop),
            other => other,
        };
        let said = rule.filter(|_| !used_up).and_then(|rule| rule.retryable);
        Refusal {
            class,
            fix,
            transient: said.unwrap_or_else(|| defaults.is_retryable(class)),
            status,
            message: body.message(),
            code: body.codes.into_iter().next_back(),
            kind: body.kinds.into_iter().next_back(),
            param: rejected.or(body.param),
            answer_limit: matches!(class, Class::BadParam | Class::ContextLength)
                .then(|| AnswerLimit::find(&defaults.answer_limit, &haystack))
                .flatten(),
            retry_after,
            resets_at: body.resets_at,
        }
    }
}

/// A parameter as requests write it; some servers write their own names for it.
fn request_name(said: &str) -> String {
    let mut name = String::with_capacity(said.len() + 4);
    for letter in said.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// What a status says if no rule knows more.
fn class_by_status(status: u16) -> Class {
    match status {
        408 => Class::Timeout,
        400..=499 => Class::BadParam,
        _ => Class::Upstream,
    }
}
