//! How many tokens a turn has, for upstreams that cannot tell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use interlingua_ir::{Item, Part, Text, Tool, Turn};

/// Estimates how many tokens a turn takes as a prompt.
///
/// It is an estimate: models cut text in ways of their own, and which model will answer is not even
/// asked. The weights were fitted to the tokenizers of three families of models (o200k of OpenAI,
/// DeepSeek V4, Qwen). For English prose, source code, JSON Schemas and Chinese it is within a fifth of
/// most of them; for scripts of which a model has seen little it may be half of the truth. Pictures
/// count by their area, as Anthropic documents it.
pub fn estimate_tokens(turn: &Turn<'_>) -> u64 {
    let mut count = Count::default();
    for item in &turn.items {
        count.whole += PER_ITEM;
        count.item(item);
    }
    for tool in &turn.tools {
        count.whole += PER_TOOL;
        count.tool(tool);
    }
    if let interlingua_ir::Format::JsonSchema { schema, .. } = &turn.format {
        count.words(schema.get());
    }
    count.whole + count.hundredths.div_ceil(100)
}

/// What stands between two messages, in tokens.
const PER_ITEM: u64 = 4;

/// What stands around the definition of a tool.
const PER_TOOL: u64 = 12;

/// A picture whose size is not known: as many tokens as the largest takes, since larger ones are made
/// smaller before the model sees them.
const PICTURE: u64 = 1_600;

/// How many pixels make a token.
const PIXELS: u64 = 750;

/// A document whose pages are not known: one or two of them.
const DOCUMENT: u64 = 3_000;

/// How many characters of Base64 make a token of sound: ten a second, at 128 kbit/s.
const SOUND: usize = 2_000;

/// How much of a picture is looked at for its size, in characters of Base64; a multiple of four.
const PICTURE_HEAD: usize = 64 << 10;

#[derive(Default)]
struct Count {
    whole: u64,
    hundredths: u64,
}

impl Count {
    fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Message(message) => self.parts(&message.parts),
            Item::Output(output) => self.parts(&output.parts),
            Item::Call(call) => {
                self.words(&call.head.name);
                self.text(&call.input);
            }
            // A seal is as long as it is; what it hides is as long as its readable copy.
            Item::Reasoning(reasoning) => match &reasoning.thought {
                Some(thought) => self.words(&thought.text),
                None => reasoning.readable.iter().for_each(|text| self.words(&text.to_plain())),
            },
            Item::Summary(summary) => self.words(summary.text.as_deref().unwrap_or_default()),
            Item::Other { json, .. } => self.words(json.get()),
        }
    }

    fn parts(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => self.text(text),
                Part::Image { url, .. } => self.whole += picture(url),
                Part::File { .. } => self.whole += DOCUMENT,
                Part::Audio { data, .. } => {
                    self.whole += u64::try_from(data.stored_len() / SOUND).unwrap_or(u64::MAX);
                }
                Part::Other { json, .. } => self.words(json.get()),
            }
        }
    }

    fn tool(&mut self, tool: &Tool<'_>) {
        match tool {
            Tool::Function(it) | Tool::ToolSearch(it) => {
                self.words(&it.name);
                self.maybe(it.description.as_ref());
                self.words(it.parameters.map_or("", |it| it.get()));
            }
            Tool::Custom { name, description, format } => {
                self.words(name);
                self.maybe(description.as_ref());
                self.words(format.map_or("", |it| it.get()));
            }
            Tool::Other { json, .. } => self.words(json.get()),
            Tool::WebSearch => {}
        }
    }

    fn text(&mut self, text: &Text<'_>) {
        self.words(&text.to_plain());
    }

    fn maybe(&mut self, text: Option<&Text<'_>>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn words(&mut self, words: &str) {
        let mut before = Script::Space;
        for letter in words.chars() {
            let script = Script::of(letter);
            self.hundredths += match script {
                Script::Latin if before == Script::Latin => 9,
                Script::Latin => 9 + 95,
                // A blank before a word is a part of it; a run of blanks is one token.
                Script::Space => 0,
                Script::Indent if before == Script::Indent => 0,
                Script::Indent => 100,
                Script::Mark => 35,
                Script::Digit => 50,
                Script::Ideograph => 80,
                Script::Pictograph => 120,
                Script::Other => 40,
            };
            before = match (before, script) {
                (Script::Indent, Script::Space) => Script::Indent,
                _ => script,
            };
        }
    }
}

/// What a letter costs depends on what it is.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Script {
    Latin,
    Space,
    Indent,
    Mark,
    Digit,
    Ideograph,
    Pictograph,
    Other,
}

impl Script {
    fn of(letter: char) -> Self {
        match letter {
            'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' => Self::Latin,
            ' ' => Self::Space,
            '\n' | '\t' | '\r' => Self::Indent,
            '0'..='9' => Self::Digit,
            '\0'..='\u{7F}' => Self::Mark,
            // Ideographs, kana, hangul, and the marks that stand between them.
            '\u{2E80}'..='\u{9FFF}'
            | '\u{AC00}'..='\u{D7A3}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{FF00}'..='\u{FFEF}'
            | '\u{20000}'..='\u{3FFFF}' => Self::Ideograph,
            '\u{1F000}'..='\u{1FAFF}' => Self::Pictograph,
            _ => Self::Other,
        }
    }
}

/// What a picture takes.
fn picture(url: &Text<'_>) -> u64 {
    let (Text::Json(stored) | Text::Plain(stored)) = url;
    let size = stored.split_once(";base64,").and_then(|(_, data)| {
        let head = data.get(..PICTURE_HEAD).unwrap_or(data);
        let bytes = BASE64.decode(head).ok()?;
        imagesize::blob_size(&bytes).ok()
    });
    size.map_or(PICTURE, |size| {
        let pixels = size.width.saturating_mul(size.height);
        u64::try_from(pixels).unwrap_or(u64::MAX).div_ceil(PIXELS).min(PICTURE)
    })
}
