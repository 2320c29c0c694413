//! Tasks that run beside a test.

use core::future::Future;
use core::pin::Pin;

/// A task that runs beside a test.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;
