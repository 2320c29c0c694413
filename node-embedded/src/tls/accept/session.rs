//! The session of a peer that dialled, over a TCP connection.

use core::cell::RefCell;

use embassy_net::tcp::{TcpReader, TcpSocket, TcpWriter};
use embassy_time::with_timeout;

use super::error::AcceptError;
use super::machine::Machine;
use super::records::AcceptRecords;
use crate::tls::error::SessionError;
use crate::tls::timeouts::{ALERT_TIMEOUT, FIRST_FLIGHT_TIMEOUT, HANDSHAKE_TIMEOUT};
use crate::tls::traffic::{Receive, Transmit};
use crate::tls::trust::Proved;

/// An open session.
pub(crate) struct AcceptedSession<'s, M> {
    inner: RefCell<Inner<'s, M>>,
    peer: Proved,
}

struct Inner<'s, M> {
    machine: M,
    records: &'s mut AcceptRecords,
}

impl<'s, M: Machine> AcceptedSession<'s, M> {
    /// Shakes hands with a peer that just connected.
    ///
    /// # Errors
    /// [`AcceptError`]: there is no session. Nothing of this node's links was sent.
    pub(crate) async fn open(
        socket: &mut TcpSocket<'_>,
        mut machine: M,
        records: &'s mut AcceptRecords,
    ) -> Result<Self, AcceptError> {
        records.clear();
        let opened = with_timeout(HANDSHAKE_TIMEOUT, shake(socket, &mut machine, records)).await;
        let opened = opened.unwrap_or(Err(AcceptError::Timeout));
        if opened.is_err() {
            // The alert, if there is one.
            let _ = with_timeout(ALERT_TIMEOUT, flush(socket, records)).await;
        }
        let peer = opened?;
        Ok(Self { inner: RefCell::new(Inner { machine, records }), peer })
    }

    /// The peer's identity.
    pub(crate) const fn peer(&self) -> Proved {
        self.peer
    }

    /// Both directions, for use at the same time.
    pub(crate) fn split<'t>(
        &'t self,
        socket: &'t mut TcpSocket<'_>,
    ) -> (AcceptedReader<'t, 's, M>, AcceptedWriter<'t, 's, M>) {
        let (reader, writer) = socket.split();
        (AcceptedReader { session: self, reader }, AcceptedWriter { session: self, writer })
    }

    /// Sends close_notify, if the connection takes it in a moment.
    pub(crate) async fn close(self, socket: &mut TcpSocket<'_>) {
        let Inner { mut machine, records } = self.inner.into_inner();
        machine.close(records);
        let _ = with_timeout(ALERT_TIMEOUT, flush(socket, records)).await;
    }
}

async fn shake<M: Machine>(
    socket: &mut TcpSocket<'_>,
    machine: &mut M,
    records: &mut AcceptRecords,
) -> Result<Proved, AcceptError> {
    loop {
        flush(socket, records).await?;
        if let Some(peer) = machine.peer() {
            return Ok(peer);
        }
        let first = !records.has_hello();
        let read = socket.read_with(|bytes| {
            let taken = records.fill(bytes);
            (taken, taken)
        });
        let read = match first {
            true => with_timeout(FIRST_FLIGHT_TIMEOUT, read).await.map_err(|_| AcceptError::Silent)?,
            false => read.await,
        };
        if read.unwrap_or_default() == 0 {
            return Err(if first { AcceptError::Silent } else { AcceptError::Lost });
        }
        machine.advance(records)?;
    }
}

/// Gives all bytes to send to the connection.
async fn flush(socket: &mut TcpSocket<'_>, records: &mut AcceptRecords) -> Result<(), AcceptError> {
    while !records.outgoing().is_empty() {
        let sent = socket.write_with(|room| {
            let sent = copy(room, records.outgoing());
            (sent, sent)
        });
        let sent = sent.await.map_err(|_| AcceptError::Lost)?;
        records.sent(sent);
    }
    Ok(())
}

/// Copies as much as fits, and returns how much that is.
fn copy(to: &mut [u8], from: &[u8]) -> usize {
    to.iter_mut().zip(from).map(|(to, from)| *to = *from).count()
}

/// The bytes that arrive.
pub(crate) struct AcceptedReader<'t, 's, M> {
    session: &'t AcceptedSession<'s, M>,
    reader: TcpReader<'t>,
}

impl<M: Machine> Receive for AcceptedReader<'_, '_, M> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SessionError> {
        loop {
            {
                let Inner { machine, records } = &mut *self.session.inner.borrow_mut();
                machine.advance(records)?;
                match machine.read(buffer) {
                    0 if machine.is_closed() => return Err(SessionError::Closed),
                    0 => {}
                    read => return Ok(read),
                }
            }
            let read = self.reader.read_with(|bytes| {
                let taken = self.session.inner.borrow_mut().records.fill(bytes);
                (taken, taken)
            });
            if read.await.map_err(|_| SessionError::Lost)? == 0 {
                return Err(SessionError::Lost);
            }
        }
    }
}

/// The bytes to send.
pub(crate) struct AcceptedWriter<'t, 's, M> {
    session: &'t AcceptedSession<'s, M>,
    writer: TcpWriter<'t>,
}

impl<M: Machine> Transmit for AcceptedWriter<'_, '_, M> {
    fn stage(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        let Inner { machine, records } = &mut *self.session.inner.borrow_mut();
        Ok(machine.write(bytes, records)?)
    }

    async fn send(&mut self) -> Result<(), SessionError> {
        while !self.session.inner.borrow().records.outgoing().is_empty() {
            let sent = self.writer.write_with(|room| {
                let sent = copy(room, self.session.inner.borrow().records.outgoing());
                (sent, sent)
            });
            let sent = sent.await.map_err(|_| SessionError::Lost)?;
            self.session.inner.borrow_mut().records.sent(sent);
        }
        Ok(())
    }
}
