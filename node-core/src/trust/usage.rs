//! The extended key usage that a peer's certificate must allow (RFC 5280 section 4.2.1.12).

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader};
use webpki::{KeyPurposeId, KeyPurposeIdIter};

/// What a peer uses its certificate for. A certificate without the extension allows everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// It accepts connections.
    pub server: bool,
    /// It dials.
    pub client: bool,
}

/// id-kp-serverAuth.
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const SERVER: KeyPurposeId<'_> = KeyPurposeId::new(SERVER_AUTH);
/// id-kp-clientAuth.
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const CLIENT: KeyPurposeId<'_> = KeyPurposeId::new(CLIENT_AUTH);

impl Usage {
    /// Whatever the certificate allows.
    pub const ANY: Self = Self { server: false, client: false };
    /// Of a peer that was dialled.
    pub const SERVER: Self = Self { server: true, client: false };
    /// Of a peer that dials.
    pub const CLIENT: Self = Self { server: false, client: true };
    /// Of a hub: which side dials a link is an accident of time.
    pub const BOTH: Self = Self { server: true, client: true };

    /// Reads the contents of the extension. What cannot be read ends it.
    pub(super) fn read(extension: &[u8]) -> Self {
        let mut found = Self::ANY;
        let purposes = AnyRef::from_der(extension).and_then(|purposes| SliceReader::new(purposes.value()));
        let Ok(mut purposes) = purposes else { return found };
        while !purposes.is_finished() {
            let Ok(purpose) = AnyRef::decode(&mut purposes) else { break };
            found.server |= purpose.value() == SERVER_AUTH;
            found.client |= purpose.value() == CLIENT_AUTH;
        }
        found
    }

    pub(super) fn allows(self, purposes: &mut KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let (mut found, mut any) = (Self::ANY, false);
        for purpose in purposes {
            let purpose = purpose?;
            any = true;
            found.server |= purpose == SERVER;
            found.client |= purpose == CLIENT;
        }
        let lacks = (self.server && !found.server) || (self.client && !found.client);
        // webpki's own error for this cannot be made here: its fields depend on its features.
        if any && lacks { Err(webpki::Error::EmptyEkuExtension) } else { Ok(()) }
    }
}

impl core::fmt::Display for Usage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match (self.server, self.client) {
            (true, true) => "server and client authentication",
            (true, false) => "server authentication",
            (false, true) => "client authentication",
            (false, false) => "anything",
        })
    }
}
