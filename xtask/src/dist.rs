//! Builds the programs as they are released: with what was counted under load, the compiler knows which way
//! each branch goes, inlines where it pays, and moves what rarely runs out of the way.
//!
//! That shortens the time to the first token more than the time of a request among many: a request that comes
//! alone finds the processor's caches full of other things.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace;

const GATEWAY: &str = "interlingua-proxy";
const PROGRAMS: [&str; 2] = [GATEWAY, "interlingua-cli"];

/// The binaries of [`PROGRAMS`].
const BINARIES: [&str; 2] = [GATEWAY, "interlingua"];

pub(crate) fn run() -> crate::Result {
    let gateway = build()?;
    for name in BINARIES {
        println!("{}", gateway.with_file_name(name).display());
    }
    Ok(())
}

/// Builds the programs into `target/dist`, and tells where the gateway is.
pub(crate) fn build() -> crate::Result<PathBuf> {
    let toolchain = Toolchain::find()?;
    let folder = workspace::target().join("dist");
    let counts = folder.join("counts");
    if counts.exists() {
        fs::remove_dir_all(&counts)?;
    }
    let flag = format!("-Cprofile-generate={}", counts.display());
    let counting = toolchain.build(&folder.join("counting"), &flag)?;
    load(&counting.join(GATEWAY))?;

    let profile = folder.join("counts.profdata");
    let mut merge = Command::new(&toolchain.profdata);
    workspace::must(merge.arg("merge").arg("--output").arg(&profile).arg(&counts))?;
    let flag = format!("-Cprofile-use={}", profile.display());
    let built = toolchain.build(&folder.join("build"), &flag)?;
    for name in BINARIES {
        fs::copy(built.join(name), folder.join(name))?;
    }
    Ok(folder.join(GATEWAY))
}

/// Lets the gateway that counts answer in all pairs of protocols, streamed and whole.
fn load(gateway: &Path) -> crate::Result {
    let mut load = Command::new(workspace::release("xtask-bench")?);
    load.current_dir(workspace::root()).args(["run", "--bursts", "--rounds", "1"]);
    // Its figures are those of a gateway that counts.
    workspace::must(load.arg("--gateway").arg(gateway).stdout(std::process::Stdio::null()))
}

/// The compiler, and its tool for what was counted.
struct Toolchain {
    host: String,
    profdata: PathBuf,
}

impl Toolchain {
    fn find() -> crate::Result<Self> {
        let about = rustc(&["-vV"])?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or("rustc does not say for which machine it builds")?.to_owned();
        let root = PathBuf::from(rustc(&["--print", "sysroot"])?.trim());
        let profdata = root.join("lib/rustlib").join(&host).join("bin/llvm-profdata");
        if !profdata.exists() {
            let what = "`llvm-profdata` is missing; `rustup component add llvm-tools` installs it";
            return Err(what.into());
        }
        Ok(Self { host, profdata })
    }

    /// Builds the programs in release mode with one more flag, and tells where the binaries are.
    ///
    /// Always both: a crate that is built for other programs has other features, so its functions have other
    /// names, and what was counted of them would be dropped without a word.
    fn build(&self, folder: &Path, flag: &str) -> crate::Result<PathBuf> {
        let given = std::env::var("RUSTFLAGS").unwrap_or_default();
        let flags: Vec<&str> = given.split_whitespace().chain([flag]).collect();
        let mut build = workspace::cargo();
        // What the compiler runs itself while it builds must not count: that is why a target is named.
        build.args(["build", "--release", "--target", &self.host, "--target-dir"]).arg(folder);
        build.args(PROGRAMS.iter().flat_map(|package| ["--package", package]));
        build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        workspace::must(&mut build)?;
        Ok(folder.join(&self.host).join("release"))
    }
}

fn rustc(arguments: &[&str]) -> crate::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let told = Command::new(rustc).current_dir(workspace::root()).args(arguments).output()?;
    Ok(String::from_utf8(told.stdout)?)
}
