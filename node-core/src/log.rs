//! One log facade for `tracing` (servers) and `defmt` (boards).
//!
//! The macros take a literal and positional `{}` only, the syntax that both share. With neither
//! feature the arguments still type-check and cost nothing. Prefer an event or a counter over a line here.

macro_rules! emit {
    ($level:ident, $literal:literal $(, $arg:expr)* $(,)?) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$level!($literal $(, ::defmt::Display2Format(&$arg))*);
        #[cfg(all(feature = "tracing", not(feature = "defmt")))]
        ::tracing::$level!($literal $(, $arg)*);
        #[cfg(not(any(feature = "defmt", feature = "tracing")))]
        {
            let _ = ::core::format_args!($literal $(, $arg)*);
        }
    }};
}

macro_rules! notice { ($($t:tt)*) => { $crate::log::emit!(info, $($t)*) } }
macro_rules! warning { ($($t:tt)*) => { $crate::log::emit!(warn, $($t)*) } }

pub(crate) use {emit, notice, warning};
