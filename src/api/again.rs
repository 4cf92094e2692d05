//! What failed for nothing but the moment is tried again.

use std::future::Future;

use super::error::Error;

/// How often something is tried at most.
const TRIES: usize = 5;

/// Does something in a transaction of its own, and again where it was `busy`: the database gave it up for a deadlock, a
/// serialization failure or a lock, and nothing of it was kept.
pub(super) async fn again<T, E, F: Future<Output = Result<T, E>>>(
    busy: impl Fn(&E) -> bool,
    attempt: impl Fn() -> F,
) -> Result<T, E> {
    for _ in 1..TRIES {
        match attempt().await {
            Err(error) if busy(&error) => {}
            done => return done,
        }
    }
    attempt().await
}

impl Error {
    /// The same may succeed in a moment.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}
