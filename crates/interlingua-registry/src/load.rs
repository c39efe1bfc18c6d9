//! Reads the files, variables and programs that a configuration is made of.

use std::cell::RefCell;
use std::fs;
use std::io::{self, BufRead as _, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::discovered::Discovered;
use crate::files::{Look, look};
use crate::raw::{Environment, RawConfig};
use crate::secret::{KeyError, KeySource, ResolveKey, Secret, tidy_key};

/// How long a program may take to print a key.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// How long the output of a program may stay open after its end.
const REST: Duration = Duration::from_secs(2);

/// Nothing that is larger holds a key.
const MAX_KEY: u64 = 64 << 10;

impl Environment {
    /// The variables of this process; those that are not Unicode are left out.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }
}

/// Where everything of this program is kept.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Paths {
    /// The user's configuration; it need not exist.
    pub config: PathBuf,
    /// The configuration of the machine; it need not exist.
    pub system_config: Option<PathBuf>,
    /// The database, the seal key, the lock.
    pub state: PathBuf,
    /// What can be fetched again.
    pub cache: PathBuf,
}

impl Paths {
    /// Finds the places from the variables that name them: `INTERLINGUA_CONFIG`,
    /// `INTERLINGUA_STATE_DIR`, `INTERLINGUA_CACHE_DIR` each; `INTERLINGUA_HOME` all of them; then
    /// those of systemd; then the customs of the system. None if there is not even a home directory.
    pub fn find(environment: &Environment) -> Option<Self> {
        let path = |name: &str| environment.get(name).map(PathBuf::from);
        let home = path("INTERLINGUA_HOME");
        let place = |own: &str, below_home: &str, systemd: &str, custom: Option<PathBuf>| {
            let below = home.as_ref().map(|home| home.join(below_home));
            // systemd lists several directories with colons; ours is the first.
            let systemd = || Some(PathBuf::from(environment.get(systemd)?.split(':').next()?));
            path(own).or(below).or_else(systemd).or(custom)
        };
        let config_dir = place("", "", "CONFIGURATION_DIRECTORY", config_dir(environment));
        Some(Self {
            config: path("INTERLINGUA_CONFIG").or(config_dir.map(|dir| dir.join("config.toml")))?,
            system_config: cfg!(unix).then(|| PathBuf::from("/etc/interlingua/config.toml")),
            state: place(
                "INTERLINGUA_STATE_DIR",
                "state",
                "STATE_DIRECTORY",
                state_dir(environment),
            )?,
            cache: place(
                "INTERLINGUA_CACHE_DIR",
                "cache",
                "CACHE_DIRECTORY",
                cache_dir(environment),
            )?,
        })
    }
}

/// Reads the layers of a configuration: system file, user file, the file that a flag names, and the
/// environment. Flags are laid over the result with [`RawConfig::flag`], and what providers say about
/// their models with [`RawConfig::discovered`].
///
/// A file that somebody named has to exist; those in the usual places need not. Nothing fails here:
/// what cannot be read is reported by [`check`](crate::check) together with everything else.
pub fn load(paths: &Paths, named: Option<&Path>, environment: &Environment) -> RawConfig {
    layers(paths, named, environment, None)
}

/// Reads the same layers with `text` in place of what the file `edited` holds: what the configuration
/// would be if the text were written.
pub fn load_edited(
    paths: &Paths,
    named: Option<&Path>,
    environment: &Environment,
    edited: &Path,
    text: &str,
) -> RawConfig {
    layers(paths, named, environment, Some((edited, text)))
}

fn layers(
    paths: &Paths,
    named: Option<&Path>,
    environment: &Environment,
    edited: Option<(&Path, &str)>,
) -> RawConfig {
    let asked_for = environment.get("INTERLINGUA_CONFIG").is_some();
    let layers = [
        (paths.system_config.as_deref(), false),
        (Some(paths.config.as_path()), asked_for),
        (named, true),
    ];
    let mut raw = RawConfig::new();
    for (path, must_exist) in layers {
        let Some(path) = path else { continue };
        let name = path.display().to_string();
        let read = match edited.filter(|(edited, _)| *edited == path) {
            Some((_, text)) => Ok(text.to_owned()),
            None => fs::read_to_string(path),
        };
        raw = match read {
            Ok(text) => raw.file(&name, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => raw,
            Err(error) => raw.unreadable(&name, &error.to_string()),
        };
    }
    raw.environment(environment)
}

/// What providers said about their models when they were last asked. Nothing, if that cannot be read:
/// they will be asked again.
pub fn discovered(paths: &Paths) -> Discovered {
    let file = fs::File::open(paths.cache.join(DISCOVERED));
    let text = file.and_then(|file| read_text(file, MAX_DISCOVERED)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Keeps what providers say about their models, for the next start and for other commands.
///
/// # Errors
///
/// When the cache folder cannot be written.
pub fn keep_discovered(paths: &Paths, discovered: &Discovered) -> io::Result<()> {
    let text = serde_json::to_string(discovered).map_err(io::Error::other)?;
    crate::files::write(&paths.cache.join(DISCOVERED), &text)
}

/// A cache that is larger is none of ours: a list has a few megabytes at most, and providers are few.
const MAX_DISCOVERED: u64 = 64 << 20;

/// The file in the cache folder.
const DISCOVERED: &str = "models.json";

/// Fetches keys from variables, from files and from what programs print.
#[derive(Clone, Debug)]
pub struct SystemKeys<'a> {
    environment: &'a Environment,
    files: RefCell<Vec<(PathBuf, Look)>>,
}

impl<'a> SystemKeys<'a> {
    /// Looks for variables in `environment` only.
    pub fn new(environment: &'a Environment) -> Self {
        Self { environment, files: RefCell::default() }
    }

    /// The files that were looked into, whether they are there or not, as they were before.
    pub fn into_files(self) -> Vec<(PathBuf, Look)> {
        self.files.into_inner()
    }

    fn read(&self, path: PathBuf) -> Result<Secret, KeyError> {
        let before = look(&path);
        let key = read_key(&path);
        self.files.borrow_mut().push((path, before));
        key
    }
}

impl ResolveKey for SystemKeys<'_> {
    fn resolve(&self, source: &KeySource) -> Result<Secret, KeyError> {
        match source {
            KeySource::Env(name) => match self.environment.get(name) {
                Some(key) => tidy_key(key),
                None => match self.environment.get(&format!("{name}_FILE")) {
                    Some(path) => self.read(PathBuf::from(path)),
                    None => Err(KeyError::Unset),
                },
            },
            KeySource::File(path) => self.read(self.expand(path)),
            KeySource::Command(argv) => run(argv),
        }
    }
}

impl SystemKeys<'_> {
    /// `~/x` means the user's `x`, as in a shell.
    fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.environment.get("HOME")) {
            (Some(rest), Some(home)) => Path::new(home).join(rest),
            _ => PathBuf::from(path),
        }
    }
}

fn read_key(path: &Path) -> Result<Secret, KeyError> {
    let unreadable = |error: io::Error| KeyError::Unreadable(error.to_string());
    let text = read_text(fs::File::open(path).map_err(unreadable)?, MAX_KEY).map_err(unreadable)?;
    tidy_key(&text)
}

fn run(argv: &[String]) -> Result<Secret, KeyError> {
    let unreadable = |error: io::Error| KeyError::Unreadable(error.to_string());
    let Some((program, arguments)) = argv.split_first() else { return Err(KeyError::Unset) };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // A password manager may ask for something there, and what it prints is not ours to keep.
        .stderr(Stdio::inherit())
        .spawn();
    let mut child = child.map_err(unreadable)?;
    let output = child.stdout.take().expect("the output was piped");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut output = io::BufReader::new(output);
        let mut line = String::new();
        let read = (&mut output).take(MAX_KEY).read_line(&mut line);
        // Nobody listens any more when the program took too long.
        drop(tell.send(read.map(|_| line)));
        // Who is not read to the end may fail over it.
        drop(io::copy(&mut output, &mut io::sink()));
    });
    let status = wait(&mut child).map_err(unreadable)?;
    let Some(status) = status else {
        return Err(KeyError::Unreadable(format!(
            "it took more than {} s",
            COMMAND_TIME.as_secs()
        )));
    };
    if !status.success() {
        return Err(KeyError::Unreadable(format!("it ended with {status}")));
    }
    // What it left running in the background may hold on to its output.
    let line = told.recv_timeout(REST).map_err(|_| {
        KeyError::Unreadable("it printed no line, and left its output open".to_owned())
    })?;
    tidy_key(&line.map_err(unreadable)?)
}

/// Waits for a program's end, or ends it when its time is up.
fn wait(child: &mut Child) -> io::Result<Option<std::process::ExitStatus>> {
    let begin = Instant::now();
    while begin.elapsed() < COMMAND_TIME {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn read_text(from: impl Read, limit: u64) -> io::Result<String> {
    let mut text = String::new();
    from.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(not(windows))]
fn config_dir(environment: &Environment) -> Option<PathBuf> {
    xdg(environment, "XDG_CONFIG_HOME", ".config")
}

#[cfg(not(windows))]
fn state_dir(environment: &Environment) -> Option<PathBuf> {
    xdg(environment, "XDG_STATE_HOME", ".local/state")
}

#[cfg(not(windows))]
fn cache_dir(environment: &Environment) -> Option<PathBuf> {
    xdg(environment, "XDG_CACHE_HOME", ".cache")
}

/// A base directory; one that is not absolute is ignored, as the XDG specification asks.
#[cfg(not(windows))]
fn xdg(environment: &Environment, name: &str, below_home: &str) -> Option<PathBuf> {
    let said = environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || environment.get("HOME").map(PathBuf::from).or_else(std::env::home_dir);
    Some(said.or_else(|| Some(home()?.join(below_home)))?.join("interlingua"))
}

#[cfg(windows)]
fn config_dir(environment: &Environment) -> Option<PathBuf> {
    Some(Path::new(environment.get("APPDATA")?).join("interlingua"))
}

#[cfg(windows)]
fn state_dir(environment: &Environment) -> Option<PathBuf> {
    Some(Path::new(environment.get("LOCALAPPDATA")?).join("interlingua"))
}

#[cfg(windows)]
fn cache_dir(environment: &Environment) -> Option<PathBuf> {
    Some(state_dir(environment)?.join("cache"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().copied().collect()
    }

    #[track_caller]
    fn check_paths(variables: &[(&str, &str)], [config, state, cache]: [&str; 3]) {
        let paths = Paths::find(&environment(variables)).unwrap();
        assert_eq!(paths.config, Path::new(config));
        assert_eq!(paths.state, Path::new(state));
        assert_eq!(paths.cache, Path::new(cache));
    }

    #[test]
    fn paths_follow_the_variables() {
        let home = ("HOME", "/h");
        let usual = [
            "/h/.config/interlingua/config.toml",
            "/h/.local/state/interlingua",
            "/h/.cache/interlingua",
        ];
        check_paths(&[home], usual);
        check_paths(&[home, ("XDG_CONFIG_HOME", "not/absolute")], usual);
        check_paths(
            &[home, ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "/k")],
            ["/c/interlingua/config.toml", "/s/interlingua", "/k/interlingua"],
        );
        check_paths(
            &[home, ("STATE_DIRECTORY", "/var/lib/interlingua:/other")],
            [usual[0], "/var/lib/interlingua", usual[2]],
        );
        check_paths(
            &[
                home,
                ("INTERLINGUA_HOME", "/i"),
                ("INTERLINGUA_CACHE_DIR", "/k"),
                ("XDG_STATE_HOME", "/s"),
            ],
            ["/i/config.toml", "/i/state", "/k"],
        );
        check_paths(&[home, ("INTERLINGUA_CONFIG", "/x.toml")], ["/x.toml", usual[1], usual[2]]);
    }

    #[test]
    fn keys_come_from_variables_files_and_programs() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, "sk-file\n").unwrap();
        let file = file.to_str().unwrap().to_owned();
        let environment = environment(&[
            ("A", "sk-a"),
            ("B_FILE", &file),
            ("C", ""),
            ("C_FILE", &file),
            ("HOME", dir.path().to_str().unwrap()),
        ]);
        let keys = SystemKeys::new(&environment);
        let command =
            |argv: &[&str]| KeySource::Command(argv.iter().map(|it| (*it).to_owned()).collect());
        let get = |source: KeySource| keys.resolve(&source).map(|key| key.expose().to_owned());
        assert_eq!(get(KeySource::Env("A".into())).unwrap(), "sk-a");
        assert_eq!(get(KeySource::Env("B".into())).unwrap(), "sk-file");
        assert_eq!(get(KeySource::Env("C".into())).unwrap(), "sk-file");
        assert_eq!(get(KeySource::Env("D".into())).unwrap_err(), KeyError::Unset);
        assert_eq!(get(KeySource::File(file)).unwrap(), "sk-file");
        assert_eq!(get(KeySource::File("~/key".into())).unwrap(), "sk-file");
        assert!(matches!(get(KeySource::File("/nowhere".into())), Err(KeyError::Unreadable(_))));
        assert_eq!(get(command(&["printf", "sk-cmd\\nuser: me\\n"])).unwrap(), "sk-cmd");
        assert_eq!(get(command(&["true"])).unwrap_err(), KeyError::Empty);
        assert!(matches!(get(command(&["false"])), Err(KeyError::Unreadable(_))));
        assert!(matches!(get(command(&["/no/such/program"])), Err(KeyError::Unreadable(_))));
        // What it leaves behind may keep its output open.
        let begun = Instant::now();
        assert_eq!(get(command(&["sh", "-c", "echo sk-cmd; sleep 8 &"])).unwrap(), "sk-cmd");
        let silent = get(command(&["sh", "-c", "printf sk-cmd; sleep 8 &"]));
        assert!(matches!(silent, Err(KeyError::Unreadable(_))));
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    }

    #[test]
    fn files_are_layered_and_named_ones_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let environment = environment(&[("INTERLINGUA_LISTEN", "127.0.0.1:4")]);
        let paths = Paths {
            config: write("user.toml", "listen = '127.0.0.1:2'\nexpose_headers = false\n"),
            system_config: Some(write("system.toml", "workers = 3\nexpose_headers = true\n")),
            state: dir.path().into(),
            cache: dir.path().into(),
        };
        let named =
            write("named.toml", "listen = '127.0.0.1:3'\ndefault_model = 'demo/assistant'\n");
        let check = |raw: &RawConfig| {
            crate::check(raw, &std::sync::Arc::default(), &SystemKeys::new(&environment))
        };
        let snapshot = check(&load(&paths, Some(&named), &environment)).unwrap();
        assert_eq!(snapshot.settings().listen[0].address.port(), 4);
        assert!(!snapshot.settings().expose_headers);
        assert_eq!(snapshot.settings().workers, Some(3));
        assert_eq!(snapshot.default_model(), Some("demo/assistant"));

        let nowhere = dir.path().join("nowhere.toml");
        let problems = check(&load(&paths, Some(&nowhere), &environment)).unwrap_err();
        assert!(problems.to_string().contains("nowhere.toml:1:1: cannot be read"), "{problems}");
    }
}
