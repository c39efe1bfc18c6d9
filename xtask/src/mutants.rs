//! Breaks the product on purpose, one change at a time, and proves that the named test notices.
//!
//! The work is done in a copy of the checkout under `target/mutants`, with a target folder of its own,
//! so that neither the checkout nor its build products are touched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use clap::Args;
use serde::Deserialize;

use crate::workspace;

/// Which ones to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only those whose name holds this text
    filter: Option<String>,
}

/// The list: `xtask/mutants.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    mutant: Vec<Mutant>,
}

/// One change, and the test that must turn red.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// What is broken, in a few words.
    name: String,
    /// The file, from the root.
    file: PathBuf,
    /// The exact text; it occurs once.
    find: String,
    /// What stands in its place.
    replace: String,
    /// The package with the test.
    package: String,
    /// The test, as `cargo test` filters.
    test: String,
    /// The integration test that holds it; unit tests without.
    target: Option<String>,
}

impl Mutant {
    /// What runs the test, in cargo's words.
    fn run(&self) -> Vec<&str> {
        let mut words = vec!["--package", &self.package];
        match &self.target {
            Some(target) => words.extend(["--test", target]),
            None => words.extend(["--lib", "--bins"]),
        }
        words.push(&self.test);
        words
    }
}

/// Fewer than these prove little.
const LEAST: usize = 20;

pub(crate) fn run(options: &Options) -> crate::Result {
    let list = workspace::root().join("xtask/mutants.toml");
    let list =
        parse(&fs::read_to_string(&list).map_err(|it| format!("{}: {it}", list.display()))?)?;
    if options.filter.is_none() && list.len() < LEAST {
        return Err(
            format!("mutants.toml lists {}, at least {LEAST} are asked for", list.len()).into()
        );
    }
    let wanted = |it: &&Mutant| options.filter.as_ref().is_none_or(|text| it.name.contains(text));
    let mutants: Vec<_> = list.iter().filter(wanted).collect();
    let yard = Yard::open(workspace::root(), &workspace::target().join("mutants"))?;
    let (mut passed, mut failed) = (0, 0);
    let start = Instant::now();
    let useless = yard.useless(&mutants)?;
    println!("every test run without a change ({:.0} s)", start.elapsed().as_secs_f64());
    for mutant in mutants {
        let start = Instant::now();
        let verdict = match useless.get(&mutant.run()) {
            Some(why) => Verdict::Useless(why.clone()),
            None => yard.prove(mutant)?,
        };
        let seconds = start.elapsed().as_secs_f64();
        if verdict == Verdict::Noticed {
            passed += 1;
        } else {
            failed += 1;
        }
        println!("{:<9} {} ({seconds:.0} s)", verdict.word(), mutant.name);
        if let Some(detail) = verdict.detail() {
            println!("{detail}");
        }
    }
    println!("mutants: {passed} passed, {failed} failed");
    if failed > 0 { Err("some mutants were not noticed".into()) } else { Ok(()) }
}

fn parse(text: &str) -> crate::Result<Vec<Mutant>> {
    let list: List = toml_edit::de::from_str(text).map_err(|it| format!("mutants.toml: {it}"))?;
    let mut names = BTreeSet::new();
    for mutant in &list.mutant {
        if !names.insert(&mutant.name) {
            return Err(format!("mutants.toml: `{}` is there twice", mutant.name).into());
        }
        if mutant.find == mutant.replace {
            return Err(format!("mutants.toml: `{}` changes nothing", mutant.name).into());
        }
    }
    Ok(list.mutant)
}

/// What became of a mutant.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// The test passes without the change and fails with it.
    Noticed,
    /// The test passes with the change too.
    Survived,
    /// Nothing was proved; here is why.
    Useless(String),
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::Survived => "SURVIVED",
            Self::Useless(_) => "USELESS",
        }
    }

    fn detail(&self) -> Option<&str> {
        match self {
            Self::Useless(why) => Some(why),
            Self::Noticed | Self::Survived => None,
        }
    }
}

/// The copy in which things are broken.
struct Yard {
    tree: PathBuf,
    target: PathBuf,
}

impl Yard {
    fn open(root: &Path, folder: &Path) -> crate::Result<Self> {
        let yard = Self { tree: folder.join("tree"), target: folder.join("target") };
        copy_changed(root, &yard.tree)?;
        Ok(yard)
    }

    /// The tests that prove nothing, and why. All are run before anything is broken: the tree is built
    /// once for them then, not once more after each mutant.
    fn useless<'m>(&self, mutants: &[&'m Mutant]) -> crate::Result<BTreeMap<Vec<&'m str>, String>> {
        let mut useless = BTreeMap::new();
        for run in mutants.iter().map(|it| it.run()).collect::<BTreeSet<_>>() {
            if let Some(why) = unsound(&self.test(&run, &[])?) {
                useless.insert(run, why);
            }
        }
        Ok(useless)
    }

    /// Applies one mutant, runs its test, takes the mutant away again.
    fn prove(&self, mutant: &Mutant) -> crate::Result<Verdict> {
        let path = self.tree.join(&mutant.file);
        let text = fs::read_to_string(&path).map_err(|it| format!("{}: {it}", path.display()))?;
        let mutated = match mutate(&text, mutant) {
            Ok(mutated) => mutated,
            Err(why) => return Ok(Verdict::Useless(why)),
        };
        fs::write(&path, mutated)?;
        let verdict = self.judge(mutant);
        fs::write(&path, text)?;
        verdict
    }

    fn judge(&self, mutant: &Mutant) -> crate::Result<Verdict> {
        let run = mutant.run();
        let built = self.test(&run, &["--no-run"])?;
        if !built.status.success() {
            return Ok(Verdict::Useless(format!("it does not compile\n{}", tail(&built.stderr))));
        }
        let ran = self.test(&run, &[])?;
        Ok(if ran.status.success() { Verdict::Survived } else { Verdict::Noticed })
    }

    fn test(&self, run: &[&str], options: &[&str]) -> crate::Result<Output> {
        let mut command: Command = workspace::cargo();
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        // Most of the time goes into building the same crates again, a line apart.
        command.env("CARGO_INCREMENTAL", "1").env("CARGO_PROFILE_DEV_DEBUG", "false");
        Ok(command.arg("test").args(options).args(run).output()?)
    }
}

/// The text with the change, or why it cannot be made.
fn mutate(text: &str, mutant: &Mutant) -> Result<String, String> {
    match text.matches(mutant.find.as_str()).count() {
        1 => Ok(text.replacen(&mutant.find, &mutant.replace, 1)),
        count => Err(format!(
            "the text to find occurs {count} times in {}, it must be once",
            mutant.file.display()
        )),
    }
}

/// Why a test that should pass proves nothing.
fn unsound(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let why = format!("its test fails without the change\n{}{}", said, tail(&output.stderr));
        return Some(why);
    }
    let passed = said.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    let counts = passed.filter_map(|line| line.split(' ').next()?.parse::<usize>().ok());
    (counts.sum::<usize>() == 0).then(|| "its test does not exist".to_owned())
}

fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Makes `to` equal to `from`. Equal files are left alone, so that cargo does not build them again.
fn copy_changed(from: &Path, to: &Path) -> crate::Result {
    let skip = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_top = path.parent() == Some(from);
        name == "node_modules" || is_top && (name == ".git" || name.starts_with("target"))
    };
    let mut kept = BTreeSet::new();
    for path in workspace::files(from, &skip)? {
        let copy = to.join(path.strip_prefix(from)?);
        let bytes = fs::read(&path)?;
        if fs::read(&copy).ok().as_deref() != Some(&bytes) {
            fs::create_dir_all(copy.parent().ok_or("a file lies in a folder")?)?;
            // Not `fs::write`: it would lose the execute bit of scripts.
            fs::copy(&path, &copy)?;
            // And a copy keeps the time of its original on some systems; cargo must see a change.
            fs::File::options()
                .append(true)
                .open(&copy)?
                .set_modified(std::time::SystemTime::now())?;
        }
        kept.insert(copy);
    }
    for stale in workspace::files(to, &|_| false)? {
        if !kept.contains(&stale) {
            fs::remove_file(stale)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
