//! The values of settings, as text with an origin.

use core::net::SocketAddr;
use core::time::Duration;

use super::error::ConfigError;
use crate::log;

/// Where to listen: an address, or a port on the usual addresses.
#[derive(Debug)]
pub enum Port {
    Addr(Setting),
    Number(Setting),
}

/// A value and where it came from.
#[derive(Clone, Debug)]
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
        switch(&self.value).ok_or_else(|| self.invalid("expected true or false".to_owned()))
    }

    /// The value as a time: seconds with a fraction, or a number with a unit.
    pub fn duration(&self) -> Result<Duration, ConfigError> {
        duration(&self.value).ok_or_else(|| self.invalid(format!("expected {DURATION}")))
    }

    /// The value as a number of things, one at least.
    pub fn count(&self) -> Result<usize, ConfigError> {
        match self.value.parse() {
            Ok(count @ 1..=1_000_000) => Ok(count),
            _ => Err(self.invalid("expected a number from 1 to 1000000".to_owned())),
        }
    }

    /// The value as a number from `least` to `most`.
    pub fn number(&self, least: usize, most: usize) -> Result<usize, ConfigError> {
        let number = self.value.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.invalid(format!("expected a number from {least} to {most}")))
    }

    /// The value as a time from 1 ms to `most`.
    pub fn time_out(&self, most: Duration) -> Result<Duration, ConfigError> {
        let time = self.duration()?;
        if time < Duration::from_millis(1) || time > most {
            return Err(self.invalid(format!("expected a time from 1ms to {most:?}")));
        }
        Ok(time)
    }

    /// The value as a number of bytes, or `none`.
    pub fn size(&self) -> Result<Option<u64>, ConfigError> {
        size(&self.value).ok_or_else(|| self.invalid(format!("expected {SIZE}")))
    }

    /// The value as a number of bytes from `least` to `most`.
    pub fn size_within(&self, least: u64, most: u64) -> Result<usize, ConfigError> {
        let size = size(&self.value).flatten().filter(|size| (least..=most).contains(size));
        let size = size.and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| {
            self.invalid(format!("expected a number of bytes from {least} to {most}, such as 65536 or 64KiB"))
        })
    }

    /// The value as a filter of log lines.
    pub fn log_filter(&self) -> Result<String, ConfigError> {
        match log::parse(&self.value) {
            Ok(_) => Ok(self.value.clone()),
            Err(error) => Err(self.invalid(error.to_string())),
        }
    }

    fn invalid(&self, problem: String) -> ConfigError {
        ConfigError::Invalid { origin: self.origin.clone(), value: self.value.clone(), problem }
    }
}

/// What [`duration`] takes.
pub const DURATION: &str = "seconds such as 2 or 0.5, or a time such as 250ms, 2s, 5m, 12h or 30d";

/// What [`size`] takes.
pub const SIZE: &str = "a number of bytes such as 65536, 64KiB, 10MB or 1GiB, or none";

/// A number of bytes, of binary or decimal units; `None` within for `none`, that is without a limit.
pub fn size(text: &str) -> Option<Option<u64>> {
    if text.eq_ignore_ascii_case("none") {
        return Some(None);
    }
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let unit: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).map(Some)
}

/// A number of bytes with the largest unit that divides it, for people.
pub fn show_size(size: Option<u64>) -> String {
    let Some(size) = size else { return "none".to_owned() };
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, shift)| size > 0 && size.trailing_zeros() >= *shift);
    unit.map_or_else(|| size.to_string(), |(unit, shift)| format!("{}{unit}", size >> shift))
}

/// On or off, as YAML and NATS write it.
pub fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A number of seconds, with a fraction or with a unit.
pub fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok().filter(|number| *number >= 0.0)?;
    Duration::try_from_secs_f64(number * unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_fractions_and_units() {
        let times =
            [("2", 2000), ("0.5", 500), ("250ms", 250), ("1m", 60_000), ("0.0001", 0), ("1.5h", 5_400_000)];
        for (text, millis) in times {
            assert_eq!(duration(text).map(|time| time.as_millis()), Some(millis), "{text}");
        }
        for text in ["", "-1", "soon", "1x", "inf", "NaN", "1e400", "2 3", "1e"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        let sizes = [
            ("0", 0),
            ("65536", 65_536),
            ("64KiB", 65_536),
            ("10 MB", 10_000_000),
            ("1GiB", 1 << 30),
            ("7B", 7),
        ];
        for (text, bytes) in sizes {
            assert_eq!(size(text), Some(Some(bytes)), "{text}");
        }
        assert_eq!(size("none"), Some(None));
        for text in ["", "-1", "KiB", "1.5MiB", "1k", "1 2", "99999999999TiB", "\u{fc}"] {
            assert_eq!(size(text), None, "{text}");
        }
        for (bytes, text) in [(Some(65_536), "64KiB"), (Some(1000), "1000"), (Some(0), "0"), (None, "none")] {
            assert_eq!(show_size(bytes), text);
        }
    }
}
