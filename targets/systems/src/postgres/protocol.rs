//! Postgres's protocol, version 3, with simple queries: statements as text, rows as text. Pure.

use crate::wire::{ANSWER_MAX, Nonsense, Parsed};

/// Version 3.0.
const VERSION: i32 = 3 << 16;

/// A message of the server, as far as we care for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// No password is asked for.
    Welcome,
    /// It wants to know who we are, which we have not set up.
    Unwelcome,
    /// A row: the columns as text, or null.
    Row(Vec<Option<String>>),
    /// The statement was done.
    Done,
    /// It was not.
    Error(Failure),
    /// The next query may come.
    Ready,
    /// Anything else: a description, a setting, a notice.
    Other,
}

/// What an error says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `ERROR`, `FATAL` or `PANIC`.
    pub(crate) severity: String,
    /// The five characters of its SQLSTATE.
    pub(crate) state: String,
}

/// The first message on a connection: who wants which database.
pub(crate) fn startup(user: &str, database: &str) -> Vec<u8> {
    let pairs = ["user", user, "database", database];
    let mut body = VERSION.to_be_bytes().to_vec();
    for text in pairs {
        body.extend(text.bytes());
        body.push(0);
    }
    body.push(0);
    with_length(&body)
}

/// A query of one statement, which is a transaction of its own.
pub(crate) fn query(statement: &str) -> Vec<u8> {
    let body = [statement.as_bytes(), &[0]].concat();
    [&[b'Q'][..], &with_length(&body)].concat()
}

/// The text as a literal. A zero byte would end the query, and cannot be in a text.
pub(crate) fn literal(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("a text with a zero byte cannot be stored".to_owned());
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// The first message in what was heard.
pub(crate) fn parse(heard: &[u8]) -> Parsed<Message> {
    let Some((kind, rest)) = heard.split_first() else {
        return Ok(None);
    };
    let Some((length, _)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) if (4..=ANSWER_MAX).contains(&length) => length,
        _ => return Err(Nonsense("a message of impossible length")),
    };
    let Some(body) = rest.get(4..length) else {
        return Ok(None);
    };
    Ok(Some((message(*kind, body)?, 1 + length)))
}

fn message(kind: u8, body: &[u8]) -> Result<Message, Nonsense> {
    Ok(match kind {
        b'R' if *body == [0; 4] => Message::Welcome,
        b'R' => Message::Unwelcome,
        b'D' => Message::Row(row(body)?),
        b'C' | b'I' => Message::Done,
        b'E' => Message::Error(failure(body)),
        b'Z' => Message::Ready,
        b'A'..=b'z' => Message::Other,
        _ => return Err(Nonsense("a message of no known kind")),
    })
}

fn row(body: &[u8]) -> Result<Vec<Option<String>>, Nonsense> {
    let early = Nonsense("a row that ends too early");
    let (count, mut rest) = body.split_first_chunk::<2>().ok_or(early)?;
    let mut columns = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(early)?;
        rest = after;
        // A length below zero stands for null.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            columns.push(None);
            continue;
        };
        let (column, after) = rest.split_at_checked(length).ok_or(early)?;
        rest = after;
        let text = std::str::from_utf8(column);
        let text = text.map_err(|_| Nonsense("a text that is no UTF-8"))?;
        columns.push(Some(text.to_owned()));
    }
    Ok(columns)
}

/// From fields that begin with a letter and end with a zero byte. `V` is the severity in English.
fn failure(body: &[u8]) -> Failure {
    let mut failure = Failure::default();
    for field in body.split(|byte| *byte == 0) {
        let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
        match field.split_first() {
            Some((b'V', severity)) => failure.severity = text(severity),
            Some((b'C', state)) => failure.state = text(state),
            _ => {}
        }
    }
    failure
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("nothing of ours has 4 GiB");
    [&length.to_be_bytes()[..], body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind][..], &with_length(body)].concat()
    }

    fn heard(kind: u8, body: &[u8]) -> Message {
        let bytes = sent(kind, body);
        let (message, length) = parse(&bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        message
    }

    #[test]
    fn a_query_is_what_a_server_takes() {
        assert_eq!(query("SELECT 1"), b"Q\0\0\0\x0dSELECT 1\0");
        let startup = startup("a", "b");
        assert_eq!(startup, b"\0\0\0\x1b\0\x03\0\0user\0a\0database\0b\0\0");
    }

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(literal("it's").as_deref(), Ok("'it''s'"));
        assert!(literal("a\0b").is_err());
    }

    #[test]
    fn messages_recorded_from_a_server_are_understood() {
        assert_eq!(heard(b'R', &[0, 0, 0, 0]), Message::Welcome);
        assert_eq!(heard(b'R', &[0, 0, 0, 10]), Message::Unwelcome);
        assert_eq!(heard(b'Z', b"I"), Message::Ready);
        assert_eq!(heard(b'C', b"SELECT 1\0"), Message::Done);
        let row = b"\0\x02\0\0\0\x0242\xff\xff\xff\xff";
        assert_eq!(
            heard(b'D', row),
            Message::Row(vec![Some("42".to_owned()), None])
        );
        let error = b"SERROR\0VERROR\0C25006\0Mcannot execute INSERT in a read-only \
                      transaction\0Futility.c\0L414\0RPreventCommandIfReadOnly\0\0";
        let failure = Failure {
            severity: "ERROR".to_owned(),
            state: "25006".to_owned(),
        };
        assert_eq!(heard(b'E', error), Message::Error(failure));
    }

    #[test]
    fn a_message_is_awaited_to_its_last_byte() {
        let whole = sent(b'D', b"\0\x01\0\0\0\x0242");
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), Ok(None), "{length} bytes");
        }
    }

    #[test]
    fn nonsense_is_refused_and_never_panics() {
        for nonsense in [
            &b"D\xff\xff\xff\xff"[..],
            b"D\0\0\0\x03",
            b"\x01\0\0\0\x04",
            &sent(b'D', b"\0\x01\0\0\0\x09x"),
            &sent(b'D', b"\0"),
            &sent(b'D', b"\0\x01\0\0\0\x01\xff"),
        ] {
            assert!(parse(nonsense).is_err(), "{nonsense:?}");
        }
        assert_eq!(heard(b'E', b""), Message::Error(Failure::default()));
    }
}
