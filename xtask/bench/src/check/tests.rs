use super::*;

fn asked(wire: Wire, stream: bool) -> Asked {
    Asked { wire, stream, deltas: answer::DELTAS }
}

fn stream(wire: Wire) -> String {
    String::from_utf8(Stream::new(wire, answer::DELTAS).bytes()).unwrap()
}

#[track_caller]
fn check(expect: Expect, asked: Asked, body: &str, error: Option<&str>) {
    match (Checker::new(expect, asked).check(body.as_bytes()), error) {
        (Ok(()), None) => {}
        (Err(found), Some(error)) => assert!(found.contains(error), "{found}"),
        (found, expected) => panic!("{found:?} instead of {expected:?}"),
    }
}

#[test]
fn the_mocks_own_answers_pass_every_check() {
    for wire in Wire::ALL {
        let whole = String::from_utf8(answer::whole(wire)).unwrap();
        for expect in [Expect::Same, Expect::Lane, Expect::Meaning] {
            check(expect, asked(wire, true), &stream(wire), None);
            check(expect, asked(wire, false), &whole, None);
        }
    }
}

#[test]
fn a_changed_letter_passes_none() {
    for wire in Wire::ALL {
        let broken = stream(wire).replacen("w077", "W077", 1);
        check(Expect::Same, asked(wire, true), &broken, Some("differ"));
        check(Expect::Lane, asked(wire, true), &broken, Some("other bytes than the upstream's"));
        check(Expect::Meaning, asked(wire, true), &broken, Some("equal up to byte"));
    }
}

#[test]
fn half_an_answer_does_not_pass() {
    for wire in Wire::ALL {
        let whole = stream(wire);
        let frames: Vec<_> = whole.split_inclusive("\n\n").collect();
        for kept in [frames.len() / 2, frames.len() - 1] {
            let cut = frames[..kept].concat();
            for expect in [Expect::Same, Expect::Lane, Expect::Meaning] {
                assert!(Checker::new(expect, asked(wire, true)).check(cut.as_bytes()).is_err());
            }
        }
    }
}

#[test]
fn the_lane_may_change_the_model_and_the_id_and_each_in_one_way() {
    for wire in Wire::ALL {
        let id = answer::id(wire);
        let named = stream(wire).replace("\"bench\"", "\"up/bench\"").replace(id, "own_1");
        check(Expect::Lane, asked(wire, true), &named, None);
    }
    let first = stream(Wire::Chat).replacen("\"bench\"", "\"up/bench\"", 1);
    check(Expect::Lane, asked(Wire::Chat, true), &first, Some("another name than before"));
    let nameless = stream(Wire::Chat).replace("\"bench\"", "\"\"");
    check(Expect::Lane, asked(Wire::Chat, true), &nameless, Some("other bytes"));
}

#[test]
fn joined_deltas_and_lost_tokens_are_found() {
    let whole = stream(Wire::Messages);
    let joined = whole.replacen(
        "w001 and more \"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\
         \"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"w002",
        "w001 and more w002",
        1,
    );
    assert_ne!(joined, whole);
    check(Expect::Meaning, asked(Wire::Messages, true), &joined, Some("199 deltas instead of 200"));
    for wire in Wire::ALL {
        let lost = stream(wire).replace("12000", "0").replace("15000", "0");
        check(Expect::Meaning, asked(wire, true), &lost, Some("tokens"));
    }
}

#[test]
fn a_failed_answer_does_not_pass() {
    let failed = r#"{"status":"failed","output":[]}"#;
    check(Expect::Meaning, asked(Wire::Responses, false), failed, Some("failed"));
    let cut = stream(Wire::Chat).replace("\"stop\"", "\"length\"");
    check(Expect::Meaning, asked(Wire::Chat, true), &cut, Some("finish_reason"));
    let refused = stream(Wire::Messages).replace("end_turn", "refusal");
    check(Expect::Meaning, asked(Wire::Messages, true), &refused, Some("stop_reason"));
}
