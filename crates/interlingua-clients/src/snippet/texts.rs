//! Clients that are set up by a program, by variables, or by hand.

use serde_json::json;

use super::client::{Client, Flavour, Lang};
use super::fill::{fill, quoted, word};
use super::options::{Key, Options};
use super::{Kind, Snippet};

type Value = (&'static str, Option<String>);

/// How many tokens a small program asks for at most.
const SHORT: u64 = 1024;

fn text(file: &'static str, kind: Kind, text: String, notes: &[&str]) -> Snippet {
    let notes = notes.iter().map(ToString::to_string).collect();
    Snippet { file, kind, text, notes }
}

/// Read; not tried, since Cursor needs an account.
pub(super) fn cursor(options: &Options) -> Snippet {
    let values = [
        ("key", Some(options.written_key().to_owned())),
        ("base_url", Some(options.base_url())),
        ("models", Some(listed(options, true))),
    ];
    let filled = fill(include_str!("templates/cursor.txt"), &values);
    text(
        "cursor.txt",
        Kind::Text,
        filled,
        &[
            "Cursor's own servers ask the gateway, not your machine: it needs a public https address, such as \
         that of a tunnel, and then a client key (`interlingua keys add`)",
            "the key and the address hold for all models of OpenAI that you use there",
            "reported by users, not tried",
        ],
    )
}

/// Read in guides of other gateways; not tried, since Trae needs an account.
pub(super) fn trae(options: &Options) -> Snippet {
    let model = &options.model;
    let on = if model.images { "on" } else { "off" };
    let others = listed(options, false);
    let values = [
        ("url", Some(format!("{}/chat/completions", options.base_url()))),
        ("model", Some(model.slug.clone())),
        ("name", Some(model.name.clone())),
        ("images", Some(on.to_owned())),
        ("key", Some(options.written_key().to_owned())),
        ("input", Some(model.input().to_string())),
        ("output", Some(model.output().to_string())),
        ("models", Some(others.clone())),
    ];
    let mut filled = fill(include_str!("templates/trae.txt"), &values);
    if others.is_empty() {
        let (single, _) = filled.split_once("\nThe same again").expect("it stands in the template");
        filled.truncate(single.len());
    }
    text(
        "trae.txt",
        Kind::Text,
        filled,
        &[
            "where Trae shows no switch `Full URL`, it wants the full one all the same",
            "read in guides, not tried",
        ],
    )
}

/// Run in all three protocols: Copilot CLI 1.0.102.
pub(super) fn copilot_cli(options: &Options) -> Snippet {
    let model = &options.model;
    let (kind, url, wire) = match options.flavour(Client::CopilotCli) {
        Flavour::Chat => ("openai", options.base_url(), Some("completions")),
        Flavour::Responses => ("openai", options.base_url(), Some("responses")),
        Flavour::Messages => ("anthropic", options.root_url().to_owned(), None),
    };
    let is_known = !model.window_assumed;
    let values = [
        ("type", Some(kind.to_owned())),
        ("base_url", Some(word(&url))),
        ("wire", wire.map(str::to_owned)),
        ("key", Some(shell_key(options))),
        ("model", Some(word(&model.slug))),
        ("input", is_known.then(|| model.input().to_string())),
        ("output", Some(model.output().to_string())),
    ];
    let filled = fill(include_str!("templates/copilot-cli.sh"), &values);
    text(
        "copilot-cli.sh",
        Kind::Shell,
        filled,
        &[
            "put it into the shell in which `copilot` runs; no login is needed",
            "`COPILOT_OFFLINE=true` keeps it from asking anybody else",
        ],
    )
}

/// Run: Qwen Code 0.24.4.
pub(super) fn qwen(options: &Options) -> Snippet {
    let values = [
        ("base_url", Some(word(&options.base_url()))),
        ("key", Some(shell_key(options))),
        ("model", Some(word(&options.model.slug))),
    ];
    let filled = fill(include_str!("templates/qwen.sh"), &values);
    text(
        "qwen.sh",
        Kind::Shell,
        filled,
        &[
            "put it into the shell in which Qwen Code runs, and start it by `qwen --auth-type openai`",
            "Qwen Code sends images only to models whose names it knows",
        ],
    )
}

/// Run: autogen-ext 0.7.5.
pub(super) fn autogen(options: &Options) -> Snippet {
    let images = if options.model.images { "True" } else { "False" };
    let mut values = program(options, Lang::Python);
    values.push(("images", Some(images.to_owned())));
    text("autogen.py", Kind::Python, fill(include_str!("templates/autogen.py"), &values), &[])
}

/// Run: openai 3.57 for Python, 7.55 for Node.
pub(super) fn openai_sdk(options: &Options) -> Snippet {
    let lang = options.lang.unwrap_or(Lang::Python);
    let (file, kind) = file(lang);
    let template = match (options.flavour(Client::OpenaiSdk), lang) {
        (Flavour::Responses, Lang::Python) => include_str!("templates/openai-responses.py"),
        (Flavour::Responses, Lang::Node) => include_str!("templates/openai-responses.mjs"),
        (_, Lang::Python) => include_str!("templates/openai-chat.py"),
        (_, Lang::Node) => include_str!("templates/openai-chat.mjs"),
    };
    text(file, kind, fill(template, &program(options, lang)), &[])
}

/// Run: anthropic 2.14 for Python, 1.14 for Node.
pub(super) fn anthropic_sdk(options: &Options) -> Snippet {
    let lang = options.lang.unwrap_or(Lang::Python);
    let (file, kind) = file(lang);
    let template = match lang {
        Lang::Python => include_str!("templates/anthropic.py"),
        Lang::Node => include_str!("templates/anthropic.mjs"),
    };
    text(file, kind, fill(template, &program(options, lang)), &[])
}

/// One request, or one in each protocol.
pub(super) fn curl(options: &Options) -> Snippet {
    let asked = options.flavour;
    let flavours = Flavour::ALL.into_iter().filter(|it| asked.is_none_or(|asked| asked == *it));
    let requests: Vec<_> = flavours.map(|flavour| request(options, flavour)).collect();
    text("curl.sh", Kind::Shell, requests.join("\n"), &[])
}

fn request(options: &Options, flavour: Flavour) -> String {
    let (model, prompt) = (&options.model.slug, &options.prompt);
    let messages = json!([{ "role": "user", "content": prompt }]);
    let max = options.model.output().min(SHORT);
    let (template, path, body) = match flavour {
        Flavour::Chat => (
            include_str!("templates/curl.sh"),
            "chat/completions",
            json!({ "model": model, "stream": true, "messages": messages }),
        ),
        Flavour::Responses => (
            include_str!("templates/curl.sh"),
            "responses",
            json!({ "model": model, "stream": true, "input": prompt }),
        ),
        Flavour::Messages => (
            include_str!("templates/curl-messages.sh"),
            "messages",
            json!({ "model": model, "stream": true, "max_tokens": max, "messages": messages }),
        ),
    };
    let authorization = match &options.key {
        Key::Text(key) => word(&format!("Authorization: Bearer {}", key.expose())),
        Key::Variable(name) => format!("\"Authorization: Bearer ${name}\""),
    };
    let values = [
        ("url", Some(word(&format!("{}/{path}", options.base_url())))),
        ("authorization", Some(authorization)),
        ("body", Some(word(&body.to_string()))),
    ];
    fill(template, &values)
}

fn file(lang: Lang) -> (&'static str, Kind) {
    match lang {
        Lang::Python => ("hello.py", Kind::Python),
        Lang::Node => ("hello.mjs", Kind::JavaScript),
    }
}

/// What programs are filled with.
fn program(options: &Options, lang: Lang) -> Vec<Value> {
    let key = match (&options.key, lang) {
        (Key::Text(key), _) => quoted(key.expose()),
        (Key::Variable(name), Lang::Python) => format!("os.environ[{}]", quoted(name)),
        (Key::Variable(name), Lang::Node) => format!("process.env[{}]", quoted(name)),
    };
    let reads_variable = matches!(options.key, Key::Variable(_));
    vec![
        ("base_url", Some(quoted(&options.base_url()))),
        ("root_url", Some(quoted(options.root_url()))),
        ("key", Some(key)),
        ("os", reads_variable.then(|| "import os".to_owned())),
        ("model", Some(quoted(&options.model.slug))),
        ("prompt", Some(quoted(&options.prompt))),
        ("max_tokens", Some(options.model.output().min(SHORT).to_string())),
    ]
}

fn shell_key(options: &Options) -> String {
    match &options.key {
        Key::Text(key) => word(key.expose()),
        Key::Variable(name) => format!("\"${name}\""),
    }
}

/// The names of the models, one a line.
fn listed(options: &Options, with_first: bool) -> String {
    let models = options.models.iter().filter(|it| with_first || it.slug != options.model.slug);
    let lines: Vec<_> = models.map(|it| format!("    {}", it.slug)).collect();
    lines.join("\n")
}
