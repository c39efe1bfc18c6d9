//! What stays raw JSON in a chunk until somebody needs it.

use std::borrow::Cow;

use interlingua_ir::Text;
use interlingua_protocol::chat::Chunk;
use serde::Deserialize;
use serde_json::value::RawValue;

pub(super) fn is_error(chunk: &Chunk<'_>) -> bool {
    let failed = |raw: &RawValue| !matches!(raw.get(), "null" | "\"\"" | "false");
    #[derive(Deserialize)]
    struct BaseResp {
        #[serde(default)]
        status_code: i64,
    }
    chunk.error.is_some_and(failed)
        || chunk.object.is_some_and(|it| it.get() == "\"error\"")
        || chunk.base_resp.is_some_and(|it| {
            serde_json::from_str::<BaseResp>(it.get()).is_ok_and(|it| it.status_code != 0)
        })
}

pub(super) fn text(raw: &RawValue) -> Option<Text<'_>> {
    Text::from_json(raw.get())
}

/// The words of a list of thoughts, as OpenRouter, `LiteLLM` and their like send it.
pub(super) fn details(json: &str) -> Vec<Text<'_>> {
    #[derive(Deserialize)]
    struct Detail<'a> {
        #[serde(borrow, default)]
        text: Option<&'a RawValue>,
        #[serde(borrow, default)]
        summary: Option<&'a RawValue>,
        #[serde(borrow, default)]
        thinking: Option<&'a RawValue>,
    }
    let details: Vec<Detail<'_>> = serde_json::from_str(json).unwrap_or_default();
    details.into_iter().filter_map(|it| text(it.text.or(it.summary).or(it.thinking)?)).collect()
}

/// The parts of a content that is a list: whether each is thought, and its words.
pub(super) fn content_parts(json: &str) -> Vec<(bool, Text<'_>)> {
    #[derive(Deserialize)]
    struct Part<'a> {
        #[serde(borrow, default)]
        text: Option<&'a RawValue>,
        #[serde(borrow, default)]
        thinking: Option<&'a RawValue>,
    }
    let mut read = Vec::new();
    for part in serde_json::from_str::<Vec<Part<'_>>>(json).unwrap_or_default() {
        if let Some(thinking) = part.thinking {
            match text(thinking) {
                Some(thought) => read.push((true, thought)),
                None => {
                    read.extend(
                        content_parts(thinking.get()).into_iter().map(|(_, it)| (true, it)),
                    );
                }
            }
        }
        read.extend(part.text.and_then(text).map(|it| (false, it)));
    }
    read
}

/// Where the sources of an answer are and what they are called.
pub(super) fn citations(json: &str) -> Vec<(String, String)> {
    #[derive(Deserialize)]
    struct Annotation<'a> {
        #[serde(borrow, default)]
        url: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        title: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        url_citation: Option<Box<Annotation<'a>>>,
    }
    let annotations: Vec<Annotation<'_>> = serde_json::from_str(json).unwrap_or_default();
    let flat = annotations.into_iter().map(|it| {
        it.url_citation.map_or(it.url.zip(it.title.clone().or(Some("".into()))), |it| {
            it.url.zip(it.title.or(Some("".into())))
        })
    });
    flat.flatten().map(|(url, title)| (url.into_owned(), title.into_owned())).collect()
}
