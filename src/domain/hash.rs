//! The one digest of this program: SHA-256, written in hexadecimal.

use sha2::{Digest as _, Sha256};

#[must_use]
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes.as_ref()))
}
