//! Sealing what must not be read from a stolen disk: each secret under a key of its own, that key wrapped by a key of the
//! configuration (envelope encryption, XChaCha20-Poly1305). Whoever rotates the latter wraps again and seals nothing anew.

use std::fmt;
use std::str::FromStr;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::random;

const NONCE: usize = 24;

/// Keys that wrap, newest first, as the configuration says: `2027:HEX,2026:HEX`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keyring(Vec<(String, [u8; 32])>);

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl FromStr for Keyring {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut keys: Vec<(String, [u8; 32])> = Vec::new();
        for (n, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            // What is wrong is told by place: a part of a key must not reach a log.
            let wrong = || format!("key {} is not NAME:HEX with 64 hexadecimal digits", n + 1);
            let (name, digits) = part.split_once(':').ok_or_else(wrong)?;
            let key: [u8; 32] = hex::decode(digits).ok().and_then(|key| key.try_into().ok()).ok_or_else(wrong)?;
            if name.is_empty() || keys.iter().any(|(known, _)| known == name) {
                return Err(format!("key {} has no name, or that of another", n + 1));
            }
            keys.push((name.into(), key));
        }
        Ok(Self(keys))
    }
}

/// Sealed text, and the wrapped key that opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Of the key that wrapped.
    pub key_id: String,
    pub wrapped: Vec<u8>,
    pub sealed: Vec<u8>,
}

/// Why something cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("there is no key to seal with; set BELLWETHER_KEYS (`bellwether privacy new-key` makes one)")]
    NoKey,
    #[error("the key {0} is not in BELLWETHER_KEYS; put it back")]
    Missing(String),
    #[error("what was sealed was altered, or belongs to another record")]
    Altered,
}

/// A fresh key, as the configuration writes it.
#[must_use]
pub fn new_key(name: &str) -> String {
    format!("{name}:{}", hex::encode(random::<[u8; 32]>()))
}

impl Keyring {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the key that wraps now.
    #[must_use]
    pub fn newest(&self) -> Option<&str> {
        self.0.first().map(|(name, _)| name.as_str())
    }

    /// Seals `text` so that it opens only as what it is `about`: a sealed name moved to another student does not open.
    pub fn seal(&self, about: &str, text: &[u8]) -> Result<Sealed, SealError> {
        let own: [u8; 32] = random();
        let sealed = close(&own, about, text)?;
        self.wrap(about, &own, sealed)
    }

    pub fn open(&self, about: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        open(&self.unwrap(about, sealed)?, about, &sealed.sealed)
    }

    /// The same under the newest key.
    pub fn rewrap(&self, about: &str, sealed: &Sealed) -> Result<Sealed, SealError> {
        let own = self.unwrap(about, sealed)?;
        self.wrap(about, &own, sealed.sealed.clone())
    }

    fn wrap(&self, about: &str, own: &[u8; 32], sealed: Vec<u8>) -> Result<Sealed, SealError> {
        let (name, key) = self.0.first().ok_or(SealError::NoKey)?;
        let wrapped = close(key, &format!("key of {about}"), own)?;
        Ok(Sealed { key_id: name.clone(), wrapped, sealed })
    }

    fn unwrap(&self, about: &str, sealed: &Sealed) -> Result<[u8; 32], SealError> {
        let key = self.0.iter().find(|(name, _)| *name == sealed.key_id);
        let (_, key) = key.ok_or_else(|| SealError::Missing(sealed.key_id.clone()))?;
        let own = open(key, &format!("key of {about}"), &sealed.wrapped)?;
        own.try_into().map_err(|_| SealError::Altered)
    }
}

/// A fresh nonce, then what was sealed with it.
fn close(key: &[u8; 32], about: &str, text: &[u8]) -> Result<Vec<u8>, SealError> {
    let nonce: [u8; NONCE] = random();
    let payload = Payload { msg: text, aad: about.as_bytes() };
    let sealed = XChaCha20Poly1305::new(&Key::from(*key)).encrypt(&XNonce::from(nonce), payload);
    Ok([&nonce[..], &sealed.map_err(|_| SealError::Altered)?].concat())
}

fn open(key: &[u8; 32], about: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Altered)?;
    let payload = Payload { msg: sealed, aad: about.as_bytes() };
    XChaCha20Poly1305::new(&Key::from(*key)).decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Altered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(names: &[&str]) -> (Keyring, Vec<String>) {
        let keys: Vec<String> = names.iter().map(|name| new_key(name)).collect();
        (keys.join(",").parse().expect("keys"), keys)
    }

    #[test]
    fn what_is_sealed_opens_as_what_it_is_and_as_nothing_else() {
        let (ring, _) = ring(&["a"]);
        let sealed = ring.seal("student 1", b"Quillon").expect("seals");
        assert_eq!(ring.open("student 1", &sealed).as_deref(), Ok(b"Quillon".as_slice()));
        assert_eq!(ring.open("student 2", &sealed), Err(SealError::Altered));
        assert!(!sealed.sealed.windows(7).any(|part| part == b"Quillon"));
        for n in 0..sealed.sealed.len() {
            let mut altered = sealed.clone();
            altered.sealed[n] ^= 1;
            assert_eq!(ring.open("student 1", &altered), Err(SealError::Altered));
        }
        assert_ne!(ring.seal("student 1", b"Quillon").expect("seals").sealed, sealed.sealed);
    }

    #[test]
    fn after_a_rotation_the_old_key_can_go() {
        let (old, old_keys) = ring(&["2026"]);
        let sealed = old.seal("x", b"text").expect("seals");
        let both: Keyring = format!("{},{}", new_key("2027"), old_keys[0]).parse().expect("keys");
        let moved = both.rewrap("x", &sealed).expect("wraps again");
        assert_eq!((moved.key_id.as_str(), &moved.sealed), ("2027", &sealed.sealed));
        assert_eq!(old.open("x", &moved), Err(SealError::Missing("2027".into())));
        let new = Keyring(both.0[..1].to_vec());
        assert_eq!(new.open("x", &moved).as_deref(), Ok(b"text".as_slice()));
        assert_eq!(Keyring::default().seal("x", b"text").err(), Some(SealError::NoKey));
    }

    #[test]
    fn a_key_that_cannot_be_read_is_told_by_its_place_and_never_shown() {
        for bad in ["a", "a:00", ":00", &format!("{},{}", new_key("a"), new_key("a"))] {
            let error = bad.parse::<Keyring>().expect_err(bad);
            assert!(error.starts_with("key ") && !error.contains("00"), "{error}");
        }
        let (ring, keys) = ring(&["a"]);
        assert_eq!(format!("{ring:?}"), "[\"a\"]");
        assert!(!format!("{ring:?}").contains(&keys[0][2..]));
    }
}
