//! What goes on beside a test.

use core::future::Future;
use core::pin::Pin;

/// Something that goes on beside a test.
pub type Task = Pin<Box<dyn Future<Output = ()>>>;
