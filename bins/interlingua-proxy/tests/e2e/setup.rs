use std::fs;
use std::path::Path;

use interlingua_codex_integration::{Access, CatalogSource, ConfigOptions, plan};
use interlingua_testkit::codex::{self, Codex};
use interlingua_testkit::gateway::Setup;

use crate::stage::binary;

/// Files that Codex 0.169 does not start with, whatever we write.
const REFUSED: [&str; 1] = ["profiles"];

/// Every awkward file, after we have set it up, is one that Codex reads, and leads it to our catalog.
pub(crate) fn every_file() {
    let gateway = Setup::new(binary(), "").start().unwrap();
    let options = ConfigOptions {
        base_url: gateway.base_url(),
        model: "demo/assistant".to_owned(),
        access: Access::local(),
        catalog: CatalogSource::Gateway,
        search: false,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/codex/configs");
    let binary = codex::find().unwrap_or_else(|missing| panic!("{missing}"));
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if REFUSED.iter().any(|name| path.file_stem().is_some_and(|stem| stem == *name)) {
            continue;
        }
        let plan = plan(Some(&text), None, &options).unwrap();
        let codex = Codex::new(&binary, &plan.after).unwrap();
        let run = codex.run(&["debug", "models"]).unwrap();
        let is_ours = run.stdout.contains(r#""slug":"demo/assistant""#);
        assert!(run.code == Some(0) && is_ours, "{}: {}", path.display(), run.transcript());
    }
}
