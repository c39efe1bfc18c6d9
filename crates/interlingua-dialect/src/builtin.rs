//! The records that ship with this crate.

use std::sync::OnceLock;

use crate::record::Record;

pub(crate) struct Builtin {
    pub(crate) id: &'static str,
    pub(crate) text: &'static str,
    record: OnceLock<Record>,
}

impl Builtin {
    const fn new(id: &'static str, text: &'static str) -> Self {
        Self { id, text, record: OnceLock::new() }
    }

    /// The record, read at first use.
    pub(crate) fn record(&self) -> &Record {
        self.record.get_or_init(|| {
            Record::parse(self.id, self.text, false).expect("a test reads every embedded record")
        })
    }
}

/// Embeds `dialects/<id>.toml` for each name.
macro_rules! embedded {
    ($($id:literal,)+) => {
        [$(Builtin::new($id, include_str!(concat!("../dialects/", $id, ".toml")))),+]
    };
}

pub(crate) static BUILTIN: [Builtin; 27] = embedded![
    "generic",
    "openai",
    "azure",
    "mimo",
    "deepseek",
    "qwen",
    "glm",
    "kimi",
    "minimax",
    "mistral",
    "xai",
    "groq",
    "cerebras",
    "together",
    "fireworks",
    "openrouter",
    "gemini",
    "siliconflow",
    "volcengine",
    "stepfun",
    "vllm",
    "sglang",
    "ollama",
    "lmstudio",
    "llamacpp",
    "anthropic",
    "anthropic_compat",
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialects");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
        let mut known: Vec<_> = BUILTIN.iter().map(|it| format!("{}.toml", it.id)).collect();
        known.push("defaults.toml".to_owned());
        files.sort();
        known.sort();
        assert_eq!(files, known);
    }
}
