//! Asking a provider in the gateway's own way.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use interlingua_ir::{Class, Fault};
use interlingua_probe::{Ask, Probe, Reply, Report, Server};
use interlingua_registry::{ProviderKey, Scrubber, Snapshot, Target};
use interlingua_upstream::{Call, Purpose, Upstream};
use tokio::runtime::Runtime;

use crate::output;
use crate::providers::attempt::upstream;

/// The largest answer to a small question.
const ANSWER_LIMIT: usize = 4 << 20;

/// How often a busy server is asked again, and how long is waited for it at the most.
const AGAIN: usize = 2;
const PATIENCE: Duration = Duration::from_secs(20);

/// How long is waited where a busy server does not say.
const PAUSE: Duration = Duration::from_secs(2);

/// A provider behind the client that the gateway uses.
pub(super) struct Upstreamed<'t> {
    runtime: Runtime,
    upstream: Upstream,
    target: &'t Target,
    key: Option<&'t ProviderKey>,
    scrubber: Scrubber,
    asked: usize,
}

/// After how many requests a person is told that it goes on.
const A_WHILE: usize = 10;

impl<'t> Upstreamed<'t> {
    /// Carries an inquiry out.
    pub(super) fn run(
        probe: Probe<'_>,
        snapshot: &Snapshot,
        target: &'t Target,
    ) -> Result<Report, Fault> {
        let cannot = |error: std::io::Error| {
            Fault::new(Class::Internal, format!("nothing can be asked: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(cannot)?;
        let upstream = upstream(&target.provider).map_err(cannot)?;
        let key = target.provider.keys.first();
        let scrubber = Scrubber::of(snapshot);
        let mut server = Self { runtime, upstream, target, key, scrubber, asked: 0 };
        let report = probe.run(&mut server);
        // Wherever nobody listens, name lookup may still be at work on a thread of its own.
        server.runtime.shutdown_background();
        report
    }

    fn once(&self, ask: &Ask<'_>) -> Result<Vec<u8>, Fault> {
        let mut model = (*self.target.model).clone();
        model.dialect = Arc::clone(ask.dialect);
        let target = Target { model: Arc::new(model), ..self.target.clone() };
        let call = Call {
            target: &target,
            key: self.key,
            session: None,
            body: vec![ask.body.clone().into()],
            stream: ask.stream,
            purpose: Purpose::Answer,
            forward: None,
            request_id: "probe",
        };
        let id = &target.provider.id;
        let idle = target.provider.timeouts.idle;
        self.runtime.block_on(async {
            let answer = self.upstream.send(call).await.map_err(|refusal| refusal.fault)?;
            let body = Limited::new(answer.body, ANSWER_LIMIT).collect();
            let body = tokio::time::timeout(idle, body).await.map_err(|_| {
                let what = format!("{id} did not end its answer within {} s", idle.as_secs());
                Fault::new(Class::Timeout, what).by(id)
            })?;
            let body = body.map_err(|error| {
                Fault::new(Class::Interrupted, format!("{id} broke its answer off: {error}")).by(id)
            })?;
            Ok(body.to_bytes().to_vec())
        })
    }

    /// An answer may hold a refusal, and a refusal the key.
    fn masked(&self, body: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(body) {
            Ok(text) => self.scrubber.mask(text).into_owned().into_bytes(),
            Err(error) => error.into_bytes(),
        }
    }
}

impl Server for Upstreamed<'_> {
    fn ask(&mut self, ask: Ask<'_>) -> Reply {
        if self.asked > 0 && self.asked.is_multiple_of(A_WHILE) {
            output::say(&format!("… {} requests so far", self.asked));
        }
        self.asked += 1;
        let mut left = AGAIN;
        loop {
            let mut fault = match self.once(&ask) {
                Ok(body) => return Reply::Answer(self.masked(body)),
                Err(fault) => fault,
            };
            self.scrubber.mask_fault(&mut fault);
            let busy = matches!(fault.class, Class::RateLimit | Class::Overloaded);
            let wait = fault.retry_after.unwrap_or(PAUSE);
            if !busy || left == 0 || wait > PATIENCE {
                return Reply::Refused(fault);
            }
            left -= 1;
            self.runtime.block_on(tokio::time::sleep(wait));
        }
    }
}
