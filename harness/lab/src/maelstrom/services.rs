//! What nodes may ask instead of each other: `lin-kv`, `seq-kv` and `lin-tso`.
//!
//! They are never cut off and lose nothing. `lin-kv` is linearizable; `seq-kv` is sequentially
//! consistent and no more: all see the changes in one order, but a reader may be behind, up to what
//! it has seen or done itself; `lin-tso` gives numbers, each larger than those before.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use testimony_engine::Chance;

use super::codes::{MALFORMED, NO_SUCH_KEY, NOT_SUPPORTED, PRECONDITION_FAILED};
use super::message::{Message, body};

/// How far a reader of `seq-kv` may be behind, in changes.
const BEHIND_MAX: u64 = 32;

/// Names that nobody else may have.
pub(crate) const NAMES: [&str; 4] = ["lin-kv", "seq-kv", "lww-kv", "lin-tso"];

/// The services, with what they keep.
pub(crate) struct Services {
    lin: Store,
    seq: Store,
    /// How many changes of `seq` each of its clients has seen at least.
    seen: BTreeMap<String, u64>,
    stamps: u64,
    chance: Chance,
}

/// A map with all that it ever held.
#[derive(Default)]
struct Store {
    changes: u64,
    /// By key: the values, each with the number of the change that made it.
    versions: BTreeMap<String, Vec<(u64, Json)>>,
}

impl Services {
    pub(crate) fn new(seed: u64) -> Self {
        Services {
            lin: Store::default(),
            seq: Store::default(),
            seen: BTreeMap::new(),
            stamps: 0,
            chance: Chance::new(seed, "services"),
        }
    }

    /// The answer to a message to one of them.
    pub(crate) fn answer(&mut self, message: &Message) -> Message {
        let answer = match message.dest.as_str() {
            "lin-kv" => {
                let now = self.lin.changes;
                self.lin.answer(&message.body, now)
            }
            "seq-kv" => self.answer_sequentially(message),
            "lin-tso" if message.kind() == "ts" => {
                self.stamps += 1;
                json!({ "type": "ts_ok", "ts": self.stamps })
            }
            other => {
                let text = format!("{other} is not offered, or does not understand this");
                error(NOT_SUPPORTED, &text)
            }
        };
        message.reply(body(answer))
    }

    fn answer_sequentially(&mut self, message: &Message) -> Json {
        let now = self.seq.changes;
        let seen = self.seen.entry(message.src.clone()).or_default();
        if message.kind() == "read" {
            let oldest = (*seen).max(now.saturating_sub(BEHIND_MAX));
            *seen = self.chance.between(oldest, now);
            return self.seq.answer(&message.body, *seen);
        }
        let answer = self.seq.answer(&message.body, now);
        *seen = self.seq.changes;
        answer
    }
}

impl Store {
    /// Answers a request; a read as of so many changes.
    fn answer(&mut self, request: &Map<String, Json>, as_of: u64) -> Json {
        let part = |name: &str| request.get(name).cloned();
        let Some(key) = part("key").map(|key| key.to_string()) else {
            return error(MALFORMED, "a request has a `key`");
        };
        let kind = request.get("type").and_then(Json::as_str);
        match (kind, part("value"), part("from"), part("to")) {
            (Some("read"), ..) => match self.read(&key, as_of) {
                Some(value) => json!({ "type": "read_ok", "value": value }),
                None => error(NO_SUCH_KEY, "there is no such key"),
            },
            (Some("write"), Some(value), ..) => {
                self.write(key, value);
                json!({ "type": "write_ok" })
            }
            (Some("cas"), _, Some(from), Some(to)) => {
                let creates = request.get("create_if_not_exists") == Some(&Json::Bool(true));
                self.swap(key, &from, to, creates)
            }
            (Some("write" | "cas"), ..) => error(MALFORMED, "a part of the request is missing"),
            _ => error(NOT_SUPPORTED, "there are `read`, `write` and `cas`"),
        }
    }

    fn swap(&mut self, key: String, from: &Json, to: Json, creates: bool) -> Json {
        match self.read(&key, self.changes) {
            None if !creates => return error(NO_SUCH_KEY, "there is no such key"),
            Some(actual) if actual != *from => {
                let text = format!("expected {from}, but had {actual}");
                return error(PRECONDITION_FAILED, &text);
            }
            _ => self.write(key, to),
        }
        json!({ "type": "cas_ok" })
    }

    fn read(&self, key: &str, as_of: u64) -> Option<Json> {
        let versions = self.versions.get(key)?;
        let later = versions.partition_point(|(change, _)| *change <= as_of);
        let (_, value) = versions.get(later.checked_sub(1)?)?;
        Some(value.clone())
    }

    fn write(&mut self, key: String, value: Json) {
        self.changes += 1;
        let version = (self.changes, value);
        self.versions.entry(key).or_default().push(version);
    }
}

fn error(code: u64, text: &str) -> Json {
    json!({ "type": "error", "code": code, "text": text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(services: &mut Services, from: &str, to: &str, request: Json) -> Json {
        let message = Message {
            src: from.to_owned(),
            dest: to.to_owned(),
            body: body(request),
        };
        Json::Object(services.answer(&message).body)
    }

    fn write(services: &mut Services, to: &str, value: u64) {
        let request = json!({ "type": "write", "key": "x", "value": value });
        let answer = ask(services, "n1", to, request);
        assert_eq!(answer, json!({ "type": "write_ok" }));
    }

    fn read(services: &mut Services, from: &str, to: &str) -> u64 {
        let answer = ask(services, from, to, json!({ "type": "read", "key": "x" }));
        answer["value"].as_u64().unwrap_or(0)
    }

    #[test]
    fn lin_kv_answers_the_last_write_and_compares() {
        let mut services = Services::new(1);
        let absent = json!({ "type": "read", "key": "x", "msg_id": 7 });
        let absent = ask(&mut services, "n1", "lin-kv", absent);
        assert_eq!(
            (&absent["code"], &absent["in_reply_to"]),
            (&20.into(), &7.into())
        );
        write(&mut services, "lin-kv", 3);
        assert_eq!(read(&mut services, "n2", "lin-kv"), 3);
        let cas = |from: u64| json!({ "type": "cas", "key": "x", "from": from, "to": 9 });
        assert_eq!(ask(&mut services, "n1", "lin-kv", cas(4))["code"], 22);
        assert_eq!(ask(&mut services, "n1", "lin-kv", cas(3))["type"], "cas_ok");
        assert_eq!(read(&mut services, "n2", "lin-kv"), 9);
        let create = json!({
            "type": "cas", "key": "y", "from": 0, "to": 1, "create_if_not_exists": true
        });
        assert_eq!(ask(&mut services, "n1", "lin-kv", create)["type"], "cas_ok");
    }

    #[test]
    fn a_reader_of_seq_kv_may_be_behind_but_never_goes_back() {
        let mut services = Services::new(1);
        let (mut last, mut behind) = (0, 0);
        for value in 1..200 {
            write(&mut services, "seq-kv", value);
            assert_eq!(
                read(&mut services, "n1", "seq-kv"),
                value,
                "the writer saw its write"
            );
            let seen = read(&mut services, "n2", "seq-kv");
            assert!(seen >= last && seen <= value && value - seen <= BEHIND_MAX);
            behind += u64::from(seen < value);
            last = seen;
        }
        assert!(behind > 50, "{behind}");
    }

    #[test]
    fn stamps_grow_and_what_is_not_offered_says_so() {
        let mut services = Services::new(1);
        let stamp = || json!({ "type": "ts" });
        let first = ask(&mut services, "n1", "lin-tso", stamp());
        let second = ask(&mut services, "n2", "lin-tso", stamp());
        assert!(first["ts"].as_u64() < second["ts"].as_u64());
        let read = json!({ "type": "read", "key": "x" });
        assert_eq!(ask(&mut services, "n1", "lww-kv", read)["code"], 10);
    }
}
