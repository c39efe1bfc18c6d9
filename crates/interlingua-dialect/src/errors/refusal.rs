use std::time::Duration;

use interlingua_ir::{Class, Fault};

use super::{AnswerLimit, Fix};

/// What an upstream's refusal means.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What kind of failure it is.
    pub class: Class,
    /// A repair that is worth one more try.
    pub fix: Option<Fix>,
    /// Whether another try may help: after the repair if there is one, else as it was.
    pub transient: bool,
    /// The HTTP status, or the one inside the body if the answer came under 200.
    pub status: u16,
    /// The upstream's own code, the innermost if there are several.
    pub code: Option<String>,
    /// The upstream's own type.
    pub kind: Option<String>,
    /// The request field that the upstream complains about.
    pub param: Option<String>,
    /// How long the answer may be, if it was asked to be longer.
    pub answer_limit: Option<AnswerLimit>,
    /// The upstream's own words: one line, at most 4 KiB, without keys.
    pub message: String,
    /// How long the upstream asked us to wait.
    pub retry_after: Option<Duration>,
    /// When an allowance is renewed, in the upstream's own words.
    pub resets_at: Option<String>,
}

impl Refusal {
    /// Tells the person in front of the agent who refused and why.
    ///
    /// `key_name` is the *name* of the key that was used, such as its environment variable.
    /// A fault is what remains when no repair is left, so a `fix` does not make it transient.
    pub fn into_fault(self, provider: &str, key_name: Option<&str>) -> Fault {
        let mut fault = Fault::new(self.class, self.sentence(provider, key_name)).by(provider);
        fault.status = Some(self.status);
        fault.transient = Some(self.transient && self.fix.is_none());
        fault.code = self.code;
        fault.param = self.param;
        fault.retry_after = self.retry_after;
        fault
    }

    fn sentence(&self, provider: &str, key_name: Option<&str>) -> String {
        let key =
            key_name.map_or("the configured key".to_owned(), |it| format!("the key in `{it}`"));
        let did = match self.class {
            Class::Auth => format!("does not accept {key}"),
            Class::Quota => format!("has no allowance left for {key}"),
            Class::RateLimit => "limits the rate of requests".to_owned(),
            Class::Overloaded => "is overloaded".to_owned(),
            Class::ContextLength => {
                "finds the conversation too long for the model's window".to_owned()
            }
            Class::ContentFilter => "refused the content".to_owned(),
            Class::ModelNotFound => "does not serve the model".to_owned(),
            Class::Upstream | Class::Interrupted => "failed".to_owned(),
            Class::Timeout => "took too long".to_owned(),
            _ => "refused the request".to_owned(),
        };
        let status = match self.status {
            status @ 400.. => format!(" ({status})"),
            _ => String::new(),
        };
        format!("{provider} {did}{status}: {}{}", self.message, self.when())
    }

    /// When to come back, unless the message says it already.
    fn when(&self) -> String {
        match (&self.resets_at, self.retry_after) {
            (Some(moment), _) if self.message.contains(moment) => String::new(),
            (Some(moment), _) => format!(" (resets at {moment})"),
            (None, Some(wait)) if matches!(self.class, Class::Quota | Class::RateLimit) => {
                format!(" (wait {})", spoken(wait))
            }
            (None, _) => String::new(),
        }
    }
}

/// A duration in its two largest units.
fn spoken(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up() {
        assert_eq!(spoken(Duration::from_millis(1500)), "2 s");
        assert_eq!(spoken(Duration::from_mins(125)), "2 h 5 min");
    }
}
