//! Passwords: which are accepted, how they are hashed (Argon2id, RFC 9106), and how one is compared with its hash.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use zxcvbn::feedback::Feedback;
use zxcvbn::{Score, zxcvbn};

use super::error::Error;

/// Fewest characters of a password that is the only factor (NIST SP 800-63B-4, 3.1.1.2).
pub const LEAST: usize = 15;
/// Fewest beside a second factor.
pub const LEAST_BESIDE: usize = 8;
/// Most characters: beyond this a password is an attack on the hash.
pub const MOST: usize = 256;

/// Hashes at once: each takes 19 MiB and a core.
static PLACES: Semaphore = Semaphore::const_new(4);
/// What is compared with where there is no account, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hashed("nobody has this password").unwrap_or_default());

/// Why this password is not accepted. `about` are words that whoever knows its owner tries first. Common and breached
/// passwords are known without asking anyone: the estimator holds thirty thousand of them.
pub fn refuse(password: &str, about: &[&str], second_factor: bool) -> Option<String> {
    let characters = password.chars().count();
    let least = if second_factor { LEAST_BESIDE } else { LEAST };
    if characters < least {
        return Some(format!("give at least {least} characters; a few unrelated words are easy to remember"));
    }
    if characters > MOST {
        return Some(format!("give at most {MOST} characters"));
    }
    let about: Vec<&str> = about.iter().copied().chain(["bellwether"]).collect();
    let entropy = zxcvbn(password, &about);
    if entropy.score() >= Score::Three {
        return None;
    }
    let warning = entropy.feedback().and_then(Feedback::warning).map(|warning| warning.to_string());
    let why = warning.unwrap_or_else(|| "This is easy to guess.".into());
    Some(format!("{why} Use a few unrelated words instead."))
}

fn hashed(password: &str) -> Result<String, argon2::password_hash::Error> {
    // The defaults are Argon2id with 19 MiB, two passes, one lane: OWASP's first choice.
    Argon2::default().hash_password(password.as_bytes()).map(|hash: PasswordHash| hash.to_string())
}

/// The hash of a password, with its salt and parameters.
pub async fn hash(password: String) -> Result<String, Error> {
    let _place = PLACES.acquire().await.map_err(Error::internal)?;
    let hash = tokio::task::spawn_blocking(move || hashed(&password)).await.map_err(Error::internal)?;
    hash.map_err(|error| Error::internal(error.to_string()))
}

/// Whether the password has this hash. Without a hash it takes as long, and has not.
pub async fn matches(password: String, hash: Option<String>) -> Result<bool, Error> {
    let _place = PLACES.acquire().await.map_err(Error::internal)?;
    let compared = tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let same = PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        known && same
    });
    compared.await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_common_and_personal_passwords_are_refused() {
        for (password, second_factor) in [
            ("fourteen chars", false),
            ("password1234567890", false),
            ("aaaaaaaaaaaaaaaaaaaa", false),
            ("iloveyou123", true),
            ("dana.cruz@mesa.example", false),
            ("seven77", true),
            ("Bellwether1", true),
        ] {
            assert!(refuse(password, &["dana.cruz@mesa.example", "Dana Cruz"], second_factor).is_some(), "{password}");
        }
        assert!(refuse(&"x!9 kq".repeat(50), &[], false).is_some_and(|why| why.contains("at most")));
        assert_eq!(refuse("otter violin cactus breeze", &[], false), None);
        assert_eq!(refuse("vK8#mq2Lx", &[], true), None);
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let hash = hash("otter violin cactus".into()).await.expect("hashes");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(matches("otter violin cactus".into(), Some(hash.clone())).await.expect("compares"));
        assert!(!matches("otter violin Cactus".into(), Some(hash)).await.expect("compares"));
        assert!(!matches("nobody has this password".into(), None).await.expect("compares"));
    }
}
