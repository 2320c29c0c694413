//! Carries keyrings: one that the host puts into the board's folder, sealed for another board, goes to that board over a link. So boards
//! without a server get new keys: any member may carry what an operator sealed.

use core::ffi::CStr;

use defmt::{Display2Format, info, warn};
use embassy_time::{Duration, Timer};
use node_core::keys::{MAX_SEALED, addressee};
use node_core::rpc::Method;
use node_embedded::{Leaf, MethodCall};
use semihosting::fs::{self, File};
use semihosting::io::Read;

/// The file with a sealed keyring. It is removed when it was carried.
const FILE: &CStr = c"keyring.sealed";
/// Between two looks for it.
const PAUSE: Duration = Duration::from_millis(500);
/// A board decrypts a keyring, checks every key in it, and writes it into flash before it answers.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Looks for keyrings and carries them, for ever.
pub async fn carry(leaf: Leaf<'static>, buffer: &mut [u8; MAX_SEALED]) -> ! {
    loop {
        Timer::after(PAUSE).await;
        let Some(length) = read(buffer) else { continue };
        let sealed = buffer.get(..length).unwrap_or_default();
        match addressee(sealed) {
            Ok((board, _)) => {
                let method = Method::KeysReplace.number();
                let call = MethodCall { node: Some(board), method, body: sealed, timeout: TIMEOUT };
                let mut answer = [0; 300];
                match leaf.call_method(&call, &mut answer).await {
                    Ok(Ok(_)) => info!("carried a keyring to {}", Display2Format(&board)),
                    Ok(Err(refused)) => {
                        warn!("the keyring for {} is refused: {}", Display2Format(&board), refused.message)
                    }
                    Err(error) => {
                        warn!("no keyring for {}: {}", Display2Format(&board), Display2Format(&error))
                    }
                }
            }
            Err(error) => warn!("this is no keyring: {}", Display2Format(&error)),
        }
        // The host sees that it was carried, or that it is lost.
        let _ = fs::remove_file(FILE);
    }
}

/// Reads the file, if there is one, and returns its length.
fn read(buffer: &mut [u8; MAX_SEALED]) -> Option<usize> {
    let mut file = File::open(FILE).ok()?;
    let mut filled = 0;
    loop {
        match file.read(buffer.get_mut(filled..)?) {
            Ok(0) | Err(_) => return Some(filled),
            Ok(read) => filled += read,
        }
    }
}
