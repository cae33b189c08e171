//! How operations, times and numbers are said to a person; one voice for text, Markdown and HTML.

use testimony_history::{Answer, Call, Function, Outcome, Value};

/// Longest key shown in a sentence, in characters.
const KEY_MAX: usize = 32;

/// An operation and its answer as one would say them: `write x=5`, `read x → 3`. Keys and values
/// longer than `value_max` characters are shortened in the middle.
pub(crate) fn operation(call: &Call, outcome: &Outcome<Answer>, value_max: usize) -> String {
    let asked = self::call(call, value_max);
    match answer(call, outcome, value_max) {
        Some(answered) => format!("{asked} → {answered}"),
        None => asked,
    }
}

/// What was asked: `write x=5`, `cas x 1⇒2`, `dequeue`.
pub(crate) fn call(call: &Call, value_max: usize) -> String {
    let key = call
        .key
        .as_ref()
        .map(|key| shorten(&key_name(key), value_max));
    let value = call
        .value
        .as_ref()
        .map(|value| self::value(value, value_max));
    let f = call.f.name();
    match (&call.f, key, value) {
        (Function::Write, Some(key), Some(value)) => format!("{f} {key}={value}"),
        (Function::Cas, key, Some(value)) => {
            let change = swap(call, value_max).unwrap_or(value);
            [Some(f.to_owned()), key, Some(change)]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")
        }
        (_, key, value) => [Some(f.to_owned()), key, value]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// What was answered, where there is something to say beyond "done".
pub(crate) fn answer(call: &Call, outcome: &Outcome<Answer>, value_max: usize) -> Option<String> {
    let answer = match outcome {
        Outcome::Completed(answer) => answer,
        Outcome::Failed => return Some("failed".to_owned()),
        Outcome::Unknown => return Some("?".to_owned()),
    };
    match (answer.swapped, &answer.actual) {
        (Some(true), _) => return Some("swapped".to_owned()),
        (Some(false), Some(actual)) => return Some(format!("no, {}", value(actual, value_max))),
        (Some(false), None) => return Some("no match".to_owned()),
        (None, _) => {}
    }
    let told = answer.value.as_ref().or(answer.result.as_ref());
    let reads = matches!(call.f, Function::Read | Function::Dequeue);
    match told {
        Some(told) => Some(value(told, value_max)),
        None if reads => Some("null".to_owned()),
        None => None,
    }
}

/// `old⇒new` of a compare-and-set.
fn swap(call: &Call, value_max: usize) -> Option<String> {
    match call.value.as_ref()? {
        Value::List(pair) if pair.len() == 2 => Some(format!(
            "{}⇒{}",
            value(&pair[0], value_max),
            value(&pair[1], value_max)
        )),
        _ => None,
    }
}

/// A key: a string stands without its quotes.
pub(crate) fn key_name(key: &Value) -> String {
    match key {
        Value::Str(text) => shorten(&printable(text), KEY_MAX),
        other => shorten(&other.to_string(), KEY_MAX),
    }
}

/// A value as compact JSON, shortened.
pub(crate) fn value(value: &Value, max: usize) -> String {
    shorten(&printable(&value.to_string()), max)
}

/// Text with every control character (also a line break or an escape sequence of a terminal, and
/// the marks that turn the direction of writing) replaced, so that it stays where it is put.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if misleads(c) { '\u{fffd}' } else { c })
        .collect()
}

fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most `max` characters: what is too long loses its middle.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let length = text.chars().count();
    if length <= max {
        return text.to_owned();
    }
    let kept = max.saturating_sub(1);
    let tail = kept / 3;
    let head: String = text.chars().take(kept - tail).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{head}…{end}")
}

/// The text with a capital at its start.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A headline with a capital at its start, unless it starts with the name of a process: `p3`.
pub(crate) fn headline(text: &str) -> String {
    let names_process = text
        .strip_prefix('p')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if names_process {
        text.to_owned()
    } else {
        sentence(text)
    }
}

/// A number with its thousands apart: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 operation`, `2 operations`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A length of time in the unit that suits it: `340 µs`, `1.2 ms`, `12.3 s`, `2 min 5 s`.
pub(crate) fn duration(nanos: u64) -> String {
    let value = nanos as f64;
    match nanos {
        0..=999 => format!("{nanos} ns"),
        1_000..=999_499 => format!("{:.0} µs", value / 1e3),
        999_500..=9_949_999 => format!("{:.1} ms", value / 1e6),
        9_950_000..=999_499_999 => format!("{:.0} ms", value / 1e6),
        999_500_000..=119_949_999_999 => format!("{:.1} s", value / 1e9),
        _ => format!(
            "{} min {} s",
            nanos / 60_000_000_000,
            nanos / 1_000_000_000 % 60
        ),
    }
}

/// A length of time given in seconds.
pub(crate) fn duration_of_seconds(seconds: f64) -> String {
    let nanos = std::time::Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    duration(u64::try_from(nanos.as_nanos()).unwrap_or(u64::MAX))
}

/// Points in time, said with just as many digits as it takes to tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instants {
    digits: usize,
}

impl Instants {
    /// Milliseconds, or finer where two different ones of `instants` would otherwise look the same.
    pub(crate) fn telling_apart(instants: impl IntoIterator<Item = u64>) -> Self {
        let mut sorted: Vec<u64> = instants.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let apart = |unit: u64| {
            sorted
                .windows(2)
                .all(|pair| pair[0] / unit != pair[1] / unit)
        };
        let digits = if apart(1_000_000) {
            3
        } else if apart(1_000) {
            6
        } else {
            9
        };
        Instants { digits }
    }

    /// The point in time in seconds, without the unit: `1.903`. Cut, not rounded.
    pub(crate) fn say(self, nanos: u64) -> String {
        let fraction = format!("{:09}", nanos % 1_000_000_000);
        format!("{}.{}", nanos / 1_000_000_000, &fraction[..self.digits])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(f: Function, key: Option<&str>, value: Option<Value>) -> Call {
        Call {
            f,
            key: key.map(Value::from),
            value,
        }
    }

    fn completed(answer: Answer) -> Outcome<Answer> {
        Outcome::Completed(answer)
    }

    #[test]
    fn operations_are_said_as_one_would_say_them() {
        let read = asked(Function::Read, Some("x"), None);
        let got = |v: i64| {
            completed(Answer {
                value: Some(v.into()),
                ..Answer::default()
            })
        };
        assert_eq!(operation(&read, &got(3), 20), "read x → 3");
        let write = asked(Function::Write, Some("x"), Some(5.into()));
        assert_eq!(
            operation(&write, &completed(Answer::default()), 20),
            "write x=5"
        );
        assert_eq!(operation(&write, &Outcome::Unknown, 20), "write x=5 → ?");
        let alone = asked(Function::Write, None, Some(5.into()));
        assert_eq!(operation(&alone, &Outcome::Failed, 20), "write 5 → failed");
    }

    #[test]
    fn a_compare_and_set_says_what_it_found() {
        let cas = asked(
            Function::Cas,
            Some("x"),
            Some(Value::list([1.into(), 2.into()])),
        );
        let found = Answer {
            swapped: Some(false),
            actual: Some(9.into()),
            ..Answer::default()
        };
        assert_eq!(operation(&cas, &completed(found), 20), "cas x 1⇒2 → no, 9");
        let swapped = Answer {
            swapped: Some(true),
            ..Answer::default()
        };
        assert_eq!(
            operation(&cas, &completed(swapped), 20),
            "cas x 1⇒2 → swapped"
        );
    }

    #[test]
    fn long_text_loses_its_middle_and_keeps_its_length() {
        let short = shorten("0123456789abcdefghijklmnopqrstuvwxyz", 12);
        assert_eq!(short, "01234567…xyz");
        assert_eq!(short.chars().count(), 12);
        assert_eq!(shorten("größer", 6), "größer");
        assert_eq!(shorten("ab", 0), "…");
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(
            printable("a\u{1b}[31mb\nc\u{202e}d"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d"
        );
    }

    #[test]
    fn durations_take_the_unit_that_suits_them() {
        let said: Vec<String> = [
            0,
            999,
            340_000,
            1_200_000,
            999_600,
            45_000_000,
            12_340_000_000,
            125_000_000_000,
        ]
        .map(duration)
        .to_vec();
        let expected = [
            "0 ns",
            "999 ns",
            "340 µs",
            "1.2 ms",
            "1.0 ms",
            "45 ms",
            "12.3 s",
            "2 min 5 s",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn instants_are_told_apart() {
        let coarse = Instants::telling_apart([1_000_000, 2_000_000]);
        assert_eq!(coarse.say(1_903_400_000), "1.903");
        let fine = Instants::telling_apart([1_903_100_000, 1_903_200_000]);
        assert_eq!(fine.say(1_903_100_000), "1.903100");
        assert_ne!(
            Instants::telling_apart([1, 2]).say(1),
            Instants::telling_apart([1, 2]).say(2)
        );
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
