//! Redis's protocol, version 2: commands as bytes, bytes as answers. Pure.

use crate::wire::{ANSWER_MAX, Nonsense, Parsed};

/// How deep arrays may lie in each other; ours are flat.
const DEPTH_MAX: u32 = 8;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resp {
    /// A word such as `OK`.
    Simple(String),
    /// Why it was not done.
    Error(String),
    Int(i64),
    /// A text, or nil.
    Bulk(Option<String>),
    /// Answers, or nil.
    Array(Option<Vec<Resp>>),
}

/// A command as it is sent.
pub(crate) fn command<S: AsRef<str>>(words: &[S]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
    bytes
}

/// The first answer in what was heard.
pub(crate) fn parse(heard: &[u8]) -> Parsed<Resp> {
    let mut rest = Rest { heard, at: 0 };
    match rest.answer(DEPTH_MAX) {
        Ok(answer) => Ok(Some((answer, rest.at))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Nonsense(nonsense)) => Err(nonsense),
    }
}

/// What is not parsed yet.
struct Rest<'a> {
    heard: &'a [u8],
    at: usize,
}

enum Stop {
    Incomplete,
    Nonsense(Nonsense),
}

fn nonsense<T>(reason: &'static str) -> Result<T, Stop> {
    Err(Stop::Nonsense(Nonsense(reason)))
}

impl Rest<'_> {
    fn answer(&mut self, depth: u32) -> Result<Resp, Stop> {
        let line = self.line()?;
        let Some((kind, text)) = line.split_at_checked(1) else {
            return nonsense("an empty line");
        };
        match kind {
            "+" => Ok(Resp::Simple(text.to_owned())),
            "-" => Ok(Resp::Error(text.to_owned())),
            ":" => Ok(Resp::Int(number(text)?)),
            "$" => Ok(Resp::Bulk(match length(text)? {
                None => None,
                Some(length) => Some(self.text(length)?),
            })),
            "*" if depth == 0 => nonsense("arrays too deep in each other"),
            "*" => Ok(Resp::Array(match length(text)? {
                None => None,
                Some(length) => Some(self.answers(length, depth - 1)?),
            })),
            _ => nonsense("an answer of no known kind"),
        }
    }

    fn answers(&mut self, length: usize, depth: u32) -> Result<Vec<Resp>, Stop> {
        (0..length).map(|_| self.answer(depth)).collect()
    }

    fn line(&mut self) -> Result<String, Stop> {
        let rest = &self.heard[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n");
        let end = end.ok_or(Stop::Incomplete)?;
        self.take(end)
    }

    fn text(&mut self, length: usize) -> Result<String, Stop> {
        let end = self.heard.get(self.at + length..self.at + length + 2);
        match end {
            None => Err(Stop::Incomplete),
            Some(b"\r\n") => self.take(length),
            Some(_) => nonsense("a text longer than it says"),
        }
    }

    /// So many bytes, and the end of the line after them.
    fn take(&mut self, length: usize) -> Result<String, Stop> {
        let bytes = &self.heard[self.at..self.at + length];
        self.at += length + 2;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => nonsense("a text that is no UTF-8"),
        }
    }
}

fn number(text: &str) -> Result<i64, Stop> {
    text.parse().or_else(|_| nonsense("a number that is none"))
}

/// `-1` stands for nil.
fn length(text: &str) -> Result<Option<usize>, Stop> {
    match usize::try_from(number(text)?) {
        Ok(length) if length <= ANSWER_MAX => Ok(Some(length)),
        Ok(_) => nonsense("a length beyond all bounds"),
        Err(_) if text == "-1" => Ok(None),
        Err(_) => nonsense("a length below zero"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Resp {
        let (answer, length) = parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
        answer
    }

    fn text(text: &str) -> Resp {
        Resp::Bulk(Some(text.to_owned()))
    }

    #[test]
    fn a_command_is_an_array_of_texts() {
        assert_eq!(
            command(&["SET", "k", "é"]),
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\né\r\n".as_bytes()
        );
    }

    #[test]
    fn answers_recorded_from_a_server_are_understood() {
        assert_eq!(parsed("+OK\r\n"), Resp::Simple("OK".to_owned()));
        assert_eq!(parsed(":3\r\n"), Resp::Int(3));
        assert_eq!(parsed("$-1\r\n"), Resp::Bulk(None));
        assert_eq!(parsed("$4\r\n1,2,\r\n"), text("1,2,"));
        let readonly = "-READONLY You can't write against a read only replica.\r\n";
        assert!(matches!(parsed(readonly), Resp::Error(error) if error.starts_with("READONLY ")));
        let master = "*2\r\n$9\r\n10.99.0.1\r\n$4\r\n6379\r\n";
        assert_eq!(
            parsed(master),
            Resp::Array(Some(vec![text("10.99.0.1"), text("6379")]))
        );
        assert_eq!(parsed("*-1\r\n"), Resp::Array(None));
        assert_eq!(
            parsed("*2\r\n:0\r\n$-1\r\n"),
            Resp::Array(Some(vec![Resp::Int(0), Resp::Bulk(None)]))
        );
    }

    #[test]
    fn an_answer_is_awaited_to_its_last_byte() {
        let whole = b"*2\r\n$9\r\n10.99.0.1\r\n$4\r\n6379\r\n";
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), Ok(None), "{length} bytes");
        }
    }

    #[test]
    fn nonsense_is_refused_and_never_panics() {
        for nonsense in [
            "\r\n",
            "?\r\n",
            ":x\r\n",
            "$-2\r\n",
            "$99999999999999999999\r\n",
            "*9223372036854775807\r\n",
            "$1\r\nlong\r\n",
        ] {
            assert!(parse(nonsense.as_bytes()).is_err(), "{nonsense:?}");
        }
        assert!(parse(b"+\xff\r\n").is_err());
        assert!(parse("*1\r\n".repeat(100).as_bytes()).is_err());
    }
}
