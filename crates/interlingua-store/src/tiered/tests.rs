//! Deadlines and probes, in a time that only passes when everybody waits.

use std::future::{pending, ready};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use interlingua_reasoning::Mark;
use tokio::time::{Instant, sleep};

use super::*;
use crate::back::Back;
use crate::{PROBE_EVERY, Settings, WAIT};

/// How a back end behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mood {
    Well,
    Hangs,
    Fails,
}

/// A back end with moods.
#[derive(Debug)]
struct Moody {
    mood: Mutex<Mood>,
    kept: Memory,
    asked: AtomicUsize,
    probes: AtomicUsize,
    probing: AtomicUsize,
}

#[derive(Clone, Debug)]
struct Shared(Arc<Moody>);

impl Shared {
    fn answer<T: Send + 'static>(&self, well: impl FnOnce(&Memory) -> T) -> Pending<'static, T> {
        self.0.asked.fetch_add(1, Relaxed);
        match *self.0.mood.lock().unwrap() {
            Mood::Well => Box::pin(ready(Ok(well(&self.0.kept)))),
            Mood::Hangs => Box::pin(pending()),
            Mood::Fails => Box::pin(ready(Err(StoreError::Failed("on purpose".to_owned())))),
        }
    }

    fn mood(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Relaxed)
    }

    fn probes(&self) -> usize {
        self.0.probes.load(Relaxed)
    }
}

impl Back for Shared {
    fn name(&self) -> String {
        "moody".to_owned()
    }

    fn look(&self, _: Space, asked: Vec<Asked>) -> Pending<'static, Vec<Seen>> {
        self.answer(|kept| {
            let keys: Vec<_> = asked.iter().map(|it| it.key).collect();
            let found = kept.look(&keys).into_iter().zip(asked);
            let seen = found.map(|(there, asked)| match there {
                None => Seen::Nothing,
                Some(entry) if Some(entry.mark) == asked.known => Seen::Known,
                Some(entry) if entry.mark == Mark::SPOILT => Seen::Spoilt,
                Some(_) if asked.known.is_some() => Seen::Other,
                Some(entry) => Seen::Entry(entry),
            });
            seen.collect()
        })
    }

    fn put(&self, _: Space, key: Key, entry: Entry) -> Pending<'static, Kept> {
        self.answer(|kept| kept.put(key, entry))
    }

    fn remove(&self, _: Space, key: Key) -> Pending<'static, bool> {
        self.answer(|kept| kept.remove(key))
    }

    fn reach(&self) -> Pending<'static, ()> {
        Box::pin(ready(Ok(())))
    }

    fn probe(&self) -> Pending<'static, ()> {
        let this = self.clone();
        Box::pin(async move {
            this.0.probes.fetch_add(1, Relaxed);
            assert_eq!(this.0.probing.fetch_add(1, Relaxed), 0, "two probe at once");
            let _probing = Probing(this.clone());
            // It takes a while even when it succeeds.
            sleep(Duration::from_millis(5)).await;
            this.answer(|_| ()).await
        })
    }

    fn let_go(&self) {}

    fn size(&self, _: Space) -> Option<(u64, u64)> {
        None
    }
}

/// Ends with a probe, also with one that is given up.
struct Probing(Shared);

impl Drop for Probing {
    fn drop(&mut self) {
        self.0.0.probing.fetch_sub(1, Relaxed);
    }
}

async fn moody() -> (Shared, Tiered) {
    let bounds = Settings::default().thoughts;
    let back = Shared(Arc::new(Moody {
        mood: Mutex::new(Mood::Well),
        kept: Memory::new(bounds),
        asked: AtomicUsize::new(0),
        probes: AtomicUsize::new(0),
        probing: AtomicUsize::new(0),
    }));
    let guard = Guard::new(Box::new(back.clone()), WAIT);
    guard.begin().await;
    (back, Tiered::new(Space::Thoughts, bounds, guard))
}

fn entry(text: &'static str) -> Entry {
    Entry { mark: Mark::of(text.as_bytes()), bytes: Bytes::from_static(text.as_bytes()) }
}

fn key(nth: u8) -> Key {
    Key::new([nth; 32])
}

/// What is found under a key, and how long that took.
async fn get(store: &Tiered, nth: u8) -> (Option<Bytes>, Duration) {
    let begun = Instant::now();
    let found = store.get(&[key(nth)]).await.unwrap().remove(0);
    (found, begun.elapsed())
}

/// What became of an entry, and how long that took.
async fn put(store: &Tiered, nth: u8, text: &'static str) -> (Result<(), StoreError>, Duration) {
    let begun = Instant::now();
    (store.put(key(nth), entry(text)).await, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_the_deadline_and_the_next_does_not_begin() {
    let (back, store) = moody().await;
    assert_eq!(put(&store, 1, "A").await, (Ok(()), Duration::ZERO));
    back.mood(Mood::Hangs);
    assert_eq!(get(&store, 1).await, (Some("A".into()), WAIT), "from the copy");
    let asked = back.asked();
    assert_eq!(get(&store, 1).await, (Some("A".into()), Duration::ZERO));
    assert_eq!(get(&store, 2).await, (None, Duration::ZERO));
    assert_eq!(put(&store, 3, "C").await, (Err(StoreError::Away), Duration::ZERO));
    assert_eq!(store.remove(key(1)).await, Err(StoreError::Away));
    assert_eq!(back.asked(), asked, "it is left alone");
    sleep(Duration::from_millis(10)).await;
    let stats = store.stats();
    assert_eq!((stats.losses, stats.degraded), (1, Some(Duration::from_millis(10))));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_ends_at_the_deadline_too() {
    let (back, store) = moody().await;
    back.mood(Mood::Hangs);
    assert_eq!(put(&store, 1, "A").await, (Err(StoreError::Away), WAIT));
    assert_eq!(get(&store, 1).await, (Some("A".into()), Duration::ZERO));
    assert_eq!(store.stats().losses, 1);
}

#[tokio::test(start_paused = true)]
async fn one_task_probes_once_a_second_whoever_asks() {
    for mood in [Mood::Hangs, Mood::Fails] {
        let (back, store) = moody().await;
        let before = back.probes();
        back.mood(mood);
        let asking = (0..40u8).map(|lane| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut most, begun) = (Duration::ZERO, Instant::now());
                while begun.elapsed() < Duration::from_secs(10) {
                    most = most.max(get(&store, lane).await.1);
                    most = most.max(put(&store, lane, "A").await.1);
                    sleep(Duration::from_millis(30)).await;
                }
                most
            })
        });
        for lane in asking.collect::<Vec<_>>() {
            assert!(lane.await.unwrap() <= WAIT);
        }
        let probes = back.probes() - before;
        assert!((9..=10).contains(&probes), "{probes}");
        back.mood(Mood::Well);
        sleep(PROBE_EVERY + WAIT).await;
        assert_eq!(store.stats().degraded, None);
        assert_eq!(put(&store, 99, "Z").await, (Ok(()), Duration::ZERO));
        let probes = back.probes();
        sleep(PROBE_EVERY * 5).await;
        assert_eq!(back.probes(), probes, "what is well is not probed");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_probes_for_a_store_that_is_gone() {
    let (back, store) = moody().await;
    back.mood(Mood::Fails);
    get(&store, 1).await;
    drop(store);
    let probes = back.probes();
    sleep(PROBE_EVERY * 5).await;
    assert_eq!(back.probes(), probes);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_made_up_for_when_it_is_used() {
    let (back, store) = moody().await;
    back.mood(Mood::Fails);
    assert!(put(&store, 1, "A").await.0.is_err());
    back.mood(Mood::Well);
    sleep(PROBE_EVERY * 2).await;
    assert_eq!(back.0.kept.look(&[key(1)]), [None]);
    assert_eq!(get(&store, 1).await.0, Some("A".into()));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(back.0.kept.look(&[key(1)]), [Some(entry("A"))]);
}

#[tokio::test(start_paused = true)]
async fn a_copy_does_not_outvote_the_back_end() {
    let (back, store) = moody().await;
    for (nth, text) in [(1, "A"), (2, "B"), (3, "C")] {
        put(&store, nth, text).await.0.unwrap();
    }
    // What other gateways do.
    back.0.kept.put(key(1), entry("other"));
    back.0.kept.remove(key(2));
    back.0.kept.set(key(3), entry("other"));
    for nth in [1, 2, 3] {
        assert_eq!(get(&store, nth).await.0, None, "{nth}");
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(back.0.kept.look(&[key(3)]), [Some(spoilt())], "the others are told");
    back.mood(Mood::Fails);
    for nth in [1, 2, 3] {
        assert_eq!(get(&store, nth).await.0, None, "{nth}: it is remembered");
    }
}

#[tokio::test(start_paused = true)]
async fn the_copy_is_smaller_than_what_is_kept() {
    let (back, store) = moody().await;
    let size = Settings::default().thoughts.bytes / 16;
    for nth in 0..5u8 {
        let bytes = Bytes::from(vec![nth; size]);
        let entry = Entry { mark: Mark::of(&[nth]), bytes };
        store.put(key(nth), entry).await.unwrap();
    }
    assert_eq!(store.0.copy.size().0, 1);
    assert_eq!(get(&store, 0).await.0.map(|it| it.len()), Some(size));
    back.mood(Mood::Fails);
    assert_eq!(get(&store, 1).await.0, None);
}
