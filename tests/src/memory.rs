//! Copies of a private key in the memory of a running process.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use memchr::memmem;
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey as _;

use crate::daemon::{Daemon, Signal};

/// Bytes before the key in the PKCS#8 of a P-256 key, as openssl and the daemon write it.
const PKCS8_HEADER: usize = 36;
const KEY: usize = 32;

/// A P-256 private key and what copies of it look like.
pub struct Secret {
    traces: Vec<(Form, Vec<u8>)>,
}

/// How a copy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The number, in either order of bytes: as in DER, or as crypto libraries keep it.
    Number,
    /// The lines of the PEM file.
    Pem,
    /// Base64 without line ends.
    Base64,
    /// Hexadecimal digits.
    Hex,
}

/// A copy of the key, or of a half of it.
pub struct Copy {
    /// How it is written.
    pub form: Form,
    /// Where the process has it, as in `/proc/PID/maps`.
    pub region: String,
    /// Its distance from the end of the region.
    pub depth: usize,
}

impl Secret {
    /// The key in this PEM file (PKCS#8).
    ///
    /// # Errors
    ///
    /// It holds none.
    pub fn read(path: &Path) -> Result<Self> {
        let pem = fs::read_to_string(path)?;
        let key = SecretKey::from_pkcs8_pem(&pem)
            .map_err(|error| anyhow!("{}: {error}", path.display()))?
            .to_bytes();
        let swapped: Vec<u8> = key.iter().rev().copied().collect();
        let mut traces = Vec::new();
        // Halves, because a freed copy may have lost its first bytes to the allocator.
        for number in [&key[..], &swapped] {
            for half in number.chunks(KEY / 2) {
                let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
                traces.push((Form::Number, half.to_vec()));
                traces.push((Form::Hex, hex.to_uppercase().into_bytes()));
                traces.push((Form::Hex, hex.into_bytes()));
            }
        }
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        // Whole groups of three bytes that lie within the key.
        let inside = |offset: usize| offset.div_ceil(3) * 4..(offset + KEY) / 3 * 4;
        let within = base64.get(inside(PKCS8_HEADER)).context("a shorter key than of P-256")?;
        traces.push((Form::Base64, within.as_bytes().to_vec()));
        for line in pem.lines().filter(|line| line.len() == 64) {
            let (offset, _) = base64.split_once(line).context("a line of its own text")?;
            let start = offset.len().max(inside(PKCS8_HEADER).start);
            let end = (offset.len() + line.len()).min(inside(PKCS8_HEADER).end);
            if let Some(text) = base64.get(start..end).filter(|text| text.len() >= 12) {
                traces.push((Form::Pem, text.as_bytes().to_vec()));
            }
        }
        for shift in 1..3 {
            // The same key at another place of a longer base64 text, such as a bundle.
            let shifted = encode(key.get(shift..).unwrap_or_default());
            traces.push((Form::Base64, shifted.as_bytes()[..36].to_vec()));
        }
        Ok(Self { traces })
    }

    /// The copies in the memory of a daemon. It stands still while its memory is read.
    ///
    /// # Errors
    ///
    /// It does not run, or this user may not read its memory.
    pub fn copies(&self, daemon: &Daemon) -> Result<Vec<Copy>> {
        daemon.signal(Signal::STOP)?;
        let regions = read(daemon.pid());
        daemon.signal(Signal::CONT)?;
        Ok(self.search(regions?))
    }

    fn search(&self, regions: Vec<Region>) -> Vec<Copy> {
        let mut copies = Vec::new();
        for Region { line, bytes, after } in regions {
            for (form, trace) in &self.traces {
                copies.extend(memmem::find_iter(&bytes, trace).map(|at| Copy {
                    form: *form,
                    region: line.clone(),
                    depth: bytes.len() - at + after,
                }));
            }
        }
        copies
    }
}

/// A part of a process's memory that it can write, and has written.
struct Region {
    line: String,
    bytes: Vec<u8>,
    /// Bytes between its end and that of the memory that the line is about.
    after: usize,
}

/// Bytes of a page.
const PAGE: u64 = 4096;
/// Of an entry of `/proc/PID/pagemap`: the page is in memory, or swapped out. An allocator reserves far more than it uses.
const WRITTEN: u64 = 0b11 << 62;

fn read(pid: u32) -> Result<Vec<Region>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let pages = File::open(format!("/proc/{pid}/pagemap"))?;
    let mut regions = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').context("/proc/PID/maps")?;
        if !rest.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').context("/proc/PID/maps")?;
        let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
        let mut entries = vec![0; usize::try_from((end - start) / PAGE * 8)?];
        pages.read_exact_at(&mut entries, start / PAGE * 8).with_context(|| line.to_owned())?;
        let (entries, _) = entries.as_chunks::<8>();
        let written: Vec<bool> =
            entries.iter().map(|entry| u64::from_le_bytes(*entry) & WRITTEN != 0).collect();
        let mut first = start;
        for run in written.chunk_by(|one, next| one == next) {
            let next = first + run.len() as u64 * PAGE;
            if run.first() == Some(&true) {
                let mut bytes = vec![0; usize::try_from(next - first)?];
                memory.read_exact_at(&mut bytes, first).with_context(|| line.to_owned())?;
                regions.push(Region { line: line.to_owned(), bytes, after: usize::try_from(end - next)? });
            }
            first = next;
        }
    }
    let total: usize = regions.iter().map(|region| region.bytes.len()).sum();
    // A daemon that has just begun has written somewhat less than a megabyte.
    ensure!(total > 1 << 19, "only {total} bytes of memory were read");
    Ok(regions)
}

impl fmt::Debug for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {:?} {} bytes before the end of {}", self.form, self.depth, self.region)
    }
}

fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks_exact(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        text.extend([18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63])));
    }
    text
}
