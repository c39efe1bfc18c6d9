//! Whether each provider is there and takes its key.

use std::net::ToSocketAddrs as _;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use interlingua_ir::{Class, Fault};
use interlingua_registry::{KeyState, Provider, Proxy, Snapshot};
use url::Host;

use super::Check;
use crate::output::count;
use crate::providers::attempt::{Attempt, ask, date};

/// How long a name may take to be looked up.
const LOOKUP: Duration = Duration::from_secs(5);

/// Clocks that are further apart make certificates and signatures fail, or soon will.
const SKEW_WARN: Duration = Duration::from_mins(2);
const SKEW_FAIL: Duration = Duration::from_hours(1);

pub(super) fn check(snapshot: &Snapshot) -> Vec<Check> {
    let mut checks = Vec::new();
    let providers: Vec<_> = snapshot.providers().iter().filter(|it| !it.is_demo()).collect();
    let mut clock = None;
    for provider in &providers {
        if !provider.enabled {
            checks.push(Check::skip(id(provider, "key"), "it is disabled"));
            continue;
        }
        checks.push(key(provider));
        if let Some(unknown) = name(provider) {
            checks.push(unknown);
            continue;
        }
        let (check, answered) = answer(snapshot, provider);
        checks.push(check);
        // One clock in the world is enough, but not one in this room.
        if answered && clock.is_none() && !provider.base_url.is_local() {
            clock = skew(provider);
        }
    }
    if !providers.iter().any(|provider| provider.usable().is_ok()) {
        let check = Check::fail("providers", "no provider can be used, so only the demo answers");
        checks.push(check.fix("interlingua providers add <vendor>"));
    }
    checks.push(clock.unwrap_or_else(|| Check::skip("clock", "no provider told the time")));
    checks
}

fn id(provider: &Provider, what: &str) -> String {
    format!("provider.{}.{what}", provider.id)
}

fn key(provider: &Provider) -> Check {
    let id = id(provider, "key");
    match provider.usable() {
        Ok(()) if provider.key_state == KeyState::OfClient => Check::ok(id, "the caller's own"),
        Ok(()) if provider.keys.is_empty() => Check::ok(id, "none needed"),
        Ok(()) => {
            let names: Vec<_> = provider.keys.iter().map(|key| key.name.as_str()).collect();
            Check::ok(id, names.join(", "))
        }
        // The gateway may run where the key is.
        Err(why) => Check::warn(id, why.to_string()).fix(match &provider.console {
            Some(console) => format!("set it where the gateway runs; keys are made at {console}"),
            None => "set it where the gateway runs".to_owned(),
        }),
    }
}

/// Whether the host has an address; nothing if it has, or if a proxy is to find out.
fn name(provider: &Provider) -> Option<Check> {
    let url = provider.base_url.as_url();
    let Some(Host::Domain(host)) = url.host() else { return None };
    let proxied = match &provider.proxy {
        Proxy::Url(_) => true,
        Proxy::Environment => super::machine::proxy_variables().next().is_some(),
        Proxy::Direct => false,
    };
    if proxied {
        return None;
    }
    let place = (host.to_owned(), url.port_or_known_default().unwrap_or(443));
    let (sender, receiver) = mpsc::channel();
    // The system's lookup cannot be told to hurry.
    thread::spawn(move || drop(sender.send(place.to_socket_addrs().map(Iterator::count))));
    let why = match receiver.recv_timeout(LOOKUP) {
        Ok(Ok(1..)) => return None,
        Ok(Ok(_)) => "it has no address".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("nothing within {} s", LOOKUP.as_secs()),
    };
    let check = Check::fail(id(provider, "dns"), format!("{host} is not found: {why}"));
    Some(check.fix(format!("interlingua providers edit {} --set base_url=…", provider.id)))
}

/// What the provider says when it is asked for its models, and whether it said anything.
fn answer(snapshot: &Snapshot, provider: &Provider) -> (Check, bool) {
    let id = id(provider, "answer");
    let Ok(attempt) = ask(snapshot, provider) else {
        return (Check::fail(id, "this machine cannot ask"), false);
    };
    let test = format!("interlingua providers test {}", provider.id);
    match &attempt.outcome {
        Ok(models) => {
            let took = attempt.took.as_millis();
            (Check::ok(id, format!("{} in {took} ms", count(models.len(), "model"))), true)
        }
        Err(fault) => {
            let check = match fault.class {
                // A key that is not there has been told.
                Class::Auth if provider.keys.is_empty() => {
                    Check::ok(id, "it is there, and wants a key")
                }
                _ if no_list(fault) => Check::warn(id, what(fault, &attempt)),
                _ => Check::fail(id, what(fault, &attempt)),
            };
            (check.fix(test), fault.status.is_some())
        }
    }
}

/// Some servers have no list of models and work all the same.
fn no_list(fault: &Fault) -> bool {
    matches!(fault.status, Some(404 | 405))
}

fn what(fault: &Fault, attempt: &Attempt) -> String {
    format!("{}: {fault}", attempt.url())
}

/// How far our clock is from the provider's.
fn skew(provider: &Provider) -> Option<Check> {
    let theirs = date(provider)?;
    let ours = SystemTime::now();
    let apart = ours.duration_since(theirs).or_else(|_| theirs.duration_since(ours)).ok()?;
    Some(clock(apart, provider.base_url.as_url().host_str().unwrap_or_default()))
}

fn clock(apart: Duration, host: &str) -> Check {
    let evidence = format!("{} s apart from {host}", apart.as_secs());
    let check = match apart {
        apart if apart > SKEW_FAIL => Check::fail("clock", evidence),
        apart if apart > SKEW_WARN => Check::warn("clock", evidence),
        _ => Check::ok("clock", evidence),
    };
    check.fix("let the system set its clock by NTP")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn clocks_may_differ_a_little() {
        let state = |seconds| clock(Duration::from_secs(seconds), "x.test").state;
        assert_eq!([1, 121, 3601].map(state), [State::Ok, State::Warn, State::Fail]);
    }
}
