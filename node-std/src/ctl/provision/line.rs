//! A serial port, or the UNIX socket of an emulator in its place.

use core::time::Duration;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use super::error::ProvisionError;

/// How long one read waits for bytes.
const WAIT: Duration = Duration::from_millis(100);
/// How much longer than its speed says a line may take to send. A board behind USB that does not listen takes no byte.
const SLACK: Duration = Duration::from_secs(1);

/// The line to a board.
pub struct Line {
    path: PathBuf,
    /// It never blocks.
    end: OwnedFd,
    is_socket: bool,
    baud: u32,
}

impl Line {
    /// Opens a port at this speed, in raw mode.
    pub fn open(path: &Path, baud: u32) -> Result<Self, ProvisionError> {
        let fault = |error| ProvisionError::Port { path: path.to_owned(), error };
        let is_socket = path.metadata().map_err(fault)?.file_type().is_socket();
        let end = if is_socket { socket(path) } else { port(path, baud) };
        Ok(Self { path: path.to_owned(), end: end.map_err(fault)?, is_socket, baud })
    }

    /// How long so many bytes are on their way, ten bits each.
    pub fn time_for(&self, bytes: usize) -> Duration {
        let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(10);
        Duration::from_micros(bits.saturating_mul(1_000_000) / u64::from(self.baud.max(1)))
    }

    /// Sends these bytes. Returns false when the line does not take them in time; the rest is not sent.
    pub fn send(&mut self, bytes: &[u8]) -> Result<bool, ProvisionError> {
        let end = Instant::now() + self.time_for(bytes.len()) + SLACK;
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.wait(PollFlags::OUT, left)?.is_empty() {
                return Ok(false);
            }
            match rustix::io::write(&self.end, rest) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(self.fault(error.into())),
            }
        }
        Ok(true)
    }

    /// Waits for bytes for a moment. Returns how many came, perhaps none.
    pub fn receive(&mut self, bytes: &mut [u8]) -> Result<usize, ProvisionError> {
        let found = self.wait(PollFlags::IN, WAIT)?;
        if found.is_empty() {
            return Ok(0);
        }
        match rustix::io::read(&self.end, bytes) {
            Ok(0) if self.is_socket || found.intersects(PollFlags::HUP | PollFlags::ERR) => {
                Err(self.fault(io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(read) => Ok(read),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(self.fault(error.into())),
        }
    }

    /// Waits until the line is ready, or has failed. Returns nothing when it is not for so long.
    fn wait(&self, ready: PollFlags, timeout: Duration) -> Result<PollFlags, ProvisionError> {
        let mut line = [PollFd::new(&self.end, ready)];
        let timeout = Timespec::try_from(timeout).unwrap_or_default();
        loop {
            match poll(&mut line, Some(&timeout)) {
                Ok(_) => return Ok(line.first().map_or(PollFlags::empty(), PollFd::revents)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.fault(error.into())),
            }
        }
    }

    fn fault(&self, error: io::Error) -> ProvisionError {
        ProvisionError::Port { path: self.path.clone(), error }
    }
}

fn socket(path: &Path) -> io::Result<OwnedFd> {
    let socket = UnixStream::connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A terminal without line editing, echo and flow control.
fn port(path: &Path, baud: u32) -> io::Result<OwnedFd> {
    // Without waiting for a carrier, and without becoming the terminal of this process.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = rustix::fs::open(path, flags, Mode::empty())?;
    let mut settings = tcgetattr(&port)?;
    settings.make_raw();
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    settings.set_speed(baud)?;
    tcsetattr(&port, OptionalActions::Flush, &settings)?;
    Ok(port)
}
