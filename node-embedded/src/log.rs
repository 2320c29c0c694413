//! The log facade: `defmt` when the feature is on. Without it, the arguments still type-check and cost nothing.

macro_rules! emit {
    ($level:ident, $literal:literal $(, $arg:expr)* $(,)?) => {{
        #[cfg(feature = "defmt")]
        ::defmt::$level!($literal $(, ::defmt::Display2Format(&$arg))*);
        #[cfg(not(feature = "defmt"))]
        {
            let _ = ::core::format_args!($literal $(, $arg)*);
        }
    }};
}

macro_rules! information { ($($t:tt)*) => { $crate::log::emit!(info, $($t)*) } }
macro_rules! warning { ($($t:tt)*) => { $crate::log::emit!(warn, $($t)*) } }

pub(crate) use {emit, information, warning};
