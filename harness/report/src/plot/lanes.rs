//! Packing intervals into as few lanes as possible, so that none covers another.

/// The lane of each interval `(start, end)`, and how many lanes there are: greedy by start, which
/// is optimal for intervals. O(n log n + n · lanes).
pub(crate) fn pack(intervals: &[(f64, f64)]) -> (Vec<usize>, usize) {
    let mut by_start: Vec<usize> = (0..intervals.len()).collect();
    by_start.sort_by(|&a, &b| intervals[a].0.total_cmp(&intervals[b].0));
    let mut lanes = vec![0; intervals.len()];
    let mut ends: Vec<f64> = Vec::new();
    for number in by_start {
        let (start, end) = intervals[number];
        let free = ends.iter().position(|&busy_until| busy_until <= start);
        let lane = free.unwrap_or(ends.len());
        if lane == ends.len() {
            ends.push(end);
        }
        ends[lane] = end;
        lanes[number] = lane;
    }
    (lanes, ends.len())
}

#[cfg(test)]
mod tests {
    use super::pack;

    #[test]
    fn intervals_of_a_lane_do_not_overlap() {
        let intervals = [(0.0, 5.0), (1.0, 2.0), (2.0, 9.0), (5.0, 6.0), (5.5, 5.6)];
        let (lanes, count) = pack(&intervals);
        assert_eq!(lanes, [0, 1, 1, 0, 2]);
        assert_eq!(count, 3);
    }

    #[test]
    fn nothing_needs_no_lane() {
        assert_eq!(pack(&[]), (vec![], 0));
    }
}
