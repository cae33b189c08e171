//! Sorting what is nearly sorted: things in the order of their calls, wanted in the order of their
//! returns. With ten clients a thing is a few places from where it belongs.

/// Sorts by a key. O(n + d), where d is how far all things together are from their places, as long
/// as that is little; else O(n log n).
pub(super) fn sort_by_key<T: Copy, K: Ord>(things: &mut [T], key: impl Fn(&T) -> K) {
    let mut patience = 8 * things.len();
    for end in 1..things.len() {
        let thing = things[end];
        let mut at = end;
        while at > 0 && key(&things[at - 1]) > key(&thing) {
            things[at] = things[at - 1];
            at -= 1;
        }
        things[at] = thing;
        match patience.checked_sub(end - at) {
            Some(left) => patience = left,
            None => return things.sort_unstable_by_key(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort_by_key;

    #[test]
    fn whatever_the_order_it_is_sorted() {
        let scattered = |n: u32| n.wrapping_mul(2_654_435_761) >> 20;
        let swapped = |n: u32| n ^ 3;
        let last_first = |n: u32| if n == 999 { 0 } else { n + 1 };
        for order in [scattered, swapped, last_first] {
            let mut things: Vec<u32> = (0..1000).map(order).collect();
            let mut expected = things.clone();
            expected.sort_unstable();
            sort_by_key(&mut things, |thing| *thing);
            assert_eq!(things, expected);
        }
    }
}
