//! What parts that only one protocol knows say in words.

use std::borrow::Cow;

use interlingua_ir::Text;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What an opaque part says in words, as far as it says so in the fields that protocols agree on; ends
/// with a line break. `None` where it has no words.
///
/// Seals, ids and data are left out: nobody but their makers can use them.
pub(crate) fn words(json: &RawValue) -> Option<String> {
    let mut out = String::new();
    gather(json, 0, &mut out);
    (!out.trim().is_empty()).then_some(out)
}

/// How deeply words are looked for.
const DEPTH: usize = 8;

/// The fields that hold words, in the order in which they are said.
#[derive(Default, Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    title: Option<&'a RawValue>,
    #[serde(borrow, default)]
    url: Option<&'a RawValue>,
    #[serde(borrow, default)]
    source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    query: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stdout: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stderr: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

fn gather(json: &RawValue, depth: usize, out: &mut String) {
    if depth > DEPTH {
        return;
    }
    if let Some(text) = Text::from_json(json.get()) {
        line(&text.to_plain(), out);
    } else if json.get().starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(json.get()).unwrap_or_default();
        for entry in list {
            gather(entry, depth + 1, out);
        }
    } else if json.get().starts_with('{') {
        let said: Said<'_> = serde_json::from_str(json.get()).unwrap_or_default();
        if let (Some(name), Some(input)) = (said.name.and_then(plain), said.input) {
            line(&format!("[{name} {}]", input.get()), out);
        }
        let told = [said.title, said.url, said.source, said.text, said.query];
        let told = told.into_iter().chain([said.stdout, said.stderr, said.error_code]);
        for words in told.flatten().filter_map(plain) {
            line(&words, out);
        }
        if let Some(content) = said.content {
            gather(content, depth + 1, out);
        }
    }
}

fn plain(json: &RawValue) -> Option<Cow<'_, str>> {
    Text::from_json(json.get()).map(Text::into_plain)
}

fn line(words: &str, out: &mut String) {
    if !words.trim().is_empty() {
        out.push_str(words);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expect: Option<&str>) {
        let json: &RawValue = serde_json::from_str(json).unwrap();
        assert_eq!(words(json).as_deref(), expect);
    }

    #[test]
    fn searches_and_their_results_say_what_was_found() {
        check(
            r#"{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"rust"}}"#,
            Some("[web_search {\"query\":\"rust\"}]\n"),
        );
        check(
            r#"{"type":"web_search_tool_result","tool_use_id":"s1","content":[
                {"type":"web_search_result","title":"A \"page\"","url":"https://a.example",
                 "encrypted_content":"seal","page_age":null}]}"#,
            Some("A \"page\"\nhttps://a.example\n"),
        );
        check(
            r#"{"type":"search_result","source":"https://b.example","title":"B",
                "content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}"#,
            Some("B\nhttps://b.example\none\ntwo\n"),
        );
    }

    #[test]
    fn what_has_no_words_says_nothing() {
        check(r#"{"type":"container_upload","file_id":"f1"}"#, None);
        check(r#"{"type":"input_file","file_data":"data:;base64,AA"}"#, None);
        check("7", None);
    }
}
