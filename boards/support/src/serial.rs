//! A serial line on a UART without interrupts: it is polled. That is enough for provisioning, which happens once.

use core::convert::Infallible;

use embassy_time::Timer;
use embedded_io_async::{ErrorType, Read, Write};

/// Looks at the UART without a pause, before it sleeps.
const LOOKS: u32 = 64;

/// A UART.
#[derive(Clone, Copy)]
pub struct Uart {
    /// Takes a byte that has arrived.
    pub receive: fn() -> Option<u8>,
    /// Sends a byte, if there is room for it.
    pub send: fn(u8) -> Option<()>,
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Read for Uart {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Infallible> {
        let Some(first) = bytes.first_mut() else { return Ok(0) };
        *first = wait(self.receive).await;
        let mut read = 1;
        for byte in bytes.iter_mut().skip(1) {
            let Some(next) = (0..LOOKS).find_map(|_| (self.receive)()) else { break };
            *byte = next;
            read += 1;
        }
        Ok(read)
    }
}

impl Write for Uart {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            wait(|| (self.send)(*byte)).await;
        }
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Looks again and again.
async fn wait<T>(look: impl Fn() -> Option<T>) -> T {
    loop {
        if let Some(found) = (0..LOOKS).find_map(|_| look()) {
            return found;
        }
        Timer::after_millis(1).await;
    }
}
