//! Writes a history down while it happens.
//!
//! Many threads or tasks share one recorder. The time of an event is taken inside the lock that
//! orders the lines, so lines and times agree: an invocation recorded before its request leaves,
//! and a completion recorded after the answer has arrived, are never reordered. Recording an event
//! only appends to a buffer; whoever calls [`Recorder::flush`] writes it out, without holding
//! others up.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Answer, Call, Event, Header, Kind, Process, Value, jsonl};

/// With no flush for so long (in bytes), recording an event writes out the buffer itself.
const BUFFER_MAX: usize = 4 << 20;

/// The one place where the events of a run come together.
pub struct Recorder<W: io::Write + Send> {
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    pending: Mutex<Pending>,
    /// Locked before `pending`, so that buffers reach the sink in their order.
    sink: Mutex<Sink<W>>,
}

/// The number and the time that an event got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The event's `index`.
    pub index: u64,
    /// The event's `time`, in nanoseconds since the run's start.
    pub time: u64,
}

/// What a client has to tell of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What it learnt.
    pub ending: Ending,
    /// How many requests it sent; more than one only under the same session and sequence number.
    pub attempts: u32,
    /// The node that answered.
    pub node: Option<Arc<str>>,
    /// Further keys to write down.
    pub extra: Vec<(Arc<str>, Value)>,
}

/// What a client learnt of its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It happened, and here is the answer.
    Ok(Answer),
    /// It did not happen and never will; the error says why.
    Fail(Arc<str>),
    /// Nobody knows; the error says why.
    Info(Arc<str>),
}

/// Which end of an injection an event marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InjectionState {
    /// The fault has been verified to be in effect.
    Start,
    /// Its heal has been verified.
    End,
}

#[derive(Debug, Default)]
struct Pending {
    lines: Vec<u8>,
    next_index: u64,
    last_time: Option<u64>,
}

struct Sink<W> {
    /// `None` once the recorder is finished.
    out: Option<W>,
    /// The first error of the sink; nothing is written after it.
    error: Option<io::Error>,
    /// A buffer to swap with, kept for its memory.
    spare: Vec<u8>,
}

impl<W: io::Write + Send> Recorder<W> {
    /// Starts a recording: writes the header and flushes it. `clock` tells the nanoseconds since
    /// the run's start; where it stands still, times grow by one nanosecond from event to event.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn create(
        sink: W,
        header: &Header,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut pending = Pending::default();
        jsonl::write_header(&mut pending.lines, header);
        let recorder = Recorder {
            clock: Box::new(clock),
            pending: Mutex::new(pending),
            sink: Mutex::new(Sink {
                out: Some(sink),
                error: None,
                spare: Vec::new(),
            }),
        };
        recorder.flush()?;
        Ok(recorder)
    }

    /// A process is about to call. To be recorded before the request leaves.
    pub fn invoke(&self, process: u64, call: &Call, node: Option<&str>) -> Stamp {
        let mut event = blank(Process::Client(process), Kind::Invoke, call);
        event.value.clone_from(&call.value);
        event.node = node.map(Arc::from);
        self.record(event)
    }

    /// A process has learnt what became of its call. To be recorded after the answer has arrived.
    pub fn complete(&self, process: u64, call: &Call, reply: &Reply) -> Stamp {
        let kind = match reply.ending {
            Ending::Ok(_) => Kind::Ok,
            Ending::Fail(_) => Kind::Fail,
            Ending::Info(_) => Kind::Info,
        };
        let mut event = blank(Process::Client(process), kind, call);
        match &reply.ending {
            Ending::Ok(answer) => tell(&mut event, call, answer),
            Ending::Fail(error) | Ending::Info(error) => {
                event.value.clone_from(&call.value);
                event.error = Some(Value::Str(Arc::clone(error)));
            }
        }
        event.node.clone_from(&reply.node);
        let attempts = (reply.attempts > 1).then(|| attempts(reply.attempts));
        let extra: Vec<_> = attempts
            .into_iter()
            .chain(reply.extra.iter().cloned())
            .collect();
        event.extra = (!extra.is_empty()).then(|| extra.into_boxed_slice());
        self.record(event)
    }

    /// An injection has been verified to be in effect, or to be healed.
    pub fn nemesis(
        &self,
        f: &str,
        value: Value,
        injection: u64,
        state: InjectionState,
        extra: &[(&str, Value)],
    ) -> Stamp {
        let call = Call {
            f: f.into(),
            key: None,
            value: None,
        };
        let mut event = blank(Process::Named(Arc::from("nemesis")), Kind::Info, &call);
        event.value = Some(value);
        let own = [
            (Arc::from("injection"), Value::from(injection)),
            (Arc::from("state"), Value::str(state.name())),
        ];
        let further = extra
            .iter()
            .map(|(key, value)| (Arc::from(*key), value.clone()));
        event.extra = Some(own.into_iter().chain(further).collect());
        self.record(event)
    }

    /// Writes out what has been recorded, and flushes the sink. Others may record meanwhile.
    ///
    /// # Errors
    /// The first error that the sink ever returned; what is recorded after it is lost.
    pub fn flush(&self) -> io::Result<()> {
        self.drain(&mut lock(&self.sink))
    }

    /// Writes out the rest and gives the sink back.
    ///
    /// # Errors
    /// The first error that the sink ever returned.
    pub fn finish(self) -> io::Result<W> {
        let mut sink = lock(&self.sink);
        self.drain(&mut sink)?;
        sink.out
            .take()
            .ok_or_else(|| io::Error::other("the recorder is finished"))
    }

    fn record(&self, mut event: Event) -> Stamp {
        let mut pending = lock(&self.pending);
        let stamp = pending.stamp((self.clock)());
        (event.index, event.time) = (stamp.index, Some(stamp.time));
        jsonl::write_event(&mut pending.lines, &event);
        let full = pending.lines.len() > BUFFER_MAX;
        drop(pending);
        if full {
            // The error is kept and returned by the next flush.
            let _ = self.flush();
        }
        stamp
    }

    fn drain(&self, sink: &mut Sink<W>) -> io::Result<()> {
        let mut lines = std::mem::take(&mut sink.spare);
        std::mem::swap(&mut lock(&self.pending).lines, &mut lines);
        let result = sink.write(&lines);
        lines.clear();
        sink.spare = lines;
        result
    }
}

/// What was recorded is written out as far as the sink takes it.
impl<W: io::Write + Send> Drop for Recorder<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

impl<W: io::Write + Send> fmt::Debug for Recorder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

impl<W: io::Write> Sink<W> {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        if self.error.is_none() {
            self.error = out.write_all(lines).and_then(|()| out.flush()).err();
        }
        match &self.error {
            None => Ok(()),
            Some(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

impl Pending {
    fn stamp(&mut self, now: u64) -> Stamp {
        let time = self
            .last_time
            .map_or(now, |last| now.max(last.saturating_add(1)));
        let index = self.next_index;
        self.last_time = Some(time);
        self.next_index += 1;
        Stamp { index, time }
    }
}

impl InjectionState {
    /// The word in a history file.
    pub fn name(self) -> &'static str {
        match self {
            InjectionState::Start => "start",
            InjectionState::End => "end",
        }
    }
}

fn blank(process: Process, kind: Kind, call: &Call) -> Event {
    Event {
        key: call.key.clone(),
        ..Event::new(process, kind, call.f.clone())
    }
}

/// Puts an answer into the event that tells it; a call's argument is repeated.
fn tell(event: &mut Event, call: &Call, answer: &Answer) {
    event.value = answer.value.clone().or_else(|| call.value.clone());
    event.swapped = answer.swapped;
    event.actual.clone_from(&answer.actual);
    event.result.clone_from(&answer.result);
}

fn attempts(number: u32) -> (Arc<str>, Value) {
    (Arc::from("attempts"), Value::Int(i64::from(number)))
}

/// A panic while a lock was held leaves a buffer with whole lines, or a line too few.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
