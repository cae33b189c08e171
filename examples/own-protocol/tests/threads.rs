//! The recorder and the checker in a plain test of something else: a map that threads share.
//!
//! Nothing of the lab is needed. Tasks of a runtime, or hosts of a simulated network, are recorded
//! in the same way: `invoke` before the request leaves, `complete` after the answer has arrived,
//! each under the number of the client.

use std::collections::HashMap;
use std::sync::{Barrier, Mutex};
use std::thread;

use testimony_checker::{Budget, Verdict, check_recorded};
use testimony_history::{
    Answer, Call, Ending, Header, Model, ReadOptions, Recorder, Reply, Value, read,
};

const CLIENTS: u64 = 4;
const ROUNDS: u64 = 10;

/// What is tested: a client's way to the map.
trait Client: Send {
    fn read(&mut self, key: u64) -> Option<u64>;

    /// Whether it was acknowledged. If not, it may have happened.
    fn write(&mut self, key: u64, value: u64) -> bool;
}

/// The map.
#[derive(Default)]
struct Shared {
    values: Mutex<HashMap<u64, u64>>,
}

impl Shared {
    fn get(&self, key: u64) -> Option<u64> {
        self.values.lock().expect("no panic").get(&key).copied()
    }

    fn put(&self, key: u64, value: u64) {
        self.values.lock().expect("no panic").insert(key, value);
    }
}

/// Asks the map every time. Now and then the answer to a write gets lost.
struct Direct<'a> {
    map: &'a Shared,
    writes: u64,
}

impl Client for Direct<'_> {
    fn read(&mut self, key: u64) -> Option<u64> {
        self.map.get(key)
    }

    fn write(&mut self, key: u64, value: u64) -> bool {
        self.map.put(key, value);
        self.writes += 1;
        !self.writes.is_multiple_of(4)
    }
}

/// Remembers what it has read and written. The mistake: nobody tells it what others write.
struct Cached<'a> {
    map: &'a Shared,
    known: HashMap<u64, Option<u64>>,
}

impl Client for Cached<'_> {
    fn read(&mut self, key: u64) -> Option<u64> {
        let fresh = || self.map.get(key);
        *self.known.entry(key).or_insert_with(fresh)
    }

    fn write(&mut self, key: u64, value: u64) -> bool {
        self.map.put(key, value);
        self.known.insert(key, Some(value));
        true
    }
}

/// A client whose calls are written down.
struct Recorded<'a, C> {
    process: u64,
    recorder: &'a Recorder<Vec<u8>>,
    client: C,
}

impl<C: Client> Recorded<'_, C> {
    fn read(&mut self, key: u64) {
        let call = call("read", key, None);
        self.recorder.invoke(self.process, &call, None);
        let read = self.client.read(key);
        let answer = Answer {
            value: Some(read.map_or(Value::Null, Value::from)),
            ..Answer::default()
        };
        self.complete(&call, Ending::Ok(answer));
    }

    /// Without an answer nobody knows whether it happened: it ends as `Info`. `Fail` would say that
    /// it did not, and never will. After `Info` the client goes on under a number of its own, for a
    /// process has one call at a time, and this one stays open.
    fn write(&mut self, key: u64, value: u64) {
        let call = call("write", key, Some(value.into()));
        self.recorder.invoke(self.process, &call, None);
        if self.client.write(key, value) {
            self.complete(&call, Ending::Ok(Answer::default()));
        } else {
            self.complete(&call, Ending::Info("no answer".into()));
            self.process += CLIENTS;
        }
    }

    fn complete(&self, call: &Call, ending: Ending) {
        let reply = Reply {
            ending,
            attempts: 1,
            node: None,
            extra: Vec::new(),
        };
        self.recorder.complete(self.process, call, &reply);
    }
}

fn call(f: &str, key: u64, value: Option<Value>) -> Call {
    Call {
        f: f.into(),
        key: Some(Value::from(key)),
        value,
    }
}

/// Lets clients work at the same time, and judges what they saw. In every round each client reads
/// all keys and writes its own; a round begins when all have ended the last one, so that what was
/// written in it must be seen from then on.
fn verdict<C: Client>(clients: impl Iterator<Item = C>) -> Verdict {
    let header = Header {
        model: Some(Model::Kv),
        ..Header::default()
    };
    // A clock that stands still: the order of the events is all that counts.
    let recorder = Recorder::create(Vec::new(), &header, || 0).expect("memory takes it");
    let together = Barrier::new(usize::try_from(CLIENTS).expect("few"));
    thread::scope(|scope| {
        for (process, client) in (0..CLIENTS).zip(clients) {
            let mut client = Recorded {
                process,
                recorder: &recorder,
                client,
            };
            let together = &together;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    together.wait();
                    (0..CLIENTS).for_each(|key| client.read(key));
                    client.write(process, round);
                }
            });
        }
    });
    judge(&recorder.finish().expect("memory takes it"))
}

fn judge(history: &[u8]) -> Verdict {
    let recording = read(history, &ReadOptions::default()).expect("well-formed");
    let (history, warnings) = recording.history(Model::Kv).expect("it fits the model");
    assert_eq!(warnings, []);
    // A verdict about nothing would be worth nothing.
    let calls = usize::try_from(CLIENTS * ROUNDS * (CLIENTS + 1)).expect("few");
    assert_eq!(history.operations().len(), calls);
    check_recorded(Model::Kv, None, &history, &Budget::for_tests()).verdict
}

#[test]
fn a_map_behind_a_lock_is_linearizable_also_if_answers_get_lost() {
    let map = Shared::default();
    let clients = std::iter::repeat_with(|| Direct {
        map: &map,
        writes: 0,
    });
    let verdict = verdict(clients);
    assert!(matches!(verdict, Verdict::Linearizable(_)), "{verdict:?}");
}

#[test]
fn a_cache_that_is_not_invalidated_is_found() {
    let map = Shared::default();
    let clients = std::iter::repeat_with(|| Cached {
        map: &map,
        known: HashMap::new(),
    });
    let Verdict::Illegal(found) = verdict(clients) else {
        panic!("the stale reads were not found");
    };
    // Two values contradict each other: of each its write, who saw it first, and who saw it last.
    let size = found.operations.operations().len();
    assert!((2..=6).contains(&size), "{}", found.explanation.headline);
}
