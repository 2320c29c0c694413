//! The limits of HTTP.

use core::time::Duration;

use super::Resolver;
use crate::config::key::{self, Key};
use crate::config::limits::{LEAST_HEAD, LONGEST_TIMEOUT, MOST_HEAD, MOST_HEADERS};
use crate::config::setting::{Setting, show_size};
use crate::config::{Flags, HttpLimits, Timeouts};

/// What flags say of limits.
pub struct LimitFlags {
    per_source: Option<String>,
    head_bytes: Option<String>,
    header_count: Option<String>,
    body_bytes: Option<String>,
    min_rate: Option<String>,
    timeouts: [Option<String>; 5],
}

impl LimitFlags {
    pub fn of(flags: &Flags) -> Self {
        let Flags { head_timeout, idle_timeout, read_timeout, write_timeout, request_timeout, .. } = flags;
        Self {
            per_source: flags.max_per_source.clone(),
            head_bytes: flags.max_head_bytes.clone(),
            header_count: flags.max_headers.clone(),
            body_bytes: flags.max_body_bytes.clone(),
            min_rate: flags.min_rate.clone(),
            timeouts: [head_timeout, idle_timeout, read_timeout, write_timeout, request_timeout]
                .map(Clone::clone),
        }
    }
}

impl Resolver {
    /// Those of a port for `connections` at once. What is wrong with one leaves its default, because nothing starts then.
    pub(super) fn limits(&mut self, given: LimitFlags, connections: usize) -> HttpLimits {
        let default = HttpLimits::of_connections(connections);
        let [head, idle, read, write, request] = given.timeouts;
        let request = self.time_out(key::REQUEST_TIMEOUT, request, default.timeouts.request);
        let timeouts = Timeouts {
            head: self.time_out(key::HEAD_TIMEOUT, head, default.timeouts.head),
            idle: self.time_out(key::IDLE_TIMEOUT, idle, default.timeouts.idle),
            read: self.time_out(key::READ_TIMEOUT, read, default.timeouts.read.max(request)),
            write: self.time_out(key::WRITE_TIMEOUT, write, default.timeouts.write.max(request)),
            request,
        };
        let head_bytes = |setting: &Setting| setting.size_within(LEAST_HEAD, MOST_HEAD);
        let show = |bytes: &usize| show_size(u64::try_from(*bytes).ok());
        let head_bytes =
            self.value(key::HEAD_BYTES, given.head_bytes, head_bytes, || Ok(default.head_bytes), show);
        let header_count = |setting: &Setting| setting.number(1, MOST_HEADERS);
        let header_count = self.value(
            key::HEADER_COUNT,
            given.header_count,
            header_count,
            || Ok(default.header_count),
            usize::to_string,
        );
        let per_source = self.value(
            key::PER_SOURCE,
            given.per_source,
            Setting::count,
            || Ok(default.per_source),
            usize::to_string,
        );
        let show = |size: &Option<u64>| show_size(*size);
        let body_bytes =
            self.value(key::BODY_BYTES, given.body_bytes, Setting::size, || Ok(default.body_bytes), show);
        let min_rate =
            self.value(key::MIN_RATE, given.min_rate, Setting::size, || Ok(default.min_rate), show);
        HttpLimits {
            head_bytes: head_bytes.unwrap_or(default.head_bytes),
            header_count: header_count.unwrap_or(default.header_count),
            body_bytes: body_bytes.flatten(),
            per_source: per_source.unwrap_or(default.per_source),
            // A rate of zero is none.
            min_rate: min_rate.flatten().filter(|rate| *rate > 0),
            timeouts,
        }
    }

    fn time_out(&mut self, key: Key, given: Option<String>, default: Duration) -> Duration {
        let read = |setting: &Setting| setting.time_out(LONGEST_TIMEOUT);
        self.value(key, given, read, || Ok(default), |time| time.as_secs_f64().to_string()).unwrap_or(default)
    }
}
