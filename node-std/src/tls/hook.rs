//! Who has the last word about a peer beside the policy: a verifier in this process, and the operator's verify command.

use core::fmt;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};

use node_core::trust::{Rejection, VerifyAnswer, VerifyEvent, VerifyHook};

use super::verify_command::VerifyCommand;

/// A verifier that an application gives to its [`Keyring`](super::Keyring).
#[derive(Clone)]
pub(super) struct Hook(pub(super) Arc<Mutex<dyn VerifyHook + Send>>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl Hook {
    /// After a panic its state may be broken, so it accepts nobody any more.
    fn check(&self, event: &VerifyEvent<'_>) -> VerifyAnswer {
        let asked = catch_unwind(AssertUnwindSafe(|| self.0.lock().map(|mut hook| hook.check(event)).ok()));
        match asked {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => VerifyAnswer::Refuse("it panicked; restart the node"),
        }
    }
}

/// What the verify command said of a peer.
#[derive(Clone, Debug)]
pub(super) struct CommandAnswer {
    /// Another command would have to be asked anew.
    pub(super) command: VerifyCommand,
    /// The errors that it accepts, if it accepts the peer.
    pub(super) accepts: Option<Vec<Rejection>>,
}

/// How a verify command takes part in a judgement. It runs after the handshake, so that no worker of the runtime waits for it.
pub(super) enum Asked<'a> {
    /// It will be asked before anything is done for the peer, about these errors.
    Later(&'a mut Vec<Rejection>),
    /// It was asked, and said this.
    Before(Option<&'a CommandAnswer>),
}

/// Both in one: the verifier in this process first.
pub(super) struct Hooks<'a> {
    pub(super) hook: Option<&'a Hook>,
    pub(super) command: Option<&'a VerifyCommand>,
    pub(super) asked: Asked<'a>,
}

impl VerifyHook for Hooks<'_> {
    fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
        let answer = self.hook.map(|hook| hook.check(event));
        match (event, answer) {
            (VerifyEvent::Valid(_) | VerifyEvent::ValidPeer(_), Some(VerifyAnswer::Refuse(reason))) => {
                VerifyAnswer::Refuse(reason)
            }
            (VerifyEvent::Bad { .. }, Some(VerifyAnswer::Accept)) => VerifyAnswer::Accept,
            _ => self.check_command(event),
        }
    }
}

impl Hooks<'_> {
    fn check_command(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
        let accepted = match (&mut self.asked, self.command) {
            (_, None) => Some(&[][..]),
            (Asked::Later(errors), Some(_)) => {
                if let VerifyEvent::Bad { rejection, .. } = event {
                    errors.push(**rejection);
                }
                return VerifyAnswer::Accept;
            }
            (Asked::Before(answer), Some(command)) => answer
                .filter(|answer| answer.command == *command)
                .and_then(|answer| answer.accepts.as_deref()),
        };
        match (event, accepted) {
            (VerifyEvent::Valid(_) | VerifyEvent::ValidPeer(_), Some(_)) => VerifyAnswer::Accept,
            (VerifyEvent::Bad { rejection, .. }, Some(accepted)) if accepted.contains(rejection) => {
                VerifyAnswer::Accept
            }
            _ => VerifyAnswer::Refuse("verify_command has not accepted it"),
        }
    }
}
