//! The link protocol between two honest ends, and with an end that breaks the rules.

#[cfg(test)]
mod honest;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod pipe;
