//! Fetching the clients that the scenarios drive.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// The list: `xtask/clients.toml`.
pub(super) struct Clients(BTreeMap<String, Client>);

/// A client, and how it is fetched.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Client {
    /// Packages of npm, as `name@version`.
    npm: Vec<String>,
    /// Packages of `PyPI`, as `name==version`.
    pip: Vec<String>,
    /// A program that the system installs.
    program: Option<String>,
    /// The variable that names a binary to use instead.
    variable: Option<String>,
}

/// Why a client could not be had.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl Clients {
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let path = root.join("xtask/clients.toml");
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| Failure(format!("{}: {error}", path.display())))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let clients = toml_edit::de::from_str(text);
        clients.map(Self).map_err(|error| Failure(format!("clients.toml: {error}")))
    }

    /// Makes sure that a client is there.
    pub(super) fn fetch(&self, name: &str, folder: &Path) -> Result<(), Failure> {
        let unknown = || Failure(format!("clients.toml knows no `{name}`"));
        let client = self.0.get(name).ok_or_else(unknown)?;
        if client.variable.as_ref().is_some_and(|it| std::env::var_os(it).is_some()) {
            return Ok(());
        }
        npm(folder, &client.npm)?;
        pip(&folder.join("venv"), &client.pip)?;
        client.program.as_deref().map_or(Ok(()), system)
    }
}

fn npm(folder: &Path, packages: &[String]) -> Result<(), Failure> {
    let missing: Vec<_> =
        packages.iter().filter(|it| !is_in(folder, it)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("fetching {}", missing.join(", "));
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--save-exact",
        "--prefix",
    ]);
    run(npm.arg(folder).args(&missing), &missing.join(", "))
}

/// Whether a package is there in its version.
fn is_in(folder: &Path, package: &str) -> bool {
    let Some((name, version)) = package.rsplit_once('@') else { return false };
    let manifest = folder.join("node_modules").join(name).join("package.json");
    let text = fs::read_to_string(manifest).unwrap_or_default();
    text.contains(&format!("\"version\": \"{version}\""))
}

fn pip(folder: &Path, packages: &[String]) -> Result<(), Failure> {
    let (mark, wanted) = (folder.join("fetched"), packages.join("\n"));
    if packages.is_empty() || fs::read_to_string(&mark).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    let what = packages.join(", ");
    println!("fetching {what}");
    run(Command::new("python3").args(["-m", "venv"]).arg(folder), &what)?;
    // By the interpreter: the script `pip` knows where it was made, and folders are moved.
    let mut pip = Command::new(folder.join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet"]).args(packages), &what)?;
    // Only what is whole counts as fetched.
    fs::write(mark, wanted).map_err(|error| Failure(error.to_string()))
}

fn system(program: &str) -> Result<(), Failure> {
    let found = Command::new(program).arg("--version").output();
    match found {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(Failure(format!("{program} is not installed: `apt-get install {program}`"))),
    }
}

fn run(command: &mut Command, what: &str) -> Result<(), Failure> {
    let program = command.get_program().display().to_string();
    let status = command
        .status()
        .map_err(|error| Failure(format!("{program} is needed to fetch {what}: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("{program} could not fetch {what}: {status}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn every_package_has_its_version() {
        let Clients(clients) = Clients::read(workspace::root()).unwrap();
        for package in clients.values().flat_map(|it| &it.npm) {
            let (name, version) = package.rsplit_once('@').unwrap();
            assert!(!name.is_empty() && version.split('.').count() == 3, "{package}");
        }
        for package in clients.values().flat_map(|it| &it.pip) {
            assert_eq!(package.split("==").count(), 2, "{package}");
        }
    }

    #[test]
    fn another_version_is_not_the_one() {
        let folder = workspace::root().join("target/xtask-tests/clients");
        let place = folder.join("node_modules/@some/client");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("package.json"), "{ \"version\": \"1.2.3\" }").unwrap();
        assert!(is_in(&folder, "@some/client@1.2.3"));
        assert!(!is_in(&folder, "@some/client@1.2.4"));
        assert!(!is_in(&folder, "@other/client@1.2.3"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let clients = Clients::parse("[a]\nprogram = \"no-such-program\"\n").unwrap();
        let Failure(text) = clients.fetch("a", Path::new("/nowhere")).unwrap_err();
        assert!(text.contains("apt-get install no-such-program"), "{text}");
        let Failure(text) = clients.fetch("b", Path::new("/nowhere")).unwrap_err();
        assert!(text.contains("`b`"), "{text}");
        assert!(Clients::parse("[a]\nnmp = []\n").is_err());
    }
}
