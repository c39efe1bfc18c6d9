//! The rules, as functions over what was read.

use std::collections::BTreeSet;

use super::house::{
    ARROWS, DOORKEEPERS, DOORS, HANDLES, IO, LINES, NAMED, PEERS, ROOTS, SANS_IO, TOP, VENDORS,
    WIRE_WORDS,
};
use super::source::{has_word, names, product, test_modules};
use super::{File, Package, dependency_tables, has_lints};

/// Marks of unfinished work; spelt in two halves, since this file is checked too.
const UNFINISHED: [&str; 3] =
    [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "ignore")];

pub(super) fn check_manifest(package: &Package) -> Vec<String> {
    let name = &package.name;
    let mut problems = Vec::new();
    if !package.description {
        problems.push(format!("`{name}` has no description"));
    }
    if !package.license {
        problems.push(format!("`{name}` has no licence"));
    }
    if !has_lints(&package.manifest) {
        problems.push(format!("`{name}` does not take over the workspace's lints"));
    }
    // A crate that turns its own features on for its tests names no version of itself.
    let own = dependency_tables(&package.manifest).into_iter();
    let own = own.filter(|(dependency, shared)| !shared && dependency != name);
    problems.extend(own.map(|(dependency, _)| {
        format!(
            "`{name}` sets its own version of `{dependency}`; the workspace's table has them all"
        )
    }));
    problems
}

pub(super) fn check_arrows(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some((_, allowed)) = ARROWS.iter().find(|(it, _)| it == name) else {
        return vec![format!("`{name}` is not in the plan of the house (xtask/src/tidy/house.rs)")];
    };
    let wrong = package.ours.iter().filter(|it| !allowed.contains(&it.as_str()));
    wrong.map(|it| format!("`{name}` may not depend on `{it}`: arrows point downwards")).collect()
}

pub(super) fn check_closure(name: &str, closure: &BTreeSet<String>) -> Vec<String> {
    let found = IO.iter().filter(|it| closure.contains(**it));
    found.map(|it| format!("`{name}` is sans-I/O but links `{it}`")).collect()
}

pub(super) fn check_file(package: &Package, file: &File) -> Vec<String> {
    let place = format!("`{}` {}", package.name, file.path);
    let mut problems = Vec::new();
    let lines = file.text.lines().count();
    if lines > LINES {
        problems.push(format!("{place} has {lines} lines, {LINES} are the most"));
    }
    for mark in UNFINISHED.iter().filter(|mark| file.text.contains(**mark)) {
        problems.push(format!("{place} holds `{mark}`"));
    }
    if is_test(package, &file.path) {
        return problems;
    }
    let code = product(&file.text);
    problems.extend(check_doors(package, file, &code, &place));
    problems.extend(check_peers(package, file, &code, &place));
    problems.extend(check_vendors(package, file, &code, &place));
    problems
}

fn is_test(package: &Package, path: &str) -> bool {
    let Some(inside) = path.strip_prefix("src/") else { return true };
    let modules: BTreeSet<_> = package.files.iter().flat_map(|it| test_modules(&it.text)).collect();
    inside.split('/').any(|part| modules.contains(part.trim_end_matches(".rs")))
}

fn check_doors(package: &Package, file: &File, code: &str, place: &str) -> Vec<String> {
    let name = package.name.as_str();
    if !SANS_IO.contains(&name) || DOORKEEPERS.contains(&(name, &file.path)) {
        return Vec::new();
    }
    let doors = DOORS.iter().filter(|door| names(code, "std::", door));
    let handles = HANDLES.iter().filter(|handle| code.contains(**handle));
    let doors = doors.map(|door| format!("{place} is sans-I/O but uses `std::{door}`"));
    doors.chain(handles.map(|it| format!("{place} is sans-I/O but uses `{it}`"))).collect()
}

fn check_peers(package: &Package, file: &File, code: &str, place: &str) -> Vec<String> {
    let Some((_, peers)) = PEERS.iter().find(|(name, _)| *name == package.name) else {
        return Vec::new();
    };
    let inside = file.path.trim_start_matches("src/");
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    if !peers.contains(&module) {
        return Vec::new();
    }
    let known = |peer: &&&str| ROOTS.iter().any(|root| names(code, root, peer));
    let others = peers.iter().filter(|peer| **peer != module).filter(known);
    others.map(|peer| format!("{place} knows its neighbour `{peer}`")).collect()
}

fn check_vendors(package: &Package, file: &File, code: &str, place: &str) -> Vec<String> {
    let may = |(name, path): &(&str, &str)| *name == package.name && file.path.starts_with(path);
    if NAMED.iter().any(may) {
        return Vec::new();
    }
    let code = WIRE_WORDS.iter().fold(code.to_owned(), |code, word| code.replace(word, ""));
    let named = VENDORS.iter().filter(|vendor| has_word(&code, vendor));
    named.map(|it| format!("{place} names the vendor `{it}`: quirks are data")).collect()
}

pub(super) fn check_top_level(names: impl Iterator<Item = String>) -> Vec<String> {
    let wrong = names.filter(|name| !TOP.contains(&name.as_str()) && !name.starts_with("target-"));
    wrong.map(|name| format!("`{name}` does not belong at the top level")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[dependencies]\nserde.workspace = true\n[lints]\nworkspace = true\n";

    fn package(name: &str) -> Package {
        Package {
            name: name.into(),
            manifest: MANIFEST.into(),
            description: true,
            license: true,
            ours: BTreeSet::new(),
            files: Vec::new(),
        }
    }

    #[track_caller]
    fn check_text(name: &str, path: &str, text: &str, expected: &[&str]) {
        let file = File { path: path.into(), text: text.into() };
        assert_eq!(check_file(&package(name), &file), expected);
    }

    #[test]
    fn manifests_are_complete() {
        assert_eq!(check_manifest(&package("a")), [""; 0]);
        let bare = Package {
            description: false,
            license: false,
            manifest: "[dependencies]\nserde = \"1\"\n".into(),
            ..package("a")
        };
        assert_eq!(check_manifest(&bare).len(), 4);
        let itself = format!("{MANIFEST}[dev-dependencies]\na = {{ path = \".\" }}\n");
        assert_eq!(check_manifest(&Package { manifest: itself, ..package("a") }), [""; 0]);
    }

    #[test]
    fn arrows_point_downwards() {
        let mut translate = package("interlingua-translate");
        translate.ours.insert("interlingua-ir".into());
        assert_eq!(check_arrows(&translate), [""; 0]);
        translate.ours.insert("interlingua-gateway".into());
        let problems = check_arrows(&translate);
        assert!(problems[0].contains("may not depend on `interlingua-gateway`"), "{problems:?}");
        assert!(check_arrows(&package("interlingua-attic"))[0].contains("not in the plan"));
    }

    #[test]
    fn a_runtime_in_the_closure_is_found() {
        let closure = ["serde", "tokio"].map(str::to_owned).into();
        assert_eq!(check_closure("a", &closure), ["`a` is sans-I/O but links `tokio`"]);
    }

    #[test]
    fn doors_stay_shut_but_for_their_keepers_and_in_tests() {
        let text = "use std::{fs, io};\nfn f() { std::time::Instant::now(); }\n";
        let expected = [
            "`interlingua-registry` src/check.rs is sans-I/O but uses `std::fs`",
            "`interlingua-registry` src/check.rs is sans-I/O but uses `Instant::now`",
        ];
        check_text("interlingua-registry", "src/check.rs", text, &expected);
        check_text("interlingua-registry", "src/load.rs", text, &[]);
        check_text("interlingua-registry", "tests/it/main.rs", text, &[]);
        check_text("interlingua-gateway", "src/lib.rs", text, &[]);
        let tested = format!("#[cfg(test)]\nmod tests {{\n{text}}}\n");
        check_text("interlingua-registry", "src/check.rs", &tested, &[]);
    }

    #[test]
    fn neighbours_do_not_know_each_other() {
        let text = "use crate::responses::Item;\nuse super::messages;\n";
        let expected = ["`interlingua-translate` src/chat/read.rs knows its neighbour `responses`"];
        check_text("interlingua-translate", "src/chat/read.rs", text, &expected);
        check_text("interlingua-translate", "src/responses/read.rs", text, &[]);
        check_text("interlingua-translate", "src/pipe.rs", text, &[]);
    }

    #[test]
    fn vendors_stand_in_data_only() {
        let text = "fn f() { if provider == \"mimo\" {} }\n";
        let expected = ["`interlingua-gateway` src/a.rs names the vendor `mimo`: quirks are data"];
        check_text("interlingua-gateway", "src/a.rs", text, &expected);
        check_text("interlingua-gateway", "src/a.rs", "// like mimo\n", &[]);
        check_text("interlingua-dialect", "src/a.rs", text, &[]);
        let mut tested = package("interlingua-gateway");
        let declaration = "#[cfg(test)]\nmod tests;\n";
        tested.files.push(File { path: "src/answer.rs".into(), text: declaration.into() });
        let file = File { path: "src/answer/tests.rs".into(), text: text.into() };
        assert_eq!(check_file(&tested, &file), [""; 0]);
    }

    #[test]
    fn unfinished_work_and_long_files_are_found_in_tests_too() {
        let text = format!("{}\n", UNFINISHED[0]).repeat(LINES + 1);
        let file = File { path: "tests/it.rs".into(), text };
        let problems = check_file(&package("a"), &file);
        assert!(problems[0].contains("1001 lines") && problems[1].contains(UNFINISHED[0]));
    }

    #[test]
    fn the_top_level_is_short() {
        let names = ["crates", "target-x", "notes.txt"].map(str::to_owned);
        let expected = ["`notes.txt` does not belong at the top level"];
        assert_eq!(check_top_level(names.into_iter()), expected);
    }
}
