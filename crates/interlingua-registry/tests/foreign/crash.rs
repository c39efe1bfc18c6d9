//! A kill before every single call that touches the disk.
//!
//! The parent runs its own test binary again and again; the child counts the calls and sends itself
//! SIGKILL before the n-th.

use std::cell::Cell;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use interlingua_registry::files::{Files, Watch};
use interlingua_registry::foreign::{Program, Session};

use super::{Options, Place, begin};

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
pub(crate) enum Deed {
    Apply,
    /// With other options.
    ApplyOther,
    Restore,
}

/// The child, which is to be the test `crash::child`; without the variable there is nothing to do. `other`
/// is given the folder of the place.
pub(crate) fn child<P: Program, O: Options<P>>(options: &O, other: impl Fn(&Path) -> O) {
    let Ok(order) = std::env::var(VARIABLE) else { return };
    let mut words = order.split('|');
    let mut word = || words.next().unwrap();
    let (deed, left) = (word(), word().parse().unwrap());
    let folder = PathBuf::from(word());
    let files = Files::watched(Kill { left: Cell::new(left) });
    let session = begin::<P, _>(files, &folder.join(P::FOLDER), &folder.join("state")).unwrap();
    let apply = |session: Session<P, Kill>, options: &O| {
        let plan = session.view().plan(options).unwrap();
        session.apply(&plan, options.beside()).unwrap();
    };
    match deed {
        "Apply" => apply(session, options),
        "ApplyOther" => apply(session, &other(&folder)),
        _ => {
            let undo = session.view().undo().unwrap().unwrap();
            session.restore(&undo).unwrap();
        }
    }
}

/// Lets the child do its deed up to the n-th call; whether it came to its end.
fn run<P: Program>(place: &Place<P>, deed: Deed, left: u32) -> bool {
    let order = format!("{deed:?}|{left}|{}", place.path().display());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crash::child"]).env(VARIABLE, order);
    let output = child.output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    !killed
}

/// What is in the file, wherever the place is.
fn now<P: Program>(place: &Place<P>) -> Option<String> {
    let text = String::from_utf8(place.bytes()?).unwrap();
    Some(text.replace(place.path().to_str().unwrap(), "/place"))
}

/// Kills the deed before each of its calls, and tells how many there are. After each the file has to be the
/// old or the new one, and a restore has to give the old bytes; `prepare` comes first.
pub(crate) fn check<P: Program>(
    name: &str,
    bytes: Option<&[u8]>,
    prepare: &dyn Fn(&Place<P>),
    deed: Deed,
) -> u32 {
    let prepared = Place::new(bytes);
    prepare(&prepared);
    let old = now(&prepared);
    assert!(run(&prepared, deed, u32::MAX), "{name}");
    let new = now(&prepared);
    let state = format!("state/{}", P::FOLDER);
    for left in 0.. {
        let place = Place::new(bytes);
        prepare(&place);
        let ended = run(&place, deed, left);
        let now = now(&place);
        assert!(now == old || now == new, "{name}: {deed:?} is torn at {left}");
        assert_eq!(place.restore().unwrap(), [], "{name}: {deed:?} at {left}");
        assert_eq!(place.bytes().as_deref(), bytes, "{name}: {deed:?} at {left}");
        let names = place.names(P::FOLDER);
        assert!(names.len() == usize::from(bytes.is_some()), "{name}: {left}: {names:?}");
        assert_eq!(place.names(&state), ["lock"], "{name}: {deed:?} at {left}");
        assert_eq!(place.names("."), [P::FOLDER, "state"], "{name}: {deed:?} at {left}");
        if ended {
            return left;
        }
    }
    unreachable!("it ends")
}

/// Nothing comes first.
pub(crate) fn nothing<P>(_: &Place<P>) {}
