//! A server that dies, hangs and comes back while it is used.

use std::time::{Duration, Instant};

use interlingua_reasoning::StoreError;
use interlingua_store::{Settings, Stores, WAIT};
use rustix::process::Signal;

use crate::support::*;

/// Nothing takes longer than the deadline; the machine may be busy for that long besides.
const SLACK: Duration = Duration::from_millis(700);

#[track_caller]
fn soon(begun: Instant) {
    let waited = begun.elapsed();
    assert!(waited < WAIT + SLACK, "waited {waited:?}");
}

async fn well(stores: &Stores) {
    until("the store is well", async || stores.thoughts.stats().degraded.is_none()).await;
}

/// Uses a store whose server is away, one time after another.
async fn goes_on(stores: &Stores) {
    let before = stores.thoughts.stats().losses;
    for nth in 0..30 {
        let name = format!("away {nth}");
        let begun = Instant::now();
        let lost = stores.thoughts.put(key(&name), entry("A")).await;
        assert!(matches!(lost, Err(StoreError::Away | StoreError::Failed(_))), "{lost:?}");
        soon(begun);
        let begun = Instant::now();
        assert_eq!(get(&stores.thoughts, &name).await.as_deref(), Some("A"), "from memory");
        soon(begun);
        // Longer than until the next probe, all in all.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let stats = stores.thoughts.stats();
    assert_eq!(stats.losses - before, 30);
    assert!(stats.degraded.is_some());
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_is_used_again() {
    let Some(server) = Server::start() else { return };
    let port = server.port;
    let place = Somewhere::Server(server);
    let stores = place.open(&Settings::default()).await;
    let other = place.open(&Settings::default()).await;
    well(&stores).await;
    put(&stores.thoughts, "before", "B").await;

    let Somewhere::Server(server) = &place else { unreachable!("it is a server") };
    server.signal(Signal::KILL);
    goes_on(&stores).await;

    drop(place);
    let _server = Server::start_at(port).unwrap();
    well(&stores).await;
    well(&other).await;
    put(&stores.thoughts, "after", "A").await;
    assert_eq!(get(&other.thoughts, "after").await.as_deref(), Some("A"));
    // The server has lost everything; who still knows it tells it again as soon as it is used.
    assert_eq!(get(&stores.thoughts, "before").await.as_deref(), Some("B"));
    until("the other one finds it", async || {
        get(&other.thoughts, "before").await.as_deref() == Some("B")
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_is_left_alone_until_it_answers() {
    let Some(server) = Server::start() else { return };
    let place = Somewhere::Server(server);
    let stores = place.open(&Settings::default()).await;
    well(&stores).await;
    put(&stores.thoughts, "before", "B").await;

    let Somewhere::Server(server) = &place else { unreachable!("it is a server") };
    server.signal(Signal::STOP);
    goes_on(&stores).await;
    let begun = Instant::now();
    assert_eq!(get(&stores.thoughts, "before").await.as_deref(), Some("B"));
    soon(begun);

    server.signal(Signal::CONT);
    well(&stores).await;
    put(&stores.thoughts, "after", "A").await;
    let fresh = place.open(&Settings::default()).await;
    assert_eq!(get(&fresh.thoughts, "before").await.as_deref(), Some("B"));
    assert_eq!(get(&fresh.thoughts, "after").await.as_deref(), Some("A"));
}

#[tokio::test]
async fn a_server_that_is_not_there_at_first_is_used_when_it_comes() {
    let Some(server) = Server::start() else { return };
    let (port, place) = (server.port, server.place());
    drop(server);
    let settings = Settings { place, ..Settings::default() };
    let begun = Instant::now();
    let stores = interlingua_store::open(&settings, std::path::Path::new("/")).await.unwrap();
    soon(begun);
    goes_on(&stores).await;
    let _server = Server::start_at(port).unwrap();
    well(&stores).await;
    put(&stores.thoughts, "a", "A").await;
}

#[tokio::test]
async fn two_gateways_that_could_not_tell_each_other_find_out_later() {
    let Some(server) = Server::start() else { return };
    let port = server.port;
    let place = Somewhere::Server(server);
    let one = place.open(&Settings::default()).await;
    let two = place.open(&Settings::default()).await;
    well(&one).await;
    well(&two).await;
    drop(place);
    // Each keeps another thought under the same key, and neither can tell.
    drop(one.thoughts.put(key("a"), entry("A")).await);
    drop(two.thoughts.put(key("a"), entry("B")).await);
    let _server = Server::start_at(port).unwrap();
    well(&one).await;
    well(&two).await;
    // Whoever is asked first tells the server what it knows, and the other one finds something else.
    assert_eq!(get(&one.thoughts, "a").await.as_deref(), Some("A"));
    until("the second one knows", async || get(&two.thoughts, "a").await.is_none()).await;
    until("the first one knows", async || get(&one.thoughts, "a").await.is_none()).await;
}
