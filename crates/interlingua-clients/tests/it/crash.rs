//! A kill before every single call that touches the disk.
//!
//! The parent runs this test's own binary again and again; the child counts the calls and sends itself
//! SIGKILL before the n-th.

use std::cell::Cell;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;

use interlingua_clients::apply::Session;
use interlingua_clients::claude::Options;
use interlingua_registry::files::{Files, Watch};

use crate::support::{Place, begin, corpus, options, other_options};

const VARIABLE: &str = "INTERLINGUA_TEST_KILL";

/// Dies before the n-th call.
#[derive(Clone)]
struct Kill {
    left: Cell<u32>,
}

impl Watch for Kill {
    fn before(&self, _: &'static str) {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => {
                drop(Command::new("sh").args(["-c", "kill -9 $PPID"]).status());
                panic!("nobody survives this");
            }
        }
    }
}

/// What the child does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Apply,
    /// With other options.
    ApplyOther,
    Restore,
}

/// The child; without the variable there is nothing to do.
#[test]
fn child() {
    let Ok(order) = std::env::var(VARIABLE) else { return };
    let mut words = order.split('|');
    let mut word = || words.next().unwrap();
    let (deed, left) = (word(), word().parse().unwrap());
    let folder = PathBuf::from(word());
    let files = Files::watched(Kill { left: Cell::new(left) });
    let session = begin(files, &folder.join("claude"), &folder.join("state")).unwrap();
    let apply = |session: Session<Kill>, options: &Options| {
        let plan = session.view().plan(options).unwrap();
        session.apply(&plan, None).unwrap();
    };
    match deed {
        "Apply" => apply(session, &options()),
        "ApplyOther" => apply(session, &other_options()),
        _ => {
            let undo = session.view().undo().unwrap().unwrap();
            session.restore(&undo).unwrap();
        }
    }
}

/// Lets the child do its deed up to the n-th call; whether it came to its end.
fn run(place: &Place, deed: Deed, left: u32) -> bool {
    let order = format!("{deed:?}|{left}|{}", place.path().display());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::child"]).env(VARIABLE, order);
    let output = child.output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    !killed
}

/// Kills the deed before each of its calls. After each the file has to be what `is_good` takes, and a
/// restore has to give the old bytes; `prepare` comes first.
fn check(name: &str, bytes: Option<&[u8]>, prepare: &dyn Fn(&Place), deed: Deed) -> u32 {
    let prepared = Place::new(bytes);
    prepare(&prepared);
    let old = prepared.bytes();
    assert!(run(&prepared, deed, u32::MAX), "{name}");
    let new = prepared.bytes();
    for left in 0.. {
        let place = Place::new(bytes);
        prepare(&place);
        let ended = run(&place, deed, left);
        let now = place.bytes();
        assert!(now == old || now == new, "{name}: {deed:?} is torn at {left}");
        assert_eq!(place.restore().unwrap(), [], "{name}: {deed:?} at {left}");
        assert_eq!(place.bytes().as_deref(), bytes, "{name}: {deed:?} at {left}");
        let names = place.names("claude");
        assert!(names.len() == usize::from(bytes.is_some()), "{name}: {left}: {names:?}");
        assert_eq!(place.names("state/claude"), ["lock"], "{name}: {deed:?} at {left}");
        if ended {
            return left;
        }
    }
    unreachable!("it ends")
}

fn nothing(_: &Place) {}

fn applied(place: &Place) {
    place.apply(&options()).unwrap();
}

#[test]
fn a_killed_apply_leaves_the_old_or_the_new_and_a_way_back() {
    for (name, bytes) in corpus() {
        let calls = check(&name, Some(&bytes), &nothing, Deed::Apply);
        assert!(calls > 30 || name == "ours-already", "{name}: only {calls} calls were seen");
    }
    check("no file", None, &nothing, Deed::Apply);
}

#[test]
fn a_killed_restore_can_be_run_again() {
    for (name, bytes) in corpus() {
        // There is nothing to put back.
        if name != "ours-already" {
            let calls = check(&name, Some(&bytes), &applied, Deed::Restore);
            assert!(calls > 20, "{name}: only {calls} calls were seen");
        }
    }
    check("no file", None, &applied, Deed::Restore);
}

#[test]
fn a_killed_second_apply_has_a_way_back_to_the_first_state() {
    let files = corpus();
    for name in ["crlf", "all-set-by-hand", "line-comments", "empty"] {
        let (_, bytes) = files.iter().find(|it| it.0 == name).unwrap();
        check(name, Some(bytes), &applied, Deed::ApplyOther);
    }
}
