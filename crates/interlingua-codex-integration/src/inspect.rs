//! What in a `config.toml` keeps Codex from the gateway, or is left of other tools.

use std::net::IpAddr;
use std::ops::Range;

use interlingua_registry::Environment;
use toml_edit::{Document, Item, Key, TableLike};
use url::{Host, Url};

use crate::config::PROVIDER_ID;
use crate::edit::{parse, place};
use crate::owned::PROVIDERS;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Codex does not start, or no turn succeeds.
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
    /// The line of the file, from 1; nothing if it is not in the file.
    pub line: Option<usize>,
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
    /// The catalog files that are ours.
    pub catalogs: &'a [String],
    /// The variables with which Codex is started.
    pub environment: &'a Environment,
}

/// Looks through the text of a `config.toml`. The worst comes first, then the order of the file.
pub fn inspect(text: &str, facts: &Facts<'_>) -> Vec<Finding> {
    let document = match parse(text) {
        Ok(document) => document,
        Err(error) => {
            return vec![Finding {
                id: "codex.toml",
                severity: Severity::Fail,
                line: None,
                evidence: error.to_string(),
                remedy: "mend the file; Codex does not start with it".to_owned(),
            }];
        }
    };
    let mut look = Look { text, document: &document, facts, found: Vec::new() };
    look.at_root();
    look.at_providers();
    look.at_variables();
    look.found.sort_by_key(|it| (it.severity, it.line));
    look.found
}

struct Look<'a> {
    text: &'a str,
    document: &'a Document<&'a str>,
    facts: &'a Facts<'a>,
    found: Vec<Finding>,
}

impl Look<'_> {
    fn at_root(&mut self) {
        if let Some(at) = self.at("profile") {
            let name = self.string("profile").unwrap_or("<name>");
            let remedy = format!(
                "remove the line; Codex 0.169 does not start with it. What `[profiles.{name}]` says \
                 goes into `{name}.config.toml` and is chosen by `--profile {name}`"
            );
            self.fail("codex.profile", Some(at), "`profile` is set".to_owned(), &remedy);
        } else if let Some(at) = self.at("profiles") {
            self.warn(
                "codex.profiles",
                Some(at),
                "`[profiles]` is not read any more".to_owned(),
                "move each profile into a `<name>.config.toml` of its own and choose it by \
                 `--profile <name>`",
            );
        }
        let provider = self.string("model_provider").unwrap_or("openai");
        if provider != PROVIDER_ID {
            self.warn(
                "codex.provider",
                self.at("model_provider"),
                format!("`model_provider` is `{provider}`, so Codex does not ask the gateway"),
                "`interlingua codex apply`",
            );
        } else if self.document.get(PROVIDERS).and_then(|it| it.get(PROVIDER_ID)).is_none() {
            self.fail(
                "codex.provider-table",
                self.at("model_provider"),
                format!("there is no `[{PROVIDERS}.{PROVIDER_ID}]`, so Codex does not start"),
                "`interlingua codex apply`",
            );
        }
        if let Some(url) = self.string("openai_base_url").filter(|url| is_loopback(url)) {
            self.warn(
                "codex.openai-base-url",
                self.at("openai_base_url"),
                format!("`openai_base_url` sends Codex's own provider to `{}`", shown(url)),
                "remove the line if the program that wrote it is gone",
            );
        }
        let catalog = self.string("model_catalog_json");
        if let Some(path) = catalog.filter(|it| !self.facts.catalogs.iter().any(|ours| ours == it))
        {
            self.warn(
                "codex.catalog",
                self.at("model_catalog_json"),
                format!("`model_catalog_json` is `{path}`, which is none of ours"),
                "remove the line, or let `interlingua codex apply` do it; Codex shows the models of \
                 that file, and does not start without it",
            );
        }
    }

    fn at_providers(&mut self) {
        let Some(providers) = self.document.get(PROVIDERS).and_then(Item::as_table_like) else {
            return;
        };
        for (id, item) in providers.iter() {
            let Some(provider) = item.as_table_like() else { continue };
            let at = providers.key(id).and_then(Key::span);
            let string = |name: &str| provider.get(name).and_then(Item::as_str);
            let inside = |name: &str| provider.key(name).and_then(Key::span).or(at.clone());
            if string("wire_api") == Some("chat") {
                self.fail(
                    "codex.wire-api",
                    inside("wire_api"),
                    format!("`wire_api` of provider `{id}` is `chat`"),
                    &format!(
                        "write `wire_api = \"responses\"`, or remove provider `{id}`; Codex does not \
                         start with it"
                    ),
                );
            }
            match id == PROVIDER_ID {
                true => self.at_ours(provider, &inside),
                false => self.at_other(id, provider, at),
            }
        }
    }

    fn at_ours(&mut self, ours: &dyn TableLike, inside: &dyn Fn(&str) -> Option<Range<usize>>) {
        let string = |name: &str| ours.get(name).and_then(Item::as_str);
        if string("name") == Some("OpenAI") {
            self.warn(
                "codex.name",
                inside("name"),
                "our provider is called `OpenAI`, which makes Codex treat it as that service"
                    .to_owned(),
                "`interlingua codex apply`",
            );
        }
        let wanted = self.facts.base_url.trim_end_matches('/');
        if let Some(url) = string("base_url").filter(|it| it.trim_end_matches('/') != wanted) {
            self.warn(
                "codex.base-url",
                inside("base_url"),
                format!("Codex goes to `{}`, the gateway is configured for `{wanted}`", shown(url)),
                "`interlingua codex apply`, if that is not meant",
            );
        }
        if let Some(name) = string("env_key").filter(|it| self.facts.environment.get(it).is_none())
        {
            self.warn(
                "codex.env-key",
                inside("env_key"),
                format!("Codex takes its key from `{name}`, which is not set here"),
                "set it where Codex runs, to what `interlingua keys add` printed; without it no \
                 request is sent",
            );
        }
    }

    fn at_other(&mut self, id: &str, provider: &dyn TableLike, at: Option<Range<usize>>) {
        let url = provider.get("base_url").and_then(Item::as_str);
        let Some(url) = url.filter(|url| is_loopback(url)) else { return };
        // A local model server needs no login of Codex's; a switcher borrows it.
        let borrows = provider.get("requires_openai_auth").and_then(Item::as_bool) == Some(true);
        let is_chosen = self.string("model_provider") == Some(id);
        if borrows || is_chosen {
            self.warn(
                "codex.leftover",
                at,
                format!("provider `{id}` goes to `{}` on this machine", shown(url)),
                &format!(
                    "if the program behind it is gone, remove `[{PROVIDERS}.{id}]` and what else it \
                     wrote, and run `interlingua codex apply`"
                ),
            );
        }
    }

    fn at_variables(&mut self) {
        let environment = self.facts.environment;
        let value = |names: [&'static str; 2]| {
            names.into_iter().find_map(|it| Some((it, environment.get(it)?)))
        };
        let proxies = [["http_proxy", "HTTP_PROXY"], ["all_proxy", "ALL_PROXY"]];
        let proxy = proxies.into_iter().find_map(value);
        let except = value(["no_proxy", "NO_PROXY"]).map_or("", |(_, hosts)| hosts);
        // Codex asks a proxy even for this machine, unless it is told not to.
        let Some(host) = Url::parse(self.facts.base_url)
            .ok()
            .filter(|url| url.scheme() == "http" && is_loopback(url.as_str()))
            .and_then(|url| url.host_str().map(str::to_owned))
        else {
            return;
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        let is_excepted = except.split(',').map(str::trim).any(|it| it == "*" || it == host);
        if let Some((name, _)) = proxy.filter(|_| !is_excepted) {
            self.warn(
                "codex.proxy",
                None,
                format!("`{name}` is set, and `NO_PROXY` does not name `{host}`"),
                &format!(
                    "set `NO_PROXY={host}` where Codex runs, or it asks the proxy for the gateway"
                ),
            );
        }
    }

    /// Where a key of the root stands.
    fn at(&self, key: &str) -> Option<Range<usize>> {
        let root = self.document.as_table();
        root.key(key).and_then(Key::span)
    }

    fn string(&self, key: &str) -> Option<&str> {
        self.document.get(key).and_then(Item::as_str)
    }

    fn fail(&mut self, id: &'static str, at: Option<Range<usize>>, evidence: String, remedy: &str) {
        self.add(Severity::Fail, id, at, evidence, remedy);
    }

    fn warn(&mut self, id: &'static str, at: Option<Range<usize>>, evidence: String, remedy: &str) {
        self.add(Severity::Warn, id, at, evidence, remedy);
    }

    fn add(
        &mut self,
        severity: Severity,
        id: &'static str,
        at: Option<Range<usize>>,
        evidence: String,
        remedy: &str,
    ) {
        let line = at.map(|at| place(self.text, at.start).0);
        self.found.push(Finding { id, severity, line, evidence, remedy: remedy.to_owned() });
    }
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback() || ip.is_unspecified(),
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
    fn check(text: &str, variables: &[(&str, &str)], expected: Expect) {
        let environment: Environment = variables.iter().copied().collect();
        let catalogs = ["/ours/models.json".to_owned()];
        let base_url = "http://127.0.0.1:8787/v1";
        let facts = Facts { base_url, catalogs: &catalogs, environment: &environment };
        let lines = inspect(text, &facts).into_iter().map(|it| {
            let line = it.line.map_or("-".to_owned(), |line| line.to_string());
            format!("{:?} {} {line}: {}\n    {}\n", it.severity, it.id, it.evidence, it.remedy)
        });
        let shown: String = lines.collect();
        assert!(!shown.contains("canary"), "{shown}");
        expected.assert_eq(&shown);
    }

    const OURS: &str = "model_provider = 'interlingua'\nmodel_catalog_json = '/ours/models.json'\n\
                        [model_providers.interlingua]\nname = 'Interlingua'\n\
                        base_url = 'http://127.0.0.1:8787/v1/'\n";

    #[test]
    fn what_apply_writes_is_fine() {
        check(OURS, &[("HTTP_PROXY", "http://p"), ("NO_PROXY", "x, 127.0.0.1")], expect![""]);
    }

    #[test]
    fn what_keeps_codex_from_starting_comes_first() {
        check(
            "# mine\nopenai_base_url = 'http://u:canary@localhost:1/v1?k=canary'\nprofile = 'fast'\n\
             [profiles.fast]\n[model_providers.x]\n\nwire_api = \"chat\"\n",
            &[],
            expect![[r#"
                Fail codex.profile 3: `profile` is set
                    remove the line; Codex 0.169 does not start with it. What `[profiles.fast]` says goes into `fast.config.toml` and is chosen by `--profile fast`
                Fail codex.wire-api 7: `wire_api` of provider `x` is `chat`
                    write `wire_api = "responses"`, or remove provider `x`; Codex does not start with it
                Warn codex.provider -: `model_provider` is `openai`, so Codex does not ask the gateway
                    `interlingua codex apply`
                Warn codex.openai-base-url 2: `openai_base_url` sends Codex's own provider to `http://localhost:1/v1`
                    remove the line if the program that wrote it is gone
            "#]],
        );
        check(
            "a = \n",
            &[],
            expect![[r"
            Fail codex.toml -: line 1, column 5: this is not TOML: string values must be quoted, expected literal string; mend it first
                mend the file; Codex does not start with it
        "]],
        );
    }

    #[test]
    fn a_provider_without_its_table_is_no_provider() {
        check(
            "\nmodel_provider = 'interlingua'\n",
            &[],
            expect![[r"
            Fail codex.provider-table 2: there is no `[model_providers.interlingua]`, so Codex does not start
                `interlingua codex apply`
        "]],
        );
    }

    #[test]
    fn what_others_left_is_named() {
        check(
            "model_provider = 'custom'\nmodel_catalog_json = '/theirs.json'\n\
             [model_providers.custom]\nbase_url = 'http://127.0.0.1:9/v1'\n\
             [model_providers.local]\nbase_url = 'http://127.0.0.1:11434/v1'\n\
             [model_providers.switched]\nbase_url = 'http://[::1]:3/v1'\nrequires_openai_auth = true\n\
             [model_providers.remote]\nbase_url = 'https://x.example/v1'\nrequires_openai_auth = true\n\
             [profiles.old]\n",
            &[],
            expect![[r"
                Warn codex.provider 1: `model_provider` is `custom`, so Codex does not ask the gateway
                    `interlingua codex apply`
                Warn codex.catalog 2: `model_catalog_json` is `/theirs.json`, which is none of ours
                    remove the line, or let `interlingua codex apply` do it; Codex shows the models of that file, and does not start without it
                Warn codex.leftover 3: provider `custom` goes to `http://127.0.0.1:9/v1` on this machine
                    if the program behind it is gone, remove `[model_providers.custom]` and what else it wrote, and run `interlingua codex apply`
                Warn codex.leftover 7: provider `switched` goes to `http://[::1]:3/v1` on this machine
                    if the program behind it is gone, remove `[model_providers.switched]` and what else it wrote, and run `interlingua codex apply`
                Warn codex.profiles 13: `[profiles]` is not read any more
                    move each profile into a `<name>.config.toml` of its own and choose it by `--profile <name>`
            "]],
        );
    }

    #[test]
    fn what_does_not_fit_the_gateway_is_named() {
        check(
            "model_provider = 'interlingua'\nmodel_providers.interlingua = { name = 'OpenAI', \
             base_url = 'http://127.0.0.1:1/v1', env_key = 'K' }\n",
            &[("all_proxy", "canary")],
            expect![[r"
                Warn codex.proxy -: `all_proxy` is set, and `NO_PROXY` does not name `127.0.0.1`
                    set `NO_PROXY=127.0.0.1` where Codex runs, or it asks the proxy for the gateway
                Warn codex.name 2: our provider is called `OpenAI`, which makes Codex treat it as that service
                    `interlingua codex apply`
                Warn codex.base-url 2: Codex goes to `http://127.0.0.1:1/v1`, the gateway is configured for `http://127.0.0.1:8787/v1`
                    `interlingua codex apply`, if that is not meant
                Warn codex.env-key 2: Codex takes its key from `K`, which is not set here
                    set it where Codex runs, to what `interlingua keys add` printed; without it no request is sent
            "]],
        );
    }
}
