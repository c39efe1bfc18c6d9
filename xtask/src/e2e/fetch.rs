//! The clients that the scenarios drive, in the versions that they were written against.

use std::path::Path;
use std::process::Command;

/// A client, and how it is fetched.
#[derive(Clone, Copy)]
pub(super) enum Client {
    /// Packages of npm, and the variable that names a binary to use instead.
    Npm(&'static [Package], Option<&'static str>),
    /// Packages of `PyPI`, in an environment of their own.
    Python(&'static [&'static str]),
    /// A program that the system installs.
    System(&'static str),
}

/// A package of npm.
#[derive(Clone, Copy)]
pub(super) struct Package {
    name: &'static str,
    version: &'static str,
}

/// Why a client could not be had.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl Client {
    pub(super) const CODEX: Self =
        Self::Npm(&[Package { name: "@openai/codex", version: "0.169.0" }], Some("CODEX_BIN"));
    pub(super) const CLAUDE: Self = Self::Npm(
        &[Package { name: "@anthropic-ai/claude-code", version: "2.1.329" }],
        Some("CLAUDE_BIN"),
    );
    pub(super) const OPENCODE: Self =
        Self::Npm(&[Package { name: "opencode-ai", version: "1.18.33" }], Some("OPENCODE_BIN"));
    pub(super) const PYTHON: Self = Self::Python(&["openai==3.52.0", "anthropic==2.11.0"]);
    /// With a Node of its own: the SDKs want a newer one than many systems have.
    pub(super) const NODE: Self = Self::Npm(
        &[
            Package { name: "openai", version: "7.55.0" },
            Package { name: "@anthropic-ai/sdk", version: "1.11.0" },
            Package { name: "node", version: "22.23.3" },
        ],
        None,
    );
    pub(super) const REDIS: Self = Self::System("redis-server");

    /// Makes sure that it is there.
    pub(super) fn fetch(self, folder: &Path) -> Result<(), Failure> {
        match self {
            Self::Npm(_, Some(variable)) if std::env::var_os(variable).is_some() => Ok(()),
            Self::Npm(packages, _) => npm(folder, packages),
            Self::Python(packages) => python(&folder.join("venv"), packages),
            Self::System(program) => system(program),
        }
    }
}

fn npm(folder: &Path, packages: &[Package]) -> Result<(), Failure> {
    let missing: Vec<_> =
        packages.iter().filter(|it| !it.is_in(folder)).map(Package::pinned).collect();
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

impl Package {
    fn pinned(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    fn is_in(&self, folder: &Path) -> bool {
        let manifest = folder.join("node_modules").join(self.name).join("package.json");
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        text.contains(&format!("\"version\": \"{}\"", self.version))
    }
}

fn python(folder: &Path, packages: &[&str]) -> Result<(), Failure> {
    let (mark, wanted) = (folder.join("fetched"), packages.join("\n"));
    if std::fs::read_to_string(&mark).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    let what = packages.join(", ");
    println!("fetching {what}");
    run(Command::new("python3").args(["-m", "venv"]).arg(folder), &what)?;
    // By the interpreter: the script `pip` knows where it was made, and folders are moved.
    let mut pip = Command::new(folder.join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet"]).args(packages), &what)?;
    // Only what is whole counts as fetched.
    std::fs::write(mark, wanted).map_err(|error| Failure(error.to_string()))
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
