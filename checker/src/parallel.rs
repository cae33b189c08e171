//! The only module with threads: the same work on many partitions at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The most threads used, whatever is asked for; memory limits are divided by it.
pub(crate) const MOST_THREADS: usize = 16;

/// Applies `work` to each item on up to `threads` threads. Results are in the order of the items,
/// so that nothing depends on which thread was faster.
pub(crate) fn map<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    map_with(threads, items, || (), |(), item| work(item))
}

/// The same with something that each thread makes for itself and uses again for each item.
pub(crate) fn map_with<S, T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(MOST_THREADS).min(items.len());
    if threads <= 1 {
        let mut own = start();
        return items.iter().map(|item| work(&mut own, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let take_turns = || {
        let mut own = start();
        while let Some((at, item)) = take(&next, items) {
            let result = work(&mut own, item);
            let mut results = results.lock().expect("no thread panics with the lock");
            results.push((at, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(take_turns);
        }
    });
    let mut results = results
        .into_inner()
        .expect("no thread panics with the lock");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, T>(next: &AtomicUsize, items: &'a [T]) -> Option<(usize, &'a T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    items.get(at).map(|item| (at, item))
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..1000).collect();
        let expected: Vec<u64> = items.iter().map(|item| item * item).collect();
        for threads in [0, 1, 2, 7, 100] {
            assert_eq!(map(threads, &items, |item| item * item), expected);
        }
    }
}
