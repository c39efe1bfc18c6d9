use crate::record::Record;
use crate::resolve::glob_matches;

/// Finds the record whose address fits best, or whose keys begin like this one.
pub(crate) fn guess<'a>(
    records: impl Iterator<Item = &'a Record>,
    base_url: &str,
    key_prefix: &str,
) -> Option<&'a str> {
    let host = host_and_port(base_url);
    let mut by_host: Option<(Score, &str)> = None;
    let mut by_key: Option<(usize, Vec<&str>)> = None;
    for record in records {
        for address in addresses(record) {
            let key_fits = address.key_prefix.is_some_and(|it| key_prefix.starts_with(it));
            if let (Some(pattern), Some(host)) = (address.host_match, &host)
                && host.fits(pattern)
            {
                let literal = pattern.bytes().filter(|byte| *byte != b'*').count();
                let score = Score { literal, key_fits };
                if by_host.is_none_or(|(best, _)| score > best) {
                    by_host = Some((score, &record.id));
                }
            }
            let length = address.key_prefix.filter(|_| key_fits).map_or(0, str::len);
            match &mut by_key {
                _ if length == 0 => {}
                Some((longest, ids)) if *longest == length => ids.push(&record.id),
                Some((longest, _)) if *longest > length => {}
                _ => by_key = Some((length, vec![&record.id])),
            }
        }
    }
    let unique = by_key.and_then(|(_, mut ids)| {
        ids.dedup();
        if let [only] = ids[..] { Some(only) } else { None }
    });
    match host {
        Some(_) => by_host.map(|(_, id)| id),
        None => unique,
    }
}

/// Longer patterns know more; the key decides between equal ones.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Score {
    literal: usize,
    key_fits: bool,
}

struct Address<'a> {
    host_match: Option<&'a str>,
    key_prefix: Option<&'a str>,
}

fn addresses(record: &Record) -> impl Iterator<Item = Address<'_>> {
    let urls = record.patch.get("endpoint").and_then(|endpoint| endpoint["base_urls"].as_array());
    urls.into_iter().flatten().map(|url| Address {
        host_match: url["match"].as_str(),
        key_prefix: url["key_prefix"].as_str(),
    })
}

struct Host {
    name: String,
    with_port: String,
}

impl Host {
    fn fits(&self, pattern: &str) -> bool {
        let text = if pattern.contains(':') { &self.with_port } else { &self.name };
        glob_matches(&pattern.to_lowercase(), text)
    }
}

/// The host of an address, with and without its port; none if there is no address.
fn host_and_port(url: &str) -> Option<Host> {
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let with_port = authority.rsplit('@').next().unwrap_or(authority).to_lowercase();
    let name = match with_port.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
        _ => with_port.clone(),
    };
    (!name.is_empty()).then_some(Host { name, with_port })
}
