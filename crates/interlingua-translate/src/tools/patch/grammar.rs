//! What the tool accepts: the patch parser of Codex 0.169, line by line.
//!
//! `fixtures/codex/patches/verdicts.json` holds what the real one said about some thousand patches; this
//! one says the same.

pub(super) const BEGIN: &str = "*** Begin Patch";
pub(super) const END: &str = "*** End Patch";
const MOVE: &str = "*** Move to: ";
const END_OF_FILE: &str = "*** End of File";
const ENVIRONMENT: &str = "*** Environment ID:";

/// Whether the tool can read the patch, and every line of it is one of those `wanted`. Whether it fits
/// the files is another question.
pub(super) fn parses(patch: &str, wanted: impl Fn(Line<'_>) -> bool) -> bool {
    let Some(lines) = inside(patch) else { return false };
    let mut body = Body::default();
    lines.iter().all(|line| body.line(line).is_ok_and(&wanted)) && body.may_end()
}

/// The lines between the first and the last, which must be there.
fn inside(patch: &str) -> Option<Vec<&str>> {
    let lines: Vec<&str> = patch.trim().lines().collect();
    let strict = |lines: &[&str]| matches!(lines, [first, .., last] if first.trim() == BEGIN && last.trim() == END);
    let bare = |lines: &[&str]| match lines {
        [first, inside @ .., last] => {
            matches!(*first, "<<EOF" | "<<'EOF'" | "<<\"EOF\"")
                && last.ends_with("EOF")
                && strict(inside)
        }
        _ => false,
    };
    match lines.as_slice() {
        [_, inside @ .., _] if strict(&lines) => Some(inside.to_vec()),
        [_, _, inside @ .., _, _] if bare(&lines) => Some(inside.to_vec()),
        _ => None,
    }
}

/// How far a patch has been read, behind its first line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Body {
    /// Nothing has come.
    #[default]
    Begun,
    /// The name of a file must follow.
    Between,
    /// In a file that is added.
    Add,
    /// In a file that is updated.
    Update(Hunk),
    /// Behind the last line.
    Over,
}

/// How far an update of one file has been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hunk {
    /// Only the file's name has come.
    Named,
    /// Its new name has come, too.
    Moved,
    /// A hunk was opened by `@@`.
    Opened,
    /// It has lines.
    Lines,
    /// It reaches to the end of the file.
    EndOfFile,
}

/// What a line that the tool accepts is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Line<'l> {
    /// It names a file.
    File(&'l str),
    /// It opens a hunk, perhaps below a line of the file.
    Context(&'l str),
    /// Anything else.
    Other,
}

/// The tool refuses the line where it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refused;

impl Body {
    /// Reads the next line. A line that is refused changes nothing.
    pub(super) fn line<'l>(&mut self, line: &'l str) -> Result<Line<'l>, Refused> {
        let (next, kind) = self.step(line)?;
        *self = next;
        Ok(kind)
    }

    /// Whether the last line may come now.
    pub(super) fn may_end(self) -> bool {
        !matches!(self, Self::Update(Hunk::Named | Hunk::Moved | Hunk::Opened))
    }

    fn step(self, line: &str) -> Result<(Self, Line<'_>), Refused> {
        if self == Self::Over {
            return if line.trim().is_empty() { Ok((self, Line::Other)) } else { Err(Refused) };
        }
        if self == Self::Begun
            && let Some(id) = line.trim().strip_prefix(ENVIRONMENT)
        {
            return if id.trim().is_empty() {
                Err(Refused)
            } else {
                Ok((Self::Between, Line::Other))
            };
        }
        if self == Self::Add && line.starts_with('+') {
            return Ok((self, Line::Other));
        }
        // In an update, a line that begins with a blank belongs to the file.
        let marker = if matches!(self, Self::Update(_)) { line.trim_end() } else { line.trim() };
        let file = file(marker);
        if file.is_some() || marker == END {
            if !self.may_end() {
                return Err(Refused);
            }
            return Ok(match file {
                Some((next, name)) => (next, Line::File(name)),
                None => (Self::Over, Line::Other),
            });
        }
        let Self::Update(hunk) = self else { return Err(Refused) };
        let (next, kind) = hunk.step(line)?;
        Ok((Self::Update(next), kind))
    }
}

impl Hunk {
    fn step(self, line: &str) -> Result<(Self, Line<'_>), Refused> {
        let trimmed = line.trim_end();
        if self == Self::Named
            && let Some(name) = trimmed.strip_prefix(MOVE)
        {
            return Ok((Self::Moved, Line::File(name)));
        }
        if trimmed == END_OF_FILE {
            return match self {
                Self::Lines => Ok((Self::EndOfFile, Line::Other)),
                Self::Named | Self::Moved => Ok((self, Line::Other)),
                Self::Opened | Self::EndOfFile => Err(Refused),
            };
        }
        if trimmed == "@@" || line.starts_with("@@ ") {
            let context = line.strip_prefix("@@ ").unwrap_or_default();
            return match self {
                Self::Opened => Err(Refused),
                _ => Ok((Self::Opened, Line::Context(context))),
            };
        }
        match self {
            Self::EndOfFile if line.trim().is_empty() => Ok((self, Line::Other)),
            Self::EndOfFile => Err(Refused),
            _ if line.is_empty() || line.starts_with([' ', '+', '-']) => {
                Ok((Self::Lines, Line::Other))
            }
            _ => Err(Refused),
        }
    }
}

/// What follows a line that names a file, and the name.
pub(super) fn file(line: &str) -> Option<(Body, &str)> {
    [
        ("*** Add File: ", Body::Add),
        ("*** Delete File: ", Body::Between),
        ("*** Update File: ", Body::Update(Hunk::Named)),
    ]
    .into_iter()
    .find_map(|(marker, next)| Some((next, line.strip_prefix(marker)?)))
}

#[cfg(test)]
mod tests {
    use interlingua_testkit::fixtures;

    use super::*;

    #[test]
    fn the_real_tool_says_the_same() {
        let verdicts = fixtures::json("codex/patches/verdicts.json");
        let verdicts = verdicts.as_array().unwrap();
        assert!(verdicts.len() > 1000);
        for verdict in verdicts {
            let patch = verdict["patch"].as_str().unwrap();
            assert_eq!(
                parses(patch, |_| true),
                verdict["parses"],
                "{patch:?}: {}",
                verdict["said"]
            );
        }
    }
}
