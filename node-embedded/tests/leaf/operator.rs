//! An operator: seals keyrings for boards and sends them through the hub.

use core::sync::atomic::{AtomicU64, Ordering};

use node_core::crypto::{P256Secret, PublicKey, SoftwareSigner};
use node_core::keys::{MAX_SEALED, Sealer};
use node_core::rpc::{Code, Method, Response};
use node_embedded::Leaf;
use rand_core::OsRng;

use crate::board::CLUSTER;
use crate::identity::Identity;
use crate::world::World;

/// A keyring for the board with this identity, sealed by an operator that has this key.
pub fn seal(operator: &Identity, board: PublicKey, epoch: u64, keyring: &[u8]) -> Vec<u8> {
    let signer = SoftwareSigner::new(P256Secret(&operator.secret())).unwrap();
    let certificate = operator.fingerprint();
    let sealer = Sealer { cluster: CLUSTER, board, epoch, certificate, signer: &signer };
    sealer.seal(keyring, &mut OsRng, &mut [0; MAX_SEALED]).unwrap().to_vec()
}

/// What a board answers: the digest of the keyring, or why it refuses.
pub type Pushed = Result<[u8; 32], (Code, String)>;

impl World {
    /// The identity of a board, as the hub knows it.
    pub fn identity_of(&self, leaf: Leaf<'_>) -> PublicKey {
        self.hub.member(leaf.id(), |member| member.metadata.identity).unwrap()
    }

    /// Sends bytes as a keyring to a board.
    pub async fn send_keys(&self, leaf: Leaf<'_>, sealed: &[u8]) -> Pushed {
        let answer = self.rpc(leaf, Method::KeysReplace.number(), sealed).await;
        let answer = postcard::from_bytes::<Response<'_, [u8; 32]>>(&answer).unwrap();
        answer.map_err(|error| (error.code, error.message.to_string()))
    }

    /// Seals a keyring with the board's first key, and sends it. It is newer than all before it.
    pub async fn push(&self, leaf: Leaf<'_>, keyring: &[u8]) -> Pushed {
        static EPOCH: AtomicU64 = AtomicU64::new(1000);
        let epoch = EPOCH.fetch_add(1, Ordering::Relaxed);
        let sealed = seal(&self.board_identity, self.identity_of(leaf), epoch, keyring);
        self.send_keys(leaf, &sealed).await
    }
}
