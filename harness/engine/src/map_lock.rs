//! A lock that is made of one key of a linearizable map: read who holds it, then compare and set.
//!
//! The key says whose the lock is, and how often it was acquired so far, which is the fencing token
//! of the next holder. So no value comes twice, and a compare-and-set that matches takes the lock
//! from the very state that was read. Pure: whoever has a map makes the calls.
//!
//! What the caller is told is true of a mutex if the map is linearizable. An acquisition is granted
//! at its compare-and-set. It is refused at its read if somebody holds the lock then; if the
//! compare-and-set does not match, somebody acquired the lock since the read, and at that moment
//! it was held.

use testimony_history::{Answer, Call, Function, Value};

use crate::ProcessId;

/// What follows from an answer of the map.
#[derive(Clone, Debug, PartialEq)]
pub enum LockStep {
    /// Call this next.
    Ask(Call),
    /// The call is over.
    Done(Answer),
    /// The call has certainly not taken effect.
    Not(&'static str),
}

/// Whose a lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    holder: Option<ProcessId>,
    /// How often it was acquired.
    token: i64,
}

/// The map's operation that a call on a lock begins with; `None` if it is no call on a lock.
pub fn first_step(call: &Call) -> Option<Call> {
    matches!(call.f, Function::Acquire | Function::Release).then(|| Call {
        f: Function::Read,
        key: call.key.clone(),
        value: None,
    })
}

/// What follows for `process`, whose `call` on a lock led to the map's operation `step`, from what
/// that was answered.
pub fn next_step(call: &Call, process: ProcessId, step: &Call, answer: &Answer) -> LockStep {
    if step.f == Function::Cas {
        return compared(call, step, answer);
    }
    let found = answer.value.clone().unwrap_or_default();
    let state = State::read(&found);
    let then = match (&call.f, state.holder) {
        (Function::Acquire, Some(_)) => return refused(),
        (Function::Acquire, None) => State {
            holder: Some(process),
            token: state.token + 1,
        },
        (_, Some(holder)) if holder == process => State {
            holder: None,
            token: state.token,
        },
        _ => return LockStep::Not("the lock is not held by this process"),
    };
    LockStep::Ask(Call {
        f: Function::Cas,
        key: call.key.clone(),
        value: Some(Value::list([found, then.written()])),
    })
}

fn compared(call: &Call, step: &Call, answer: &Answer) -> LockStep {
    match (&call.f, answer.swapped) {
        (Function::Acquire, Some(true)) => {
            let token = match &step.value {
                Some(Value::List(pair)) if pair.len() == 2 => State::read(&pair[1]).token,
                _ => 0,
            };
            LockStep::Done(Answer {
                result: Some(Value::Int(token)),
                ..Answer::default()
            })
        }
        (Function::Acquire, _) => refused(),
        (_, Some(true)) => LockStep::Done(Answer::default()),
        _ => LockStep::Not("the lock is not held by this process any more"),
    }
}

fn refused() -> LockStep {
    LockStep::Done(Answer {
        result: Some(Value::Bool(false)),
        ..Answer::default()
    })
}

impl State {
    /// What a key says. One that was never written is a lock that was never acquired.
    fn read(value: &Value) -> State {
        let text = match value {
            Value::Str(text) => &**text,
            _ => "",
        };
        let (holder, token) = text.split_once('#').unwrap_or(("free", "0"));
        let number = holder.strip_prefix('p').and_then(|n| n.parse().ok());
        State {
            holder: number.map(ProcessId),
            token: token.parse().unwrap_or(0),
        }
    }

    fn written(self) -> Value {
        let holder = self
            .holder
            .map_or_else(|| "free".to_owned(), |process| format!("p{}", process.0));
        Value::str(&format!("{holder}#{}", self.token))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A map, and calls on locks made with it one after the other.
    #[derive(Default)]
    struct Locks(BTreeMap<Value, Value>);

    impl Locks {
        fn map(&mut self, step: &Call) -> Answer {
            let key = step.key.clone().unwrap_or_default();
            let now = self.0.get(&key).cloned().unwrap_or_default();
            let Some(Value::List(pair)) = &step.value else {
                return Answer {
                    value: Some(now),
                    ..Answer::default()
                };
            };
            let swapped = pair[0] == now;
            if swapped {
                self.0.insert(key, pair[1].clone());
            }
            Answer {
                swapped: Some(swapped),
                actual: (!swapped).then_some(now),
                ..Answer::default()
            }
        }

        fn call(&mut self, process: u64, f: Function) -> LockStep {
            let call = on_the_lock(f);
            let mut step = first_step(&call).expect("a call on a lock");
            loop {
                let answer = self.map(&step);
                match next_step(&call, ProcessId(process), &step, &answer) {
                    LockStep::Ask(next) => step = next,
                    end => return end,
                }
            }
        }
    }

    fn on_the_lock(f: Function) -> Call {
        Call {
            f,
            key: Some("m1".into()),
            value: None,
        }
    }

    fn granted(token: i64) -> LockStep {
        LockStep::Done(Answer {
            result: Some(Value::Int(token)),
            ..Answer::default()
        })
    }

    #[test]
    fn one_process_holds_it_at_a_time_and_tokens_grow() {
        let mut locks = Locks::default();
        assert_eq!(locks.call(3, Function::Acquire), granted(1));
        assert_eq!(locks.call(4, Function::Acquire), refused());
        assert_eq!(locks.call(3, Function::Acquire), refused());
        assert!(matches!(locks.call(4, Function::Release), LockStep::Not(_)));
        let released = LockStep::Done(Answer::default());
        assert_eq!(locks.call(3, Function::Release), released);
        assert_eq!(locks.call(4, Function::Acquire), granted(2));
    }

    #[test]
    fn who_comes_second_is_refused_though_it_read_a_free_lock() {
        let mut locks = Locks::default();
        let call = on_the_lock(Function::Acquire);
        let read = first_step(&call).expect("a call on a lock");
        let free = locks.map(&read);
        let late = next_step(&call, ProcessId(9), &read, &free);
        assert_eq!(locks.call(3, Function::Acquire), granted(1));
        let LockStep::Ask(cas) = late else {
            panic!("a free lock is asked for: {late:?}")
        };
        let answer = locks.map(&cas);
        assert_eq!(next_step(&call, ProcessId(9), &cas, &answer), refused());
    }

    #[test]
    fn what_is_no_call_on_a_lock_is_left_alone() {
        assert_eq!(first_step(&on_the_lock(Function::Read)), None);
    }
}
