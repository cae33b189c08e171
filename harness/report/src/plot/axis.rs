//! Scales: where a value stands on a drawing, and the round numbers written beside it.

/// A linear scale from values to pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linear {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Linear {
    /// Maps `low..=high` onto `start..=end`. An empty or broken range is widened, so that every
    /// value has a place.
    pub(crate) fn new(low: f64, high: f64, start: f64, end: f64) -> Self {
        let low = if low.is_finite() { low } else { 0.0 };
        let high = if high.is_finite() && high > low {
            high
        } else {
            low + 1.0
        };
        Linear {
            low,
            high,
            start,
            end,
        }
    }

    /// The pixel of a value; values outside stand at the edge.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.start + share * (self.end - self.start)
    }

    /// Round values inside the range, about `wanted` of them.
    pub(crate) fn ticks(&self, wanted: u32) -> Vec<f64> {
        let step = round_step((self.high - self.low) / f64::from(wanted.max(1)));
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let mut ticks = Vec::new();
        let mut at = first;
        while at <= last && ticks.len() < 1_000 {
            ticks.push(at * step);
            at += 1.0;
        }
        ticks
    }
}

/// The round number (1, 2 or 5 times a power of ten) at or above `rough`.
pub(crate) fn round_step(rough: f64) -> f64 {
    let rough = if rough.is_finite() && rough > 0.0 {
        rough
    } else {
        1.0
    };
    let power = 10f64.powf(rough.log10().floor());
    let digit = rough / power;
    let round = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|round| digit <= round + 1e-9)
        .unwrap_or(10.0);
    round * power
}

/// A logarithmic scale from positive values to pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    exponents: Linear,
    low: f64,
    high: f64,
}

impl Log {
    /// Maps `low..=high`, widened to whole powers of ten, onto `start..=end`.
    pub(crate) fn new(low: f64, high: f64, start: f64, end: f64) -> Self {
        let low = if low.is_finite() && low > 0.0 {
            low
        } else {
            1.0
        };
        let high = if high.is_finite() && high > low {
            high
        } else {
            low * 10.0
        };
        let (low, high) = (low.log10().floor(), high.log10().ceil());
        let high = high.max(low + 1.0);
        Log {
            exponents: Linear::new(low, high, start, end),
            low,
            high,
        }
    }

    /// The pixel of a value; zero and below stand at the low edge.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let exponent = if value > 0.0 { value.log10() } else { self.low };
        self.exponents.place(exponent)
    }

    /// The powers of ten in the range.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        let mut ticks = Vec::new();
        let mut exponent = self.low;
        while exponent <= self.high && ticks.len() < 40 {
            ticks.push(10f64.powf(exponent));
            exponent += 1.0;
        }
        ticks
    }
}

/// The number of the bin, of `bins` equal ones, that a share of the whole falls into.
pub(crate) fn bin(share: f64, bins: usize) -> usize {
    let last = bins.saturating_sub(1);
    let scaled = (share.clamp(0.0, 1.0) * bins as f64).floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=bins above; not-a-number becomes 0"
    )]
    let number = scaled as usize;
    number.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(
            Linear::new(0.0, 47.0, 0.0, 1.0).ticks(8),
            [0.0, 10.0, 20.0, 30.0, 40.0]
        );
        assert_eq!(
            Linear::new(3.0, 11.0, 0.0, 1.0).ticks(4),
            [4.0, 6.0, 8.0, 10.0]
        );
    }

    #[test]
    fn a_scale_without_a_range_still_places_everything() {
        for (low, high) in [
            (0.0, 0.0),
            (f64::NAN, 1.0),
            (5.0, f64::INFINITY),
            (3.0, -3.0),
        ] {
            let linear = Linear::new(low, high, 10.0, 20.0);
            assert!((10.0..=20.0).contains(&linear.place(4.0)), "{low} {high}");
            assert!(
                !linear.ticks(5).is_empty() && linear.ticks(5).len() < 20,
                "{low} {high}"
            );
            let log = Log::new(low, high, 10.0, 20.0);
            assert!((10.0..=20.0).contains(&log.place(4.0)), "{low} {high}");
            assert!(log.ticks().len() >= 2, "{low} {high}");
        }
    }

    #[test]
    fn powers_of_ten_are_equally_far_apart() {
        let log = Log::new(0.2, 90.0, 0.0, 30.0);
        assert_eq!(log.ticks().len(), 4);
        assert!((log.place(1.0) - 10.0).abs() < 1e-9);
        assert!((log.place(10.0) - 20.0).abs() < 1e-9);
        assert!((log.place(0.0)).abs() < 1e-9);
    }

    #[test]
    fn every_share_has_a_bin() {
        let numbers = [-1.0, 0.0, 0.49, 0.5, 1.0, 7.0, f64::NAN].map(|share| bin(share, 2));
        assert_eq!(numbers, [0, 0, 0, 1, 1, 1, 0]);
        assert_eq!(bin(0.5, 0), 0);
    }
}
