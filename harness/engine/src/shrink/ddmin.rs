//! Delta debugging over a list: what of it is needed for something to stay true.

/// A sublist of `items` for which `holds` is true and from which no single item can be left out.
/// `holds` is true of the whole list. First halves are left out, then quarters, down to single
/// items, which are tried until none can go: about n log n questions where few items matter, n² at
/// worst. (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002; like
/// there, minimal means that no *single* item can go, not that there is no smaller list.)
pub fn ddmin<T: Clone>(items: Vec<T>, mut holds: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut items = items;
    let mut size = items.len();
    while !items.is_empty() {
        let before = items.len();
        items = without_chunks(items, size, &mut holds);
        if size == 1 && items.len() == before {
            break;
        }
        size = size.min(items.len()).div_ceil(2).max(1);
    }
    items
}

/// Leaves out each chunk of so many items that is not needed.
fn without_chunks<T: Clone>(
    mut items: Vec<T>,
    size: usize,
    holds: &mut impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let mut from = 0;
    while from < items.len() {
        let to = (from + size).min(items.len());
        let fewer = [&items[..from], &items[to..]].concat();
        if holds(&fewer) {
            items = fewer;
        } else {
            from = to;
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_items_that_are_needed_together() {
        for needed in [vec![0], vec![3, 4], vec![0, 17, 99], vec![98, 99]] {
            let holds = |items: &[u32]| needed.iter().all(|item| items.contains(item));
            assert_eq!(ddmin((0..100).collect(), holds), needed);
        }
    }

    #[test]
    fn what_needs_nothing_keeps_nothing_and_what_needs_all_keeps_all() {
        assert!(ddmin((0..9).collect(), |_| true).is_empty());
        assert!(ddmin(Vec::<u8>::new(), |_| true).is_empty());
        let all: Vec<u8> = (0..9).collect();
        assert_eq!(ddmin(all.clone(), |items| items.len() == 9), all);
    }

    #[test]
    fn no_single_item_of_the_result_can_go() {
        // Any three even numbers do, so there are many minima.
        let holds = |items: &[u32]| items.iter().filter(|n| *n % 2 == 0).count() >= 3;
        let least = ddmin((0..50).collect(), holds);
        assert_eq!(least.len(), 3);
        assert!(holds(&least));
    }

    #[test]
    fn few_items_among_many_take_few_questions() {
        let mut questions = 0;
        let least = ddmin((0..4096).collect::<Vec<u32>>(), |items| {
            questions += 1;
            items.contains(&1000) && items.contains(&3000)
        });
        assert_eq!(least, [1000, 3000]);
        assert!(questions < 100, "{questions}");
    }

    #[test]
    fn a_judge_that_gives_up_ends_it() {
        let mut left = 10;
        let least = ddmin((0..1000).collect::<Vec<u32>>(), |items| {
            left -= i32::from(left > 0);
            left > 0 && items.contains(&7)
        });
        assert!(least.contains(&7));
    }
}
