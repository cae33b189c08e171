//! Something that is the same for many events in a row.

/// A value for each number, kept where it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Runs<T> {
    /// From which number on which value holds. Numbers rise, and neighbours differ.
    changes: Vec<(u32, T)>,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Runs {
            changes: Vec::new(),
        }
    }
}

impl<T: Copy + PartialEq + Default> Runs<T> {
    /// From this number on, this value holds. Numbers rise. O(1).
    pub(crate) fn push(&mut self, number: u32, value: T) {
        let last = self.changes.last().map_or(T::default(), |&(_, last)| last);
        if value != last {
            self.changes.push((number, value));
        }
    }

    /// The value that holds for a number; the default before the first. O(log r) in the number of
    /// runs.
    pub(crate) fn get(&self, number: u32) -> T {
        let after = match self.changes.last() {
            None => return T::default(),
            Some(&(start, value)) if start <= number => return value,
            Some(_) => self.changes.partition_point(|&(start, _)| start <= number),
        };
        let change = after.checked_sub(1).map(|at| self.changes[at].1);
        change.unwrap_or_default()
    }

    /// The runs of the numbers below `end`: where each starts, where it ends, and its value.
    pub(crate) fn below(&self, end: u32) -> impl Iterator<Item = (u32, u32, T)> + '_ {
        let first = (0, T::default());
        let starts = std::iter::once(first).chain(self.changes.iter().copied());
        let ends = self.changes.iter().map(|&(start, _)| start);
        starts
            .zip(ends.chain(std::iter::once(end)))
            .map(|((start, value), end)| (start, end, value))
            .filter(|(start, end, _)| start < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_until_it_changes() {
        let mut runs = Runs::default();
        for (number, value) in [(0, 0), (1, 0), (2, 7), (3, 7), (4, 0), (5, 1)] {
            runs.push(number, value);
        }
        let values: Vec<i32> = (0..7).map(|number| runs.get(number)).collect();
        assert_eq!(values, [0, 0, 7, 7, 0, 1, 1]);
        let all: Vec<_> = runs.below(6).collect();
        assert_eq!(all, [(0, 2, 0), (2, 4, 7), (4, 5, 0), (5, 6, 1)]);
    }
}
