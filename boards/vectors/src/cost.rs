//! What the operations with keys take, of which a TLS handshake and the proof of an identity consist.

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use node_core::crypto::{Derive as _, P256Secret, Sign as _, Software, SoftwareSigner, Verify as _};
use p256::SecretKey;
use p256::ecdh::diffie_hellman;

/// The counter's last number: it has 24 bits.
const LAST: u32 = 0x00ff_ffff;

/// Logs ticks of the processor's clock.
pub fn log(mut clock: SYST) {
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(LAST);
    clock.clear_current();
    clock.enable_counter();

    let secret = [7; 32];
    let (agree, shared) = ticks(|| {
        let key = SecretKey::from_slice(&secret).unwrap();
        diffie_hellman(key.to_nonzero_scalar(), key.public_key().as_affine())
    });
    assert!(shared.raw_secret_bytes().iter().any(|byte| *byte != 0));
    let signer = SoftwareSigner::new(P256Secret(&secret)).unwrap();
    let (sign, signature) = ticks(|| signer.sign(b"a message").unwrap());
    let public = Software.public_key(P256Secret(&secret)).unwrap();
    let (verify, is_good) = ticks(|| Software.verify(public.as_bytes(), b"a message", &signature).is_ok());
    assert!(is_good);
    defmt::info!("ticks: agree {}, sign {}, verify {}", agree, sign, verify);
}

/// How long this takes. The counter counts down, and is not so slow that it would do so twice.
fn ticks<T>(operation: impl FnOnce() -> T) -> (u32, T) {
    let begun = SYST::get_current();
    let result = operation();
    (begun.wrapping_sub(SYST::get_current()) & LAST, result)
}
