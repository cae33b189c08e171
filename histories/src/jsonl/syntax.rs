//! JSON, read from one line in a single pass and without looking back.

use std::borrow::Cow;
use std::sync::Arc;

use crate::entries::Entries;
use crate::format::ReadProblem;
use crate::place::excerpt;
use crate::strings::Strings;
use crate::value::DEPTH_MAX;
use crate::{ReadError, Value};

/// What is wrong with a line, and at which byte of it.
#[derive(Debug)]
pub(crate) struct LineError {
    pub(crate) at: usize,
    pub(crate) problem: ReadProblem,
}

pub(crate) type Parsed<T> = Result<T, LineError>;

/// The text of one line, read up to `at`.
pub(crate) struct Syntax<'a, 's> {
    text: &'a str,
    pub(crate) at: usize,
    depth: usize,
    strings: &'s mut Strings,
}

impl<'a, 's> Syntax<'a, 's> {
    pub(crate) fn new(text: &'a str, strings: &'s mut Strings) -> Self {
        Syntax {
            text,
            at: 0,
            depth: 0,
            strings,
        }
    }

    /// Reads an object: calls `field` with each key, just before its value.
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, usize, &str) -> Parsed<()>,
    ) -> Parsed<()> {
        self.enter()?;
        if self.next() == Some(b'}') {
            return self.leave();
        }
        loop {
            let at = self.at_next();
            let key = self.string("a key")?;
            self.expect(b':', "a colon")?;
            self.at_next();
            field(self, at, &key)?;
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.leave(),
                _ => return Err(self.unexpected("an object", "a comma or }")),
            }
        }
    }

    /// Reads any value.
    pub(crate) fn value(&mut self) -> Parsed<Value> {
        match self.next() {
            Some(b'"') => Ok(Value::Str(Arc::from(self.string("a value")?))),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.list(),
            Some(b'{') => self.map(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.unexpected("a value", "a value")),
        }
    }

    /// Reads a value of which the same text is likely to recur.
    pub(crate) fn recurring(&mut self) -> Parsed<Value> {
        if self.next() != Some(b'"') {
            return self.value();
        }
        let text = self.string("a value")?;
        Ok(Value::Str(self.strings.shared(&text)))
    }

    /// The shared copy of a text.
    pub(crate) fn shared(&mut self, text: &str) -> Arc<str> {
        self.strings.shared(text)
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Parsed<()> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.error(ReadProblem::Trailing)),
        }
    }

    pub(crate) fn error(&self, problem: ReadProblem) -> LineError {
        LineError {
            at: self.at,
            problem,
        }
    }

    /// Reads a string of an object; `what` names it where it is missing.
    pub(crate) fn string(&mut self, what: &'static str) -> Parsed<Cow<'a, str>> {
        self.expect(b'"', what)?;
        let start = self.at;
        let length = self.plain_length();
        self.at += length;
        let plain = &self.text[start..self.at];
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(Cow::Borrowed(plain))
            }
            _ => self.escaped(plain.to_owned()).map(Cow::Owned),
        }
    }

    /// The number of bytes up to a quote, a backslash or a control character.
    fn plain_length(&self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let special = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
        special.unwrap_or(rest.len())
    }

    /// The rest of a string, from its first escape on.
    fn escaped(&mut self, mut text: String) -> Parsed<String> {
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.unexpected("a string", "no control character in a string")),
            }
            let length = self.plain_length();
            text.push_str(&self.text[self.at..self.at + length]);
            self.at += length;
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        self.at += 1;
        let plain = match self.peek() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => return self.unicode(start),
            _ => return Err(self.unexpected("an escape", "an escape: one of \"\\/bfnrtu")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `\uXXXX`, or two of them that make one character.
    fn unicode(&mut self, start: usize) -> Parsed<char> {
        let first = self.unit()?;
        if let Some(plain) = char::from_u32(first) {
            return Ok(plain);
        }
        let lone = LineError {
            at: start,
            problem: ReadProblem::Expected {
                expected: "a pair of surrogates",
                found: "half of one".into(),
            },
        };
        if !(0xd800..0xdc00).contains(&first) {
            return Err(lone);
        }
        for expected in [b'\\', b'u'] {
            match self.peek() {
                None => return Err(self.unexpected("an escape", "an escape")),
                Some(byte) if byte == expected => self.at += 1,
                Some(_) => return Err(lone),
            }
        }
        self.at -= 1;
        let second = self.unit()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(lone);
        }
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code).ok_or(lone)
    }

    /// The four hexadecimal digits after a `u`.
    fn unit(&mut self) -> Parsed<u32> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("an escape", "a hexadecimal digit"));
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let digits = self.at;
        self.digits()?;
        if self.text.as_bytes()[digits] == b'0' && self.at > digits + 1 {
            self.at = digits + 1;
            return Err(self.unexpected("a number", "no digit after a leading 0"));
        }
        if !matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Ok(whole(&self.text[start..self.at]));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Value::Number(Arc::from(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> Parsed<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
        self.at += length;
        if length == 0 {
            return Err(self.unexpected("a number", "a digit"));
        }
        Ok(())
    }

    fn list(&mut self) -> Parsed<Value> {
        self.enter()?;
        let mut items = Vec::new();
        if self.next() == Some(b']') {
            self.leave()?;
            return Ok(Value::List(items.into()));
        }
        loop {
            items.push(self.value()?);
            match self.next() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.unexpected("a list", "a comma or ]")),
            }
        }
        self.leave()?;
        Ok(Value::List(items.into()))
    }

    fn map(&mut self) -> Parsed<Value> {
        let mut entries = Entries::default();
        self.object(|syntax, at, key| {
            let key = syntax.shared(key);
            let value = syntax.value()?;
            if entries.push(Arc::clone(&key), value) {
                Ok(())
            } else {
                Err(duplicate(at, &key))
            }
        })?;
        Ok(Value::Map(entries.list.into()))
    }

    fn word(&mut self, word: &'static str, value: Value) -> Parsed<Value> {
        let rest = &self.text.as_bytes()[self.at..];
        let same = rest
            .iter()
            .zip(word.as_bytes())
            .take_while(|(a, b)| a == b)
            .count();
        if same == word.len() {
            self.at += same;
            return Ok(value);
        }
        if same == rest.len() {
            self.at += same;
        }
        Err(self.unexpected("a value", "a value"))
    }

    /// Enters the list or object whose bracket is next.
    fn enter(&mut self) -> Parsed<()> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(ReadProblem::TooDeep));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) -> Parsed<()> {
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Parsed<()> {
        if self.next() != Some(byte) {
            return Err(self.unexpected("an object", what));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    pub(crate) fn next(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Where that byte stands.
    pub(crate) fn at_next(&mut self) -> usize {
        self.next();
        self.at
    }

    /// The next character is none of those expected, or there is none and `what` breaks off.
    fn unexpected(&self, what: &'static str, expected: &'static str) -> LineError {
        let problem = match self.text[self.at..].chars().next() {
            None => ReadProblem::Unfinished(what),
            Some(found) => ReadProblem::Expected {
                expected,
                found: format!("{found:?}").into(),
            },
        };
        self.error(problem)
    }
}

pub(crate) fn duplicate(at: usize, key: &str) -> LineError {
    LineError {
        at,
        problem: ReadProblem::DuplicateKey(excerpt(key)),
    }
}

/// A whole number, as an integer if it fits.
fn whole(digits: &str) -> Value {
    digits
        .parse()
        .map_or_else(|_| Value::Number(Arc::from(digits)), Value::Int)
}

/// Reads a value from JSON text.
pub(crate) fn parse_value(text: &str) -> Result<Value, ReadError> {
    let mut strings = Strings::default();
    let mut syntax = Syntax::new(text, &mut strings);
    let value = syntax
        .value()
        .and_then(|value| syntax.end().map(|()| value));
    value.map_err(|error| ReadError {
        place: crate::Place::of(text.as_bytes(), error.at),
        problem: error.problem,
    })
}
