//! The doorbell of the workers, as floors that may not know the job library ring it.

use std::future::Future;
use std::pin::Pin;

use super::error::Result;
use super::tx::Tx;
use crate::domain::id::RunId;

/// Calls a worker for a run, in the transaction that makes the run: rolled back, nobody was called.
///
/// The call carries no truth. A run waits in its own table until a worker claims it there; a call that is
/// lost or repeated changes only how soon.
pub trait Queue: Send + Sync {
    fn enqueue<'t>(&'t self, tx: &'t mut Tx, run: RunId) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;
}
