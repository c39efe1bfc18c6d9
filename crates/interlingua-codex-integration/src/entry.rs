use std::borrow::Cow;
use std::fmt::Write as _;

use interlingua_registry::{Model, PoolEntry, PoolMap};
use serde::Serialize;

use crate::effort::{Efforts, Level, can_think};

/// The text that becomes the agent's system prompt: how to use Codex's tools, how to work, how to
/// report. Plain ASCII, at most 6 KB, because every request carries it.
pub const INSTRUCTIONS: &str = include_str!("instructions.md");

/// One model as Codex's catalog describes it.
///
/// The field names are Codex's. Those that its present versions ignore but earlier ones demand
/// stand last.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    slug: &'a str,
    display_name: Cow<'a, str>,
    description: String,
    default_reasoning_level: Option<&'static str>,
    supported_reasoning_levels: Vec<Level>,
    shell_type: &'static str,
    visibility: Visibility,
    supported_in_api: bool,
    priority: usize,
    additional_speed_tiers: [(); 0],
    service_tiers: [(); 0],
    availability_nux: (),
    upgrade: (),
    base_instructions: &'static str,
    include_skills_usage_instructions: bool,
    include_plugin_usage_instructions: bool,
    include_apps_usage_instructions: bool,
    supports_reasoning_summary_parameter: bool,
    default_reasoning_summary: &'static str,
    support_verbosity: bool,
    default_verbosity: (),
    apply_patch_tool_type: &'static str,
    web_search_tool_type: &'static str,
    truncation_policy: Truncation,
    supports_image_detail_original: bool,
    context_window: i64,
    max_context_window: i64,
    auto_compact_token_limit: i64,
    effective_context_window_percent: u8,
    experimental_supported_tools: [(); 0],
    input_modalities: &'static [&'static str],
    supports_search_tool: bool,
    use_responses_lite: bool,
    tool_mode: &'static str,
    multi_agent_version: &'static str,
    supports_parallel_tool_calls: bool,
    supports_reasoning_summaries: bool,
}

/// Whether the picker shows a model. A hidden one still works.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Visibility {
    List,
    Hide,
}

/// How much of a tool's output Codex keeps.
#[derive(Debug, Serialize)]
struct Truncation {
    mode: &'static str,
    limit: u32,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(
        entry: &'a PoolEntry,
        priority: usize,
        visibility: Visibility,
        tool_search: bool,
    ) -> Self {
        let model = &entry.model;
        let efforts = Efforts::of(model);
        let thinks = can_think(model);
        let window = i64::try_from(model.context_window).unwrap_or(i64::MAX);
        Self {
            slug: &entry.slug,
            display_name: display_name(entry),
            description: describe(entry),
            default_reasoning_level: efforts.default,
            supported_reasoning_levels: efforts.levels,
            shell_type: "unified_exec",
            visibility,
            supported_in_api: true,
            priority,
            additional_speed_tiers: [],
            service_tiers: [],
            availability_nux: (),
            upgrade: (),
            base_instructions: INSTRUCTIONS,
            include_skills_usage_instructions: false,
            include_plugin_usage_instructions: false,
            include_apps_usage_instructions: false,
            supports_reasoning_summary_parameter: thinks,
            default_reasoning_summary: if thinks { "auto" } else { "none" },
            support_verbosity: false,
            default_verbosity: (),
            apply_patch_tool_type: "freeform",
            web_search_tool_type: "text",
            truncation_policy: Truncation { mode: "tokens", limit: 10_000 },
            supports_image_detail_original: false,
            context_window: window,
            max_context_window: window,
            // Local compaction sends the whole history once more and needs room for the summary.
            auto_compact_token_limit: window / 5 * 4,
            effective_context_window_percent: 95,
            experimental_supported_tools: [],
            input_modalities: if sees_images(model) { &["text", "image"] } else { &["text"] },
            supports_search_tool: tool_search,
            use_responses_lite: false,
            tool_mode: "direct",
            multi_agent_version: "v1",
            supports_parallel_tool_calls: true,
            supports_reasoning_summaries: thinks,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and lists always serialise")
    }
}

/// A slug says which provider answers; only a name that the user chose is better. Any other name says
/// what it stands for, or nobody could tell who answers.
fn display_name(entry: &PoolEntry) -> Cow<'_, str> {
    let PoolEntry { slug, provider, model, .. } = entry;
    let of_provider = PoolMap::split(slug).is_some_and(|(id, _)| *id == *provider.id);
    match &model.name {
        _ if !of_provider => format!("{slug} = {}/{}", provider.id, model.id).into(),
        Some(name) => name.into(),
        None => Cow::Borrowed(slug),
    }
}

/// An unknown model gets its images: the gateway can replace one that is refused, but nobody could
/// bring back one that Codex never sent.
fn sees_images(model: &Model) -> bool {
    model.images.unwrap_or(true)
}

/// One short sentence. Codex shows it in the picker, and puts it into every request where it tells
/// the agent which models its sub-agents may use.
fn describe(entry: &PoolEntry) -> String {
    let PoolEntry { provider, model, .. } = entry;
    if provider.is_demo() {
        return "Scripted demo; set a provider's key for a real model.".to_owned();
    }
    let mut line = provider.name.clone();
    let window = match model.context_window {
        window if window % 1_000_000 == 0 => format!("{}M", window / 1_000_000),
        window => format!("{}k", window / 1_000),
    };
    let assumed = if model.window_assumed { " assumed" } else { "" };
    write!(line, ": {window} tokens{assumed}").expect("a String takes everything");
    line.push_str(match model.images {
        Some(true) => ", sees images.",
        Some(false) => ", text only.",
        None => ".",
    });
    line
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use serde_json::Value;

    use super::*;
    use crate::testing::{HOUSE, snapshot};

    fn entry(slug: &str, variables: &[&str]) -> Value {
        let snapshot = snapshot(HOUSE, variables);
        let entry = Entry::new(snapshot.pool().get(slug).unwrap(), 3, Visibility::List, false);
        serde_json::from_str(&entry.to_json()).unwrap()
    }

    #[test]
    fn an_entry_has_every_field_that_codex_reads() {
        let mut entry = entry("mimo/mimo-v2.5-pro", &["MIMO_API_KEY"]);
        assert_eq!(entry["base_instructions"], INSTRUCTIONS);
        entry["base_instructions"] = "(the instructions)".into();
        let text = serde_json::to_string_pretty(&entry).unwrap() + "\n";
        expect_file!["../tests/golden/entry.json"].assert_eq(&text);
    }

    #[test]
    fn what_the_user_says_about_a_model_is_in_it() {
        let entry = entry("house/qwen3-coder", &[]);
        assert_eq!(entry["display_name"], "Qwen3 Coder");
        assert_eq!(entry["description"], "In-house vLLM: 262k tokens, text only.");
        assert_eq!(entry["context_window"], 262_144);
        assert_eq!(entry["auto_compact_token_limit"], 209_712);
        assert_eq!(entry["input_modalities"], serde_json::json!(["text"]));
    }

    #[test]
    fn an_unknown_window_is_a_careful_guess_and_says_so() {
        let entry = entry("house/llama-4", &[]);
        assert_eq!(entry["context_window"], 131_072);
        assert_eq!(entry["description"], "In-house vLLM: 131k tokens assumed, sees images.");
        assert_eq!(entry["input_modalities"], serde_json::json!(["text", "image"]));
    }

    #[test]
    fn the_instructions_are_short_plain_and_name_the_tools() {
        assert!(INSTRUCTIONS.len() <= 6 << 10, "{}", INSTRUCTIONS.len());
        assert!(INSTRUCTIONS.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()));
        for word in ["exec_command", "write_stdin", "apply_patch", "view_image", "AGENTS.md"] {
            assert!(INSTRUCTIONS.contains(word), "{word}");
        }
    }

    #[test]
    fn the_example_patch_shows_every_form() {
        let (_, patch) = INSTRUCTIONS.split_once("\n*** Begin Patch\n").unwrap();
        let (patch, _) = patch.split_once("\n*** End Patch\n").unwrap();
        let is_section = |line: &str| line.starts_with("*** ");
        let is_change = |line: &str| line.starts_with(['+', '-', ' ']) || line.starts_with("@@");
        assert!(patch.lines().all(|line| is_section(line) || is_change(line)));
        for form in ["*** Add File: ", "*** Update File: ", "*** Move to: ", "*** Delete File: "] {
            assert!(patch.contains(form), "{form}");
        }
    }
}
