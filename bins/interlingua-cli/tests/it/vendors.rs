//! `providers add <vendor>`: every vendor that is known, at each of its addresses.

use interlingua_registry::{Preset, PresetUrl};

use crate::support::{CANARY, Home};

/// An address for those whose own only the user knows.
const MINE: &str = "https://mine.example/v1";

#[test]
fn every_vendor_can_be_added() {
    for preset in Preset::all() {
        let home = Home::empty().env(&preset.key_env[0], CANARY);
        let mut add = vec!["providers", "add", &preset.id, "--no-test"];
        if preset.base_urls.is_empty() {
            add.extend(["--base-url", MINE]);
        }
        home.run(&add).ok();
        let said = home.run(&["config", "check"]);
        assert!(said.stdout.starts_with("ok: 1 of 1 provider "), "{}: {said:?}", preset.id);
        let base_url = if preset.base_urls.is_empty() { MINE } else { &by_variable(preset).url };
        assert_eq!(added(&home), [base_url, &preset.dialect, "true"], "{}", preset.id);
    }
}

#[test]
fn every_address_of_a_vendor_can_be_chosen() {
    let mut chosen = 0;
    for preset in Preset::all() {
        let usual = preset.base_urls.iter().map(|url| (url, &[][..], &*preset.dialect));
        let messages = ["--wire", "messages"];
        let besides =
            preset.messages_urls.iter().map(|url| (url, &messages[..], "anthropic_compat"));
        for (url, wire, dialect) in usual.chain(besides) {
            let home = Home::empty().env(&preset.key_env[0], CANARY);
            let mut add = vec!["providers", "add", &*preset.id, "--no-test"];
            add.extend(url.plan.iter().flat_map(|plan| ["--plan", plan.name()]));
            add.extend(url.region.iter().flat_map(|region| ["--region", &**region]));
            add.extend(wire);
            home.run(&add).ok();
            let want = [meant(preset, url, !wire.is_empty()), dialect, "true"];
            assert_eq!(added(&home), want, "{add:?}\n{}", home.text());
            chosen += 1;
        }
    }
    assert!(chosen > 50, "{chosen}");
}

#[test]
fn an_address_that_is_not_there_is_told_from_those_that_are() {
    let home = Home::empty();
    let add = |more: &[&str]| home.run(&[&["providers", "add"], more].concat());
    let said = add(&["glm", "--region", "eu"]).failed(64);
    for label in ["payg cn (https://open", "payg intl (", "coding_plan cn (", "coding_plan intl ("]
    {
        assert!(said.contains(label), "{said}");
    }
    let said = add(&["mimo", "--plan", "coding_plan"]).failed(64);
    assert!(said.contains("token_plan sgp (https://token-plan-sgp."), "{said}");
    let said = add(&["mimo", "--wire", "messages", "--region", "us"]).failed(64);
    assert!(
        said.contains("no such address for Messages") && said.contains("/anthropic)"),
        "{said}"
    );
    let said = add(&["azure"]).failed(64);
    assert!(said.contains("--base-url https://<resource>.openai.azure.com/openai/v1"), "{said}");
    assert!(!home.config().exists());
    let said = add(&["x", "--preset", "glm", "--plan", "coding_plan", "--no-test"]);
    assert!(said.stderr.contains("`--region` and `--plan` choose another: coding_plan intl ("));
    assert!(
        home.text().contains("preset = \"glm\"\nbase_url = \"https://open.bigmodel.cn/api/coding/")
    );
}

#[test]
fn messages_are_spoken_only_where_they_are_known() {
    let home = Home::empty();
    let add = |id: &str| home.run(&["providers", "add", id, "--wire", "messages", "--no-test"]);
    assert!(add("mistral").failed(64).contains("not known to speak Messages"));
    add("vllm").ok();
    assert_eq!(added(&home), ["http://localhost:8000/v1", "anthropic_compat", "true"]);
    let home = Home::empty().env("ANTHROPIC_API_KEY", CANARY);
    home.run(&["providers", "add", "anthropic", "--wire", "messages", "--no-test"]).ok();
    assert_eq!(added(&home), ["https://api.anthropic.com", "anthropic", "true"]);
}

#[test]
fn a_key_without_an_address_switches_nobody_on() {
    let home = Home::empty().env("AZURE_OPENAI_API_KEY", CANARY);
    let said = home.run(&["config", "check"]);
    assert!(said.stderr.contains("set AZURE_OPENAI_BASE_URL"), "{said:?}");
    assert!(said.ok().starts_with("ok: no provider can be used"));
    let home = home.env("AZURE_OPENAI_BASE_URL", MINE);
    assert!(home.run(&["config", "check"]).ok().starts_with("ok: 1 of 1 provider "));
}

/// The address that the vendor's first variable means: the first of its own, else the first of all.
fn by_variable(preset: &Preset) -> &PresetUrl {
    let own = preset.base_urls.iter().find(|url| url.key_env.contains(&preset.key_env[0]));
    own.unwrap_or(&preset.base_urls[0])
}

/// What is taken for the region and the plan of an address: of several equal ones the first.
fn meant<'p>(preset: &'p Preset, url: &PresetUrl, besides: bool) -> &'p str {
    let urls = if besides { &preset.messages_urls } else { &preset.base_urls };
    let fits = |it: &&PresetUrl| {
        (url.region.is_none() || url.region == it.region)
            && (url.plan.is_none() || url.plan == it.plan)
    };
    &urls.iter().find(fits).unwrap().url
}

/// Address and dialect of the only provider, and whether it can be used.
fn added(home: &Home) -> [String; 3] {
    let listed = home.run(&["providers", "list", "--json"]).json("interlingua.providers/1");
    let provider = &listed["providers"][0];
    let word = |field: &str| provider[field].as_str().unwrap().to_owned();
    [word("base_url"), word("dialect"), provider["usable"].to_string()]
}
