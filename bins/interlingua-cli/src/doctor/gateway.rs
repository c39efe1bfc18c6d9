//! What the running gateway says about itself.

use interlingua_registry::Snapshot;
use serde_json::Value;

use super::Check;
use crate::codex::ENV_KEY;
use crate::local::{self, NoStatus};
use crate::store;

pub(super) fn check(snapshot: &Snapshot) -> Vec<Check> {
    const ID: &str = "gateway";
    let Some(address) = local::address(snapshot) else {
        return vec![Check::skip(ID, "it chooses its port when it starts")];
    };
    let status = match local::status(&address) {
        Ok(status) => status,
        Err(NoStatus::Silent(_)) => {
            return vec![Check::skip(ID, format!("none runs at {address}"))];
        }
        Err(NoStatus::WantsKey) => {
            let check = Check::warn(ID, "it wants a client key and was not asked further");
            return vec![check.fix(format!("set `{ENV_KEY}` to a key of `interlingua keys add`"))];
        }
        Err(NoStatus::Other) => {
            return vec![Check::skip(ID, format!("what runs at {address} is none"))];
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let configuration = &status["configuration"];
    let mut checks = match configuration["refused"]["why"].as_str() {
        Some(why) => {
            let what = format!("it does not use what stands in the files: {why}");
            vec![Check::fail(ID, what).fix("interlingua config check")]
        }
        None => vec![Check::ok(ID, format!("it uses configuration {}", configuration["number"]))],
    };
    checks.push(match store::away(&status) {
        Some(away) => {
            let what = format!(
                "the store has been away for {} s; what is kept now does not survive a restart",
                away.as_secs()
            );
            Check::warn("store", what).fix("look at `store.url` and at the gateway's log")
        }
        None => {
            let rows: Vec<_> = store::rows(&status).map(|[_, text]| text).collect();
            Check::ok("store", rows.join("; "))
        }
    });
    for failure in status["failures"].as_array().into_iter().flatten() {
        let (what, why) = (text(&failure["what"]), text(&failure["why"]));
        checks
            .push(Check::warn("gateway.sync", format!("{what}: {why}")).fix("interlingua status"));
    }
    checks
}
