//! Methods of a board's own: a lamp that any node switches, and that an operator reads.
//!
//! `maelctl call kitchen 0x1000 --hex 01` turns it on, `maelctl call kitchen 0x1001` reads it.

use core::cell::Cell;

use node_core::rpc::{Code, FIRST_CUSTOM};
use node_embedded::{Application, ExchangeError, Reply};
use serde::{Deserialize, Serialize};

/// Switches the lamp: one byte, 0 or 1. The answer is the state before.
pub const SWITCH: u16 = FIRST_CUSTOM;
/// Reads the lamp: a [`State`], in postcard.
pub const READ: u16 = FIRST_CUSTOM + 1;

/// The state of the lamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// It shines.
    pub on: bool,
    /// How often it was switched.
    pub switched: u32,
}

/// A lamp.
#[derive(Default)]
pub struct Lamp(Cell<State>);

impl Application for Lamp {
    async fn call(&self, method: u16, body: &[u8], reply: &mut Reply<'_, '_>) -> Result<(), ExchangeError> {
        match (method, body) {
            (SWITCH, &[on @ (0 | 1)]) => {
                let before = self.0.get();
                self.0.set(State { on: on == 1, switched: before.switched.wrapping_add(1) });
                reply.ok(&before.on).await
            }
            (SWITCH, _) => reply.error(Code::BadRequest, "one byte: 0 or 1").await,
            (READ, []) => reply.ok(&self.0.get()).await,
            (READ, _) => reply.error(Code::BadRequest, "it takes nothing").await,
            _ => reply.error(Code::UnknownMethod, "0x1000 switches the lamp, 0x1001 reads it").await,
        }
    }
}
