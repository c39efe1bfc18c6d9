//! A process that is killed while it writes.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use interlingua_store::{DATABASE, Settings, open};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::*;

/// Where the child writes.
const FOLDER: &str = "STORE_TEST_FOLDER";
/// By which number it begins.
const FIRST: &str = "STORE_TEST_FIRST";

/// How often a process is killed.
const KILLS: usize = 50;

fn text(nth: usize) -> String {
    format!("thought {nth} {}", "x".repeat(nth * 37 % 5000))
}

/// What the child does; without its folder it is nobody's child, and has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Ok(folder), Ok(first)) = (env::var(FOLDER), env::var(FIRST)) else { return };
    let settings = Settings { wait: Duration::from_secs(20), ..Settings::default() };
    let stores = open(&settings, Path::new(&folder)).await.unwrap();
    let first: usize = first.parse().unwrap();
    let writers = (0..8).map(|lane| {
        let store = stores.thoughts.clone();
        tokio::spawn(async move {
            for nth in (first + lane..).step_by(8) {
                put(&store, &nth.to_string(), &text(nth)).await;
                // One system call a line: a line is never cut.
                std::io::stdout().write_all(format!("{nth}\n").as_bytes()).unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<usize> = Vec::new();
    for kill in 0..KILLS {
        let first = acknowledged.iter().max().map_or(0, |it| it + 100);
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "kills::child", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(FIRST, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let numbers = |line: String| line.parse::<usize>().ok();
        // At least one entry, so that each kill comes in the middle of writing.
        acknowledged.push(lines.by_ref().find_map(numbers).unwrap());
        std::thread::sleep(Duration::from_micros((kill as u64 * 7919) % 40_000));
        child.kill().unwrap();
        acknowledged.extend(lines.filter_map(numbers));
        child.wait().unwrap();

        let database = Connection::open(folder.path().join(DATABASE)).unwrap();
        let check: String =
            database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "after kill {kill}");
        let counted = "SELECT entries = (SELECT count(*) FROM entry) FROM total WHERE space = 0";
        assert!(database.query_row(counted, [], |row| row.get::<_, bool>(0)).unwrap());
    }
    let settings = Settings { wait: Duration::from_secs(20), ..Settings::default() };
    let stores = open(&settings, folder.path()).await.unwrap();
    // Whatever those who were killed took themselves for, they are in nobody's way.
    assert_eq!(stores.thoughts.stats().degraded, None);
    for nth in &acknowledged {
        let found = get(&stores.thoughts, &nth.to_string()).await;
        assert_eq!(found.as_deref(), Some(text(*nth).as_str()), "{nth}");
    }
    let asides = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().contains("corrupt"));
    assert_eq!(asides.count(), 0);
    eprintln!("{KILLS} kills, {} entries acknowledged, none lost", acknowledged.len());
}

/// What a child does that has nothing to do after it has put something, and is alone.
#[tokio::test]
async fn idler() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let stores = open(&Settings::default(), Path::new(&folder)).await.unwrap();
    put(&stores.thoughts, "a", "A").await;
    std::io::stdout().write_all(b"put\n").unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[tokio::test]
async fn who_is_stopped_while_he_is_alone_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "kills::idler", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "put"));
    let id = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(id, Signal::STOP).unwrap();
    // What it believes when it goes on must still be so.
    let stores = open(&Settings::default(), folder.path()).await.unwrap();
    assert!(stores.thoughts.stats().degraded.is_some());
    kill_process(id, Signal::CONT).unwrap();
    until("the store is well", async || stores.thoughts.stats().degraded.is_none()).await;
    assert_eq!(get(&stores.thoughts, "a").await.as_deref(), Some("A"));
    child.kill().unwrap();
    child.wait().unwrap();
}
