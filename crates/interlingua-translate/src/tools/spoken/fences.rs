//! Which text is code that is shown.

/// Follows the fences of Markdown through a text, as it is told apart into lines.
///
/// Who shows code that holds a fence takes a longer one, or another mark, or says a language; none of
/// these ends the code around it.
#[derive(Debug, Default)]
pub(super) struct Fences {
    open: Option<Fence>,
    line: Line,
}

#[derive(Clone, Copy, Debug)]
struct Fence {
    indent: usize,
    mark: char,
    length: usize,
}

/// What has come of a line.
#[derive(Clone, Copy, Debug)]
enum Line {
    Blank { indent: usize },
    Marks(Fence),
    Behind { fence: Fence, rest: Rest },
    Other,
}

/// What stands behind a line's marks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rest {
    Blanks,
    Words,
    /// Then backticks were code within the line.
    Backticks,
}

impl Default for Line {
    fn default() -> Self {
        Self::Blank { indent: 0 }
    }
}

/// The fewest marks that make a fence.
const LEAST: usize = 3;

impl Fences {
    /// Whether the next line is shown.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes the next piece of the text.
    pub(super) fn see(&mut self, mut text: &str) {
        while !text.is_empty() {
            if matches!(self.line, Line::Other) {
                let Some(end) = text.find('\n') else { return };
                text = text.get(end..).unwrap_or_default();
            }
            let mut letters = text.chars();
            if let Some(letter) = letters.next() {
                self.letter(letter);
            }
            text = letters.as_str();
        }
    }

    fn letter(&mut self, letter: char) {
        self.line = match (self.line, letter) {
            (line, '\n') => {
                self.end_line(line);
                Line::default()
            }
            (Line::Blank { indent }, '`' | '~') => {
                Line::Marks(Fence { indent, mark: letter, length: 1 })
            }
            (Line::Blank { indent }, _) if letter.is_whitespace() => {
                Line::Blank { indent: indent + if letter == '\t' { 4 } else { 1 } }
            }
            (Line::Marks(fence), _) if letter == fence.mark => {
                Line::Marks(Fence { length: fence.length + 1, ..fence })
            }
            (Line::Marks(fence), _) if fence.length >= LEAST => {
                Line::Behind { fence, rest: Rest::Blanks.and(letter) }
            }
            (Line::Behind { fence, rest }, _) => Line::Behind { fence, rest: rest.and(letter) },
            (Line::Blank { .. } | Line::Marks(_) | Line::Other, _) => Line::Other,
        };
    }

    fn end_line(&mut self, line: Line) {
        let (fence, rest) = match line {
            Line::Marks(fence) if fence.length >= LEAST => (fence, Rest::Blanks),
            Line::Behind { fence, rest } => (fence, rest),
            Line::Blank { .. } | Line::Marks(_) | Line::Other => return,
        };
        match self.open {
            None if fence.mark == '~' || rest != Rest::Backticks => self.open = Some(fence),
            Some(open) if open.is_ended_by(fence) && rest == Rest::Blanks => self.open = None,
            _ => {}
        }
    }
}

impl Fence {
    fn is_ended_by(self, other: Self) -> bool {
        // What stands further in is a line of the code.
        let beside = other.indent <= self.indent + 3;
        self.mark == other.mark && self.length <= other.length && beside
    }
}

impl Rest {
    fn and(self, letter: char) -> Self {
        match (self, letter) {
            (_, '`') | (Self::Backticks, _) => Self::Backticks,
            (Self::Blanks, _) if letter.is_whitespace() => Self::Blanks,
            _ => Self::Words,
        }
    }
}
