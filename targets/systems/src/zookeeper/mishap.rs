//! What can go wrong with a request to ZooKeeper, and what it says about the operation.
//!
//! What is not in the table is unknown. An update is ordered by the leader, which checks it against
//! everything that is ordered before: an error code among the answers is as certain as a success.
//!
//! | what the client met | certainty | why |
//! |---|---|---|
//! | no connection, or no session was given on it | not applied | nothing was sent |
//! | a server that lags behind what the client saw | not applied | it refuses the session |
//! | `BadVersion` (-103) | not applied | the node had another version; read again, try again |
//! | `NoNode` (-101), `NodeExists` (-110) | not applied | as it says; read again, try again |
//! | `SessionExpired` (-112), `SessionMoved` (-118) | not applied | the leader checks it first |
//! | `BadArguments` (-8), `Unimplemented` (-6), `NoAuth` (-102) | not applied | refused unread |
//! | any other code, such as `ConnectionLoss` or `SystemError` | unknown | not decided by order |
//! | closed or reset after an update was sent, no answer in time | unknown | it may be ordered |
//! | an answer to another request, or of the wrong shape | unknown | we cannot tell what was done |
//! | any of these while nothing was sent that changes the object | not applied | nothing to apply |
//!
//! "Try again" repeats an update that was certainly not applied, with what was read anew. An
//! operation that changes nothing and was not answered has failed.

use std::io;

use super::packets::Code;
use crate::mishap::Mishap;
use crate::wire;

/// The codes that say that nothing was done.
const REFUSALS: [(i32, &str); 8] = [
    (-101, "no-node"),
    (-103, "bad-version"),
    (-110, "node-exists"),
    (-112, "session-expired"),
    (-118, "session-moved"),
    (-8, "bad-arguments"),
    (-6, "unimplemented"),
    (-102, "no-auth"),
];

/// What an error code says.
pub(crate) fn answered(code: Code) -> Mishap {
    match REFUSALS.iter().find(|(refusal, _)| *refusal == code.0) {
        Some((_, word)) => Mishap::NotApplied((*word).to_owned()),
        None => Mishap::Unknown(format!("code {}", code.0)),
    }
}

/// What a connection that broke says, after an update was sent or before.
pub(crate) fn broken(error: &io::Error, updating: bool) -> Mishap {
    unanswered(wire::word(error), updating)
}

/// What an answer that did not come says, after an update was sent or before.
pub(crate) fn unanswered(error: String, updating: bool) -> Mishap {
    if updating {
        Mishap::Unknown(error)
    } else {
        Mishap::NotApplied(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_codes_of_the_table_are_certain() {
        for (code, word) in REFUSALS {
            assert_eq!(answered(Code(code)), Mishap::NotApplied(word.to_owned()));
        }
        for code in [-1, -2, -4, -7, -111, 1, i32::MIN] {
            assert!(matches!(answered(Code(code)), Mishap::Unknown(_)), "{code}");
        }
    }

    #[test]
    fn a_lost_connection_is_certain_only_before_an_update() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(broken(&reset, true), Mishap::Unknown(_)));
        assert!(matches!(broken(&reset, false), Mishap::NotApplied(_)));
    }
}
