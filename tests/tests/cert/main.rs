//! `maelctl cert`, judged by the real openssl, and by the command lines of the documents that people follow.

#[cfg(test)]
mod authority;
#[cfg(test)]
mod board_request;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod directories;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod files;
#[cfg(test)]
mod info;
#[cfg(test)]
mod leaves;
#[cfg(test)]
mod provision;
#[cfg(test)]
mod revocation;
