//! Answers that take long to make and hold until the next change: kept in memory under the last line of the audit trail.

use std::sync::Arc;

use super::error::Error;
use crate::store::{Tx, audit};

/// Answers that are kept at once.
const MOST: usize = 8;

struct Answer<K, V> {
    key: K,
    /// Of the trail, when it was made.
    line: i64,
    value: Arc<V>,
}

/// The latest answers of one kind, the one asked last at the end. One at a time is made: who asks for the same meanwhile
/// waits and gets it.
pub struct Kept<K, V>(tokio::sync::Mutex<Vec<Answer<K, V>>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(tokio::sync::Mutex::new(Vec::new()))
    }
}

impl<K, V> Kept<K, V> {
    /// The turn of whoever asks, in a transaction that sees what the answer is made of.
    pub async fn turn(&self, tx: &mut Tx) -> Result<Turn<'_, K, V>, Error> {
        let answers = self.0.lock().await;
        Ok(Turn { answers, line: audit::last_line(tx).await? })
    }
}

/// While it lasts nobody else finds or makes an answer of this kind.
pub struct Turn<'k, K, V> {
    answers: tokio::sync::MutexGuard<'k, Vec<Answer<K, V>>>,
    line: i64,
}

impl<K: PartialEq, V> Turn<'_, K, V> {
    /// What is kept, unless anything was changed since.
    pub fn find(&mut self, key: &K) -> Option<Arc<V>> {
        let place = self.answers.iter().position(|answer| answer.key == *key)?;
        let answer = self.answers.remove(place);
        if answer.line != self.line {
            return None;
        }
        let value = answer.value.clone();
        self.answers.push(answer);
        Some(value)
    }

    pub fn keep(mut self, key: K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        self.answers.retain(|answer| answer.key != key);
        let over = (self.answers.len() + 1).saturating_sub(MOST);
        self.answers.drain(..over);
        self.answers.push(Answer { key, line: self.line, value: value.clone() });
        value
    }
}
