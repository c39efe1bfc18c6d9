use interlingua_dialect::{Carrier, Dialects, Fix, JsonSchemaRule};

/// All problems of some records, one line each.
fn problems(records: &[(&str, &str)]) -> String {
    let problems = Dialects::builtin().with(records.iter().copied()).unwrap_err();
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn a_record_may_extend_a_shipped_one_and_another_of_the_users() {
    let relay = "id = 'relay'\nextends = 'mimo'\n[replay]\nremove = ['placeholder']";
    let house = "id = 'house'\ntitle = 'House'\nextends = 'relay'\n[replay]\ncarrier = 'reasoning'
        [[families]]\nmatch = ['MiMo-*']\n[families.patch.request]\njson_schema = 'drop'\n
        [[errors.rules]]\nclass = 'bad_param'\ntext = ['no way', 'sorry']\nfix = 'drop_param'";
    let dialects =
        Dialects::builtin().with([("house.toml", house), ("relay.toml", relay)]).unwrap();
    assert_eq!(dialects.ids().count(), Dialects::builtin().ids().count() + 2);

    let house = dialects.resolve("house", "mimo-v2.5").unwrap();
    assert_eq!((house.replay.placeholder, house.replay.carrier), (None, Carrier::Reasoning));
    assert_eq!(house.request.json_schema, JsonSchemaRule::Drop);
    assert_eq!(house.title, "House");
    assert_eq!(dialects.resolve("relay", "").unwrap().title, "Xiaomi MiMo");
}

#[test]
fn rules_of_a_users_record_are_tried() {
    let record = "id = 'x'\nwire = 'chat'
        [[errors.rules]]\nclass = 'bad_param'\ntext = ['no way', 'sorry']\nfix = 'drop_param'";
    let dialects = Dialects::builtin().with([("x.toml", record)]).unwrap();
    let refusal = dialects.resolve("x", "").unwrap().classify(500, None, b"{\"error\": \"SORRY\"}");
    assert_eq!((refusal.class.name(), refusal.fix), ("bad_param", Some(Fix::DropParam)));
}

#[test]
fn every_problem_is_reported_with_its_place() {
    let record = r#"id = "Relay-1"
extend = "mimo"

[replay]
rule = "requird_all"
placeholder = 3
remove = ["carrier", "placeholder"]

[thinking.effort]
low = { reasoning_effort = 1979-05-27 }
high = "higher"
huge = "max"

[thinking.budget]
min = -1

[[endpoint.base_urls]]
plan = "free"

[[errors.rules]]
text = "("
class = "whatever"

[[families]]
note = "nobody"

[request]
clamp = { temperature = { min = "0" } }
drop = "store"
"#;
    expect(
        &problems(&[("relay.toml", record)]),
        &[
            "relay.toml:1:1: `wire` is missing",
            "relay.toml:1:1: `id` must be lower-case letters",
            "relay.toml:2:1: unknown field `extend`; did you mean `extends`?",
            "relay.toml:5:8: `replay.rule` cannot be `requird_all`; did you mean `required_all`?",
            "relay.toml:6:15: `replay.placeholder` must be text",
            "relay.toml:7:11: `replay.remove` may name only `placeholder`",
            "relay.toml:10:28: `thinking.effort.low.reasoning_effort` is a value that JSON does not",
            "relay.toml:11:8: `thinking.effort.high` cannot be `higher`; did you mean `high`?",
            "relay.toml:12:1: unknown field `thinking.effort.huge`; ",
            "relay.toml:14:1: `thinking.budget.path` is missing",
            "relay.toml:14:1: `thinking.budget.exclusive_with_effort` is missing",
            "relay.toml:15:7: `thinking.budget.min` must be a whole number from 0 up",
            "relay.toml:17:1: `endpoint.base_urls[0].url` is missing",
            "relay.toml:18:8: `endpoint.base_urls[0].plan` cannot be `free`; write one of `payg`",
            "relay.toml:21:8: `errors.rules[0].text` is no regular expression: ",
            "relay.toml:22:9: `errors.rules[0].class` cannot be `whatever`; write one of `auth`",
            "relay.toml:24:1: a family needs `match`",
            "relay.toml:28:33: `request.clamp.temperature.min` must be a number",
            "relay.toml:29:8: `request.drop` must be a list",
        ],
    );
}

#[test]
fn problems_between_records_are_reported_too() {
    expect(
        &problems(&[
            ("mimo.toml", "wire = 'chat'\nid = 'mimo'"),
            ("a.toml", "id = 'a'\nextends = 'b'"),
            ("b.toml", "id = 'b'\nextends = 'a'"),
            ("c.toml", "id = 'c'\nextends = 'deepsek'"),
            (
                "d.toml",
                "id = 'd'\nextends = 'ollama'\n[thinking.effort]\nlow = 'xhigh'\nhigh = 'low'",
            ),
            (
                "e.toml",
                "id = 'e'\nextends = 'ollama'\n\n[[families]]\nmatch = ['x*']\npatch.thinking.effort.high = 'xhigh'",
            ),
            ("f.toml", "id = 'f'\n[replay\n"),
        ]),
        &[
            "f.toml:2:8: ",
            "mimo.toml:2:1: a dialect `mimo` exists already; ",
            "a.toml:2:11: `extends` runs in a circle",
            "b.toml:2:11: `extends` runs in a circle",
            "c.toml:2:11: there is no dialect `deepsek`; did you mean `deepseek`?",
            "d.toml:3:11: the aliases of `thinking.effort.minimal` run in a circle",
            "d.toml:3:11: the aliases of `thinking.effort.low` run in a circle",
            "d.toml:3:11: the aliases of `thinking.effort.high` run in a circle",
            "d.toml:3:11: the aliases of `thinking.effort.xhigh` run in a circle",
            "d.toml:3:11: the aliases of `thinking.effort.max` run in a circle",
            "e.toml:4:1: the aliases of `thinking.effort.high` run in a circle",
            "e.toml:4:1: the aliases of `thinking.effort.xhigh` run in a circle",
            "e.toml:4:1: the aliases of `thinking.effort.max` run in a circle",
        ],
    );
}

/// Each line begins with its expectation, and there are no others.
#[track_caller]
fn expect(lines: &str, expected: &[&str]) {
    assert_eq!(lines.lines().count(), expected.len(), "{lines}");
    for (line, expected) in lines.lines().zip(expected) {
        assert!(line.starts_with(expected), "expected {expected:?} in\n{line}\nof\n{lines}");
    }
}
