//! EDN forms: <https://github.com/edn-format/edn>, and what Clojure prints besides.

use std::sync::Arc;

use crate::entries::Entries;
use crate::format::ReadProblem;
use crate::place::excerpt;
use crate::value::DEPTH_MAX;
use crate::{Value, jsonl};

/// What is wrong with a text, and at which byte of it.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) problem: ReadProblem,
}

pub(crate) type Parsed<T> = Result<T, SyntaxError>;

/// A form, and where it starts.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) at: usize,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Nil,
    Bool(bool),
    Number(Value),
    Str(Arc<str>),
    /// A character, as it is written.
    Char(Arc<str>),
    /// A keyword without its colon.
    Keyword(Arc<str>),
    Symbol(Arc<str>),
    /// A vector or a list.
    List(Vec<Form>),
    Set(Vec<Form>),
    Map(Vec<(Form, Form)>),
    Tagged(Arc<str>, Box<Form>),
}

impl Form {
    /// The value that JSON can hold. What JSON lacks is kept exactly, as a string: keywords with
    /// their colon, characters with their backslash, symbols, ratios. Sets become sorted lists;
    /// tags are dropped.
    pub(crate) fn value(self) -> Parsed<Value> {
        Ok(match self.what {
            What::Nil => Value::Null,
            What::Bool(truth) => Value::Bool(truth),
            What::Number(number) => number,
            What::Str(text) | What::Char(text) | What::Symbol(text) => Value::Str(text),
            What::Keyword(name) => Value::Str(Arc::from(format!(":{name}"))),
            What::List(items) => Value::List(values(items)?.into()),
            What::Set(items) => {
                let mut items = values(items)?;
                items.sort();
                Value::List(items.into())
            }
            What::Map(entries) => map(entries)?,
            What::Tagged(_, form) => form.value()?,
        })
    }

    /// The text of a keyword, string or symbol.
    pub(crate) fn word(&self) -> Option<&Arc<str>> {
        match &self.what {
            What::Keyword(word) | What::Str(word) | What::Symbol(word) => Some(word),
            _ => None,
        }
    }

    /// The form without its tags.
    pub(crate) fn untagged(self) -> Self {
        match self.what {
            What::Tagged(_, form) => form.untagged(),
            _ => self,
        }
    }
}

fn values(forms: Vec<Form>) -> Parsed<Vec<Value>> {
    forms.into_iter().map(Form::value).collect()
}

/// Keys that are no strings become their text.
fn map(forms: Vec<(Form, Form)>) -> Parsed<Value> {
    let mut entries = Entries::default();
    for (key, value) in forms {
        let at = key.at;
        let key = match key.value()? {
            Value::Str(text) => text,
            other => Arc::from(other.to_string()),
        };
        if !entries.push(Arc::clone(&key), value.value()?) {
            return Err(SyntaxError {
                at,
                problem: ReadProblem::DuplicateKey(excerpt(&key)),
            });
        }
    }
    Ok(Value::Map(entries.list.into()))
}

/// A text, read up to `at`.
pub(crate) struct Syntax<'a> {
    text: &'a str,
    pub(crate) at: usize,
    depth: usize,
}

impl<'a> Syntax<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Syntax {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// Passes over white space, commas, comments and discarded forms; answers the next byte.
    pub(crate) fn next(&mut self) -> Parsed<Option<u8>> {
        loop {
            let rest = &self.text[self.at..];
            let blank = |next: char| next.is_whitespace() || next == ',';
            self.at += rest.len() - rest.trim_start_matches(blank).len();
            let rest = &self.text.as_bytes()[self.at..];
            match rest {
                [b';', ..] => {
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                [b'#', b'_', ..] => {
                    let start = self.at;
                    self.nested(2, |syntax| syntax.some_form(start))?;
                }
                _ => return Ok(rest.first().copied()),
            }
        }
    }

    /// Reads a form; there must be one.
    pub(crate) fn form(&mut self) -> Parsed<Form> {
        self.next()?;
        let at = self.at;
        let what = match self.text.as_bytes()[at..] {
            [] => return Err(self.error(ReadProblem::Unfinished("a form"))),
            [b'"', ..] => What::Str(self.string()?),
            [b'\\', ..] => What::Char(self.character()?),
            [b'[', ..] => What::List(self.forms(1, b']', "a vector")?),
            [b'(', ..] => What::List(self.forms(1, b')', "a list")?),
            [b'{', ..] => self.map(1)?,
            [b'#', ..] => self.dispatch()?,
            [b')' | b']' | b'}' | b'@' | b'^' | b'`' | b'~' | b'\'', ..] => {
                return Err(self.expected("a form"));
            }
            _ => self.token()?,
        };
        Ok(Form { at, what })
    }

    /// What a tag at `at` names, if one starts here; passes over it.
    pub(crate) fn tag(&mut self) -> Parsed<Arc<str>> {
        self.at += 1;
        let tag = self.take_token();
        if tag.is_empty() {
            return Err(self.expected("a tag"));
        }
        Ok(Arc::from(tag))
    }

    pub(crate) fn error(&self, problem: ReadProblem) -> SyntaxError {
        SyntaxError {
            at: self.at,
            problem,
        }
    }

    /// The next character is not what is expected.
    pub(crate) fn expected(&self, expected: &'static str) -> SyntaxError {
        self.error(match self.text[self.at..].chars().next() {
            None => ReadProblem::Unfinished("a form"),
            Some(found) => ReadProblem::Expected {
                expected,
                found: format!("{found:?}").into(),
            },
        })
    }

    /// A form, which the thing that starts at `start` needs.
    fn some_form(&mut self, start: usize) -> Parsed<Form> {
        match self.next()? {
            None => Err(SyntaxError {
                at: start,
                problem: ReadProblem::Unfinished("what starts here"),
            }),
            Some(_) => self.form(),
        }
    }

    /// Passes over an opening of so many bytes and reads what is in it, one level deeper.
    fn nested<T>(
        &mut self,
        opening: usize,
        read: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Parsed<T> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(ReadProblem::TooDeep));
        }
        self.depth += 1;
        self.at += opening;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    fn forms(&mut self, opening: usize, close: u8, what: &'static str) -> Parsed<Vec<Form>> {
        let start = self.at;
        self.nested(opening, |syntax| {
            let mut forms = Vec::new();
            loop {
                match syntax.next()? {
                    None => {
                        let problem = ReadProblem::Unclosed(what);
                        return Err(SyntaxError { at: start, problem });
                    }
                    Some(byte) if byte == close => {
                        syntax.at += 1;
                        return Ok(forms);
                    }
                    Some(_) => forms.push(syntax.form()?),
                }
            }
        })
    }

    fn map(&mut self, opening: usize) -> Parsed<What> {
        let start = self.at;
        let mut forms = self.forms(opening, b'}', "a map")?.into_iter();
        let mut entries = Vec::with_capacity(forms.len() / 2);
        while let Some(key) = forms.next() {
            let Some(value) = forms.next() else {
                return Err(SyntaxError {
                    at: start,
                    problem: ReadProblem::OddMap,
                });
            };
            entries.push((key, value));
        }
        Ok(What::Map(entries))
    }

    /// What starts with `#`.
    fn dispatch(&mut self) -> Parsed<What> {
        let start = self.at;
        match self.text.as_bytes().get(start + 1) {
            Some(b'{') => Ok(What::Set(self.forms(2, b'}', "a set")?)),
            Some(b'"') => {
                self.at += 1;
                Ok(What::Str(self.string()?))
            }
            Some(b'#') => {
                self.at += 2;
                let token = self.take_token();
                Ok(What::Symbol(Arc::from(format!("##{token}"))))
            }
            _ => self.nested(0, |syntax| {
                let tag = syntax.tag()?;
                let form = syntax.some_form(start)?;
                Ok(match tag.strip_prefix(':') {
                    Some(namespace) => qualified(namespace, form),
                    None => What::Tagged(tag, Box::new(form)),
                })
            }),
        }
    }

    fn token(&mut self) -> Parsed<What> {
        let start = self.at;
        let token = self.take_token();
        let digits = token.strip_prefix(['+', '-']).unwrap_or(token);
        if digits.starts_with(|first: char| first.is_ascii_digit()) {
            return number(token).ok_or_else(|| SyntaxError {
                at: start,
                problem: ReadProblem::Expected {
                    expected: "a number",
                    found: excerpt(token),
                },
            });
        }
        Ok(match token {
            "" | ":" => {
                self.at = start;
                return Err(self.expected("a form"));
            }
            "nil" => What::Nil,
            "true" => What::Bool(true),
            "false" => What::Bool(false),
            _ => match token.strip_prefix(':') {
                Some(name) => What::Keyword(Arc::from(name)),
                None => What::Symbol(Arc::from(token)),
            },
        })
    }

    fn take_token(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let ends = |next: char| {
            next.is_whitespace()
                || matches!(
                    next,
                    ',' | '"' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '\\'
                )
        };
        let token = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += token.len();
        token
    }

    /// A character with its backslash: `\a`, `\newline`, `\(`, `\u0041`.
    fn character(&mut self) -> Parsed<Arc<str>> {
        let start = self.at;
        self.at += 1;
        let Some(first) = self.text[self.at..].chars().next() else {
            return Err(self.error(ReadProblem::Unfinished("a character")));
        };
        self.at += first.len_utf8();
        if first.is_alphanumeric() {
            self.take_token();
        }
        Ok(Arc::from(&self.text[start..self.at]))
    }

    fn string(&mut self) -> Parsed<Arc<str>> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(SyntaxError {
                    at: start,
                    problem: ReadProblem::Unclosed("a string"),
                });
            };
            text.push_str(&self.text[self.at..self.at + length]);
            self.at += length;
            if rest[length] == b'"' {
                self.at += 1;
                return Ok(Arc::from(text));
            }
            text.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        self.at += 1;
        let rest = &self.text.as_bytes()[self.at..];
        let plain = match rest.first() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\')) => char::from(*byte),
            Some(b'u') => return self.unicode(start),
            Some(b'0'..=b'7') => return Ok(self.octal()),
            _ => return Err(self.expected("an escape: one of \"\\bfnrtu or an octal number")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Up to three octal digits.
    fn octal(&mut self) -> char {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = rest
            .iter()
            .take(3)
            .take_while(|byte| matches!(byte, b'0'..=b'7'));
        let digits: Vec<u32> = digits.map(|byte| u32::from(byte - b'0')).collect();
        self.at += digits.len();
        let code = digits.iter().fold(0, |code, digit| code * 8 + digit);
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    /// `\uXXXX`, or two of them that make one character.
    fn unicode(&mut self, start: usize) -> Parsed<char> {
        let rest = &self.text.as_bytes()[start..];
        let Some(first) = unit(rest) else {
            self.at = start;
            return Err(self.expected("four hexadecimal digits after \\u"));
        };
        let (code, length) = match rest.get(6..).and_then(unit) {
            Some(second) if SURROGATE_HIGH.contains(&first) && SURROGATE_LOW.contains(&second) => {
                (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
            }
            _ => (first, 6),
        };
        self.at = start + length;
        char::from_u32(code).ok_or_else(|| SyntaxError {
            at: start,
            problem: ReadProblem::Expected {
                expected: "a pair of surrogates",
                found: "half of one".into(),
            },
        })
    }
}

const SURROGATE_HIGH: std::ops::Range<u32> = 0xd800..0xdc00;
const SURROGATE_LOW: std::ops::Range<u32> = 0xdc00..0xe000;

/// The code unit in `\uXXXX`.
fn unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, byte| {
        Some(unit * 16 + char::from(*byte).to_digit(16)?)
    })
}

/// `#:ns{:a 1}` is `{:ns/a 1}`.
fn qualified(namespace: &str, form: Form) -> What {
    let What::Map(entries) = form.what else {
        return form.what;
    };
    let qualify = |(key, value): (Form, Form)| match &key.what {
        What::Keyword(name) if !name.contains('/') => {
            let name = Arc::from(format!("{namespace}/{name}"));
            (
                Form {
                    at: key.at,
                    what: What::Keyword(name),
                },
                value,
            )
        }
        _ => (key, value),
    };
    What::Map(entries.into_iter().map(qualify).collect())
}

/// A number as Clojure prints it: `12`, `-1.5E-3`, `12N`, `1.5M`, `1/3`, `0xff`.
fn number(token: &str) -> Option<What> {
    let token = token.strip_prefix('+').unwrap_or(token);
    if let Some((over, under)) = token.split_once('/') {
        let whole = |part: &str| matches!(Value::parse(part), Ok(Value::Int(_) | Value::Number(_)));
        return (whole(over) && whole(under)).then(|| What::Str(Arc::from(token)));
    }
    if let Some(digits) = token
        .strip_prefix("0x")
        .or_else(|| token.strip_prefix("0X"))
    {
        return u64::from_str_radix(digits, 16)
            .ok()
            .map(|number| What::Number(number.into()));
    }
    let json = match token.strip_suffix('M') {
        Some(decimal) if decimal.contains(['.', 'e', 'E']) => decimal.to_owned(),
        Some(whole) => format!("{whole}.0"),
        None if token.ends_with('.') => format!("{token}0"),
        None => token.strip_suffix('N').unwrap_or(token).to_owned(),
    };
    match jsonl::parse_value(&json) {
        Ok(number @ (Value::Int(_) | Value::Number(_))) => Some(What::Number(number)),
        _ => None,
    }
}
