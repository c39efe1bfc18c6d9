//! What is said without looking into the file, and when it has to be looked into.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use interlingua_reasoning::Mark;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::sleep;

use super::users::Standing;
use super::*;
use crate::Settings;
use crate::back::spoilt;

const HERE: Space = Space::Thoughts;

fn key(name: &str) -> Key {
    Key::named("t", name)
}

fn entry(text: &str) -> Entry {
    Entry { mark: Mark::of(text.as_bytes()), bytes: text.to_owned().into() }
}

fn bounds() -> Bounds {
    Settings::default().thoughts
}

/// As a gateway opens it. Another one may be in the same process: locks do not know the difference.
async fn gateway_with(folder: &TempDir, bounds: Bounds) -> Sqlite {
    let sqlite = Sqlite::new(&folder.path().join("a.db"), [bounds; 2]).unwrap();
    sqlite.reach().await.unwrap();
    sqlite
}

async fn gateway(folder: &TempDir) -> Sqlite {
    gateway_with(folder, bounds()).await
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} never happens");
        sleep(Duration::from_millis(10)).await;
    }
}

impl Sqlite {
    fn asked(&self) -> usize {
        self.readers.asked.load(Relaxed)
    }

    async fn see(&self, name: &str, known: Option<&str>) -> Seen {
        let known = known.map(|it| entry(it).mark);
        self.look(HERE, vec![Asked { key: key(name), known }]).await.unwrap().remove(0)
    }

    async fn keep(&self, name: &str, text: &str) -> Kept {
        self.put(HERE, key(name), entry(text)).await.unwrap()
    }

    /// Whether the file is not looked into for what is not there.
    fn knows(&self) -> bool {
        let asked = [Asked { key: key("never put"), known: None }];
        let said = self.file.rows().look(self.file.generation(), HERE, 0, &asked);
        said == [Some(Seen::Nothing)]
    }

    /// What is seen, and how many keys the file was asked for.
    async fn count(&self, name: &str, known: Option<&str>) -> (Seen, usize) {
        let before = self.asked();
        (self.see(name, known).await, self.asked() - before)
    }
}

#[tokio::test]
async fn who_is_alone_asks_the_file_for_what_he_does_not_know_only() {
    let folder = tempfile::tempdir().unwrap();
    let before = gateway(&folder).await;
    before.keep("old", "O").await;
    drop(before);
    let one = gateway(&folder).await;
    until("it knows", || one.knows()).await;
    assert_eq!(one.count("a", None).await, (Seen::Nothing, 0));
    assert_eq!(one.count("a", Some("A")).await, (Seen::Nothing, 0));
    one.keep("a", "A").await;
    assert_eq!(one.count("a", Some("A")).await, (Seen::Known, 0));
    assert_eq!(one.count("a", None).await, (Seen::Entry(entry("A")), 1));
    // What is remembered from before may have changed.
    assert_eq!(one.count("old", Some("O")).await, (Seen::Known, 1));
    assert_eq!(one.count("old", Some("O")).await, (Seen::Known, 0));
    assert_eq!(one.count("old", Some("other")).await, (Seen::Other, 1));

    let before = one.asked();
    let keys = ["b", "a", "old", "c"].map(|it| Asked { key: key(it), known: None });
    let seen = one.look(HERE, keys.to_vec()).await.unwrap();
    let found = ["A", "O"].map(|it| Seen::Entry(entry(it)));
    let [a, old] = found;
    assert_eq!(seen, [Seen::Nothing, a, old, Seen::Nothing]);
    assert_eq!(one.asked() - before, 2);

    assert_eq!(one.keep("a", "B").await, Kept::Spoilt);
    assert_eq!(one.see("a", Some("A")).await, Seen::Spoilt);
    assert!(one.remove(HERE, key("old")).await.unwrap());
    assert_eq!(one.see("old", Some("O")).await, Seen::Spoilt);
    let gone = Asked { key: key("old"), known: Some(spoilt().mark) };
    assert_eq!(one.look(HERE, vec![gone]).await.unwrap(), [Seen::Known]);
}

#[tokio::test]
async fn two_see_at_once_what_the_other_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let one = gateway(&folder).await;
    until("it knows", || one.knows()).await;
    one.keep("mine", "M").await;
    assert_eq!(one.count("a", None).await, (Seen::Nothing, 0));
    assert_eq!(one.count("mine", Some("M")).await, (Seen::Known, 0));

    let two = gateway(&folder).await;
    assert!(!one.knows() && !two.knows());
    two.keep("a", "A").await;
    assert_eq!(one.count("a", None).await, (Seen::Entry(entry("A")), 1));
    two.keep("mine", "other").await;
    assert_eq!(one.count("mine", Some("M")).await, (Seen::Spoilt, 1));
    one.keep("b", "B").await;
    assert_eq!(two.see("b", None).await, Seen::Entry(entry("B")));

    let three = gateway(&folder).await;
    three.keep("c", "C").await;
    for other in [&one, &two] {
        assert_eq!(other.count("c", None).await, (Seen::Entry(entry("C")), 1));
    }
}

#[tokio::test]
async fn who_is_left_knows_again_but_not_what_he_knew_before() {
    let folder = tempfile::tempdir().unwrap();
    let one = gateway(&folder).await;
    until("it knows", || one.knows()).await;
    one.keep("a", "A").await;
    one.keep("b", "B").await;
    assert_eq!(one.count("a", Some("A")).await, (Seen::Known, 0));
    let two = gateway(&folder).await;
    assert!(two.remove(HERE, key("a")).await.unwrap());
    two.keep("c", "C").await;
    drop(two);
    until("it knows again", || one.knows()).await;
    assert_eq!(one.count("a", Some("A")).await, (Seen::Spoilt, 1));
    assert_eq!(one.count("b", Some("B")).await, (Seen::Known, 1));
    assert_eq!(one.count("b", Some("B")).await, (Seen::Known, 0));
    assert_eq!(one.count("c", None).await, (Seen::Entry(entry("C")), 1));
}

#[tokio::test]
async fn of_two_that_come_at_once_neither_is_alone() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = tokio::join!(gateway(&folder), gateway(&folder));
        assert_eq!(one.file.users().standing(), Standing::Among);
        assert_eq!(two.file.users().standing(), Standing::Among);
        one.keep("a", "A").await;
        assert_eq!(two.see("a", None).await, Seen::Entry(entry("A")));
    }
}

#[tokio::test]
async fn nothing_is_known_of_a_file_that_replaces_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let one = gateway(&folder).await;
    until("it knows", || one.knows()).await;
    for nth in 0..50 {
        one.keep(&nth.to_string(), &"x".repeat(2000)).await;
    }
    let text = "x".repeat(2000);
    assert_eq!(one.count("0", Some(&text)).await, (Seen::Known, 0));
    let path = folder.path().join("a.db");
    let other = Connection::open(&path).unwrap();
    let query = "PRAGMA wal_checkpoint(TRUNCATE)";
    until("the log is copied", || {
        other.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() == 0
    })
    .await;
    drop(other);
    let mut pages = fs::read(&path).unwrap();
    pages[4096..].fill(0x5a);
    fs::write(&path, pages).unwrap();
    let before = one.file.generation();
    until("the damage is met", || {
        drop(one.write(Op::Put { space: HERE, key: key("new"), entry: entry("N") }));
        one.file.generation() > before
    })
    .await;
    assert_eq!(one.see("0", Some(&text)).await, Seen::Nothing);
    until("it knows the new one", || one.knows()).await;
    assert_eq!(one.count("0", Some(&text)).await, (Seen::Nothing, 0));
    one.keep("0", &text).await;
    assert_eq!(one.count("0", Some(&text)).await, (Seen::Known, 0));
}

#[tokio::test]
async fn what_has_made_room_is_not_taken_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let one = gateway_with(&folder, Bounds { entries: 2, ..bounds() }).await;
    until("it knows", || one.knows()).await;
    for name in ["a", "b", "c"] {
        one.keep(name, name).await;
        sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(one.count("a", Some("a")).await, (Seen::Nothing, 0));
    assert_eq!(one.count("c", Some("c")).await, (Seen::Known, 0));
    assert_eq!(one.size(HERE).map(|it| it.0), Some(2));
}

#[tokio::test]
async fn that_something_is_used_is_written_down_by_who_is_alone_too() {
    let folder = tempfile::tempdir().unwrap();
    let age = Duration::from_secs(6);
    let one = gateway_with(&folder, Bounds { age, ..bounds() }).await;
    until("it knows", || one.knows()).await;
    one.keep("a", "A").await;
    let database = Connection::open(folder.path().join("a.db")).unwrap();
    let used = || {
        let query = "SELECT used FROM entry";
        database.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let put = used();
    sleep(age / 30).await;
    assert_eq!(one.count("a", Some("A")).await, (Seen::Known, 1));
    until("it is written down", || used() > put).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_and_goes_nobody_misses_what_was_kept() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let lanes = (0..3u64).map(|lane| {
        let (folder, kept) = (Arc::clone(&folder), Arc::clone(&kept));
        tokio::spawn(async move {
            for visit in 0..4 {
                let gateway = gateway(&folder).await;
                let is_alone = || gateway.file.users().standing() == Standing::Alone;
                until("it knows", || gateway.knows() || !is_alone()).await;
                for nth in 0..20 + 20 * lane {
                    let name = format!("{lane} {visit} {nth}");
                    assert_eq!(gateway.see(&name, None).await, Seen::Nothing);
                    gateway.keep(&name, &name).await;
                    kept.lock().unwrap().push(name);
                    let last: Vec<_> = kept.lock().unwrap().iter().rev().take(3).cloned().collect();
                    for name in last {
                        assert_eq!(gateway.see(&name, None).await, Seen::Entry(entry(&name)));
                    }
                    sleep(Duration::from_millis(7)).await;
                }
                drop(gateway);
                sleep(Duration::from_millis(100 + 300 * lane)).await;
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
}

#[tokio::test]
async fn who_comes_close_behind_another_one_waits_for_company() {
    const OTHERS: u32 = 10;

    let folder = TempDir::new().unwrap();
    let sqlite = gateway(&folder).await;
    assert_eq!(sqlite.keep("first", "a").await, Kept::Kept);
    let begun = Instant::now();
    for nth in 0..OTHERS {
        assert_eq!(sqlite.keep(&format!("other {nth}"), "a").await, Kept::Kept);
    }
    // The first of them may find that the pause is over.
    assert!(begun.elapsed() >= writer::APART * (OTHERS - 1), "{:?}", begun.elapsed());
}
