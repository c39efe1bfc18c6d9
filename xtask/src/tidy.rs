//! Rules of the house that the compiler does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use toml_edit::{Document, Item};

use crate::workspace;

mod house;
mod rules;
mod source;

use house::SANS_IO;

/// Prints one line per broken rule.
pub(crate) fn run() -> crate::Result {
    let problems = problems()?;
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => Ok(()),
        count => Err(format!("{count} rules of the house are broken").into()),
    }
}

fn problems() -> crate::Result<Vec<String>> {
    let packages = packages()?;
    let mut problems = Vec::new();
    for package in &packages {
        problems.extend(rules::check_manifest(package));
        problems.extend(rules::check_arrows(package));
        for file in &package.files {
            problems.extend(rules::check_file(package, file));
        }
    }
    for name in SANS_IO {
        problems.extend(rules::check_closure(name, &closure(name)?));
    }
    let top = fs::read_dir(workspace::root())?.collect::<Result<Vec<_>, _>>()?;
    let names = top.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    problems.extend(rules::check_top_level(names));
    Ok(problems)
}

/// What is checked about one package.
struct Package {
    name: String,
    manifest: String,
    description: bool,
    license: bool,
    /// Its own packages among its normal dependencies, optional ones included.
    ours: BTreeSet<String>,
    files: Vec<File>,
}

/// A Rust file.
struct File {
    /// Relative to the package's folder, with slashes.
    path: String,
    text: String,
}

fn packages() -> crate::Result<Vec<Package>> {
    let output = workspace::cargo()
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!("cargo metadata: {error}: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    let listed = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    listed.iter().map(package).collect()
}

fn package(metadata: &Value) -> crate::Result<Package> {
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    let manifest = Path::new(text("manifest_path"));
    let folder = manifest.parent().ok_or("a manifest lies in a folder")?;
    let dependencies = metadata["dependencies"].as_array().into_iter().flatten();
    let ours = dependencies
        .filter(|it| it["kind"].is_null() && it["path"].is_string())
        .filter_map(|it| it["name"].as_str().map(str::to_owned));
    // A package inside another one (and an own workspace, such as fuzz targets) is not part of it.
    let skip = |path: &Path| {
        path.join("Cargo.toml").is_file() || path.file_name().is_some_and(|it| it == "target")
    };
    let mut files = Vec::new();
    for path in workspace::files(folder, &skip)? {
        if path.extension().is_some_and(|it| it == "rs") {
            let relative = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
            files.push(File { path: relative, text: fs::read_to_string(&path)? });
        }
    }
    Ok(Package {
        name: text("name").to_owned(),
        manifest: fs::read_to_string(manifest)?,
        description: !text("description").is_empty(),
        license: !text("license").is_empty(),
        ours: ours.collect(),
        files,
    })
}

/// Everything that a package links when it is used alone, without its optional features.
fn closure(name: &str) -> crate::Result<BTreeSet<String>> {
    let output = workspace::cargo()
        .args(["tree", "--offline", "--package", name, "--edges", "normal", "--prefix", "none"])
        .args(["--no-default-features", "--format", "{p}"])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    Ok(names.filter(|it| !it.is_empty()).map(str::to_owned).collect())
}

/// A manifest's dependencies, and whether each takes its version from the workspace's table.
fn dependency_tables(manifest: &str) -> BTreeMap<String, bool> {
    let Ok(document) = Document::parse(manifest) else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let entries = document.get(table).and_then(|it| it.as_table_like());
        for (name, value) in entries.into_iter().flat_map(|it| it.iter()) {
            let shared = value.get("workspace").and_then(Item::as_bool) == Some(true);
            *found.entry(name.to_owned()).or_insert(true) &= shared;
        }
    }
    found
}

/// Whether a manifest takes over the workspace's lints.
fn has_lints(manifest: &str) -> bool {
    let Ok(document) = Document::parse(manifest) else { return false };
    let lints = document.get("lints").and_then(|it| it.get("workspace"));
    lints.and_then(Item::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_is_tidy() {
        assert_eq!(super::problems().unwrap(), [""; 0]);
    }
}
