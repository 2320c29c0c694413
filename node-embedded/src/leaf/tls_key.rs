//! The TLS key that a board made, in its flash.

use embedded_storage_async::nor_flash::NorFlash;
use zeroize::Zeroizing;

use super::key::{OwnKeys, keep};
use crate::flash::{Store, StoreError};

/// Puts the key that the board made into its place, if it made one.
///
/// # Errors
/// The flash cannot be read, or the record is no key.
pub(crate) async fn load_tls_key<F: NorFlash>(
    own: &mut OwnKeys,
    store: &mut Store<'_, F>,
) -> Result<(), StoreError<F::Error>> {
    own.tls.clear();
    let mut secret = Zeroizing::new([0; 32]);
    match store.tls_key(&mut secret).await? {
        true => keep(&mut own.tls, &secret).map_err(|_| StoreError::Key),
        false => Ok(()),
    }
}
