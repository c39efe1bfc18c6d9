//! A kill before every single call that touches the disk.

use interlingua_clients::claude::ClaudeCode;

use crate::foreign::crash::{self, Deed, check, nothing};
use crate::support::{Place, corpus, options, other_options};

#[test]
fn child() {
    crash::child::<ClaudeCode, _>(&options(), |_| other_options());
}

fn applied(place: &Place) {
    place.apply(&options()).unwrap();
}

#[test]
fn a_killed_apply_leaves_the_old_or_the_new_and_a_way_back() {
    for (name, bytes) in corpus() {
        let calls = check::<ClaudeCode>(&name, Some(&bytes), &nothing, Deed::Apply);
        assert!(calls > 30 || name == "ours-already", "{name}: only {calls} calls were seen");
    }
    check::<ClaudeCode>("no file", None, &nothing, Deed::Apply);
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
