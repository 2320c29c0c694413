//! Paths without dot segments (RFC 3986 section 5.2.4), so that none leaves the prefix that a rule or a component's URL gives it.
//!
//! Dots may be percent-encoded (section 6.2.2.3). Everything else stays as it was sent: encoded slashes, other escapes, and empty
//! segments, because applications tell them apart.

use thiserror::Error;

/// The target of a request with its path normalised: `target` itself if there is nothing to do, else a text in `buffer`, which must be
/// as long as `target`. What follows the first `?` is kept.
///
/// # Errors
/// [`BadPath`].
///
/// ```
/// use node_core::route::path::normalize;
///
/// let mut buffer = [0; 64];
/// assert_eq!(normalize("/shop/a/../b?x=../y", &mut buffer), Ok("/shop/b?x=../y"));
/// assert_eq!(normalize("/shop/%2e%2E/b%2Fc", &mut buffer), Ok("/b%2Fc"));
/// assert!(normalize("/../b", &mut buffer).is_err());
/// ```
pub fn normalize<'a>(target: &'a str, buffer: &'a mut [u8]) -> Result<&'a str, BadPath> {
    let path_len = match scan(target.as_bytes())? {
        Scan::Clean => return Ok(target),
        Scan::Dots { path_len } => path_len,
    };
    let (path, query) = target.as_bytes().split_at_checked(path_len).ok_or(BadPath::NotAPath)?;
    let mut output = Output { buffer, len: 0 };
    let (_, segments) = path.split_first().ok_or(BadPath::NotAPath)?;
    let mut segments = segments.split(|byte| *byte == b'/').peekable();
    let mut changed = false;
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match Segment::of(segment) {
            Segment::Name => {
                output.push(b"/")?;
                output.push(segment)?;
            }
            Segment::Ambiguous => return Err(BadPath::Ambiguous),
            dots => {
                changed = true;
                if dots == Segment::Parent {
                    output.pop_segment()?;
                }
                // "/a/." is the directory "/a/", and not "/a".
                if is_last {
                    output.push(b"/")?;
                }
            }
        }
    }
    if !changed {
        return Ok(target);
    }
    output.push(query)?;
    let Output { buffer, len } = output;
    let bytes = buffer.get(..len).unwrap_or_default();
    core::str::from_utf8(bytes).map_err(|_| BadPath::NotAPath)
}

/// The target has no path that can be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadPath {
    /// `..` leads above the root.
    #[error("the path leads above its root")]
    AboveRoot,
    /// A segment is not `..` by RFC 3986, and is to applications that decode slashes or cut parameters first: `..%2F`, `..\`, `..;`.
    #[error(
        "the path holds dots next to an encoded slash, a backslash or a semicolon, which servers read differently"
    )]
    Ambiguous,
    /// It holds a control character, or an encoded NUL.
    #[error("the path holds a control character")]
    Control,
    /// A `%` stands before something else than two hexadecimal digits.
    #[error("the path holds a % without two hexadecimal digits")]
    Escape,
    /// The buffer is shorter than the target.
    #[error("the path is too long")]
    Long,
    /// It does not begin with `/`.
    #[error("the path does not begin with /")]
    NotAPath,
}

enum Scan {
    /// No segment can be a dot segment.
    Clean,
    /// One may be.
    Dots { path_len: usize },
}

/// One pass that all paths take: it refuses what is refused anywhere, and finds the few paths that need more.
fn scan(target: &[u8]) -> Result<Scan, BadPath> {
    if target.first() != Some(&b'/') {
        return Err(BadPath::NotAPath);
    }
    let (mut last, mut suspicious) = (0, false);
    for (index, byte) in target.iter().copied().enumerate() {
        match byte {
            b'?' => return Ok(Scan::of(suspicious, index)),
            b'%' => {
                let after = target.get(index + 1..).unwrap_or_default();
                match escaped(after).ok_or(BadPath::Escape)? {
                    0 => return Err(BadPath::Control),
                    b'.' | b'/' | b'\\' => suspicious = true,
                    _ => {}
                }
            }
            b'.' => suspicious |= last == b'/',
            b'\\' => suspicious = true,
            0..=b' ' | 0x7F => return Err(BadPath::Control),
            _ => {}
        }
        last = byte;
    }
    Ok(Scan::of(suspicious, target.len()))
}

impl Scan {
    const fn of(suspicious: bool, path_len: usize) -> Self {
        if suspicious { Self::Dots { path_len } } else { Self::Clean }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
    /// `.`
    Same,
    /// `..`
    Parent,
    /// Dots to some applications.
    Ambiguous,
    /// Anything else.
    Name,
}

impl Segment {
    fn of(segment: &[u8]) -> Self {
        let mut rest = segment;
        let (mut parts, mut any_dots) = (0_usize, false);
        let mut part = Part::default();
        while let Some((byte, after)) = next(rest) {
            rest = after;
            match byte {
                b'/' | b'\\' => {
                    any_dots |= part.is_dots();
                    (parts, part) = (parts + 1, Part::default());
                }
                b';' => part.has_parameters = true,
                _ if part.has_parameters => {}
                b'.' => part.dots += 1,
                _ => part.has_others = true,
            }
        }
        match part.dots {
            _ if !any_dots && !part.is_dots() => Self::Name,
            _ if parts > 0 || part.has_parameters => Self::Ambiguous,
            1 => Self::Same,
            _ => Self::Parent,
        }
    }
}

/// What an application may take for a segment.
#[derive(Default)]
struct Part {
    dots: usize,
    has_others: bool,
    has_parameters: bool,
}

impl Part {
    const fn is_dots(&self) -> bool {
        !self.has_others && matches!(self.dots, 1 | 2)
    }
}

/// The first byte of a text and what follows it; an escape counts as what it stands for.
pub(super) fn next(text: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = text.split_first()?;
    match escaped(rest) {
        Some(byte) if *first == b'%' => Some((byte, rest.get(2..).unwrap_or_default())),
        _ => Some((*first, rest)),
    }
}

/// The byte that two hexadecimal digits stand for.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| {
        let digit = char::from(*digits.get(index)?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    Some((digit(0)? << 4) | digit(1)?)
}

struct Output<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl Output<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), BadPath> {
        let end = self.len + bytes.len();
        self.buffer.get_mut(self.len..end).ok_or(BadPath::Long)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Takes the last segment away, with the slash before it.
    fn pop_segment(&mut self) -> Result<(), BadPath> {
        let written = self.buffer.get(..self.len).unwrap_or_default();
        self.len = written.iter().rposition(|byte| *byte == b'/').ok_or(BadPath::AboveRoot)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::string::String;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn normal(target: &str) -> Result<String, BadPath> {
        normalize(target, &mut [0; 256]).map(str::to_owned)
    }

    #[test]
    fn dot_segments_are_resolved_and_nothing_else_changes() {
        for (target, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a//b///", "/a//b///"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/../../c", "/c"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a//../b", "/a/b"),
            ("/pre/%2e%2e/secret", "/secret"),
            ("/pre/.%2E/secret", "/secret"),
            ("/a/%2e/b", "/a/b"),
            ("/a/..?b=/../c", "/?b=/../c"),
            ("/a%2Fb/../c", "/c"),
            ("/a%2Fb%20%41/..c/...", "/a%2Fb%20%41/..c/..."),
            ("/.well-known/x", "/.well-known/x"),
            ("/a.b;v=1/..b", "/a.b;v=1/..b"),
            ("/a;../b;.", "/a;../b;."),
            ("/./a;../b;.", "/a;../b;."),
            ("/a?%", "/a?%"),
            ("/\u{fc}/./x", "/\u{fc}/x"),
            ("/%252e%252e/x", "/%252e%252e/x"),
        ] {
            assert_eq!(normal(target).as_deref(), Ok(expected), "{target}");
        }
    }

    #[test]
    fn what_cannot_be_passed_on_is_refused() {
        for (target, expected) in [
            ("/..", BadPath::AboveRoot),
            ("/a/../../b", BadPath::AboveRoot),
            ("/%2e%2e/b", BadPath::AboveRoot),
            ("/a/..%2Fb", BadPath::Ambiguous),
            ("/a/b%2f..", BadPath::Ambiguous),
            ("/a/%2e%2e%5cb", BadPath::Ambiguous),
            ("/a/..\\b", BadPath::Ambiguous),
            ("/a/..;x/b", BadPath::Ambiguous),
            ("/a/.;/b", BadPath::Ambiguous),
            ("/a b", BadPath::Control),
            ("/a\r\nb", BadPath::Control),
            ("/a\u{7f}", BadPath::Control),
            ("/..%00/a", BadPath::Control),
            ("/a%", BadPath::Escape),
            ("/a%2", BadPath::Escape),
            ("/a%zz", BadPath::Escape),
            ("", BadPath::NotAPath),
            ("*", BadPath::NotAPath),
            ("a/b", BadPath::NotAPath),
        ] {
            assert_eq!(normal(target), Err(expected), "{target}");
        }
        assert_eq!(normalize("/long/./path", &mut [0; 4]), Err(BadPath::Long));
        assert_eq!(normalize("/long/path", &mut []), Ok("/long/path"), "nothing is written");
    }

    /// RFC 3986 section 5.2.4 on decoded dots, with vectors. `None` above the root.
    fn reference(path: &str) -> Option<String> {
        let mut kept: Vec<&str> = Vec::new();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        for (index, segment) in segments.iter().enumerate() {
            let is_last = index + 1 == segments.len();
            match segment.replace("%2e", ".").replace("%2E", ".").as_str() {
                "." => {}
                ".." => drop(kept.pop()?),
                _ => {
                    kept.push(segment);
                    continue;
                }
            }
            if is_last {
                kept.push("");
            }
        }
        Some("/".to_owned() + &kept.join("/"))
    }

    fn paths() -> impl Strategy<Value = String> {
        let part = prop::sample::select(std::vec![
            "/", "/", "/", ".", ".", "%2e", "%2E", "a", "%2F", "%61", "\\", "%5c", ";", "\u{e9}"
        ]);
        prop::collection::vec(part, 0..16).prop_map(|parts| "/".to_owned() + &parts.concat())
    }

    proptest! {
        #[test]
        fn the_result_is_final_and_stays_below_the_root(path in paths()) {
            match normal(&path) {
                Ok(once) => {
                    prop_assert_eq!(normal(&once), Ok(once.clone()));
                    prop_assert_eq!(Some(once.clone()), reference(&path));
                    // Nor does it leave a prefix to which it is joined, however the application decodes it.
                    let decoded = once.replace("%2F", "/").replace("%5c", "/").replace("%2e", ".").replace("%2E", ".");
                    let decoded = decoded.replace('\\', "/");
                    for segment in decoded.split('/') {
                        let name = segment.split(';').next().unwrap_or_default();
                        prop_assert!(name != "." && name != "..", "{}", once);
                    }
                }
                Err(BadPath::AboveRoot) => prop_assert!(reference(&path).is_none() || path.contains(['\\', ';', '%'])),
                Err(error) => prop_assert_eq!(error, BadPath::Ambiguous),
            }
        }

        #[test]
        fn no_text_panics(target in "\\PC{0,64}", room in 0_usize..80) {
            let _ = normalize(&target, &mut std::vec![0; room]);
        }
    }
}
