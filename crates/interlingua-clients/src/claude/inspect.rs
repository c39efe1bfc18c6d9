//! What keeps Claude Code from the gateway although its settings name it, or goes there unasked.
//!
//! Seen with Claude Code 2.1.329: variables of `env` beat those of the shell; settings of the project beat
//! the user's; a file that is not strict JSON is not read at all. That managed settings beat both is what
//! its documentation says.

use interlingua_registry::foreign::Program as _;
use interlingua_registry::{ClientKeys, Environment};
use serde_json::Value as Json;
use url::{Host, Url};

use super::options::root_url;
use super::owned::{ENV, OWNED, OwnedKey};
use super::program::{ClaudeCode, split_mark};
use super::variables::{API_KEY, CLOUDS, Variables, read, string};

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Claude Code does not reach the gateway.
    Fail,
    /// It works, or may, but deserves a look.
    Warn,
}

/// Something that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Which check it was; stable, for programs.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen. Never a value that may be a secret.
    pub evidence: String,
    /// What to do.
    pub remedy: String,
}

/// What is known besides the file.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Where the gateway is configured to answer, such as `http://127.0.0.1:8787/v1`.
    pub base_url: &'a str,
    /// The client keys that it takes.
    pub keys: &'a ClientKeys,
    /// The variables with which Claude Code is started.
    pub environment: &'a Environment,
    /// Other settings that are read after this file, the strongest last.
    pub layers: &'a [Layer],
}

/// Settings that beat the user's.
#[derive(Clone)]
pub struct Layer {
    /// Where they are.
    pub path: String,
    /// What stands there.
    pub text: String,
}

impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text may hold secrets.
        f.debug_struct("Layer").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Whether an address leads to the gateway that answers at another; `/v1` may be missing from either.
pub fn is_gateway(url: &str, base_url: &str) -> bool {
    root_url(url) == root_url(base_url)
}

/// Looks through the text of a `settings.json`. The worst comes first.
pub fn inspect(text: &str, facts: &Facts<'_>) -> Vec<Finding> {
    let mut look = Look { facts, found: Vec::new() };
    match ClaudeCode::check(text) {
        Err(error) => look.fail(
            "claude.json",
            error.to_string(),
            "mend the file; Claude Code does not read it as it is",
        ),
        Ok(()) => {
            look.at_form(text);
            look.at_settings(&read(text));
        }
    }
    look.found.sort_by_key(|it| it.severity);
    look.found
}

struct Look<'a> {
    facts: &'a Facts<'a>,
    found: Vec<Finding>,
}

/// The setting that names a program which prints a key.
const KEY_HELPER: &str = "apiKeyHelper";

impl Look<'_> {
    fn at_form(&mut self, text: &str) {
        let (_, text) = split_mark(text);
        if text.trim().is_empty() {
            return;
        }
        if let Err(error) = serde_json::from_str::<Json>(text) {
            let (line, column) = (error.line(), error.column());
            self.fail(
                "claude.strict",
                format!(
                    "line {line}, column {column}: strict JSON has no comment, no trailing comma and \
                     no tab within quotes"
                ),
                "take it out; Claude Code leaves such a file unread, without a word when it runs by \
                 `-p`",
            );
        }
    }

    fn at_settings(&mut self, settings: &Json) {
        let variables = Variables { settings, shell: self.facts.environment };
        let Some((url, _)) = variables.get(OwnedKey::BASE_URL.name()) else {
            self.warn(
                "claude.base-url",
                format!(
                    "`{}` is not set, so Claude Code does not ask the gateway",
                    OwnedKey::BASE_URL
                ),
                "`interlingua claude apply`",
            );
            return;
        };
        if !is_gateway(&url, self.facts.base_url) {
            self.warn(
                "claude.base-url",
                format!(
                    "Claude Code goes to `{}`, the gateway is configured for `{}`",
                    shown(&url),
                    root_url(self.facts.base_url)
                ),
                "`interlingua claude apply`, if that is not meant",
            );
            return;
        }
        self.at_token(variables);
        self.at_other_keys(variables);
        self.at_helper(settings);
        self.at_clouds(variables);
        self.at_layers(settings);
        self.at_proxy(variables, &url);
    }

    fn at_token(&mut self, variables: Variables<'_>) {
        let Some((token, _)) = variables.get(OwnedKey::TOKEN.name()) else {
            self.fail(
                "claude.token",
                format!("`{}` is not set, so Claude Code asks for a login", OwnedKey::TOKEN),
                "`interlingua claude apply`",
            );
            return;
        };
        if self.facts.keys.admit(Some(&token)).is_none() {
            self.fail(
                "claude.token",
                format!("`{}` is none of the gateway's client keys", OwnedKey::TOKEN),
                "`interlingua claude apply --key-env <NAME>`, with a key of `interlingua keys add`",
            );
        }
    }

    /// Keys that Claude Code sends to whatever address it is given.
    fn at_other_keys(&mut self, variables: Variables<'_>) {
        if let Some((_, place)) = variables.get(API_KEY) {
            self.warn(
                "claude.api-key",
                format!("`{API_KEY}` is set in {place}; Claude Code sends it to the gateway, too"),
                "unset it where Claude Code runs; the gateway has no use for it",
            );
        }
    }

    fn at_helper(&mut self, settings: &Json) {
        if !settings[KEY_HELPER].is_null() {
            self.warn(
                "claude.api-key",
                format!(
                    "`{KEY_HELPER}` is set; Claude Code sends what it prints to the gateway, too"
                ),
                "remove it, if it prints a key of somebody else",
            );
        }
    }

    fn at_clouds(&mut self, variables: Variables<'_>) {
        for name in CLOUDS {
            let Some((value, place)) = variables.get(name) else { continue };
            if !matches!(value.to_lowercase().as_str(), "0" | "false" | "no" | "off") {
                self.fail(
                    "claude.cloud",
                    format!("`{name}` is set in {place}, so Claude Code goes there"),
                    &format!("unset `{name}`"),
                );
            }
        }
    }

    fn at_layers(&mut self, settings: &Json) {
        for layer in self.facts.layers {
            let theirs = read(&layer.text);
            for key in OWNED {
                let value = &theirs[ENV][key.name()];
                if value.is_null() || string(value) == string(&settings[ENV][key.name()]) {
                    continue;
                }
                let evidence = format!("{} sets `{key}`, and beats what stands here", layer.path);
                let remedy = format!("take `{}` out of that file", key.name());
                match key {
                    OwnedKey::BASE_URL | OwnedKey::TOKEN => {
                        self.fail("claude.layer", evidence, &remedy);
                    }
                    _ => self.warn("claude.layer", evidence, &remedy),
                }
            }
        }
    }

    fn at_proxy(&mut self, variables: Variables<'_>, base_url: &str) {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, variables.get(name)?.0)))
        };
        // Claude Code asks a proxy even for this machine, unless it is told not to.
        let Some(host) = Url::parse(base_url)
            .ok()
            .filter(|url| url.scheme() == "http" && is_loopback(url))
            .and_then(|url| url.host_str().map(|it| it.trim_matches(['[', ']']).to_owned()))
        else {
            return;
        };
        let except = first(["no_proxy", "NO_PROXY"]).map_or(String::new(), |(_, hosts)| hosts);
        let is_excepted = except.split(',').map(str::trim).any(|it| it == "*" || it == host);
        let proxy = first(["http_proxy", "HTTP_PROXY"]);
        if let Some((name, _)) = proxy.filter(|_| !is_excepted) {
            self.fail(
                "claude.proxy",
                format!("`{name}` is set, and `NO_PROXY` does not name `{host}`"),
                &format!(
                    "set `NO_PROXY={host}` where Claude Code runs, or it asks the proxy for the \
                     gateway"
                ),
            );
        }
    }

    fn fail(&mut self, id: &'static str, evidence: String, remedy: &str) {
        self.add(Severity::Fail, id, evidence, remedy);
    }

    fn warn(&mut self, id: &'static str, evidence: String, remedy: &str) {
        self.add(Severity::Warn, id, evidence, remedy);
    }

    fn add(&mut self, severity: Severity, id: &'static str, evidence: String, remedy: &str) {
        self.found.push(Finding { id, severity, evidence, remedy: remedy.to_owned() });
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    }
}

/// An address without what may be a secret in it.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            let hidden = url.set_password(None).and_then(|()| url.set_username(""));
            url.set_query(None);
            if hidden.is_ok() { url.to_string() } else { "…".to_owned() }
        }
        Err(_) => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "it is written where it is used")]
    #[track_caller]
    fn check(text: &str, variables: &[(&str, &str)], layers: &[&str], expected: Expect) {
        let environment: Environment = variables.iter().copied().collect();
        let layers = layers.iter();
        let layers = layers.map(|it| Layer { path: "/their.json".into(), text: (*it).into() });
        let layers: Vec<_> = layers.collect();
        let keys = ClientKeys::default();
        let base_url = "http://127.0.0.1:8787/v1";
        let facts = Facts { base_url, keys: &keys, environment: &environment, layers: &layers };
        let lines = inspect(text, &facts)
            .into_iter()
            .map(|it| format!("{:?} {}: {}\n    {}\n", it.severity, it.id, it.evidence, it.remedy));
        let shown: String = lines.collect();
        assert!(!shown.contains("canary"), "{shown}");
        expected.assert_eq(&shown);
    }

    const OURS: &str =
        r#""ANTHROPIC_BASE_URL": "http://127.0.0.1:8787", "ANTHROPIC_AUTH_TOKEN": "x""#;

    fn ours(more: &str) -> String {
        format!("{{\"env\": {{{OURS}{more}}}}}")
    }

    #[test]
    fn what_apply_writes_is_fine_and_beats_the_shell() {
        let shell = [
            ("ANTHROPIC_BASE_URL", "http://other"),
            ("ANTHROPIC_MODEL", "other"),
            ("CLAUDE_CODE_USE_VERTEX", "0"),
            ("HTTP_PROXY", "http://p"),
            ("NO_PROXY", "x, 127.0.0.1"),
        ];
        check(&ours(""), &shell, &[&ours("")], expect![""]);
        check(&format!("\u{feff}{}", ours("")), &[], &["not json"], expect![""]);
    }

    #[test]
    fn settings_beat_the_shell_even_with_nothing() {
        let shell = [("HTTP_PROXY", "http://p"), ("ANTHROPIC_AUTH_TOKEN", "x")];
        let text = ours(r#", "HTTP_PROXY": """#).replace(r#": "x""#, r#": """#);
        check(
            &text,
            &shell,
            &[],
            expect![[r"
            Fail claude.token: `env.ANTHROPIC_AUTH_TOKEN` is not set, so Claude Code asks for a login
                `interlingua claude apply`
        "]],
        );
    }

    #[test]
    fn a_shell_that_names_the_gateway_is_enough() {
        let url = ("ANTHROPIC_BASE_URL", "http://127.0.0.1:8787");
        check("{}", &[url, ("ANTHROPIC_AUTH_TOKEN", "x")], &[], expect![""]);
        check(
            "{}",
            &[("ANTHROPIC_BASE_URL", "http://u:canary@other/")],
            &[],
            expect![[r"
                Warn claude.base-url: Claude Code goes to `http://other/`, the gateway is configured for `http://127.0.0.1:8787`
                    `interlingua claude apply`, if that is not meant
            "]],
        );
    }

    #[test]
    fn a_file_that_is_not_read_is_told() {
        check(
            "{",
            &[],
            &[],
            expect![[r"
            Fail claude.json: line 1, column 1: this is not JSON: unterminated object; mend it first
                mend the file; Claude Code does not read it as it is
        "]],
        );
        check(
            &ours(", // canary\n"),
            &[],
            &[],
            expect![[r"
            Fail claude.strict: line 1, column 86: strict JSON has no comment, no trailing comma and no tab within quotes
                take it out; Claude Code leaves such a file unread, without a word when it runs by `-p`
        "]],
        );
        check(
            "{\"a\": \"\t\"}",
            &[],
            &[],
            expect![[r"
            Fail claude.strict: line 1, column 8: strict JSON has no comment, no trailing comma and no tab within quotes
                take it out; Claude Code leaves such a file unread, without a word when it runs by `-p`
            Warn claude.base-url: `env.ANTHROPIC_BASE_URL` is not set, so Claude Code does not ask the gateway
                `interlingua claude apply`
        "]],
        );
        check(
            "",
            &[],
            &[],
            expect![[r"
            Warn claude.base-url: `env.ANTHROPIC_BASE_URL` is not set, so Claude Code does not ask the gateway
                `interlingua claude apply`
        "]],
        );
    }

    #[test]
    fn what_leads_elsewhere_is_told() {
        check(
            r#"{"env": {"ANTHROPIC_BASE_URL": "http://u:canary@localhost:1/?k=canary"}}"#,
            &[],
            &[],
            expect![[r"
                Warn claude.base-url: Claude Code goes to `http://localhost:1/`, the gateway is configured for `http://127.0.0.1:8787`
                    `interlingua claude apply`, if that is not meant
            "]],
        );
        check(
            &ours(r#", "CLAUDE_CODE_USE_BEDROCK": 1"#),
            &[("CLAUDE_CODE_USE_FOUNDRY", "true"), ("http_proxy", "http://canary")],
            &[r#"{"env": {"ANTHROPIC_BASE_URL": "http://canary", "ANTHROPIC_MODEL": "b"}}"#],
            expect![[r"
                Fail claude.cloud: `CLAUDE_CODE_USE_BEDROCK` is set in the settings, so Claude Code goes there
                    unset `CLAUDE_CODE_USE_BEDROCK`
                Fail claude.cloud: `CLAUDE_CODE_USE_FOUNDRY` is set in this shell, so Claude Code goes there
                    unset `CLAUDE_CODE_USE_FOUNDRY`
                Fail claude.layer: /their.json sets `env.ANTHROPIC_BASE_URL`, and beats what stands here
                    take `ANTHROPIC_BASE_URL` out of that file
                Fail claude.proxy: `http_proxy` is set, and `NO_PROXY` does not name `127.0.0.1`
                    set `NO_PROXY=127.0.0.1` where Claude Code runs, or it asks the proxy for the gateway
                Warn claude.layer: /their.json sets `env.ANTHROPIC_MODEL`, and beats what stands here
                    take `ANTHROPIC_MODEL` out of that file
            "]],
        );
    }

    #[test]
    fn a_token_has_to_be_there_and_to_be_taken() {
        let text = r#"{"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8787/v1/"}}"#;
        check(text, &[("ANTHROPIC_AUTH_TOKEN", "x")], &[], expect![""]);
        check(
            text,
            &[],
            &[],
            expect![[r"
            Fail claude.token: `env.ANTHROPIC_AUTH_TOKEN` is not set, so Claude Code asks for a login
                `interlingua claude apply`
        "]],
        );
        let hash = interlingua_registry::KeyHash::of("canary");
        let config = format!("client_keys = [{{ id = 'a', hash = '{hash}' }}]");
        let snapshot = crate::testing::snapshot_of(&config);
        let environment = Environment::default();
        let keys = snapshot.client_keys();
        let base_url = "http://127.0.0.1:8787/v1";
        let facts = Facts { base_url, keys, environment: &environment, layers: &[] };
        let found = |text: &str| inspect(text, &facts).first().map(|it| it.evidence.clone());
        let wrong = "`env.ANTHROPIC_AUTH_TOKEN` is none of the gateway's client keys";
        assert_eq!(found(&ours("")).as_deref(), Some(wrong));
        assert_eq!(found(&ours("").replace("\"x\"", "\"canary\"")), None);
    }

    #[test]
    fn keys_that_go_to_the_gateway_unasked_are_told() {
        check(
            &ours(r#", "ANTHROPIC_API_KEY": "canary""#),
            &[],
            &[],
            expect![[r"
            Warn claude.api-key: `ANTHROPIC_API_KEY` is set in the settings; Claude Code sends it to the gateway, too
                unset it where Claude Code runs; the gateway has no use for it
        "]],
        );
        let shell = [("ANTHROPIC_API_KEY", "canary")];
        check(
            &ours(""),
            &shell,
            &[],
            expect![[r"
            Warn claude.api-key: `ANTHROPIC_API_KEY` is set in this shell; Claude Code sends it to the gateway, too
                unset it where Claude Code runs; the gateway has no use for it
        "]],
        );
        check(&ours(r#", "ANTHROPIC_API_KEY": """#), &shell, &[], expect![""]);
        let helper = format!("{{\"apiKeyHelper\": \"canary\", {}", ours("").split_off(1));
        check(
            &helper,
            &[],
            &[],
            expect![[r"
            Warn claude.api-key: `apiKeyHelper` is set; Claude Code sends what it prints to the gateway, too
                remove it, if it prints a key of somebody else
        "]],
        );
    }
}
