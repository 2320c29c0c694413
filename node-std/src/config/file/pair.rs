//! What every map on TLS holds: pairs of a certificate and a key, texts in PEM, and how TLS is spoken.

use zeroize::Zeroizing;

use super::reader::{Entry, Section};
use super::tree::Value;
use crate::tls::KeyPassword;
use crate::tls::names;
use crate::tls::settings::{PairSource, PasswordSource, Pem, Protocol};

/// Most files of one kind.
const MAX_FILES: usize = 64;

/// Several pairs: `certs`, or a single one. `elsewhere` is as in [`Section::finish`].
pub fn pairs(section: &mut Section<'_>, elsewhere: fn(&str) -> Option<&'static str>) -> Vec<PairSource> {
    let listed = section.given(&["certs"]);
    let single = pair(section);
    let Some(listed) = listed else { return single.into_iter().collect() };
    if single.is_some() {
        listed.fault("stands beside cert (cert_file, cert_pem): put that pair into the list as well");
    }
    let mut pairs = Vec::new();
    for entry in listed.list() {
        if pairs.len() == MAX_FILES {
            entry.fault(format!("has more than {MAX_FILES} pairs"));
            break;
        }
        if !matches!(entry.node.value, Value::Map(_)) {
            entry.fault("is a list of maps, each with cert_file and key_file");
            continue;
        }
        let mut section = entry.section();
        pairs.extend(pair(&mut section));
        section.finish(elsewhere);
    }
    pairs
}

/// A certificate and its key. What stands in the configuration itself wins over a file.
pub fn pair(section: &mut Section<'_>) -> Option<PairSource> {
    let certificate = pem(section, &["cert", "cert_file"], &["cert_pem"]);
    let mut key_entry = None;
    let key = {
        let inline = section.given(&["key_pem"]);
        let file = section.given(&["key", "key_file"]);
        let inline = inline.map(|entry| (inline_pem(&entry), entry));
        let file = file.map(|entry| (path(&entry), entry));
        inline.or(file).and_then(|(pem, entry)| {
            key_entry = Some(entry);
            pem
        })
    };
    let password = section.given(&["key_password", "password"]);
    let password_file = section.given(&["key_password_file", "password_file"]);
    let password = match (password, password_file) {
        (Some(_), Some(entry)) => {
            entry.fault("stands beside the password itself: drop one");
            None
        }
        (Some(entry), None) => {
            entry.text().map(|text| PasswordSource::Inline(KeyPassword::new(text.as_bytes())))
        }
        (None, Some(entry)) => entry.text().map(|path| PasswordSource::File(path.into())),
        (None, None) => None,
    };
    match (certificate, key_entry) {
        (Some(certificate), _) => Some(PairSource { certificate, key, password }),
        (None, Some(entry)) => {
            entry.fault("has no certificate beside it: give cert (cert_file, cert_pem)");
            None
        }
        (None, None) => None,
    }
}

/// A single text in PEM. What stands in the configuration itself wins over a file, which is not opened then.
fn pem(section: &mut Section<'_>, files: &[&'static str], inline: &[&'static str]) -> Option<Pem> {
    let (inline, file) = (section.given(inline), section.given(files));
    match inline {
        Some(entry) => inline_pem(&entry),
        None => Some(Pem::File(file?.text()?.into())),
    }
}

/// The path in a setting that names a file. The text itself is never shown: it may be a key in the wrong place.
fn path(entry: &Entry<'_>) -> Option<Pem> {
    let text = entry.text()?;
    if text.contains("-----BEGIN") || text.contains('\n') {
        entry.fault("holds PEM and names no file: use the setting of the same name that ends in _pem");
        return None;
    }
    Some(Pem::File(text.into()))
}

/// Texts in PEM. What stands in the configuration itself wins over files, which are not opened then.
pub fn pems(section: &mut Section<'_>, files: &[&'static str], inline: &[&'static str]) -> Vec<Pem> {
    let inline = if inline.is_empty() { None } else { section.given(inline) };
    let file = section.given(files);
    if let Some(entry) = inline {
        return inline_pem(&entry).into_iter().collect();
    }
    let Some(file) = file else { return Vec::new() };
    let listed = file.list();
    if let Some(entry) = listed.get(MAX_FILES) {
        entry.fault(format!("has more than {MAX_FILES} files"));
    }
    listed.iter().take(MAX_FILES).filter_map(path).collect()
}

fn inline_pem(entry: &Entry<'_>) -> Option<Pem> {
    Some(Pem::Inline { origin: entry.origin(), text: Zeroizing::new(entry.text()?) })
}

/// Versions, suites and curves. Without `min_version`, TLS 1.2 is spoken if `tls12`.
pub fn protocol(section: &mut Section<'_>, tls12: bool) -> Protocol {
    let said = section.given(&["min_version"]).and_then(|entry| {
        entry.choose("1.3 or 1.2", |text| {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let is_version = text.to_ascii_lowercase().trim_start_matches("version").starts_with("tls")
                || text.starts_with(|c: char| c.is_ascii_digit());
            match digits.as_str() {
                "13" if is_version => Some(false),
                "12" if is_version => Some(true),
                _ => None,
            }
        })
    });
    let tls12 = said.unwrap_or(tls12);
    let entry = section.given(&["cipher_suites"]);
    let named = entry.map(|entry| (entry.path.clone(), entry.list()));
    let mut suites = Vec::new();
    if let Some((_, entries)) = named {
        for entry in &entries {
            let expected = format!("one of {}", names::suites());
            suites.extend(entry.choose(&expected, names::suite));
        }
        if let Some(entry) = entries.first()
            && !suites.is_empty()
            && !suites.iter().any(|suite| names::is_tls13(*suite))
        {
            entry.fault("names no suite of TLS 1.3, which every link uses: add TLS_AES_128_GCM_SHA256");
        }
    }
    let mut curves = Vec::new();
    if let Some(entry) = section.given(&["curve_preferences"]) {
        for entry in entry.list() {
            let expected = format!("one of {}", names::curves());
            curves.extend(entry.choose(&expected, names::curve));
        }
    }
    Protocol { tls12, suites, curves }
}
