//! The same work on many rows, on several threads, with the answers in the order of the rows.

/// As `work(rows)`; rows are few enough for one thread below 64.
pub fn in_chunks<T: Sync, R: Send>(rows: &[T], threads: usize, work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    if threads < 2 || rows.len() < 64 {
        return work(rows);
    }
    // More chunks than threads would need a queue; neighbors in a problem are alike enough to do without.
    let size = rows.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let threads: Vec<_> = rows.chunks(size).map(|chunk| scope.spawn(|| work(chunk))).collect();
        threads.into_iter().flat_map(|t| t.join().expect("a chunk does not panic")).collect()
    })
}
