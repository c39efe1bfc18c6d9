//! What was never there before.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Builder;

/// A name that nobody else has; later ones sort behind earlier ones.
///
/// As a UUID of version 7, from one look at the system's randomness. The library's own way takes two, for an
/// order within a millisecond, which nobody here needs.
pub(crate) fn id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Builder::from_unix_timestamp_millis(millis, &random()).into_uuid().simple().to_string()
}

/// Random bytes that are used once to seal something.
pub(crate) fn nonce() -> [u8; 12] {
    random()
}

/// A number from 0 to 1.
pub(crate) fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_say_when() {
        let (first, second) = (id(), id());
        assert_ne!(first, second);
        let uuid = uuid::Uuid::parse_str(&first).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        let (seconds, _) = uuid.get_timestamp().unwrap().to_unix();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(now.abs_diff(seconds) < 60);
    }
}
