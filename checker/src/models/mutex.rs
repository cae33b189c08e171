//! A lock with an owner, and perhaps with fencing tokens.

use testimony_history::{Answer, Call, Function, Value};

use super::{Bundled, unknown_word};
use crate::expert::Expert;
use crate::expert::mutex::MutexExpert;
use crate::model::Model;

/// A mutex that starts free. It is not reentrant, and only the holder releases it. Fencing tokens,
/// where told, must increase.
#[derive(Clone, Debug, Default)]
pub struct Mutex;

/// What is asked of a [`Mutex`]. Who asks matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MutexInput {
    /// The process wants to hold it.
    Acquire {
        /// Who.
        process: u64,
    },
    /// The process no longer wants to.
    Release {
        /// Who.
        process: u64,
    },
}

/// What a [`Mutex`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MutexOutput {
    /// It was free and is the caller's, perhaps with a fencing token.
    Granted(Option<i64>),
    /// It was held, by whomever.
    Refused,
    /// It was the caller's and is free.
    Released,
}

/// Who holds a [`Mutex`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MutexState {
    /// The holder.
    pub holder: Option<u64>,
    /// The highest token told. An acquisition whose token nobody learnt leaves it as it is, which
    /// is the most permissive that it can be.
    pub token: Option<i64>,
}

impl Model for Mutex {
    type Input = MutexInput;
    type Output = MutexOutput;
    type State = MutexState;

    fn init(&self) -> MutexState {
        MutexState::default()
    }

    fn step(
        &self,
        state: &MutexState,
        input: &MutexInput,
        seen: Option<&MutexOutput>,
    ) -> Option<MutexState> {
        let held = |process, token| MutexState {
            holder: Some(process),
            token,
        };
        match (*input, seen) {
            (MutexInput::Acquire { process }, None) => Some(if state.holder.is_none() {
                held(process, state.token)
            } else {
                *state
            }),
            (MutexInput::Acquire { process }, Some(MutexOutput::Granted(token))) => {
                let increases = token.is_none() || *token > state.token;
                let token = token.or(state.token);
                (state.holder.is_none() && increases).then_some(held(process, token))
            }
            (MutexInput::Acquire { .. }, Some(MutexOutput::Refused)) => {
                state.holder.is_some().then_some(*state)
            }
            (MutexInput::Release { process }, None | Some(MutexOutput::Released)) => {
                let free = MutexState {
                    holder: None,
                    token: state.token,
                };
                let holds = state.holder == Some(process);
                if holds {
                    Some(free)
                } else {
                    seen.is_none().then_some(*state)
                }
            }
            // An answer to another question.
            (MutexInput::Acquire { .. } | MutexInput::Release { .. }, Some(_)) => None,
        }
    }

    fn is_pure(&self, _input: &MutexInput, seen: Option<&MutexOutput>) -> bool {
        seen == Some(&MutexOutput::Refused)
    }
}

impl Bundled for Mutex {
    fn starting_as(initial: Option<&Value>) -> Result<Self, String> {
        match initial {
            None | Some(Value::Null) => Ok(Mutex),
            Some(other) => Err(format!("a mutex starts free, not as {other}")),
        }
    }

    fn decode_call(process: u64, call: &Call) -> Result<MutexInput, String> {
        match &call.f {
            Function::Acquire => Ok(MutexInput::Acquire { process }),
            Function::Release => Ok(MutexInput::Release { process }),
            _ => Err(unknown_word(call)),
        }
    }

    fn decode_answer(call: &Call, answer: &Answer) -> Result<MutexOutput, String> {
        match (&call.f, &answer.result) {
            (Function::Acquire, None | Some(Value::Null | Value::Bool(true))) => {
                Ok(MutexOutput::Granted(None))
            }
            (Function::Acquire, Some(Value::Bool(false))) => Ok(MutexOutput::Refused),
            (Function::Acquire, Some(Value::Int(token))) => Ok(MutexOutput::Granted(Some(*token))),
            (_, None | Some(Value::Null | Value::Bool(true))) => Ok(MutexOutput::Released),
            (_, Some(other)) => Err(format!("its `result` {other} has no meaning")),
        }
    }

    fn state_in_words(state: &MutexState) -> String {
        let token = state
            .token
            .map_or(String::new(), |token| format!(", highest token {token}"));
        match state.holder {
            Some(process) => format!("held by p{process}{token}"),
            None => format!("free{token}"),
        }
    }

    fn expert() -> Box<dyn Expert<Self>> {
        Box::new(MutexExpert)
    }
}
