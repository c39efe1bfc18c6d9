//! The file: whose it is, what becomes of it when it is damaged, and who else may hold it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use interlingua_reasoning::StoreError;
use interlingua_store::{DATABASE, Settings, Stores, open};
use rusqlite::Connection;

use crate::support::*;

fn patient() -> Settings {
    Settings { wait: Duration::from_secs(20), ..Settings::default() }
}

async fn stores(folder: &Path) -> Stores {
    open(&patient(), folder).await.unwrap()
}

/// The files that were moved aside, without those beside them.
fn asides(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
    let names = names.map(|it| it.to_string_lossy().into_owned());
    names
        .filter(|it| it.contains("corrupt") && !it.ends_with("-wal") && !it.ends_with("-shm"))
        .collect()
}

#[tokio::test]
async fn entries_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    put(&stores(folder.path()).await.thoughts, "a", "A").await;
    let again = stores(folder.path()).await;
    assert_eq!(again.thoughts.stats().entries, 1);
    assert_eq!(get(&again.thoughts, "a").await.as_deref(), Some("A"));
}

#[tokio::test]
async fn who_was_alone_finds_what_the_next_one_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let first = stores(folder.path()).await;
    put(&first.thoughts, "spoilt", "S").await;
    // Longer than it takes to know that one is alone, and what is there.
    for _ in 0..10 {
        assert_eq!(get(&first.thoughts, "a").await, None);
        assert_eq!(get(&first.thoughts, "spoilt").await.as_deref(), Some("S"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let second = stores(folder.path()).await;
    put(&second.thoughts, "a", "A").await;
    put(&second.thoughts, "spoilt", "other").await;
    assert_eq!(get(&first.thoughts, "a").await.as_deref(), Some("A"));
    assert_eq!(get(&first.thoughts, "spoilt").await, None);
    drop(first);
    let third = stores(folder.path()).await;
    put(&third.thoughts, "b", "B").await;
    assert_eq!(get(&second.thoughts, "b").await.as_deref(), Some("B"));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("made");
    let stores = stores(&state).await;
    put(&stores.thoughts, "a", "A").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for name in ["", "-wal", "-shm", "-users", "-alone", ".lock"] {
        assert_eq!(mode(&state.join(format!("{DATABASE}{name}"))), 0o600, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(DATABASE), "garbage ".repeat(1000)).unwrap();
    let stores = stores(folder.path()).await;
    put(&stores.thoughts, "a", "A").await;
    assert_eq!(get(&stores.thoughts, "a").await.as_deref(), Some("A"));
    let asides = asides(folder.path());
    assert_eq!(asides.len(), 1, "{asides:?}");
    assert!(fs::read_to_string(folder.path().join(&asides[0])).unwrap().starts_with("garbage"));
}

#[tokio::test]
async fn a_database_of_somebody_else_stays_where_it_is() {
    for statement in ["CREATE TABLE theirs (a)", "PRAGMA user_version = 99"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DATABASE);
        Connection::open(&path).unwrap().execute_batch(statement).unwrap();
        let before = fs::read(&path).unwrap();
        let stores = stores(folder.path()).await;
        let lost = stores.thoughts.put(key("a"), entry("A")).await;
        assert_eq!(lost, Err(StoreError::Away));
        assert_eq!(get(&stores.thoughts, "a").await.as_deref(), Some("A"), "from memory");
        let stats = stores.thoughts.stats();
        assert!(stats.degraded.is_some() && stats.losses == 1, "{stats:?}");
        assert!(asides(folder.path()).is_empty());
        // Its journal mode may be another; what it holds is not touched.
        assert_eq!(fs::read(&path).unwrap().len(), before.len());
    }
}

#[tokio::test]
async fn damage_that_shows_up_later_is_met_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE);
    let (first, second) = (stores(folder.path()).await, stores(folder.path()).await);
    for nth in 0..200 {
        put(&first.thoughts, &nth.to_string(), &"x".repeat(2000)).await;
    }
    let size = fs::metadata(&path).unwrap().len();
    // The log holds the pages that count; away with it, and with what they were to replace.
    let other = Connection::open(&path).unwrap();
    until("the log is copied", async || {
        let query = "PRAGMA wal_checkpoint(TRUNCATE)";
        other.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() == 0
    })
    .await;
    drop(other);
    let mut pages = fs::read(&path).unwrap();
    assert!(pages.len() as u64 >= size);
    pages[4096..].fill(0x5a);
    fs::write(&path, pages).unwrap();
    // Some entries are in memory; whatever is not has to be read, or written, before damage is seen.
    until("the damage is met", async || {
        drop(first.thoughts.put(key("new"), entry("N")).await);
        drop(second.thoughts.put(key("new"), entry("N")).await);
        !asides(folder.path()).is_empty()
    })
    .await;
    until("both are well again", async || {
        let stats = [first.thoughts.stats(), second.thoughts.stats()];
        stats.iter().all(|it| it.degraded.is_none())
    })
    .await;
    put(&first.thoughts, "after", "A").await;
    assert_eq!(get(&second.thoughts, "after").await.as_deref(), Some("A"));
    assert_eq!(asides(folder.path()).len(), 1, "the new file is not damaged");
}

#[tokio::test]
async fn a_log_that_was_cut_costs_the_last_entries_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let first = stores(folder.path()).await;
    for nth in 0..50 {
        put(&first.thoughts, &nth.to_string(), "x").await;
    }
    // As a power failure would leave it.
    let torn = tempfile::tempdir().unwrap();
    for name in [DATABASE.to_owned(), format!("{DATABASE}-wal")] {
        fs::copy(folder.path().join(&name), torn.path().join(&name)).unwrap();
    }
    let log = torn.path().join(format!("{DATABASE}-wal"));
    let length = fs::metadata(&log).unwrap().len();
    fs::File::options().write(true).open(&log).unwrap().set_len(length - 5000).unwrap();
    let stores = stores(torn.path()).await;
    let entries = stores.thoughts.stats().entries;
    assert!((1..50).contains(&entries), "{entries}");
    assert_eq!(get(&stores.thoughts, "0").await.as_deref(), Some("x"));
    put(&stores.thoughts, "49", "x").await;
    assert!(asides(torn.path()).is_empty());
}

#[tokio::test]
async fn a_file_that_another_process_holds_makes_nobody_wait() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(&Settings::default(), folder.path()).await.unwrap();
    until("the store is well", async || stores.thoughts.stats().degraded.is_none()).await;
    let other = Connection::open(folder.path().join(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for nth in 0..20 {
        let begun = Instant::now();
        let lost = stores.thoughts.put(key(&nth.to_string()), entry("A")).await;
        assert_eq!(lost, Err(StoreError::Away));
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(1), "waited {waited:?}");
        assert_eq!(get(&stores.thoughts, &nth.to_string()).await.as_deref(), Some("A"));
    }
    assert_eq!(stores.thoughts.stats().losses, 20);
    other.execute_batch("ROLLBACK").unwrap();
    until("the store is well again", async || stores.thoughts.stats().degraded.is_none()).await;
    // What could not be kept in time is kept as soon as it is used again.
    until("everything is in the file", async || {
        for nth in 0..20 {
            assert_eq!(get(&stores.thoughts, &nth.to_string()).await.as_deref(), Some("A"));
        }
        stores.thoughts.stats().entries == 20
    })
    .await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_used_as_soon_as_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::write(&state, "in the way").unwrap();
    let stores = stores(&state).await;
    assert_eq!(stores.thoughts.put(key("a"), entry("A")).await, Err(StoreError::Away));
    assert_eq!(get(&stores.thoughts, "a").await.as_deref(), Some("A"));
    assert!(stores.responses.stats().degraded.is_some());
    fs::remove_file(&state).unwrap();
    until("the store is well", async || stores.thoughts.stats().degraded.is_none()).await;
    put(&stores.thoughts, "b", "B").await;
    assert!(state.join(DATABASE).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_does_not_grow_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(folder.path()).await;
    let text = "x".repeat(20_000);
    let mut most = 0;
    for nth in 0..4000 {
        put(&stores.thoughts, &nth.to_string(), &text).await;
        let log = fs::metadata(folder.path().join(format!("{DATABASE}-wal"))).unwrap();
        most = most.max(log.len());
    }
    assert!(
        most < 90 << 20,
        "80 MB were written, twice that is logged, {most} bytes of it at once"
    );
}
