//! Whether a certificate is valid now.

use core::fmt;

use node_core::time::UnixTime;
use serde::Serialize;

/// How long before its end a certificate should be renewed.
const SOON: u64 = 30 * 24 * 3600;

/// The validity of a certificate, the most serious last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It lasts.
    Valid,
    /// It ends in less than 30 days.
    ExpiringSoon,
    /// It begins later.
    NotYetValid,
    /// It ended.
    Expired,
}

impl Status {
    /// The status at `now` of a certificate with these dates.
    pub fn of(not_before: UnixTime, not_after: UnixTime, now: UnixTime) -> Self {
        if now > not_after {
            Self::Expired
        } else if now < not_before {
            Self::NotYetValid
        } else if not_after.0 - now.0 < SOON {
            Self::ExpiringSoon
        } else {
            Self::Valid
        }
    }

    /// The exit status that tells it to a script. 1 and 2 are those of errors.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::ExpiringSoon => 3,
            Self::Expired => 4,
            Self::NotYetValid => 5,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "Valid",
            Self::ExpiringSoon => "EXPIRING SOON",
            Self::NotYetValid => "NOT YET VALID",
            Self::Expired => "EXPIRED",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_is_valid_and_the_last_thirty_days_are_soon() {
        let at = |now| Status::of(UnixTime(100), UnixTime(200 + SOON), UnixTime(now));
        assert_eq!(at(99), Status::NotYetValid);
        assert_eq!([at(100), at(200)], [Status::Valid; 2]);
        assert_eq!([at(201), at(200 + SOON)], [Status::ExpiringSoon; 2]);
        assert_eq!(at(201 + SOON), Status::Expired);
        // Dates that contradict each other are never valid.
        assert_eq!(Status::of(UnixTime(9), UnixTime(5), UnixTime(7)), Status::Expired);
    }
}
