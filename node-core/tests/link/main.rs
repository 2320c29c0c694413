//! The link protocol between two ends: honest ones, and one that breaks the rules.

#[cfg(test)]
mod honest;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod pipe;
