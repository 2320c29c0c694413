//! What the link owes its peer.

use super::exchange::Stage;
use super::session::{Link, Ping};
use crate::time::Instant;
use crate::wire::frame::{self, HEADER, Kind, RESPONDER};
use crate::wire::{Full, Outbox};

impl Link<'_> {
    pub(super) fn transmit(&mut self, now: Instant, out: &mut impl Outbox) -> Result<(), Full> {
        if self.owing {
            self.transmit_exchanges(out)?;
            self.owing = false;
        }
        if self.window.due() {
            if out.room() < HEADER + 4 {
                return Err(Full);
            }
            let grant = self.window.grant().to_le_bytes();
            frame::put(out, (Kind::Credit, 0, 0), [&grant, &[]])?;
        }
        if let Some(pong) = self.pong {
            frame::put(out, (Kind::Pong, 0, 0), [&pong, &[]])?;
            self.pong = None;
        }
        if matches!(self.ping, Ping::Due(_)) && self.peer.is_some() {
            frame::put(out, (Kind::Ping, 0, 0), [&now.as_micros().to_le_bytes(), &[]])?;
            self.ping = Ping::Sent(now);
        }
        if let (Some(reason), None) = (self.go_away, self.go_away_sent) {
            let mut payload = [0; 8];
            let payload = postcard::to_slice(&reason, &mut payload).map_err(|_| Full)?;
            frame::put(out, (Kind::GoAway, 0, 0), [payload, &[]])?;
            self.go_away_sent = Some(now);
        }
        Ok(())
    }

    fn transmit_exchanges(&mut self, out: &mut impl Outbox) -> Result<(), Full> {
        for (side, slots) in [(RESPONDER, &mut *self.theirs), (0, &mut *self.ours)] {
            for exchange in slots.iter_mut() {
                match exchange.stage {
                    Stage::Resetting(code) => {
                        let mut payload = [0; 8];
                        let payload = postcard::to_slice(&code, &mut payload).map_err(|_| Full)?;
                        frame::put(out, (Kind::Reset, side, exchange.number), [payload, &[]])?;
                        exchange.stage = Stage::Free;
                    }
                    Stage::Live if exchange.window.due() && !exchange.received_end => {
                        if out.room() < HEADER + 4 {
                            return Err(Full);
                        }
                        let grant = exchange.window.grant().to_le_bytes();
                        frame::put(out, (Kind::Credit, side, exchange.number), [&grant, &[]])?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
