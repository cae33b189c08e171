//! The clients of a load, and the object that they call.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testimony_history::{Answer, Builder, Call, Function, History, OpId, RecordedHistory, Value};

use super::{Load, Object};

/// What a client asks of a cell; null is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Read,
    Write(i64),
    Cas(Option<i64>, i64),
}

#[derive(Clone, Copy)]
struct Pending {
    op: OpId,
    cell: usize,
    request: Request,
    /// What it answered, once it has taken effect: the value read, and whether it swapped.
    answer: Option<(Option<i64>, bool)>,
    /// Whether its outcome will be unknown.
    lost: bool,
}

/// How far the one stale read is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stale {
    /// Not yet, or not at all.
    Waiting,
    /// This client overwrites what its next read will answer: the value, in this cell.
    Overwriting {
        client: usize,
        cell: usize,
        value: Option<i64>,
    },
    Done,
}

struct Clients<'l> {
    load: &'l Load,
    rng: ChaCha8Rng,
    history: Builder<Call, Answer>,
    keys: Vec<Option<Value>>,
    cells: Vec<Option<i64>>,
    /// The value of the last write that returned, by cell.
    returned: Vec<Option<i64>>,
    /// Each client's process, and what it has called.
    clients: Vec<(u64, Option<Pending>)>,
    /// Updates that may take effect although nobody waits for them.
    limbo: Vec<(usize, Request)>,
    begun: usize,
    open: usize,
    lost: usize,
    written: i64,
    next_process: u64,
    stale: Stale,
}

pub(super) fn run(load: &Load) -> RecordedHistory {
    let cells = match load.object {
        Object::Map(keys) => keys,
        Object::Register | Object::CasRegister(_) => 1,
    };
    let key = |cell| match load.object {
        Object::Map(_) => Some(Value::from(format!("k{cell}").as_str())),
        Object::Register | Object::CasRegister(_) => None,
    };
    let mut clients = Clients {
        load,
        rng: ChaCha8Rng::seed_from_u64(load.seed),
        history: History::builder(),
        keys: (0..cells).map(key).collect(),
        cells: vec![None; cells],
        returned: vec![None; cells],
        clients: (0..load.processes as u64)
            .map(|process| (process, None))
            .collect(),
        limbo: Vec::new(),
        begun: 0,
        open: 0,
        lost: 0,
        written: 0,
        next_process: load.processes as u64,
        stale: Stale::Waiting,
    };
    clients.run();
    assert_eq!(
        clients.lost, load.unknown,
        "the load is too short for so many unknown outcomes"
    );
    assert_eq!(
        clients.stale == Stale::Done,
        load.stale,
        "the load is too short for a stale read"
    );
    clients.history.finish()
}

impl Clients<'_> {
    fn run(&mut self) {
        while self.begun < self.load.operations || self.open > 0 || self.overwriting().is_some() {
            let client = self.next();
            match self.clients[client].1 {
                None => self.begin(client),
                Some(Pending { answer: None, .. }) => self.take_effect(client),
                Some(pending) => self.end(client, pending),
            }
            if !self.limbo.is_empty() && self.rng.random_ratio(1, 1000) {
                let late = self.rng.random_range(0..self.limbo.len());
                let (cell, request) = self.limbo.swap_remove(late);
                self.apply(cell, request);
            }
        }
    }

    /// Any client; but a stale read follows at once on the write that makes it stale.
    fn next(&mut self) -> usize {
        let idle = |&client: &usize| self.clients[client].1.is_none();
        self.overwriting()
            .filter(idle)
            .unwrap_or_else(|| self.rng.random_range(0..self.clients.len()))
    }

    fn overwriting(&self) -> Option<usize> {
        match self.stale {
            Stale::Overwriting { client, .. } => Some(client),
            Stale::Waiting | Stale::Done => None,
        }
    }

    fn begin(&mut self, client: usize) {
        if let Stale::Overwriting {
            client: by,
            cell,
            value,
        } = self.stale
            && by == client
        {
            self.stale = Stale::Done;
            return self.call(client, cell, Request::Read, Some((value, false)));
        }
        if self.begun >= self.load.operations {
            return;
        }
        let cell = self.rng.random_range(0..self.cells.len());
        if let Some(value) = self.overwritten(cell) {
            self.stale = Stale::Overwriting {
                client,
                cell,
                value,
            };
            let request = Request::Write(self.value());
            return self.call(client, cell, request, None);
        }
        let request = self.request(cell);
        self.call(client, cell, request, None);
    }

    /// The value of a cell that a read may answer with once another write has been called and has
    /// returned: no pending operation can bring it back.
    fn overwritten(&self, cell: usize) -> Option<Option<i64>> {
        let (operations, processes) = (self.load.operations, self.load.processes);
        let late = self.begun + (operations / 100).max(4 * processes + 10) >= operations;
        if !self.load.stale || self.stale != Stale::Waiting || !late {
            return None;
        }
        let Object::CasRegister(values) = self.load.object else {
            return Some(self.returned[cell]);
        };
        let brings_back = |client: &(u64, Option<Pending>)| {
            client
                .1
                .is_some_and(|pending| written(pending.request) == Some(values))
        };
        let free = !self.clients.iter().any(brings_back);
        free.then_some(Some(values))
    }

    fn call(
        &mut self,
        client: usize,
        cell: usize,
        request: Request,
        answer: Option<(Option<i64>, bool)>,
    ) {
        let lost = self.to_be_lost(request);
        let (process, open) = &mut self.clients[client];
        let call = called(self.keys[cell].clone(), request);
        let op = self.history.invoke(*process, call);
        *open = Some(Pending {
            op,
            cell,
            request,
            answer,
            lost,
        });
        (self.begun, self.open) = (self.begun + 1, self.open + 1);
        self.lost += usize::from(lost);
    }

    /// Unknown outcomes are spread over the first nine tenths. None writes the value that the stale
    /// read answers with.
    fn to_be_lost(&self, request: Request) -> bool {
        let span = self.load.operations * 9 / 10;
        let due = (self.lost + 1) * span / (self.load.unknown + 1);
        let last = match self.load.object {
            Object::CasRegister(values) => Some(values),
            Object::Register | Object::Map(_) => None,
        };
        self.lost < self.load.unknown
            && self.begun >= due
            && written(request).is_some_and(|value| Some(value) != last)
    }

    fn take_effect(&mut self, client: usize) {
        let Some(pending) = self.clients[client].1 else {
            return;
        };
        let answer = if pending.lost && self.rng.random_bool(0.5) {
            self.limbo.push((pending.cell, pending.request));
            (None, false)
        } else {
            self.apply(pending.cell, pending.request)
        };
        if pending.lost {
            self.history.unknown(pending.op);
            self.clients[client] = (self.next_process, None);
            (self.next_process, self.open) = (self.next_process + 1, self.open - 1);
        } else {
            self.clients[client].1 = Some(Pending {
                answer: Some(answer),
                ..pending
            });
        }
    }

    fn apply(&mut self, cell: usize, request: Request) -> (Option<i64>, bool) {
        let cell = &mut self.cells[cell];
        match request {
            Request::Read => return (*cell, false),
            Request::Write(value) => *cell = Some(value),
            Request::Cas(old, new) => {
                let swaps = *cell == old;
                if swaps {
                    *cell = Some(new);
                }
                return (None, swaps);
            }
        }
        (None, false)
    }

    fn end(&mut self, client: usize, pending: Pending) {
        let (value, swapped) = pending.answer.unwrap_or_default();
        let mut answer = Answer::default();
        match pending.request {
            Request::Read => answer.value = Some(number(value)),
            Request::Write(value) => self.returned[pending.cell] = Some(value),
            Request::Cas(..) => answer.swapped = Some(swapped),
        }
        self.history.complete(pending.op, answer);
        self.clients[client].1 = None;
        self.open -= 1;
    }

    fn request(&mut self, cell: usize) -> Request {
        let dice = self.rng.random_range(0..10);
        match self.load.object {
            Object::CasRegister(_) if dice == 0 => {
                let old = if self.rng.random_bool(0.5) {
                    self.cells[cell]
                } else {
                    Some(self.value())
                };
                Request::Cas(old, self.value())
            }
            _ if dice < 5 => Request::Write(self.value()),
            _ => Request::Read,
        }
    }

    /// A value to write. Near the end of a load with a stale read, nobody writes the value that it
    /// answers with.
    fn value(&mut self) -> i64 {
        let Object::CasRegister(values) = self.load.object else {
            self.written += 1;
            return self.written;
        };
        let (operations, processes) = (self.load.operations, self.load.processes);
        let quiet = self.begun + (operations / 50).max(8 * processes + 20) >= operations;
        let most = values - i64::from(self.load.stale && quiet);
        self.rng.random_range(1..=most)
    }
}

fn written(request: Request) -> Option<i64> {
    match request {
        Request::Read => None,
        Request::Write(value) | Request::Cas(_, value) => Some(value),
    }
}

fn called(key: Option<Value>, request: Request) -> Call {
    let (f, value) = match request {
        Request::Read => (Function::Read, None),
        Request::Write(value) => (Function::Write, Some(Value::Int(value))),
        Request::Cas(old, new) => {
            let pair = Arc::from([number(old), Value::Int(new)]);
            (Function::Cas, Some(Value::List(pair)))
        }
    };
    Call { f, key, value }
}

fn number(value: Option<i64>) -> Value {
    value.map_or(Value::Null, Value::Int)
}
