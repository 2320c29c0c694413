//! A component of a board: a thermostat. `GET /` answers what it holds, `PUT /target` changes that.
//!
//! On the gateway of the cluster: `curl -X PUT --data 215 http://GATEWAY/thermostat/target`.

use core::cell::Cell;
use core::fmt::Write as _;

use heapless::String;
use node_embedded::{Answer, Application, ExchangeError, Request};

/// A thermostat.
pub struct Thermostat {
    /// The temperature to hold, in tenths of a degree Celsius: 50 to 300.
    pub target: Cell<u16>,
}

impl Application for Thermostat {
    fn components(&self) -> &[&str] {
        &["thermostat"]
    }

    async fn serve(&self, request: &Request<'_>, answer: &mut Answer<'_, '_>) -> Result<(), ExchangeError> {
        match (request.method(), request.path()) {
            ("GET", "/") => {
                let mut state = String::<32>::new();
                write!(state, "{{\"target\": {}}}", self.target.get()).map_err(|_| ExchangeError::Failed)?;
                answer.send(200, "application/json", state.as_bytes()).await
            }
            ("PUT", "/target") => {
                // A longer body is none that it understands.
                let mut body = [0; 4];
                let length = read(answer, &mut body).await?;
                let text = core::str::from_utf8(body.get(..length).unwrap_or_default()).unwrap_or_default();
                match text.trim().parse() {
                    Ok(target @ 50..=300) => {
                        self.target.set(target);
                        answer.begin(204, &[]).await
                    }
                    _ => answer.send(400, "text/plain", b"50 to 300 tenths of a degree\n").await,
                }
            }
            _ => answer.send(404, "text/plain", b"GET / or PUT /target\n").await,
        }
    }
}

/// Reads a body until it ends or the buffer is full, and returns its length.
async fn read(answer: &mut Answer<'_, '_>, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match answer.read(room).await? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
