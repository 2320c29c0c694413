//! The log facade: `defmt` with that feature, and lines in memory for hubs with the feature `logs`. Without them, the arguments
//! still type-check and cost nothing.

#[cfg(feature = "logs")]
mod ring;

#[cfg(feature = "logs")]
pub(crate) use ring::{find, last, record};

macro_rules! emit {
    ($defmt:ident, $level:ident, $literal:literal $(, $arg:expr)* $(,)?) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$defmt!($literal $(, ::defmt::Display2Format(&$arg))*);
        #[cfg(feature = "logs")]
        $crate::log::record(::node_core::rpc::LogLevel::$level, ::core::format_args!($literal $(, $arg)*));
        #[cfg(not(any(feature = "defmt", feature = "logs")))]
        {
            let _ = ::core::format_args!($literal $(, $arg)*);
        }
    }};
}

macro_rules! information { ($($t:tt)*) => { $crate::log::emit!(info, Info, $($t)*) } }
macro_rules! warning { ($($t:tt)*) => { $crate::log::emit!(warn, Warn, $($t)*) } }

pub(crate) use {emit, information, warning};
