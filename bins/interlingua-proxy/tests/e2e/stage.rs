//! What a scenario stands on: an upstream, a gateway before it, and a Codex before that.

use std::path::Path;

use interlingua_codex_integration::{Access, CatalogSource, ConfigOptions, config_toml};
use interlingua_testkit::codex::{self, Codex, Run};
use interlingua_testkit::gateway::{Gateway, Setup};
use interlingua_testkit::upstream::{Script, Scripted};
use serde_json::Value;

/// A thinking model that takes text only.
pub(crate) const TEXT_MODEL: &str = "up/mimo-v2.5-pro";

/// A thinking model that sees.
pub(crate) const VISION_MODEL: &str = "up/mimo-v2.5";

/// The key that the upstream wants to see.
pub(crate) const KEY: &str = "sk-e2e-canary-7391";

pub(crate) struct Stage {
    pub(crate) upstream: Scripted,
    pub(crate) gateway: Gateway,
    pub(crate) codex: Codex,
}

/// How a stage differs from the usual one.
#[derive(Default)]
pub(crate) struct Plan {
    /// Lines at the top of the gateway's configuration.
    pub(crate) top: &'static str,
    /// Tables at its end.
    pub(crate) tables: &'static str,
    /// The dialect, if not MiMo's.
    pub(crate) dialect: Option<&'static str>,
    /// The key that the gateway uses, if not the right one.
    pub(crate) key: Option<&'static str>,
    /// The model that Codex asks for, if not the text model.
    pub(crate) model: Option<&'static str>,
    /// Lines behind Codex's configuration.
    pub(crate) codex: String,
}

impl Stage {
    pub(crate) fn new(script: Script) -> Self {
        Self::with(script, Plan::default())
    }

    pub(crate) fn with(script: Script, plan: Plan) -> Self {
        let upstream = Scripted::start(script.key(KEY)).unwrap();
        let config = format!(
            r#"{top}
            [providers.up]
            base_url = "{base}"
            dialect = "{dialect}"
            key = {{ env = "UP_KEY" }}
            [[providers.up.models]]
            id = "mimo-v2.5-pro"
            context_window = 100000
            [[providers.up.models]]
            id = "mimo-v2.5"
            context_window = 100000
            images = true
            {tables}
            "#,
            top = plan.top,
            base = upstream.base_url(),
            dialect = plan.dialect.unwrap_or("mimo"),
            tables = plan.tables,
        );
        let gateway = Setup::new(binary(), &config)
            .env("UP_KEY", plan.key.unwrap_or(KEY))
            .argument("-v")
            .start()
            .unwrap();
        let codex = codex(&gateway, plan.model.unwrap_or(TEXT_MODEL), &plan.codex);
        Self { upstream, gateway, codex }
    }

    /// Runs Codex with a prompt and expects that it succeeds and that nobody was refused anything.
    #[track_caller]
    pub(crate) fn succeed(&self, prompt: &str) -> Run {
        self.succeed_with(&[], prompt)
    }

    #[track_caller]
    pub(crate) fn succeed_with(&self, options: &[&str], prompt: &str) -> Run {
        let run = self.codex.exec_with(options, prompt).unwrap();
        self.check(&run);
        run
    }

    #[track_caller]
    pub(crate) fn check(&self, run: &Run) {
        let told = || format!("{}\ngateway:\n{}", run.transcript(), self.gateway.log());
        assert_eq!(run.code, Some(0), "{}", told());
        assert_eq!(self.upstream.faults(), [""; 0], "{}", told());
        self.no_secret(run);
    }

    /// No key may be seen anywhere, whatever was logged.
    #[track_caller]
    pub(crate) fn no_secret(&self, run: &Run) {
        for text in [self.gateway.log(), run.transcript()] {
            assert!(!text.contains(KEY), "the key was printed");
        }
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.upstream.bodies()
    }
}

/// A Codex with the configuration that `interlingua codex print` writes.
pub(crate) fn codex(gateway: &Gateway, model: &str, more: &str) -> Codex {
    codex_at(&gateway.base_url(), model, more)
}

/// The same for a gateway at this address.
pub(crate) fn codex_at(base_url: &str, model: &str, more: &str) -> Codex {
    let config = config_toml(&ConfigOptions {
        base_url: base_url.to_owned(),
        model: model.to_owned(),
        access: Access::local(),
        catalog: CatalogSource::Gateway,
        search: false,
    });
    let binary = codex::find().unwrap_or_else(|missing| panic!("{missing}"));
    Codex::new(&binary, &format!("{config}\n{more}")).unwrap()
}

pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_interlingua-proxy"))
}

/// The messages of a body with the given role.
pub(crate) fn of_role<'b>(body: &'b Value, role: &str) -> Vec<&'b Value> {
    let messages = body["messages"].as_array().unwrap();
    messages.iter().filter(|it| it["role"] == role).collect()
}
