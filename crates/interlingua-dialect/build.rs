//! Embeds every record of `dialects/`, so that a new one is a file and nothing else.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("dialects");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        // The defaults are no record, and what nobody has described stands first.
        if let Some(id) = name.strip_suffix(".toml").filter(|id| *id != "defaults") {
            ids.push((id != "generic", id.to_owned()));
        }
    }
    ids.sort();

    let mut code = format!("pub(crate) static BUILTIN: [Builtin; {}] = [\n", ids.len());
    for (_, id) in &ids {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/dialects/{id}.toml\")");
        writeln!(code, "    Builtin::new({id:?}, include_str!({path})),")?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("builtin.rs"), code)?;
    Ok(())
}
