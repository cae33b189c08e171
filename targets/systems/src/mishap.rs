//! What is known of a call that was not answered, and the reply that says so.

use std::sync::Arc;

use testimony_engine::NodeName;
use testimony_history::{Answer, Call, Ending, Function, Reply, Value};

/// Why a call has no answer. Each system's table says which it is; what no table lists is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It did not take effect, and never will.
    NotApplied(String),
    /// Nobody knows.
    Unknown(String),
}

/// What was answered, and what the system told of its inside with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) extra: Vec<(Arc<str>, Value)>,
}

impl Mishap {
    /// Certain whatever became of it, since nothing of the call was sent.
    pub(crate) fn before_sending(self) -> Self {
        let (Mishap::NotApplied(error) | Mishap::Unknown(error)) = self;
        Mishap::NotApplied(error)
    }
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        Answered {
            answer,
            extra: Vec::new(),
        }
    }
}

/// The reply to a call for which `node` was asked. A call that changes nothing and got no answer
/// has failed, whatever happened: it may be dropped from a history.
pub(crate) fn reply(node: &NodeName, call: &Call, became: Result<Answered, Mishap>) -> Reply {
    let (ending, extra) = match became {
        Ok(answered) => (Ending::Ok(answered.answer), answered.extra),
        Err(Mishap::Unknown(error)) if !is_pure(&call.f) => (Ending::Info(error.into()), vec![]),
        Err(Mishap::Unknown(error) | Mishap::NotApplied(error)) => {
            (Ending::Fail(error.into()), vec![])
        }
    };
    Reply {
        ending,
        attempts: 1,
        node: Some(Arc::from(node.as_str())),
        extra,
    }
}

/// Whether a call changes nothing.
pub(crate) fn is_pure(f: &Function) -> bool {
    matches!(f, Function::Read | Function::Contains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(f: Function, mishap: Mishap) -> Ending {
        let call = Call {
            f,
            key: None,
            value: None,
        };
        reply(&"n1".into(), &call, Err(mishap)).ending
    }

    #[test]
    fn only_an_update_can_be_unknown() {
        let lost = || Mishap::Unknown("lost".to_owned());
        assert!(matches!(ending(Function::Write, lost()), Ending::Info(_)));
        assert!(matches!(ending(Function::Dequeue, lost()), Ending::Info(_)));
        assert!(matches!(ending(Function::Read, lost()), Ending::Fail(_)));
        let refused = lost().before_sending();
        assert!(matches!(ending(Function::Write, refused), Ending::Fail(_)));
    }
}
