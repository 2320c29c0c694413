//! Lists of revoked certificates that come by HTTP: real daemons, real certificates, and a server that may fail and lie.

#[cfg(test)]
mod big;
#[cfg(test)]
mod in_force;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod meaning;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod points;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod server;
