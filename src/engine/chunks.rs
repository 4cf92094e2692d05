//! The same work on many rows, on several threads, with the answers in the order of the rows.

/// Rows that are few enough for one thread.
const FEW: usize = 64;

/// As `work(rows)`.
pub fn in_chunks<T: Sync, R: Send>(rows: &[T], threads: usize, work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    each_apart(rows, if rows.len() < FEW { 1 } else { threads }, work)
}

/// As `work(rows)`, where every row takes far longer than it takes to begin a thread.
pub fn each_apart<T: Sync, R: Send>(rows: &[T], threads: usize, work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    if threads < 2 || rows.len() < 2 {
        return work(rows);
    }
    // More chunks than threads would need a queue; neighbors in a problem are alike enough to do without.
    let size = rows.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let threads: Vec<_> = rows.chunks(size).map(|chunk| scope.spawn(|| work(chunk))).collect();
        threads.into_iter().flat_map(|t| t.join().expect("a chunk does not panic")).collect()
    })
}
