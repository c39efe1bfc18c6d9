//! Servers that nobody here wrote, for real: builds them, makes a tiny model for each, and asks them through
//! the gateway.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::Deserialize;

use crate::workspace;

#[derive(Args)]
pub(crate) struct Options {
    /// Only these servers, by their names in `xtask/servers/servers.toml`
    #[arg(long)]
    server: Vec<String>,
    /// Also keep the streams and errors that they sent, below this folder
    #[arg(long)]
    record: Option<PathBuf>,
    /// Only checks whose name holds one of these words
    words: Vec<String>,
}

/// A server, and how it is had.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    /// Packages of `PyPI`, as `name==version`.
    pip: Vec<String>,
    /// The program to build, where no package holds it built.
    source: Option<Source>,
    /// What `model.py` is told.
    model: Vec<String>,
}

/// The source of a program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    /// The package that holds it, as `name==version`.
    package: String,
    /// Where in it the source lies.
    folder: String,
    /// What is built of it.
    target: String,
}

/// Gets each server, and runs the checks.
pub(crate) fn run(options: &Options) -> crate::Result {
    let servers = read()?;
    if let Some(unknown) = options.server.iter().find(|it| !servers.contains_key(*it)) {
        let known = servers.into_keys().collect::<Vec<_>>().join(", ");
        return Err(format!("servers.toml knows no `{unknown}`, but {known}").into());
    }
    let mut failed = Vec::new();
    for (name, server) in servers {
        if !options.server.is_empty() && !options.server.contains(&name) {
            continue;
        }
        println!("\n-- {name}");
        let folder = workspace::root().join("target/servers").join(&name);
        let done = prepare(&server, &folder).and_then(|()| check(&name, &folder, options));
        if let Err(error) = done {
            println!("{error}");
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", ")).into()) }
}

fn read() -> crate::Result<BTreeMap<String, Server>> {
    let path = workspace::root().join("xtask/servers/servers.toml");
    let text = fs::read_to_string(&path).map_err(|it| format!("{}: {it}", path.display()))?;
    Ok(toml_edit::de::from_str(&text).map_err(|it| format!("{}: {it}", path.display()))?)
}

fn prepare(server: &Server, folder: &Path) -> crate::Result {
    fs::create_dir_all(folder)?;
    let python = folder.join("venv/bin/python");
    once(folder, "fetched", &server.pip.join("\n"), || {
        let make = ["-m", "venv"];
        workspace::must(Command::new("python3").args(make).arg(folder.join("venv")))?;
        workspace::must(
            patient(&python).args(["-m", "pip", "install", "--quiet"]).args(&server.pip),
        )
    })?;
    if let Some(source) = &server.source {
        once(folder, "built", &source.package, || build(source, folder))?;
    }
    let script = workspace::root().join("xtask/servers/model.py");
    workspace::must(patient(&python).arg(script).args(&server.model).current_dir(folder))
}

/// Does something unless it was done for the same wish; only what is whole counts as done.
fn once(
    folder: &Path,
    mark: &str,
    wish: &str,
    work: impl FnOnce() -> crate::Result,
) -> crate::Result {
    let path = folder.join(mark);
    if fs::read_to_string(&path).is_ok_and(|done| done == wish) {
        return Ok(());
    }
    println!("{mark} soon: {}", wish.replace('\n', ", "));
    work()?;
    Ok(fs::write(path, wish)?)
}

/// Builds a program without its extras. The tiny model needs no speed, so the compiler need not take its time.
fn build(source: &Source, folder: &Path) -> crate::Result {
    let python = folder.join("venv/bin/python");
    let (archives, tree) = (folder.join("archives"), folder.join("source"));
    let (name, version) = source.package.split_once("==").ok_or("a package has a version")?;
    let mut fetch = patient(&python);
    // Of this package only: what pip itself needs to look into it may come built.
    fetch.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name]);
    workspace::must(fetch.arg("--dest").arg(&archives).arg(&source.package))?;
    let archives = workspace::files(&archives, &|_| false)?;
    let archive = archives.iter().find(|it| it.to_string_lossy().contains(version));
    let archive = archive.ok_or_else(|| format!("pip brought no {}", source.package))?;
    fs::create_dir_all(&tree)?;
    let mut unpack = patient(Path::new("tar"));
    unpack.args(["--strip-components", "1", "-xzf"]).arg(archive).arg("-C").arg(&tree);
    workspace::must(&mut unpack)?;

    let tools = folder.join("venv/bin");
    // By the interpreter: a script knows where it was made, and folders are moved.
    let mut configure = patient(&python);
    configure.args(["-m", "cmake", "-G", "Ninja", "-S"]).arg(tree.join(&source.folder));
    configure.arg("-B").arg(folder.join("build"));
    configure.arg(format!("-DCMAKE_MAKE_PROGRAM={}", tools.join("ninja").display()));
    configure.args([
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_CXX_FLAGS_RELEASE=-O0 -DNDEBUG",
        "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG",
        "-DLLAMA_BUILD_TESTS=OFF",
        "-DLLAMA_BUILD_EXAMPLES=OFF",
        "-DLLAMA_BUILD_APP=OFF",
        "-DLLAMA_USE_PREBUILT_UI=OFF",
        "-DLLAMA_OPENSSL=OFF",
        "-DGGML_NATIVE=OFF",
        "-DGGML_LLAMAFILE=OFF",
        "-DGGML_OPENMP=OFF",
    ]);
    let number = version.split('.').next().unwrap_or_default();
    workspace::must(configure.arg(format!("-DLLAMA_BUILD_NUMBER={number}")))?;
    let mut make = patient(&python);
    make.args(["-m", "cmake", "--build"]).arg(folder.join("build"));
    workspace::must(make.args(["--target", &source.target, "--parallel", "2"]))
}

/// A command that leaves the machine to others, and does not run for ever.
fn patient(program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["3600", "nice", "-n", "10"]).arg(program);
    command
}

fn check(name: &str, folder: &Path, options: &Options) -> crate::Result {
    workspace::must(workspace::cargo().args(["build", "--quiet", "--package", "interlingua-cli"]))?;
    let cli = workspace::target().join("debug/interlingua");
    let mut command = workspace::cargo();
    command.args(["test", "--quiet", "--package", "interlingua-proxy", "--test", "servers", "--"]);
    command.arg(format!("--server={name}")).arg(format!("--folder={}", folder.display()));
    command.arg(format!("--cli={}", cli.display()));
    if let Some(record) = &options.record {
        let record = std::path::absolute(record)?;
        command.arg(format!("--record={}", record.display()));
    }
    workspace::must(command.args(&options.words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_its_version() {
        let servers = read().unwrap();
        assert!(servers.len() >= 2);
        for (name, server) in servers {
            let source = server.source.iter().map(|it| &it.package);
            for package in server.pip.iter().chain(source) {
                assert_eq!(package.split("==").count(), 2, "{name}: {package}");
            }
        }
    }

    #[test]
    fn what_is_done_is_done_once_for_each_wish() {
        let folder = workspace::root().join("target/xtask-tests/servers");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("mark"), "none").unwrap();
        let mut times = 0;
        for wish in ["a==1", "a==1", "a==2"] {
            once(&folder, "mark", wish, || {
                times += 1;
                Ok(())
            })
            .unwrap();
        }
        assert_eq!(times, 2);
        assert!(once(&folder, "mark", "a==3", || Err("no".into())).is_err());
        assert_eq!(fs::read_to_string(folder.join("mark")).unwrap(), "a==2");
    }
}
