//! The values of settings, as text with an origin.

use core::net::SocketAddr;

use super::error::ConfigError;
use crate::log;

/// Where to listen: an address, or a port on the usual addresses.
#[derive(Debug)]
pub enum Port {
    Addr(Setting),
    Number(Setting),
}

/// A value and where it came from.
#[derive(Debug)]
pub struct Setting {
    pub origin: String,
    pub value: String,
}

impl Setting {
    /// The value as what the setting takes.
    pub fn parse<T: core::str::FromStr<Err: core::fmt::Display>>(&self) -> Result<T, ConfigError> {
        self.value.parse().map_err(|error: T::Err| self.invalid(error.to_string()))
    }

    /// The value as an address to listen at.
    pub fn addr(&self) -> Result<SocketAddr, ConfigError> {
        let problem = |_| self.invalid("expected IP:PORT, such as 127.0.0.1:8374 or [::1]:8374".to_owned());
        self.value.parse().map_err(problem)
    }

    /// The value as on or off.
    pub fn switch(&self) -> Result<bool, ConfigError> {
        match self.value.as_str() {
            "1" | "true" | "yes" => Ok(true),
            "0" | "false" | "no" => Ok(false),
            _ => Err(self.invalid("expected true or false".to_owned())),
        }
    }

    /// The value as a filter of log lines.
    pub fn log_filter(self) -> Result<String, ConfigError> {
        match log::parse(&self.value) {
            Ok(_) => Ok(self.value),
            Err(error) => Err(self.invalid(error.to_string())),
        }
    }

    fn invalid(&self, problem: String) -> ConfigError {
        ConfigError::Invalid { origin: self.origin.clone(), value: self.value.clone(), problem }
    }
}
