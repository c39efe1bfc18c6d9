/// A message for humans is cut here, in bytes.
const LONGEST_MESSAGE: usize = 4 * 1024;

/// How keys begin, and how long they are at least.
const KEY_PREFIXES: [&str; 8] = ["sk-", "tp-", "gsk_", "xai-", "csk-", "fw_", "AIza", "hf_"];
const SHORTEST_KEY: usize = 16;

/// Makes an upstream's words safe to show: no control characters, no keys, not too long.
pub(super) fn for_humans(words: &str) -> String {
    let words: Vec<_> = words
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(without_key)
        .collect();
    let words = words.join(" ");
    match cut(&words, LONGEST_MESSAGE) {
        all if all.len() == words.len() => words,
        _ => format!("{}…", cut(&words, LONGEST_MESSAGE - '…'.len_utf8())),
    }
}

/// Some upstreams repeat the key that they refuse.
fn without_key(word: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*');
    let mut shown = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (token, after) = from.split_at(end);
        shown.push_str(before);
        let prefix = KEY_PREFIXES.iter().find(|prefix| token.starts_with(**prefix));
        match prefix.filter(|_| token.len() >= SHORTEST_KEY) {
            Some(prefix) => {
                shown.push_str(prefix);
                shown.push('…');
            }
            None => shown.push_str(token),
        }
        rest = after;
    }
    shown + rest
}

/// The longest beginning of at most `limit` bytes that splits no character.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

/// Whether it is a page for browsers.
pub(super) fn is_markup(text: &str) -> bool {
    let start = cut(text, 256).to_ascii_lowercase();
    start.starts_with('<') || start.contains("<html")
}

/// The title of a page, else its first heading.
pub(super) fn title(page: &str) -> Option<String> {
    ["title", "h1"].iter().find_map(|tag| {
        let lower = page.to_ascii_lowercase();
        let start = lower.find(&format!("<{tag}"))?;
        let start = start + lower.get(start..)?.find('>')? + 1;
        let end = start + lower.get(start..)?.find('<')?;
        let title = page.get(start..end)?.trim();
        (!title.is_empty()).then(|| title.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_keys_are_not_shown() {
        assert_eq!(
            for_humans("bad\r\n\u{1b}[31mkey `sk-abcdefghijklmnop1234`, task-force-of-many-people"),
            "bad [31mkey `sk-…`, task-force-of-many-people"
        );
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let long = for_humans(&"é".repeat(LONGEST_MESSAGE));
        assert!(long.len() <= LONGEST_MESSAGE && long.ends_with("é…"));
    }

    #[test]
    fn a_page_has_a_title() {
        let page = "<html><head><title>502 Bad Gateway</title></head>";
        assert!(is_markup(page));
        assert_eq!(title(page).as_deref(), Some("502 Bad Gateway"));
        assert_eq!(title("<html><h1 class=x>Sorry</h1>").as_deref(), Some("Sorry"));
    }
}
