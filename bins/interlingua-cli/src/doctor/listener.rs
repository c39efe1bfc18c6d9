//! Whether the ports can be had, and whom they let in.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use interlingua_proxy::port_holder;
use interlingua_registry::Snapshot;

use super::Check;
use crate::local;

/// How long a gateway on this machine may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn check(snapshot: &Snapshot) -> Vec<Check> {
    let listeners = &snapshot.settings().listen;
    let ports = listeners.iter().filter_map(|it| port(it.address, it.optional));
    let mut checks: Vec<Check> = ports.collect();
    checks.push(policy(snapshot));
    checks
}

/// Whether we could listen there, or who does.
fn port(address: SocketAddr, optional: bool) -> Option<Check> {
    const ID: &str = "port";
    let Err(error) = TcpListener::bind(address) else {
        return Some(Check::ok(ID, format!("{address} is free")));
    };
    if error.kind() != io::ErrorKind::AddrInUse {
        // A machine need not have IPv6.
        let check = Check::fail(ID, format!("{address}: {error}"));
        return (!optional).then(|| check.fix("choose another address for `listen`"));
    }
    if let Ok(Some(version)) = local::version(&address.to_string(), PATIENCE) {
        return Some(Check::ok(ID, format!("interlingua {version} answers at {address}")));
    }
    let holder = port_holder(address).map_or("something".to_owned(), |holder| holder);
    let check = Check::fail(ID, format!("{address} is taken by {holder}, which is no gateway"));
    Some(check.fix("stop it, or choose another address for `listen`"))
}

/// Whom the listeners let in. One beyond this machine without a key is refused by the configuration.
fn policy(snapshot: &Snapshot) -> Check {
    const ID: &str = "access";
    let open = snapshot.client_keys().is_open();
    let beyond = snapshot.settings().listen.iter().find(|it| !it.address.ip().is_loopback());
    match (beyond, open) {
        (Some(listener), _) => Check::ok(
            ID,
            format!("{} is open to the network, with a client key, unencrypted", listener.address),
        ),
        (None, true) if people() > 1 => {
            let what = format!(
                "{} people have an account here, and any of them may use the gateway without a key",
                people()
            );
            Check::warn(ID, what).fix("interlingua keys add <name>")
        }
        (None, true) => Check::ok(ID, "this machine only, without a key"),
        (None, false) => Check::ok(ID, "this machine only, with a client key"),
    }
}

/// How many people can log in, as far as the system tells.
fn people() -> usize {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let people = accounts.lines().filter(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let uid = fields.get(2).and_then(|it| it.parse::<u32>().ok()).unwrap_or_default();
        let shell = fields.get(6).copied().unwrap_or_default();
        // Accounts of services come before and after those of people, or have no shell.
        (1000..60_000).contains(&uid)
            && !["/nologin", "/false"].iter().any(|it| shell.ends_with(it))
    });
    people.count()
}
