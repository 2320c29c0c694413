//! A serial port, or the UNIX socket of an emulator in its place.

use core::time::Duration;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

use super::error::ProvisionError;

/// How long one read waits for bytes.
const WAIT: Duration = Duration::from_millis(100);

/// The line to a board.
pub struct Line {
    path: PathBuf,
    ends: Ends,
}

enum Ends {
    Port(File),
    Socket(UnixStream),
}

impl Line {
    /// Opens a port at this speed, in raw mode.
    pub fn open(path: &Path, baud: u32) -> Result<Self, ProvisionError> {
        let fault = |error| ProvisionError::Port { path: path.to_owned(), error };
        let ends = if path.metadata().map_err(fault)?.file_type().is_socket() {
            UnixStream::connect(path).and_then(|socket| {
                socket.set_read_timeout(Some(WAIT))?;
                Ok(Ends::Socket(socket))
            })
        } else {
            port(path, baud).map(Ends::Port)
        };
        Ok(Self { path: path.to_owned(), ends: ends.map_err(fault)? })
    }

    /// Sends all of these bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), ProvisionError> {
        let sent = match &mut self.ends {
            Ends::Port(port) => port.write_all(bytes),
            Ends::Socket(socket) => socket.write_all(bytes),
        };
        sent.map_err(|error| self.fault(error))
    }

    /// Waits for bytes for a moment. Returns how many came, perhaps none.
    pub fn receive(&mut self, bytes: &mut [u8]) -> Result<usize, ProvisionError> {
        let (read, is_socket) = match &mut self.ends {
            Ends::Port(port) => (port.read(bytes), false),
            Ends::Socket(socket) => (socket.read(bytes), true),
        };
        match read {
            Ok(0) if is_socket => Err(self.fault(ErrorKind::UnexpectedEof.into())),
            Ok(read) => Ok(read),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            Err(error) => Err(self.fault(error)),
        }
    }

    fn fault(&self, error: io::Error) -> ProvisionError {
        ProvisionError::Port { path: self.path.clone(), error }
    }
}

/// A terminal without line editing, echo and flow control, whose reads wait for [`WAIT`].
fn port(path: &Path, baud: u32) -> io::Result<File> {
    // Without waiting for a carrier, and without becoming the terminal of this process.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = rustix::fs::open(path, flags, Mode::empty())?;
    let mut settings = tcgetattr(&port)?;
    settings.make_raw();
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    settings.special_codes[SpecialCodeIndex::VTIME] = (WAIT.as_millis() / 100) as u8;
    settings.set_speed(baud)?;
    tcsetattr(&port, OptionalActions::Flush, &settings)?;
    let flags = rustix::fs::fcntl_getfl(&port)?;
    rustix::fs::fcntl_setfl(&port, flags & !OFlags::NONBLOCK)?;
    Ok(port.into())
}
