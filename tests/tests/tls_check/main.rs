//! `maelctl tls check` on real files of openssl: one case for each finding.

#[cfg(test)]
mod answer;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod directories;
#[cfg(test)]
mod loose;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod program;
