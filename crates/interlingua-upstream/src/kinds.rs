//! Which of a provider's models hold a conversation, as far as a list tells.

use interlingua_dialect::glob_matches;
use serde_json::Value;

/// Names of models that embed, rank, judge, listen, speak, draw or film. Compared with the last part
/// of an id, in lower case.
const OTHERS: &[&str] = &[
    // They make vectors, or put texts in order.
    "*embed*",
    "*rerank*",
    "all-minilm*",
    "bge-*",
    "e5-*",
    "*-e5-*",
    "gte-*",
    "voyage-*",
    // They judge what others write.
    "*moderation*",
    "*guard-*",
    "*-guard*",
    "shieldgemma*",
    // They listen, or speak.
    "*whisper*",
    "*transcribe*",
    "*realtime*",
    "*speech*",
    "*voice*",
    "tts-*",
    "*-tts",
    "*-tts-*",
    "*-asr",
    "*-asr-*",
    "*-audio",
    "*-audio-*",
    "lyria*",
    "orpheus*",
    // They draw.
    "dall-e*",
    "*diffusion*",
    "*-image",
    "*-image-*",
    "imagen-*",
    "image-*",
    "flux*",
    "sdxl*",
    "sd3*",
    "cogview*",
    "kolors*",
    "seedream*",
    "*-t2i*",
    // They film.
    "sora*",
    "veo-*",
    "kling*",
    "cogvideo*",
    "hunyuanvideo*",
    "seedance*",
    "wan2*",
    "wanx*",
    "*-t2v*",
    "*-i2v*",
];

/// What lists call the kinds of models that hold no conversation.
const OTHER_TYPES: &[&str] = &[
    "audio",
    "embedding",
    "embeddings",
    "image",
    "moderation",
    "rerank",
    "reranker",
    "speech",
    "transcribe",
    "transcription",
    "tts",
    "video",
];

/// Whether a model of a list holds conversations. What is not known does.
pub(crate) fn converses(id: &str, entry: &Value) -> bool {
    let name = id.rsplit('/').next().unwrap_or(id).to_lowercase();
    let is_other = OTHERS.iter().any(|pattern| glob_matches(pattern, &name));
    let kind = entry["type"].as_str().unwrap_or_default().to_lowercase();
    let writes = match &entry["architecture"]["output_modalities"] {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "text"),
        _ => true,
    };
    let chats = entry["capabilities"]["completion_chat"] != false;
    !is_other && !OTHER_TYPES.contains(&kind.as_str()) && writes && chats
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_tell() {
        for id in [
            "text-embedding-3-small",
            "nomic-embed-text:latest",
            "Qwen/Qwen3-Embedding-8B",
            "BAAI/bge-m3",
            "qwen3-reranker-4b",
            "omni-moderation-latest",
            "meta-llama/Llama-Guard-4-12B",
            "whisper-1",
            "gpt-4o-transcribe",
            "tts-1-hd",
            "gpt-4o-mini-tts",
            "mimo-v2-tts",
            "qwen3-asr-flash",
            "gpt-4o-audio-preview",
            "gpt-realtime",
            "dall-e-3",
            "gpt-image-1",
            "gemini-2.5-flash-image",
            "black-forest-labs/FLUX.1-dev",
            "stabilityai/stable-diffusion-3",
            "sora-2",
            "veo-3.0-generate",
            "Wan-AI/Wan2.2-T2V-A14B",
        ] {
            assert!(!converses(id, &json!({})), "{id}");
        }
        for id in [
            "gpt-5.2",
            "mimo-v2-omni",
            "qwen3-vl-plus",
            "kimi-k2-0905-preview",
            "deepseek-r1:70b",
            "llava-video-7b",
            "anthropic/claude-sonnet-4.5",
            "imaginary-7b",
            "voyager-chat",
            "wander-chat",
            "llama3.2-vision",
        ] {
            assert!(converses(id, &json!({})), "{id}");
        }
    }

    #[test]
    fn what_the_list_says_counts_too() {
        for entry in [
            json!({ "type": "embedding" }),
            json!({ "type": "Image" }),
            json!({ "architecture": { "output_modalities": ["image"] } }),
            json!({ "capabilities": { "completion_chat": false } }),
        ] {
            assert!(!converses("x", &entry), "{entry}");
        }
        for entry in [
            json!({ "type": "chat" }),
            json!({ "type": "model" }),
            json!({ "architecture": { "output_modalities": ["image", "text"] } }),
            json!({ "capabilities": { "completion_chat": true } }),
            json!({ "capabilities": ["completion", "tools"] }),
        ] {
            assert!(converses("x", &entry), "{entry}");
        }
    }
}
