//! The client protocol of NATS: lines of text, some followed by a payload. Pure.

use serde_json::json;

use crate::wire::{Nonsense, Parsed};

/// A line longer than this is none of the protocol: its longest, `INFO`, is some hundred bytes.
const LINE_MAX: usize = 64 << 10;

/// What a server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A message for a subscription.
    Message(Message),
    /// It wants to know whether we live.
    Ping,
    /// It lives.
    Pong,
    /// It describes itself, or agrees.
    Other,
    /// Something is wrong; the connection is about to be closed.
    Error(String),
}

/// A message with its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) subject: String,
    /// The status in place of an answer, for example 503: nobody listens.
    pub(crate) status: Option<u16>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// The value of that header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What a client says first, and that it listens to `inbox`.
pub(crate) fn greeting(inbox: &str) -> Vec<u8> {
    let options = json!({
        "verbose": false, "pedantic": false, "headers": true, "no_responders": true,
        "lang": "rust", "version": "0", "protocol": 1,
    });
    format!("CONNECT {options}\r\nSUB {inbox}.* 1\r\nPING\r\n").into_bytes()
}

/// A message to `subject` that asks for an answer to `reply_to`.
pub(crate) fn publish(
    subject: &str,
    reply_to: &str,
    headers: &[(&str, String)],
    payload: &[u8],
) -> Vec<u8> {
    let mut block = String::new();
    for (name, value) in headers {
        block.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut bytes = if headers.is_empty() {
        format!("PUB {subject} {reply_to} {}\r\n", payload.len())
    } else {
        let block = format!("NATS/1.0\r\n{block}\r\n");
        let (head, all) = (block.len(), block.len() + payload.len());
        format!("HPUB {subject} {reply_to} {head} {all}\r\n{block}")
    }
    .into_bytes();
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// The first frame of what was heard.
pub(crate) fn frame(heard: &[u8]) -> Parsed<Frame> {
    let Some(end) = heard.windows(2).position(|pair| pair == b"\r\n") else {
        return match heard.len() {
            0..=LINE_MAX => Ok(None),
            _ => Err(Nonsense("a line without end")),
        };
    };
    let line =
        std::str::from_utf8(&heard[..end]).map_err(|_| Nonsense("a line that is no text"))?;
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let whole = |frame| Ok(Some((frame, end + 2)));
    match verb {
        "MSG" => message(rest, false, heard, end + 2),
        "HMSG" => message(rest, true, heard, end + 2),
        "PING" => whole(Frame::Ping),
        "PONG" => whole(Frame::Pong),
        "INFO" | "+OK" => whole(Frame::Other),
        "-ERR" => whole(Frame::Error(rest.trim_matches('\'').to_owned())),
        _ => Err(Nonsense("a line of an unknown kind")),
    }
}

/// A message whose line ends in the length of its headers, if it has any, and of all that follows.
fn message(line: &str, has_headers: bool, heard: &[u8], start: usize) -> Parsed<Frame> {
    let nonsense = Nonsense("a message without its lengths");
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let from_end = |place: usize| -> Option<usize> {
        let index = words.len().checked_sub(place)?;
        words.get(index)?.parse().ok()
    };
    let length = from_end(1).ok_or(nonsense)?;
    let head = if has_headers {
        from_end(2).ok_or(nonsense)?
    } else {
        0
    };
    if head > length || length > crate::wire::ANSWER_MAX {
        return Err(nonsense);
    }
    let Some(body) = heard.get(start..start + length + 2) else {
        return Ok(None);
    };
    let (status, headers) = match has_headers {
        true => self::headers(&body[..head])?,
        false => (None, Vec::new()),
    };
    let message = Message {
        subject: (*words.first().ok_or(nonsense)?).to_owned(),
        status,
        headers,
        payload: body[head..length].to_vec(),
    };
    Ok(Some((Frame::Message(message), start + length + 2)))
}

type Headers = (Option<u16>, Vec<(String, String)>);

/// A block of headers: `NATS/1.0`, perhaps a status, and a line for each header.
pub(crate) fn headers(block: &[u8]) -> Result<Headers, Nonsense> {
    let text = std::str::from_utf8(block).map_err(|_| Nonsense("headers that are no text"))?;
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
    let first = lines.next().and_then(|line| line.strip_prefix("NATS/1.0"));
    let first = first.ok_or(Nonsense("headers of another protocol"))?;
    let status = first.split_ascii_whitespace().next();
    let status = status.and_then(|word| word.parse().ok());
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let pairs = pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    Ok((status, pairs.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(bytes: &[u8]) -> Frame {
        let (frame, length) = frame(bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        frame
    }

    fn heard(bytes: &[u8]) -> Message {
        match only(bytes) {
            Frame::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_read_with_its_payload() {
        let message = heard(b"MSG _INBOX.a.1 1 26\r\n{\"stream\":\"KV_b\", \"seq\":1}\r\n");
        assert_eq!(message.subject, "_INBOX.a.1");
        assert_eq!(message.payload, b"{\"stream\":\"KV_b\", \"seq\":1}");
        assert_eq!(message.status, None);
    }

    #[test]
    fn headers_are_found_by_their_names() {
        let block = "NATS/1.0\r\nNats-Stream: KV_b\r\nNats-Sequence: 17\r\n\r\n";
        let (head, all) = (block.len(), block.len() + 1);
        let message = heard(format!("HMSG i.1 1 {head} {all}\r\n{block}5\r\n").as_bytes());
        assert_eq!(message.header("nats-sequence"), Some("17"));
        assert_eq!(
            (message.payload.as_slice(), message.status),
            (b"5".as_slice(), None)
        );
    }

    #[test]
    fn a_status_stands_in_place_of_an_answer() {
        let message = heard(b"HMSG i.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
        assert_eq!(message.status, Some(503));
        let message = heard(b"HMSG i.1 1 34 34\r\nNATS/1.0 404 Message Not Found\r\n\r\n\r\n");
        assert_eq!(message.status, Some(404));
    }

    #[test]
    fn what_is_not_all_there_is_waited_for() {
        let bytes = b"HMSG i.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n";
        for length in 0..bytes.len() {
            assert_eq!(frame(&bytes[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn other_lines_are_known_by_their_first_word() {
        assert_eq!(only(b"PING\r\n"), Frame::Ping);
        assert_eq!(only(b"INFO {\"server_id\":\"x\"}\r\n"), Frame::Other);
        let error = Frame::Error("Slow Consumer".to_owned());
        assert_eq!(only(b"-ERR 'Slow Consumer'\r\n"), error);
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
            b"MSG a 1 x\r\n",
            b"MSG\r\n",
            b"HMSG i.1 1 30 16\r\n",
            b"\xff\xff\r\n",
        ] {
            assert!(frame(bytes).is_err(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_message_with_headers_says_how_long_they_are() {
        let plain = publish("$KV.b.x", "i.1", &[], b"5");
        assert_eq!(plain, b"PUB $KV.b.x i.1 1\r\n5\r\n");
        let headers = [("Nats-Expected-Last-Subject-Sequence", "9".to_owned())];
        let bytes = publish("$KV.b.x", "i.1", &headers, b"5");
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(
            text.starts_with("HPUB $KV.b.x i.1 52 53\r\nNATS/1.0\r\n"),
            "{text}"
        );
    }
}
