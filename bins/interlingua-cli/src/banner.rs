//! What `interlingua up` says when it has started.

use std::net::SocketAddr;

use interlingua_registry::{KeyNeed, KeyState, Preset, Provider, Snapshot};

use crate::output::columns;
use crate::up::Options;

/// Says what is there and what to do next. The addresses themselves are told by the gateway.
///
/// `command` is how the person reaches this program with the same configuration.
pub(crate) fn text(snapshot: &Snapshot, addresses: &[SocketAddr], command: &Command) -> String {
    let providers = snapshot.providers();
    let rows: Vec<_> = providers.iter().map(|it| [format!("  {}", it.id), state(it)]).collect();
    let demo = providers.iter().any(|it| it.is_demo());
    let model = snapshot.suggested_slug();
    // The other terminal may lack the variables that make the provider known here.
    let next = command.next(addresses, model.as_deref().filter(|_| !demo));
    let model = model.as_deref().unwrap_or("none is known; name one as <provider>/<model>");
    let mut lines = vec![
        format!("Interlingua {}", env!("CARGO_PKG_VERSION")),
        String::new(),
        "providers".to_owned(),
        columns(&rows),
    ];
    if demo {
        lines.push(no_provider());
    }
    lines.extend([
        "model".to_owned(),
        format!("  {model}"),
        String::new(),
        "next step, in another terminal".to_owned(),
    ]);
    if !snapshot.client_keys().is_open() {
        lines.push("  export INTERLINGUA_KEY=…    # what `keys add` printed".to_owned());
    }
    lines.push(next);
    lines.join("\n")
}

fn state(provider: &Provider) -> String {
    match (provider.usable(), &provider.key_state) {
        (Ok(()), _) if provider.is_demo() => "a script, not a model".to_owned(),
        (Ok(()), KeyState::NotNeeded) => "ready, no key needed".to_owned(),
        (Ok(()), KeyState::OfClient) => "ready, asked with the caller's own key".to_owned(),
        (Ok(()), _) => {
            let names: Vec<_> = provider.keys.iter().map(|key| key.name.as_str()).collect();
            format!("ready, key from {}", names.join(", "))
        }
        (Err(why), _) => match &provider.console {
            Some(console) => format!("not usable: {why}; make one at {console}"),
            None => format!("not usable: {why}"),
        },
    }
}

/// How to get away from the demo.
fn no_provider() -> String {
    let presets = Preset::all().iter();
    let keyed = presets.clone().filter(|it| it.key == KeyNeed::Required);
    let keys: Vec<_> = keyed.filter_map(|it| it.key_env.first()).map(String::as_str).collect();
    let open = presets.filter(|it| it.key == KeyNeed::Optional);
    let urls: Vec<_> = open.map(|it| it.url_env.as_str()).collect();
    format!(
        "  No provider can be used, so the built-in demo answers: it follows a script.\n  \
         For a real model, set a key ({})\n  or an address ({}) and start again,\n  \
         or add any server: `interlingua providers add <ID> --base-url <URL>`; that needs no new start.\n",
        keys.join(", "),
        urls.join(", "),
    )
}

/// How this program was called.
#[derive(Debug)]
pub(crate) struct Command {
    program: String,
    config: Option<String>,
    listen: Option<String>,
}

/// How the person called this program, so that what he is told to type works where he is.
pub(crate) fn command(options: &Options) -> Command {
    Command {
        program: std::env::args().next().unwrap_or_else(|| "interlingua".to_owned()),
        config: options.config.as_ref().map(|it| it.display().to_string()),
        listen: options.listen.clone(),
    }
}

impl Command {
    /// The ways to the clients: with nothing of the person's touched, and as the person has them.
    fn next(&self, addresses: &[SocketAddr], model: Option<&str>) -> String {
        let mut rows = Vec::new();
        let mut row = |words: &[&str], addresses: &[SocketAddr], what: &str| {
            rows.push([self.words(words, addresses, model), what.to_owned()]);
        };
        // They look for the gateway where the configuration says.
        if self.listen.is_none() {
            row(
                &["run", "codex"],
                &[],
                "# Codex in a home of its own, with nothing of yours touched",
            );
            row(&["run", "claude"], &[], "# Claude Code, with nothing of yours touched");
        }
        row(&["codex", "apply"], addresses, "# your own Codex; `codex restore` puts it back");
        row(
            &["claude", "apply"],
            addresses,
            "# your own Claude Code; `claude restore` puts it back",
        );
        row(&["print", "curl"], addresses, "# any other; `print --help` says which");
        columns(&rows)
    }

    fn words(&self, command: &[&str], addresses: &[SocketAddr], model: Option<&str>) -> String {
        let mut words = vec![format!("  {}", quoted(&self.program))];
        words.extend(command.iter().map(|word| (*word).to_owned()));
        if let Some(model) = model {
            words.extend(["--model".to_owned(), quoted(model)]);
        }
        if let Some(config) = &self.config {
            words.extend(["--config".to_owned(), quoted(config)]);
        }
        // What was asked for is not always what was got: port 0 means any.
        if let (Some(_), Some(address)) = (&self.listen, addresses.first()) {
            words.extend(["--listen".to_owned(), quoted(&address.to_string())]);
        }
        words.join(" ")
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "/._-:+=@".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_works_where_the_person_is() {
        let command = Command {
            program: "target/release/interlingua".to_owned(),
            config: Some("my file's.toml".to_owned()),
            listen: Some("127.0.0.1:0".to_owned()),
        };
        let next = command.next(&[SocketAddr::from(([127, 0, 0, 1], 4711))], Some("a/b"));
        assert!(next.starts_with(
            r"  target/release/interlingua codex apply --model a/b --config 'my file'\''s.toml' --listen 127.0.0.1:4711   #"
        ));
        let plain = Command { program: "interlingua".to_owned(), config: None, listen: None };
        let next = plain.next(&[], None);
        assert!(next.starts_with("  interlingua run codex     #"), "{next}");
        assert!(next.contains("\n  interlingua codex apply   #"), "{next}");
        assert!(next.contains("\n  interlingua claude apply  #"), "{next}");
        assert!(next.contains("\n  interlingua print curl    #"), "{next}");
    }
}
