//! What each store has to do, wherever it keeps entries. Two handles stand for two gateways.

use std::sync::Arc;
use std::time::Duration;

use interlingua_reasoning::{Store, StoreError};
use interlingua_store::{Bounds, Settings, Stores};

use crate::support::*;

/// Runs a check in each place.
async fn everywhere(settings: Settings, check: impl AsyncFn(Stores, Stores)) {
    for place in Somewhere::all() {
        eprintln!("in {place:?}");
        let (one, two) = place.twice(&settings).await;
        check(one, two).await;
    }
}

fn small(bounds: Bounds) -> Settings {
    Settings { thoughts: bounds, ..Settings::default() }
}

#[tokio::test]
async fn what_was_put_is_found_in_the_order_of_its_keys() {
    everywhere(Settings::default(), async |one, two| {
        put(&one.thoughts, "a", "A").await;
        put(&one.thoughts, "b", "").await;
        let large = "x".repeat(2 << 20);
        put(&one.thoughts, "c", &large).await;
        let keys = ["c", "missing", "a", "b", "a"].map(key);
        for store in [&one.thoughts, &two.thoughts, &two.thoughts] {
            let found = store.get(&keys).await.unwrap();
            let found: Vec<_> = found.iter().map(|it| it.as_deref()).collect();
            let (a, b): (&[u8], &[u8]) = (b"A", b"");
            assert_eq!(found, [Some(large.as_bytes()), None, Some(a), Some(b), Some(a)]);
        }
        assert!(one.thoughts.get(&[]).await.unwrap().is_empty());
        let stats = two.thoughts.stats();
        assert!(stats.hits >= 8 && stats.misses >= 2, "{stats:?}");
        assert!(stats.entries >= 3 && stats.bytes >= 2 << 20, "{stats:?}");
        assert_eq!((stats.losses, stats.degraded), (0, None));
    })
    .await;
}

#[tokio::test]
async fn thoughts_and_responses_are_kept_apart() {
    everywhere(Settings::default(), async |one, two| {
        put(&one.thoughts, "a", "thought").await;
        assert_eq!(get(&two.responses, "a").await, None);
        put(&two.responses, "a", "response").await;
        assert_eq!(get(&one.responses, "a").await.as_deref(), Some("response"));
        assert_eq!(get(&two.thoughts, "a").await.as_deref(), Some("thought"));
    })
    .await;
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_another_one_spoils_both() {
    everywhere(Settings::default(), async |one, two| {
        put(&one.thoughts, "a", "A").await;
        put(&two.thoughts, "a", "A").await;
        assert_eq!(get(&one.thoughts, "a").await.as_deref(), Some("A"));
        put(&two.thoughts, "a", "B").await;
        // The first gateway has a copy, and must not use it.
        assert_eq!(get(&one.thoughts, "a").await, None);
        assert_eq!(get(&two.thoughts, "a").await, None);
        put(&one.thoughts, "a", "A").await;
        put(&two.thoughts, "a", "B").await;
        assert_eq!(get(&one.thoughts, "a").await, None);
        assert_eq!(get(&two.thoughts, "a").await, None);
    })
    .await;
}

#[tokio::test]
async fn what_was_removed_is_gone_for_all() {
    everywhere(Settings::default(), async |one, two| {
        put(&one.responses, "a", "A").await;
        assert_eq!(get(&two.responses, "a").await.as_deref(), Some("A"));
        assert!(!one.responses.remove(key("missing")).await.unwrap());
        assert!(two.responses.remove(key("a")).await.unwrap());
        assert_eq!(get(&one.responses, "a").await, None);
        assert_eq!(get(&two.responses, "a").await, None);
        assert!(!one.responses.remove(key("a")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn who_is_used_stays_and_who_is_not_goes() {
    let age = Duration::from_millis(2400);
    let bounds = Bounds { age, ..Settings::default().thoughts };
    everywhere(small(bounds), async |one, two| {
        let wait = async || tokio::time::sleep(age * 6 / 10).await;
        put(&one.thoughts, "used", "U").await;
        put(&one.thoughts, "not", "N").await;
        for _ in 0..3 {
            wait().await;
            assert_eq!(get(&two.thoughts, "used").await.as_deref(), Some("U"));
        }
        assert_eq!(get(&two.thoughts, "not").await, None);
        assert_eq!(get(&one.thoughts, "not").await, None);
        // What is too old spoils nothing.
        put(&two.thoughts, "not", "other").await;
        assert_eq!(get(&two.thoughts, "not").await.as_deref(), Some("other"));
    })
    .await;
}

#[tokio::test]
async fn what_was_not_used_for_the_longest_time_makes_room() {
    let bounds = Bounds { entries: 24, ..Settings::default().thoughts };
    bounded(bounds, 1).await;
    let bounds = Bounds { bytes: 24 * (1000 + Bounds::OVERHEAD), ..Settings::default().thoughts };
    bounded(bounds, 1000).await;
}

/// Fills a store that takes 24 entries of that size.
async fn bounded(bounds: Bounds, size: usize) {
    // How much a server keeps is its own affair.
    for place in [Somewhere::Memory, Somewhere::file()] {
        let (one, two) = place.twice(&small(bounds)).await;
        let text = "x".repeat(size);
        for nth in 0..40 {
            put(&one.thoughts, &nth.to_string(), &text).await;
            // A millisecond is what a file tells ages by.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for nth in 0..40 {
            let found = get(&two.thoughts, &nth.to_string()).await;
            assert_eq!(found.is_some(), nth >= 16, "{nth} in {place:?}");
        }
        let stats = two.thoughts.stats();
        assert!(stats.bytes <= bounds.bytes as u64 && stats.entries <= 24, "{stats:?}");
    }
}

#[tokio::test]
async fn what_is_larger_than_all_that_is_kept_is_refused() {
    let bounds = Bounds { bytes: 4096, ..Settings::default().thoughts };
    everywhere(small(bounds), async |one, _| {
        let put = one.thoughts.put(key("a"), entry(&"x".repeat(4096))).await;
        assert_eq!(put, Err(StoreError::TooLarge));
        assert_eq!(get(&one.thoughts, "a").await, None);
        assert_eq!(one.thoughts.stats().degraded, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_that_are_put_at_once_neither_is_found() {
    everywhere(Settings::default(), async |one, two| {
        let tasks = (0..120).map(|nth| {
            let (one, two) = (Arc::clone(&one.thoughts), Arc::clone(&two.thoughts));
            tokio::spawn(async move {
                let name = nth.to_string();
                let other = if nth % 2 == 0 { "A" } else { "B" };
                tokio::join!(put(&one, &name, "A"), put(&two, &name, other));
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let keys: Vec<_> = (0..120).map(|nth| key(&nth.to_string())).collect();
        for store in [&one.thoughts, &two.thoughts] {
            let found = store.get(&keys).await.unwrap();
            for (nth, found) in found.iter().enumerate() {
                assert_eq!(found.is_some(), nth % 2 == 0, "{nth}");
            }
        }
    })
    .await;
}

#[test]
fn a_password_is_not_printed() {
    let address = interlingua_store::Address::new("redis://:canary@h", "redis://h");
    let settings =
        Settings { place: interlingua_store::Place::Redis(address), ..Settings::default() };
    let shown = format!("{settings:?}");
    assert!(shown.contains("redis://h") && !shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn a_store_shows_no_password_and_no_entry() {
    for place in Somewhere::all() {
        let stores = place.open(&Settings::default()).await;
        put(&stores.thoughts, "a", "secret").await;
        let store: &dyn Store = &*stores.thoughts;
        assert!(!format!("{store:?} {stores:?}").contains(PASSWORD));
    }
}
