//! Recording while it happens.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use testimony_history::{
    Answer, Call, Ending, Function, Header, InjectionState, Model, Outcome, ReadOptions, Recorder,
    Reply, Stamp, Value, Warning, read,
};

use crate::reads;

/// A sink that others can look into.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no panic");
        String::from_utf8(bytes.clone()).expect("a history is UTF-8")
    }
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_of(value: i64) -> Call {
    Call {
        f: Function::Write,
        key: Some("x".into()),
        value: Some(value.into()),
    }
}

fn reply(ending: Ending) -> Reply {
    Reply {
        ending,
        attempts: 1,
        node: None,
        extra: Vec::new(),
    }
}

fn done() -> Reply {
    reply(Ending::Ok(Answer::default()))
}

#[test]
fn a_recording_says_what_was_recorded() {
    let header = Header {
        model: Some(Model::Kv),
        seed: Some(7),
        ..Header::default()
    };
    let recorder = Recorder::create(Vec::new(), &header, || 1000).unwrap();
    let cas = Call {
        f: Function::Cas,
        key: Some("x".into()),
        value: Some(Value::list([1.into(), 2.into()])),
    };
    let read = Call {
        f: Function::Read,
        key: Some("x".into()),
        value: None,
    };
    recorder.invoke(0, &cas, Some("n2"));
    let refused = Answer {
        swapped: Some(false),
        actual: Some(3.into()),
        ..Answer::default()
    };
    let answer = Reply {
        attempts: 2,
        node: Some("n3".into()),
        extra: vec![("term".into(), 4.into())],
        ..reply(Ending::Ok(refused))
    };
    recorder.complete(0, &cas, &answer);
    let partition = Value::list([Value::list(["n1".into()])]);
    let cut = [("kind", "halves".into())];
    recorder.nemesis("partition", partition, 5, InjectionState::Start, &cut);
    recorder.invoke(1, &read, None);
    recorder.complete(1, &read, &reply(Ending::Fail("refused".into())));
    recorder.nemesis("partition", Value::Null, 5, InjectionState::End, &[]);
    recorder.invoke(1, &write_of(9), None);
    let stamp = recorder.complete(1, &write_of(9), &reply(Ending::Info("timeout".into())));
    assert_eq!(
        stamp,
        Stamp {
            index: 7,
            time: 1007
        }
    );
    let text = String::from_utf8(recorder.finish().unwrap()).unwrap();
    let expected = r#"{"testimony":1,"model":"kv","seed":7}
{"index":0,"time":1000,"process":0,"type":"invoke","f":"cas","key":"x","value":[1,2],"node":"n2"}
{"index":1,"time":1001,"process":0,"type":"ok","f":"cas","key":"x","value":[1,2],"swapped":false,"actual":3,"node":"n3","attempts":2,"term":4}
{"index":2,"time":1002,"process":"nemesis","type":"info","f":"partition","value":[["n1"]],"injection":5,"state":"start","kind":"halves"}
{"index":3,"time":1003,"process":1,"type":"invoke","f":"read","key":"x"}
{"index":4,"time":1004,"process":1,"type":"fail","f":"read","key":"x","error":"refused"}
{"index":5,"time":1005,"process":"nemesis","type":"info","f":"partition","value":null,"injection":5,"state":"end"}
{"index":6,"time":1006,"process":1,"type":"invoke","f":"write","key":"x","value":9}
{"index":7,"time":1007,"process":1,"type":"info","f":"write","key":"x","value":9,"error":"timeout"}
"#;
    assert_eq!(text, expected);
    let (history, warnings) = reads(&text).history(Model::Kv).unwrap();
    assert_eq!((history.operations().len(), warnings), (3, vec![]));
}

#[test]
fn many_threads_make_one_history_with_increasing_times() {
    const THREADS: u64 = 8;
    const CALLS: u64 = 2000;
    let sink = Shared::default();
    // A clock that is far too coarse, and sometimes goes back.
    let ticks = AtomicU64::new(0);
    let clock = move || ticks.fetch_add(1, Ordering::Relaxed) / 100 % 50;
    let recorder = Recorder::create(sink.clone(), &Header::default(), clock).unwrap();
    thread::scope(|scope| {
        for process in 0..THREADS {
            let recorder = &recorder;
            scope.spawn(move || {
                for number in 0..CALLS {
                    let call = write_of(number.cast_signed());
                    let called = recorder.invoke(process, &call, Some("n1"));
                    let returned = recorder.complete(process, &call, &done());
                    assert!(called.time < returned.time && called.index < returned.index);
                    if number % 100 == 0 {
                        recorder.flush().unwrap();
                    }
                }
            });
        }
    });
    drop(recorder);
    let recording = reads(&sink.text());
    assert_eq!(recording.warnings, []);
    assert_eq!(recording.events.len() as u64, 2 * THREADS * CALLS);
    assert!(
        recording
            .events
            .windows(2)
            .all(|pair| pair[0].time < pair[1].time)
    );
    assert!(
        (0..)
            .zip(&recording.events)
            .all(|(index, event)| event.index == index)
    );
    let (history, warnings) = recording.history(Model::Kv).unwrap();
    assert_eq!(warnings, []);
    let completed = |outcome: &Outcome<_>| matches!(outcome, Outcome::Completed(_));
    assert!(history.operations().iter().all(|op| completed(&op.outcome)));
}

#[test]
fn what_was_flushed_is_readable_wherever_the_rest_is_cut() {
    let sink = Shared::default();
    let recorder = Recorder::create(sink.clone(), &Header::default(), || 0).unwrap();
    assert_eq!(reads(&sink.text()).events, []);
    for number in 0..3 {
        recorder.invoke(number, &write_of(1), None);
    }
    recorder.flush().unwrap();
    let flushed = sink.text();
    recorder.invoke(3, &write_of(1), None);
    assert_eq!(sink.text(), flushed);
    assert_eq!(reads(&flushed).events.len(), 3);
    drop(recorder);
    let whole = sink.text();
    for end in flushed.len() + 1..whole.len() - 1 {
        let recording = read(&whole.as_bytes()[..end], &ReadOptions::default()).unwrap();
        assert_eq!(recording.events.len(), 3);
        assert_eq!(recording.warnings, [Warning::TornLastLine { line: 5 }]);
    }
    assert_eq!(reads(&whole).events.len(), 4);
}

/// A disk that is full after so many bytes.
struct Full(usize);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("{} left", self.0),
            ));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_first_error_of_the_sink_is_kept() {
    assert!(Recorder::create(Full(3), &Header::default(), || 0).is_err());
    let recorder = Recorder::create(Full(100), &Header::default(), || 0).unwrap();
    recorder.invoke(0, &write_of(1), None);
    let left = 100 - "{\"testimony\":1}\n".len();
    for _ in 0..2 {
        recorder.complete(0, &write_of(1), &done());
        let error = recorder.flush().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), format!("{left} left"));
    }
    assert_eq!(
        recorder.finish().err().map(|error| error.kind()),
        Some(io::ErrorKind::StorageFull)
    );
}

/// A disk that takes its time: it says when it is asked, and waits to be told to go on.
struct Slow(mpsc::Sender<()>, mpsc::Receiver<()>);

impl io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::other("the test is over");
        self.0
            .send(())
            .map_err(|_| io::Error::other("the test is over"))?;
        self.1.recv_timeout(Duration::from_secs(30)).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn recording_does_not_wait_for_a_flush() {
    let (asked, is_asked) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    go_on.send(()).unwrap();
    let sink = Slow(asked, goes_on);
    let recorder = Recorder::create(sink, &Header::default(), || 0).unwrap();
    is_asked.recv().unwrap();
    recorder.invoke(0, &write_of(1), None);
    thread::scope(|scope| {
        let flush = scope.spawn(|| recorder.flush());
        is_asked.recv_timeout(Duration::from_secs(30)).unwrap();
        // The sink is now in the middle of a write that ends only after these.
        recorder.complete(0, &write_of(1), &done());
        recorder.invoke(0, &write_of(2), None);
        go_on.send(()).unwrap();
        flush.join().unwrap().unwrap();
    });
    go_on.send(()).unwrap();
    recorder.flush().unwrap();
}
