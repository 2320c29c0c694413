//! Times in certificates, and how a time is shown.

use core::fmt;
use core::time::Duration;

use der::asn1::AnyRef;
use der::{DateTime, Error, ErrorKind, Result, Tag, Tagged};

use crate::time::UnixTime;

/// A time shown as in RFC 3339: `2026-11-30T12:00:00Z`.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339(pub UnixTime);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_unix_duration(Duration::from_secs(self.0.0)) {
            Ok(date) => date.fmt(f),
            Err(_) => write!(f, "{} s after 1970", self.0.0),
        }
    }
}

/// Reads a `UTCTime` or `GeneralizedTime` (RFC 5280 section 4.1.2.5). Times before 1970 become 1970.
pub(super) fn parse(time: AnyRef<'_>) -> Result<UnixTime> {
    let bad = || Error::from(ErrorKind::DateTime);
    let (year, rest) = match (time.tag(), time.value()) {
        (Tag::UtcTime, [y, z, rest @ ..]) => {
            let year = number(*y, *z).ok_or_else(bad)?;
            (if year < 50 { 2000 } else { 1900 } + u16::from(year), rest)
        }
        (Tag::GeneralizedTime, [w, x, y, z, rest @ ..]) => {
            let century = number(*w, *x).ok_or_else(bad)?;
            let year = number(*y, *z).ok_or_else(bad)?;
            (u16::from(century) * 100 + u16::from(year), rest)
        }
        _ => return Err(bad()),
    };
    let (digits, b"Z") = rest.split_at_checked(10).ok_or_else(bad)? else {
        return Err(bad());
    };
    let mut fields = [0; 5];
    for (field, pair) in fields.iter_mut().zip(digits.chunks_exact(2)) {
        if let [tens, units] = *pair {
            *field = number(tens, units).ok_or_else(bad)?;
        }
    }
    let [month, day, hour, minute, second] = fields;
    // `DateTime` knows no year before 1970. The calendar repeats after 400 years, so an earlier date is
    // checked in a later year and then clamped.
    let calendar_year = if year < 1970 { 2000 + year % 400 } else { year };
    let date = DateTime::new(calendar_year, month, day, hour, minute, second)?;
    Ok(UnixTime(if year < 1970 { 0 } else { date.unix_duration().as_secs() }))
}

/// The number that two ASCII digits write.
fn number(tens: u8, units: u8) -> Option<u8> {
    (tens.is_ascii_digit() && units.is_ascii_digit()).then(|| (tens - b'0') * 10 + (units - b'0'))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn read(tag: Tag, text: &str) -> Option<u64> {
        parse(AnyRef::new(tag, text.as_bytes()).unwrap()).ok().map(|time| time.0)
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read(Tag::UtcTime, "261130120000Z"), Some(1_796_040_000));
        assert_eq!(read(Tag::GeneralizedTime, "20261130120000Z"), Some(1_796_040_000));
        assert_eq!(read(Tag::GeneralizedTime, "99991231235959Z"), Some(253_402_300_799));
    }

    #[test]
    fn times_before_1970_become_1970() {
        assert_eq!(read(Tag::UtcTime, "500101000000Z"), Some(0));
        assert_eq!(read(Tag::GeneralizedTime, "00000229000000Z"), Some(0));
    }

    #[test]
    fn other_text_is_refused() {
        for text in
            ["", "2", "261130120000", "2611301200Z", "261330120000Z", "26113012000+Z", "261130120000+0100"]
        {
            assert_eq!(read(Tag::UtcTime, text), None, "{text}");
        }
        assert_eq!(read(Tag::GeneralizedTime, "20270229000000Z"), None);
        assert_eq!(read(Tag::GeneralizedTime, "19000229000000Z"), None);
        assert_eq!(read(Tag::GeneralizedTime, "20261130120000.5Z"), None);
        assert_eq!(read(Tag::PrintableString, "261130120000Z"), None);
    }

    #[test]
    fn times_are_shown_as_dates() {
        assert_eq!(Rfc3339(UnixTime(1_796_040_000)).to_string(), "2026-11-30T12:00:00Z");
        assert_eq!(Rfc3339(UnixTime(u64::MAX)).to_string(), "18446744073709551615 s after 1970");
    }
}
