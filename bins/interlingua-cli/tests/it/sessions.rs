//! What `docs/` shows of a terminal is what is seen there. A line `…` stands for any lines.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{BINARY, Home};

const HOUSE: &str = r#"
[providers.house]
base_url = "http://127.0.0.1:9/v1"

[[providers.house.models]]
id = "big"
context_window = 1000000
max_output_tokens = 64000
reasoning = true

[[providers.house.models]]
id = "small"
context_window = 200000
max_output_tokens = 16000
"#;

const SETTINGS: &str = r#"{
  "permissions": { "allow": ["Bash(git diff *)"] },
  "env": {
    "BASH_DEFAULT_TIMEOUT_MS": "60000"
  }
}
"#;

/// A command of a document, and what is shown of its output.
struct Shown {
    command: String,
    output: String,
}

fn shown(document: &str) -> Vec<Shown> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(document);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```console\n").skip(1).map(|it| it.split("```").next().unwrap());
    let shown = blocks.map(|block| {
        let (command, output) = block.strip_prefix("$ ").unwrap().split_once('\n').unwrap();
        Shown { command: command.to_owned(), output: output.to_owned() }
    });
    shown.collect()
}

/// Runs a command in a shell, and gives what a terminal shows.
fn run(home: &Home, command: &str) -> String {
    let bin = Path::new(BINARY).parent().unwrap().display();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1; {command}")]).current_dir(home.path());
    shell.env_clear().env("INTERLINGUA_HOME", home.path()).stdin(Stdio::null());
    shell.env("HOME", home.path()).env("PATH", format!("{bin}:/usr/bin:/bin"));
    let output = shell.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace(home.path().to_str().unwrap(), "/home/you")
}

#[track_caller]
fn check(home: &Home, shown: &Shown) {
    let seen = run(home, &shown.command);
    let mut rest = seen.as_str();
    for (n, part) in shown.output.split("…\n").enumerate() {
        let found = if n == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        let Some(at) = found else {
            panic!("`{}` shows:\n{seen}\nand not, from there on:\n{part}", shown.command);
        };
        rest = rest.split_at(at + part.len()).1;
    }
    let is_open = shown.output.ends_with("…\n");
    assert!(rest.is_empty() || is_open, "`{}` shows more:\n{rest}", shown.command);
}

fn home() -> Home {
    let home = Home::with(HOUSE);
    fs::create_dir(home.path().join(".claude")).unwrap();
    fs::write(home.path().join(".claude/settings.json"), SETTINGS).unwrap();
    home
}

#[test]
fn the_snippets_of_the_document_are_printed() {
    let home = home();
    let shown = shown("clients.md");
    assert!(shown.len() > 5, "the document shows less than it did");
    for it in &shown {
        check(&home, it);
    }
}

#[test]
fn the_session_with_claude_code_is_real() {
    let home = home();
    let settings = home.path().join(".claude/settings.json");
    let shown = shown("claude-code.md");
    let [dry, refused, restored, status] = &shown[..] else { panic!("it shows other things") };
    check(&home, dry);
    fs::write(&settings, "{\n  \"env\" {}\n}\n").unwrap();
    check(&home, refused);
    fs::write(&settings, SETTINGS).unwrap();
    run(&home, &dry.command.replace(" --dry-run", ""));
    let applied = fs::read_to_string(&settings).unwrap();
    let edited = applied
        .replace("\"ANTHROPIC_MODEL\": \"house/big\"", "\"ANTHROPIC_MODEL\": \"house/small\"");
    fs::write(&settings, edited).unwrap();
    check(&home, status);
    check(&home, restored);
}
