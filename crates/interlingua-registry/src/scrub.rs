use std::borrow::Cow;
use std::sync::Arc;

use interlingua_ir::Fault;

use crate::provider::Proxy;
use crate::secret::Secret;
use crate::snapshot::Snapshot;

/// What stands in a secret's place.
const MASK: &str = "[secret]";

/// A shorter value is no secret, and masking it would spoil every text: local servers are given keys
/// such as `none`.
const SHORTEST: usize = 8;

/// Knows every secret of a configuration, and masks them in texts that come from outside.
///
/// Upstreams repeat the keys that they refuse, and whole requests with them. It looks for each secret in
/// turn, so it is for errors and for what is logged on demand, not for every event.
#[derive(Clone, Debug, Default)]
pub struct Scrubber(Arc<[Secret]>);

impl Scrubber {
    /// Knows the secrets of a configuration.
    pub fn of(snapshot: &Snapshot) -> Self {
        let keys = snapshot.secrets().map(|it| it.expose().to_owned());
        let proxies = snapshot.providers().iter().filter_map(|provider| match &provider.proxy {
            Proxy::Url(url) => password(url.expose()),
            Proxy::Environment | Proxy::Direct => None,
        });
        Self::new(keys.chain(proxies))
    }

    fn new(secrets: impl Iterator<Item = String>) -> Self {
        Self::of_forms(secrets.flat_map(forms).collect())
    }

    fn of_forms(mut forms: Vec<Secret>) -> Self {
        // A secret may be a part of another one, which must go first.
        forms.sort_by_key(|it| std::cmp::Reverse(it.expose().len()));
        Self(forms.into())
    }

    /// Knows one more, which a single request brought.
    #[must_use]
    pub fn and(&self, secret: &Secret) -> Self {
        Self::of_forms(self.0.iter().cloned().chain(forms(secret.expose().to_owned())).collect())
    }

    /// The text with every secret masked.
    pub fn mask<'t>(&self, text: impl Into<Cow<'t, str>>) -> Cow<'t, str> {
        let mut text = text.into();
        for secret in self.0.iter().map(Secret::expose) {
            if text.contains(secret) {
                text = text.replace(secret, MASK).into();
            }
        }
        text
    }

    /// Masks every secret in what a fault says.
    pub fn mask_fault(&self, fault: &mut Fault) {
        let fields = [Some(&mut fault.message), fault.code.as_mut(), fault.param.as_mut()];
        for field in fields.into_iter().flatten() {
            if let Cow::Owned(masked) = self.mask(field.as_str()) {
                *field = masked;
            }
        }
    }
}

/// How a secret may be written: a key in a URL is written in another way.
fn forms(secret: String) -> impl Iterator<Item = Secret> {
    let is_one = secret.len() >= SHORTEST;
    [encoded(&secret), secret].into_iter().map(Secret::new).filter(move |_| is_one)
}

/// The password in an address.
fn password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split('/').next()?.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_owned())
}

/// As it is written in a URL.
fn encoded(secret: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let bytes = secret.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use interlingua_ir::Class;

    use super::*;

    fn scrubber(secrets: &[&str]) -> Scrubber {
        Scrubber::new(secrets.iter().map(|it| (*it).to_owned()))
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let scrubber = scrubber(&["key-1234567", "key-1234567/extended", "none"]);
        let mask = |text: &str| scrubber.mask(text.to_owned()).into_owned();
        assert_eq!(mask("got key-1234567!"), "got [secret]!");
        assert_eq!(mask("?key=key-1234567%2Fextended&a=1"), "?key=[secret]&a=1");
        assert_eq!(mask("key-1234567/extended"), "[secret]");
        assert_eq!(mask("none of it"), "none of it");
    }

    #[test]
    fn a_fault_is_masked_as_a_whole() {
        let mut fault = Fault::new(Class::Auth, "no abcdefgh");
        fault.code = Some("abcdefgh".to_owned());
        fault.param = Some("x.abcdefgh".to_owned());
        scrubber(&["abcdefgh"]).mask_fault(&mut fault);
        let shown = format!("{fault:?}");
        assert!(!shown.contains("abcdefgh") && shown.matches(MASK).count() == 3, "{shown}");
    }

    #[test]
    fn a_proxys_password_is_a_secret() {
        assert_eq!(password("http://me:pass@word@proxy:1/x").as_deref(), Some("pass@word"));
        assert_eq!(password("http://proxy:1/a@b"), None);
        assert_eq!(password("socks5://me@proxy:1"), None);
    }
}
