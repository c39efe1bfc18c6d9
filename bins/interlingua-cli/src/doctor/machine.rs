//! What the machine gives the gateway: proxies, room on the disk, open files.

use std::path::Path;

use super::Check;

/// The variables that curl made usual, in the order in which they are read.
const PROXIES: [&str; 6] =
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// What can be spoken to a proxy.
const SCHEMES: [&str; 4] = ["http://", "https://", "socks5://", "socks5h://"];

pub(super) fn check(state: &Path) -> Vec<Check> {
    vec![proxies(), disk(state), files()]
}

/// The proxy variables that are set, and their values, which may hold a password.
pub(super) fn proxy_variables() -> impl Iterator<Item = (&'static str, String)> {
    let set = PROXIES.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
    set.filter(|(_, value)| !value.trim().is_empty())
}

fn proxies() -> Check {
    const ID: &str = "proxy";
    let set: Vec<_> = proxy_variables().collect();
    if set.is_empty() {
        return Check::ok(ID, "no variable names one");
    }
    let names: Vec<_> = set.iter().map(|(name, _)| *name).collect();
    let strange = set.iter().find(|(_, value)| {
        value.contains("://") && !SCHEMES.iter().any(|scheme| value.starts_with(scheme))
    });
    if let Some((name, _)) = strange {
        let what = format!("`{name}` names a kind of proxy that is not spoken here");
        return Check::warn(ID, what).fix(format!("use one of {}", SCHEMES.join(", ")));
    }
    let other =
        |name: &str| set.iter().find(|(it, _)| *it != name && it.eq_ignore_ascii_case(name));
    let twin = set.iter().find_map(|(name, value)| {
        other(name).filter(|(_, it)| it != value).map(|(twin, _)| (*name, *twin))
    });
    if let Some((name, twin)) = twin {
        let what = format!("`{name}` and `{twin}` name different proxies; the first one counts");
        return Check::warn(ID, what).fix(format!("unset {twin}"));
    }
    Check::ok(ID, format!("{} set; this machine is never reached through it", names.join(", ")))
}

#[cfg(unix)]
fn disk(state: &Path) -> Check {
    const ID: &str = "disk";
    const FAIL: u64 = 10 << 20;
    const WARN: u64 = 200 << 20;
    // The folder is made at the first start.
    let there = state.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let place = there.display();
    let Ok(found) = rustix::fs::statvfs(there) else {
        return Check::skip(ID, format!("{place}: the system does not tell"));
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let evidence = format!("{} MiB free at {place}", free >> 20);
    let check = match free {
        free if free < FAIL => Check::fail(ID, evidence),
        free if free < WARN => Check::warn(ID, evidence),
        _ => Check::ok(ID, evidence),
    };
    check.fix("make room, or set INTERLINGUA_STATE_DIR to a folder with more")
}

#[cfg(unix)]
fn files() -> Check {
    const ID: &str = "files";
    /// Each request at work holds two connections.
    const WANTED: u64 = 1024;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(limit) if limit < WANTED => {
            let what = format!("{limit} files may be open, which is little for many sessions");
            Check::warn(ID, what).fix("ulimit -n 4096")
        }
        Some(limit) => Check::ok(ID, format!("{limit} files may be open")),
        None => Check::ok(ID, "as many files as it likes"),
    }
}

#[cfg(not(unix))]
fn disk(_: &Path) -> Check {
    Check::skip("disk", "not looked at on this system")
}

#[cfg(not(unix))]
fn files() -> Check {
    Check::skip("files", "this system has no such limit")
}
