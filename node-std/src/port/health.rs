//! The health check.

/// The path where every port answers that it is well, as in Maelstrom.
pub(super) const HEALTH_CHECK: &str = "/_mael_health_check";
