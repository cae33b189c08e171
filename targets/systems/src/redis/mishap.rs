//! What can go wrong with a command to Redis, and what it says about the operation.
//!
//! What is not in the table is unknown. "Refused" rows rest on the order in which a Redis server
//! works: it checks all of these before it runs a command, and a script of ours has one writing
//! command, its last, so that an error of it left nothing done.
//!
//! | what the client met | certainty | why |
//! |---|---|---|
//! | no Sentinel answers, or none knows a master | not applied | nothing was sent |
//! | no connection to the server, or its `ROLE` is not `master` | not applied | nothing was sent |
//! | `READONLY` | not applied | a replica refuses writes before it runs them |
//! | `NOREPLICAS` | not applied | refused before it is run: too few replicas keep up |
//! | `LOADING` | not applied | refused: the server still reads its data set |
//! | `MASTERDOWN` | not applied | refused: the replica has no master and may not serve |
//! | `MISCONF` | not applied | refused: the server cannot save, and takes no writes |
//! | `OOM` | not applied | refused: the server has no memory left for writes |
//! | `BUSY` | not applied | refused: a script runs |
//! | `WRONGTYPE` | not applied | the key holds another kind of object; checked before changes |
//! | any other error | unknown | we do not know when it is decided |
//! | closed or reset after sending, no answer in time | unknown | it may have been run |
//! | an answer of the wrong shape | unknown | something was done, and not what we know |
//!
//! An operation that changes nothing and was not answered has failed.

use std::io;

use crate::mishap::Mishap;
use crate::wire;

/// The first words of errors that say that nothing was done.
const REFUSALS: [&str; 8] = [
    "READONLY",
    "NOREPLICAS",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "OOM",
    "BUSY",
    "WRONGTYPE",
];

/// What an error that the server answered says.
pub(crate) fn answered(error: &str) -> Mishap {
    let word = error.split(' ').next().unwrap_or_default();
    if REFUSALS.contains(&word) {
        Mishap::NotApplied(word.to_owned())
    } else {
        Mishap::Unknown(error.to_owned())
    }
}

/// What a connection that broke after sending says.
pub(crate) fn broken(error: &io::Error) -> Mishap {
    Mishap::Unknown(wire::word(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_refuses_was_not_applied() {
        for error in [
            "READONLY You can't write against a read only replica.",
            "READONLY You can't write against a read only replica. script: a1, on @user_script:3.",
            "NOREPLICAS Not enough good replicas to write.",
            "LOADING Redis is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "MISCONF Redis is configured to save RDB snapshots, but ...",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "BUSY Redis is busy running a script.",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
        ] {
            assert!(matches!(answered(error), Mishap::NotApplied(_)), "{error}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_unknown() {
        for error in ["", "ERR unknown command", "READONLYX", "TRYAGAIN later"] {
            assert!(matches!(answered(error), Mishap::Unknown(_)), "{error}");
        }
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(broken(&reset), Mishap::Unknown(_)));
    }
}
