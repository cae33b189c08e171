//! How much room text takes, and coordinates short enough for a small file.

use std::fmt;

/// Width of a character of the monospaced labels, as a share of the font size. A little more than
/// what common monospaced fonts take, so that a label never sticks out.
const CHARACTER: f64 = 0.61;

/// The width of a monospaced label in pixels: letters of East Asian scripts and emoji take two
/// places.
pub(crate) fn width(text: &str, font_size: f64) -> f64 {
    let places: f64 = text
        .chars()
        .map(|c| if is_wide(c) { 2.0 } else { 1.0 })
        .sum();
    places * font_size * CHARACTER
}

fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f000..=0x3fffd)
}

/// A coordinate, written with one decimal at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Px(pub(crate) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0 + 0.0;
        if rounded.is_finite() {
            write!(f, "{rounded}")
        } else {
            f.write_str("0")
        }
    }
}

impl maud::Render for Px {
    fn render_to(&self, buffer: &mut String) {
        buffer.push_str(&self.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short_and_always_numbers() {
        let said = [1.0, 2.349, -0.04, f64::NAN, f64::INFINITY].map(|v| Px(v).to_string());
        assert_eq!(said, ["1", "2.3", "0", "0", "0"]);
    }

    #[test]
    fn wide_letters_take_two_places() {
        assert!((width("日本", 10.0) - width("abcd", 10.0)).abs() < 1e-9);
    }
}
