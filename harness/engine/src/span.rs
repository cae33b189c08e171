//! Spans of time as a person writes them (`2.5s`, `150ms`), and ranges of them (`500ms..3s`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The shortest and the longest span that may be drawn. Written `500ms..3s`, or `1s` for just one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanRange {
    /// The shortest.
    pub min: Duration,
    /// The longest; not below `min`.
    pub max: Duration,
}

/// A span that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpanError {
    /// No number with a unit.
    #[error("`{0}` is not a span of time: write a number and a unit, for example 2.5s or 150ms")]
    NotASpan(String),
    /// The range ends before it begins.
    #[error("`{0}` ends before it begins: write the shorter span first, for example 500ms..3s")]
    Backwards(String),
}

/// Units, longest name first where one ends with another. In nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads `2.5s`, `150ms`, `2m`, `1h`, `10us`, `7ns`, or `0`. One number, one unit, no sign; at most
/// nine decimals. No floating point is involved, so that what is written is what is read.
///
/// # Errors
/// If the text is anything else, or longer than 64 bits of nanoseconds.
pub fn parse(text: &str) -> Result<Duration, SpanError> {
    parse_nanos(text.trim())
        .map(Duration::from_nanos)
        .ok_or_else(|| SpanError::NotASpan(text.to_owned()))
}

fn parse_nanos(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    whole
        .checked_mul(*scale)?
        .checked_add(fraction(decimals, *scale)?)
}

/// `decimals` after the point, in units of `scale`, rounded down.
fn fraction(decimals: &str, scale: u64) -> Option<u64> {
    if decimals.len() > 9 {
        return None;
    }
    let parts: u64 = decimals.parse().ok()?;
    let whole = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    u64::try_from(u128::from(parts) * u128::from(scale) / whole).ok()
}

/// The shortest text that [`parse`] reads back as the same span: `2.5s`, `150ms`, `90s`.
pub fn format(span: Duration) -> String {
    let nanos = span.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let (unit, scale) = match nanos {
        1_000_000_000.. => ("s", 1_000_000_000),
        1_000_000.. => ("ms", 1_000_000),
        1_000.. => ("us", 1_000),
        _ => ("ns", 1),
    };
    let digits = format!("{:09}", nanos % scale * (1_000_000_000 / scale));
    let decimals = digits.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{}{point}{decimals}{unit}", nanos / scale)
}

impl SpanRange {
    /// From `min` to `max` milliseconds.
    ///
    /// # Panics
    /// If `max` is below `min`.
    pub const fn millis(min: u64, max: u64) -> Self {
        assert!(min <= max, "a range of spans ends before it begins");
        SpanRange {
            min: Duration::from_millis(min),
            max: Duration::from_millis(max),
        }
    }
}

impl fmt::Display for SpanRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            return f.write_str(&format(self.min));
        }
        write!(f, "{}..{}", format(self.min), format(self.max))
    }
}

impl FromStr for SpanRange {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let range = SpanRange {
            min: parse(min)?,
            max: parse(max)?,
        };
        if range.max < range.min {
            return Err(SpanError::Backwards(text.to_owned()));
        }
        Ok(range)
    }
}

impl Serialize for SpanRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SpanRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// For `#[serde(with = "span::text")]` on a `Duration`.
pub(crate) mod text {
    use super::{Deserialize, Deserializer, Duration, Serializer, format, parse};

    pub(crate) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format(*span))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// For `#[serde(with = "span::text_option")]` on an `Option<Duration>`.
pub(crate) mod text_option {
    use super::{Deserializer, Duration, Serializer, format, text};

    pub(crate) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => to.serialize_some(&format(*span)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        text::deserialize(from).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [
            ("2.5s", 2_500_000_000),
            ("150ms", 150_000_000),
            ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000),
            ("10us", 10_000),
            ("7ns", 7),
            ("0", 0),
            ("1.000000001s", 1_000_000_001),
            (" 3 s ", 3_000_000_000),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_span() {
        for text in [
            "", "5", "s", "-1s", "1.s", ".5s", "1.2.3s", "1 day", "1s2", "1e3s", "٣s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("99999999999999h").is_err(), "too long");
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        assert_eq!(
            "3s..1s".parse::<SpanRange>(),
            Err(SpanError::Backwards("3s..1s".into()))
        );
        assert_eq!(
            "1s".parse::<SpanRange>(),
            Ok(SpanRange::millis(1_000, 1_000))
        );
    }

    proptest! {
        #[test]
        fn every_span_is_read_back_as_it_was_written(nanos: u64) {
            let span = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(span)), Ok(span));
        }
    }
}
