//! A folder of Claude Code's, and what is done to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use interlingua_clients::apply::{ApplyError, Session, View};
use interlingua_clients::claude::{Options, OwnedKey, Plan, Tiers};
use interlingua_registry::files::{Files, Watch};
use interlingua_registry::{LOCAL_TOKEN, Secret};
use jsonc_parser::ParseOptions;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// Claude Code's folder and our state, in a folder of their own.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// With this `settings.json`, if any.
    pub(crate) fn new(settings: Option<&[u8]>) -> Self {
        // Thousands of syncs take minutes on a disk and none of them is tested here: no machine loses
        // power.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let place = Self { folder: folder.unwrap() };
        fs::create_dir(place.claude()).unwrap();
        if let Some(settings) = settings {
            fs::write(place.settings(), settings).unwrap();
        }
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn claude(&self) -> PathBuf {
        self.path().join("claude")
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.claude().join("settings.json")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// The bytes of `settings.json`.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        fs::read(self.settings()).ok()
    }

    /// Its text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes().unwrap()).unwrap()
    }

    pub(crate) fn view(&self) -> View {
        View::read(Files::new(), &self.claude(), &self.state()).unwrap()
    }

    pub(crate) fn apply(&self, options: &Options) -> Result<Plan, ApplyError> {
        let session = begin(Files::new(), &self.claude(), &self.state())?;
        let plan = session.view().plan(options)?;
        session.apply(&plan, None)?;
        Ok(plan)
    }

    /// Restores, and gives the keys that stay.
    pub(crate) fn restore(&self) -> Result<Vec<OwnedKey>, ApplyError> {
        let session = begin(Files::new(), &self.claude(), &self.state())?;
        let Some(undo) = session.view().undo()? else {
            session.tidy()?;
            return Ok(Vec::new());
        };
        session.restore(&undo)?;
        Ok(undo.kept)
    }

    /// The names of all files in a folder of it.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).into_iter().flatten();
        let mut names: Vec<_> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Begins a session. Between fork and exec, the children that other tests start hold
/// what is locked here, so one who meets a lock asks again for a while.
pub(crate) fn begin<W: Watch>(
    files: Files<W>,
    home: &Path,
    state: &Path,
) -> Result<Session<W>, ApplyError>
where
    Files<W>: Clone,
{
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        match Session::begin(files.clone(), home, state) {
            Err(ApplyError::Busy) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

/// What every user gets.
pub(crate) fn options() -> Options {
    Options {
        base_url: "http://127.0.0.1:8787/v1".to_owned(),
        token: Secret::new(LOCAL_TOKEN.to_owned()),
        model: "house/coder".to_owned(),
        tiers: Tiers::default(),
        context_window: Some(262_144),
        max_output_tokens: None,
    }
}

/// What differs from it in every key that may.
pub(crate) fn other_options() -> Options {
    Options {
        base_url: "https://gateway.test".to_owned(),
        token: Secret::new("il_canary".to_owned()),
        model: "mimo/\"a\\b\u{1f980}".to_owned(),
        tiers: Tiers {
            opus: Some("a/o".to_owned()),
            sonnet: Some("a/s".to_owned()),
            haiku: Some("a/h".to_owned()),
            fable: Some("a/f".to_owned()),
        },
        context_window: None,
        max_output_tokens: Some(16_000),
    }
}

/// The files of the corpus, by their names.
pub(crate) fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/claude/settings");
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<_> = entries
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() >= 35, "the corpus is not whole: {}", files.len());
    files
}

/// Checks that a text says what `options` want, and that all that is not ours is as it was.
#[track_caller]
pub(crate) fn check_result(before: &str, after: &str, options: &Options) {
    let (mut old, mut new) = (meaning(before), meaning(after));
    let before = env(&old);
    let after = env(&new);
    let is_set = |name: &str, value: &str| {
        assert_eq!(after.get(name), Some(&Value::from(value)), "{name}");
    };
    let model = &options.model;
    let tiers = &options.tiers;
    is_set("ANTHROPIC_BASE_URL", options.base_url.trim_end_matches("/v1"));
    is_set("ANTHROPIC_AUTH_TOKEN", options.token.expose());
    is_set("ANTHROPIC_MODEL", model);
    is_set("ANTHROPIC_DEFAULT_OPUS_MODEL", tiers.opus.as_ref().unwrap_or(model));
    is_set("ANTHROPIC_DEFAULT_SONNET_MODEL", tiers.sonnet.as_ref().unwrap_or(model));
    is_set("ANTHROPIC_DEFAULT_HAIKU_MODEL", tiers.haiku.as_ref().unwrap_or(model));
    is_set("ANTHROPIC_DEFAULT_FABLE_MODEL", tiers.fable.as_ref().unwrap_or(model));
    is_set("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1");
    is_set("CLAUDE_CODE_ATTRIBUTION_HEADER", "0");
    for (name, wanted) in [
        ("CLAUDE_CODE_MAX_CONTEXT_TOKENS", options.context_window),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", options.max_output_tokens),
    ] {
        match wanted {
            Some(wanted) => {
                // A number that says the same is left as it is written.
                let found = after[name].to_string();
                assert_eq!(found.trim_matches('"'), wanted.to_string(), "{name}");
            }
            None => assert_eq!(after.get(name), before.get(name), "{name}"),
        }
    }
    strip(&mut old);
    strip(&mut new);
    assert_eq!(new, old);
}

/// What a text means, comments and trailing commas allowed; an object where there is nothing.
pub(crate) fn meaning(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    let value: Value = jsonc_parser::parse_to_serde_value(text, &ParseOptions::default()).unwrap();
    if value.is_null() { Value::Object(Map::new()) } else { value }
}

fn env(settings: &Value) -> Map<String, Value> {
    settings["env"].as_object().cloned().unwrap_or_default()
}

/// Takes out what is ours, by the words of the design and not by those of the product.
fn strip(settings: &mut Value) {
    let root = settings.as_object_mut().unwrap();
    let Some(env) = root.get_mut("env").and_then(Value::as_object_mut) else { return };
    for name in [
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_MODEL",
        "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "ANTHROPIC_DEFAULT_FABLE_MODEL",
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS",
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
        "CLAUDE_CODE_ATTRIBUTION_HEADER",
    ] {
        env.remove(name);
    }
    if env.is_empty() {
        root.remove("env");
    }
}
