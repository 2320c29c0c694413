//! The trust policy against the vectors of others.

#[cfg(test)]
mod cases;
