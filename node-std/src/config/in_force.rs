//! What is in force, and where it comes from.

use serde::{Deserialize, Serialize};

/// A setting that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// Its name in the configuration file.
    pub setting: String,
    /// Its value. A secret is not shown.
    pub value: String,
    /// The flag, the variable, or the file with line and column; `default` when nobody set it.
    pub origin: String,
}

impl InForce {
    /// The origin of what nobody set.
    pub const DEFAULT: &str = "default";
}
