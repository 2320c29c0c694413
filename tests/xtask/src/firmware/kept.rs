//! Holds the size of a firmware against the sizes.txt of its board, so that growth is announced.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use node_tests::board::Sizes;

use super::Board;
use crate::run::root;

/// How much more a firmware may take than its file says, in percent: compilers differ.
const MARGIN: u64 = 1;

/// Compares the sizes with the file.
///
/// # Errors
///
/// The firmware has grown, or the file does not say how large it was.
pub fn check(board: &Board<'_>, sizes: Sizes) -> Result<()> {
    let path = file(board);
    let text = fs::read_to_string(&path).unwrap_or_default();
    for (key, now) in lines(board, sizes) {
        let kept = text.lines().find_map(|line| line.strip_prefix(&key)?.strip_prefix(' '));
        let Some(kept) = kept else {
            bail!("{} has no line `{key}`: type `cargo xtask firmware --keep-sizes`", path.display());
        };
        let kept: u64 = kept.trim().parse().with_context(|| format!("{}: {key}", path.display()))?;
        if now > kept + kept * MARGIN / 100 {
            bail!(
                "{} has grown: {key} is {now}, and {} says {kept}. Make it smaller, or announce it by \
                 `cargo xtask firmware --keep-sizes`",
                board.name,
                path.display()
            );
        }
    }
    Ok(())
}

/// Writes the sizes into the file. Its other lines stay.
///
/// # Errors
///
/// The file cannot be written.
pub fn keep(board: &Board<'_>, sizes: Sizes) -> Result<()> {
    let path = file(board);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut kept: Vec<_> = text.lines().map(str::to_owned).collect();
    for (key, now) in lines(board, sizes) {
        let line = format!("{key} {now}");
        match kept.iter_mut().find(|kept| kept.split(' ').next() == Some(key.as_str())) {
            Some(kept) => *kept = line,
            None => kept.push(line),
        }
    }
    fs::write(&path, kept.join("\n") + "\n").with_context(|| path.display().to_string())
}

/// The lines for a firmware. A variant has them with its name.
fn lines(board: &Board<'_>, sizes: Sizes) -> [(String, u64); 2] {
    let key = |what: &str| match board.variant {
        "" => what.to_owned(),
        variant => format!("{variant}_{what}"),
    };
    [(key("flash"), sizes.flash), (key("ram"), sizes.ram)]
}

fn file(board: &Board<'_>) -> PathBuf {
    root().join("boards").join(board.name).join("sizes.txt")
}
