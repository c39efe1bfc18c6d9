use serde::Deserialize;

use super::grammar::{BEGIN, Body, END, Hunk, Line, file, parses};

/// A patch, mended where that was needed and possible.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Repaired {
    /// The patch.
    pub text: String,
    /// What was changed, each kind once, in the order of the patch; empty when nothing was.
    pub edits: Vec<Edit>,
}

/// A mistake that was mended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edit {
    /// The patch stood in a JSON object, `{"input":"…"}`.
    Json,
    /// It stood between Markdown fences.
    Fence,
    /// It stood in a shell command, `apply_patch <<'EOF'`.
    Heredoc,
    /// Something was said before or after it.
    Prose,
    /// The first line was missing.
    NoBegin,
    /// The last line was missing.
    NoEnd,
    /// The first or the last line had stars behind it.
    Stars,
    /// The first line came twice.
    BeginTwice,
    /// The line behind `@@` was closed by another `@@`.
    ClosedContext,
    /// Behind `@@` stood the line numbers of a unified diff.
    Range,
    /// A line of a new file lacked its `+`.
    NoPlus,
    /// A new file had a hunk's mark in it.
    HunkInAdd,
    /// A line of a hunk began with none of ` `, `+`, `-`.
    NoPrefix,
    /// A file's name stood in quotes.
    Quotes,
}

impl Edit {
    /// The mistake in a few words, for logs and headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json around it",
            Self::Fence => "markdown fence",
            Self::Heredoc => "shell heredoc",
            Self::Prose => "prose around it",
            Self::NoBegin => "no first line",
            Self::NoEnd => "no last line",
            Self::Stars => "stars behind a marker",
            Self::BeginTwice => "first line twice",
            Self::ClosedContext => "closed @@",
            Self::Range => "unified diff range",
            Self::NoPlus => "no + in a new file",
            Self::HunkInAdd => "@@ in a new file",
            Self::NoPrefix => "line without prefix",
            Self::Quotes => "quoted file name",
        }
    }
}

/// Mends the mistakes of [`Edit`] in a patch, and nothing else.
///
/// A patch that the tool accepts comes back unchanged, with two exceptions. The tool takes a quoted
/// file name for the name of a file whose name has quotes, and what stands behind `@@`, up to the end
/// of the line, for a line of the file; both are mistakes far more often than they are meant. A patch
/// that would still be refused comes back unchanged, too. So mending twice is mending once.
///
/// `complete` says that the model had finished: a patch that was cut never gets a last line.
///
/// # Examples
///
/// ```
/// use interlingua_translate::tools::patch::{Edit, repair};
///
/// let repaired = repair("*** Update File: a.py\n@@ def f(): @@\n-    x\n+    y\n", true);
/// assert_eq!(repaired.edits, [Edit::NoBegin, Edit::ClosedContext, Edit::NoEnd]);
/// assert_eq!(
///     repaired.text,
///     "*** Begin Patch\n*** Update File: a.py\n@@ def f():\n-    x\n+    y\n*** End Patch\n"
/// );
/// ```
pub fn repair(patch: &str, complete: bool) -> Repaired {
    let unchanged = || Repaired { text: patch.to_owned(), edits: Vec::new() };
    if is_well_formed(patch) {
        return unchanged();
    }
    let mut edits = Edits::default();
    let mended = mend(patch, complete, &mut edits).filter(|text| is_well_formed(text));
    mended.map_or_else(unchanged, |text| Repaired { text, edits: edits.0 })
}

/// Whether the tool can read the patch and has a chance to find what it names.
fn is_well_formed(patch: &str) -> bool {
    parses(patch, |line| !never_applies(line))
}

/// Whether the tool accepts the line but will hardly find what it names.
pub(super) fn never_applies(line: Line<'_>) -> bool {
    match line {
        Line::File(name) => unquoted(name).is_some(),
        Line::Context(text) => opened(text).is_some(),
        Line::Other => false,
    }
}

#[derive(Default)]
struct Edits(Vec<Edit>);

impl Edits {
    fn push(&mut self, edit: Edit) {
        if !self.0.contains(&edit) {
            self.0.push(edit);
        }
    }
}

fn mend(patch: &str, complete: bool, edits: &mut Edits) -> Option<String> {
    let unwrapped = unwrap_json(patch);
    if unwrapped.is_some() {
        edits.push(Edit::Json);
    }
    let patch = unwrapped.as_deref().unwrap_or(patch);
    let lines: Vec<&str> = patch.trim().lines().collect();
    let begin = lines.iter().position(|line| marks(line, BEGIN).is_some());
    let first = begin.or_else(|| lines.iter().position(|line| file(line.trim()).is_some()))?;
    let before = Around::of(lines.get(..first)?, edits)?;
    if begin.is_none() {
        edits.push(Edit::NoBegin);
    }
    let rest = lines.get(first..)?;
    let end = rest.iter().rposition(|line| marks(line.trim_end(), END).is_some());
    let end = end.or_else(|| rest.iter().rposition(|line| marks(line, END).is_some()));
    let mut body = match end {
        Some(at) => {
            Around::of(rest.get(at + 1..)?, edits)?;
            rest.get(..at)?
        }
        None if complete => before.closed(rest),
        None => return None,
    };
    let mut begins = 0;
    while let [line, others @ ..] = body
        && let Some(exact) = marks(line, BEGIN)
    {
        begins += 1;
        if !exact {
            edits.push(Edit::Stars);
        }
        body = others;
    }
    if begins > 1 {
        edits.push(Edit::BeginTwice);
    }
    let mut text = format!("{BEGIN}\n");
    mend_body(body, end.is_some(), &mut text, edits)?;
    match end.and_then(|at| marks(rest.get(at)?, END)) {
        Some(true) => {}
        Some(false) => edits.push(Edit::Stars),
        None => edits.push(Edit::NoEnd),
    }
    text.push_str(END);
    text.push('\n');
    Some(text)
}

/// Takes the text out of `{"input":"…"}`.
fn unwrap_json(patch: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapped {
        input: String,
    }
    let patch = patch.trim();
    let wrapped = patch.starts_with('{').then(|| serde_json::from_str::<Wrapped>(patch).ok());
    wrapped.flatten().map(|it| it.input)
}

/// Whether the line is the marker: `Some(true)` to the letter, `Some(false)` with stars behind it.
fn marks(line: &str, marker: &str) -> Option<bool> {
    let rest = line.trim().strip_prefix(marker)?;
    match rest.trim() {
        "" if rest.is_empty() => Some(true),
        "***" => Some(false),
        _ => None,
    }
}

/// What stood around a patch, as far as it has a second half.
#[derive(Clone, Copy, Default)]
struct Around {
    fence: bool,
    heredoc: bool,
}

impl Around {
    /// Looks at the lines on one side of a patch. What names a file may be another patch, which must
    /// not get lost.
    fn of(lines: &[&str], edits: &mut Edits) -> Option<Self> {
        let mut around = Self::default();
        for line in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
            if line.starts_with("*** ") {
                return None;
            }
            if is_fence(line) {
                around.fence = true;
                edits.push(Edit::Fence);
            } else if line.starts_with("apply_patch <<") || line.starts_with("<<") || line == "EOF"
            {
                around.heredoc = true;
                edits.push(Edit::Heredoc);
            } else {
                edits.push(Edit::Prose);
            }
        }
        Some(around)
    }

    /// The lines of a patch without a last line, up to what closes that in which it stands.
    fn closed<'l, 's>(self, mut lines: &'s [&'l str]) -> &'s [&'l str] {
        while let [others @ .., line] = lines {
            let line = line.trim();
            let closes = (self.fence && is_fence(line)) || (self.heredoc && line == "EOF");
            if !closes && !line.is_empty() {
                break;
            }
            lines = others;
        }
        lines
    }
}

fn is_fence(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("~~~")
}

/// Mends what stands between the first and the last line, and appends it to `out`.
fn mend_body(lines: &[&str], has_end: bool, out: &mut String, edits: &mut Edits) -> Option<()> {
    let mut body = Body::default();
    // Blank lines of a new file, which count only if something follows.
    let mut blank = 0;
    let mut has_plus = false;
    let mut names_files = false;
    for line in lines {
        let mut push = |line: &str| {
            out.push_str(line);
            out.push('\n');
        };
        if let Ok(kind) = body.line(line) {
            if line.starts_with('+') {
                (0..blank).for_each(|_| push("+"));
                has_plus = true;
            }
            blank = 0;
            match kind {
                Line::File(name) => {
                    has_plus = false;
                    names_files = true;
                    match unquoted(name) {
                        Some(plain) => {
                            edits.push(Edit::Quotes);
                            push(&line.trim().replacen(name, plain, 1));
                        }
                        None => push(line),
                    }
                }
                Line::Context(text) => match opened(text) {
                    Some(("", edit)) => {
                        edits.push(edit);
                        push("@@");
                    }
                    Some((context, edit)) => {
                        edits.push(edit);
                        push(&format!("@@ {context}"));
                    }
                    None => push(line),
                },
                Line::Other => push(line),
            }
            continue;
        }
        match body {
            Body::Add if *line == "@@" || line.starts_with("@@ ") => edits.push(Edit::HunkInAdd),
            Body::Add if line.trim().is_empty() => {
                blank += 1;
                edits.push(Edit::NoPlus);
            }
            Body::Add if line.starts_with("*** ") => return None,
            // Without a last line, this may be something that the model said behind its patch.
            Body::Add if has_plus && !has_end => return None,
            Body::Add => {
                edits.push(Edit::NoPlus);
                (0..std::mem::take(&mut blank)).for_each(|_| push("+"));
                push(&format!("+{line}"));
            }
            // A wrong guess does no harm: the tool does not find the line and refuses.
            Body::Update(Hunk::Named | Hunk::Moved | Hunk::Opened | Hunk::Lines)
                if !line.starts_with("@@") && !line.starts_with("*** ") =>
            {
                let context = format!(" {line}");
                body.line(&context).ok()?;
                edits.push(Edit::NoPrefix);
                push(&context);
            }
            Body::Begun | Body::Between | Body::Update(_) | Body::Over => return None,
        }
    }
    names_files.then_some(())
}

/// The name inside one pair of quotes.
fn unquoted(name: &str) -> Option<&str> {
    let name = name.trim();
    ['"', '\'', '`'].into_iter().find_map(|quote| {
        let inside = name.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(inside).filter(|it| !it.is_empty())
    })
}

/// What a line behind `@@` was meant to be, if it ends in another `@@` or is the range of a unified
/// diff.
fn opened(context: &str) -> Option<(&str, Edit)> {
    let context = context.trim();
    if let Some(rest) = context.strip_prefix('-')
        && let Some((range, _)) = rest.split_once(" @@")
        && let Some((old, new)) = range.split_once(" +")
        && [old, new].iter().all(|it| is_range(it))
    {
        // What a diff says behind the range is cut short, so it would not be found.
        return Some(("", Edit::Range));
    }
    let inside = context.strip_suffix("@@")?;
    Some((inside.trim_end(), Edit::ClosedContext))
        .filter(|_| inside.is_empty() || inside.ends_with(' '))
}

fn is_range(text: &str) -> bool {
    let number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once(',') {
        Some((start, count)) => number(start) && number(count),
        None => number(text),
    }
}

#[cfg(test)]
pub(super) mod tests;
