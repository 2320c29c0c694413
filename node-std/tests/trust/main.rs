//! The trust policy of node-core with certificates that others made: rule by rule, and by the vectors of x509-limbo.

#[cfg(test)]
mod authority;
#[cfg(test)]
mod hook;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod limbo;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod version_1;
