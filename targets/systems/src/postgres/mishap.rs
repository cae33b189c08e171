//! What can go wrong with a statement to Postgres, and what it says about the operation.
//!
//! What is not in the table is unknown. Every operation is one statement, which is a transaction of
//! its own: an `ERROR` of a class below comes while it runs, and rolls it back. A `FATAL` or a
//! `PANIC` ends the connection, at whatever moment.
//!
//! | what the client met | certainty | why |
//! |---|---|---|
//! | no connection, or a greeting with an error (57P03, 53300, ...) | not applied | nothing was sent |
//! | `ERROR` of class 22 (data), 23 (constraint), 42 (syntax, access) | not applied | rolled back |
//! | `ERROR` of class 25, such as 25006 (read-only) | not applied | a replica writes nothing |
//! | `ERROR` 40001 (serialization), 40P01 (deadlock) | not applied | rolled back, as they say |
//! | `ERROR` of class 53 (no resources), 55 (lock), 57014 (cancelled) | not applied | rolled back |
//! | `ERROR` 40003 (completion unknown), any other | unknown | it says so, or we do not know |
//! | `FATAL`, `PANIC`, such as 57P01 (shut down) | unknown | it may have been committed |
//! | closed or reset after sending, no answer in time | unknown | it may be, or may yet be |
//! | an answer of the wrong shape | unknown | we cannot tell what was done |
//!
//! An operation that changes nothing and was not answered has failed.

use std::io;

use super::protocol::Failure;
use crate::mishap::Mishap;
use crate::wire;

/// How the SQLSTATE of an `ERROR` begins that left nothing done.
const ROLLED_BACK: [&str; 9] = [
    "22", "23", "25", "42", "40001", "40P01", "53", "55", "57014",
];

/// What an error that the server answered says.
pub(crate) fn answered(failure: &Failure) -> Mishap {
    let Failure { severity, state } = failure;
    let listed = ROLLED_BACK.iter().any(|class| state.starts_with(class));
    if severity == "ERROR" && state.len() == 5 && listed {
        Mishap::NotApplied(state.clone())
    } else {
        Mishap::Unknown(format!("{severity} {state}"))
    }
}

/// What a connection that broke after sending says.
pub(crate) fn broken(error: &io::Error) -> Mishap {
    Mishap::Unknown(wire::word(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(severity: &str, state: &str) -> Mishap {
        answered(&Failure {
            severity: severity.to_owned(),
            state: state.to_owned(),
        })
    }

    #[test]
    fn what_is_rolled_back_was_not_applied() {
        for state in [
            "22003", "23505", "25006", "42P01", "40001", "40P01", "53100", "55P03", "57014",
        ] {
            assert_eq!(met("ERROR", state), Mishap::NotApplied(state.to_owned()));
        }
    }

    #[test]
    fn what_ends_the_connection_or_is_not_listed_is_unknown() {
        for (severity, state) in [
            ("FATAL", "57P01"),
            ("PANIC", "53100"),
            ("ERROR", "40003"),
            ("ERROR", "XX000"),
            ("ERROR", "58030"),
            ("ERROR", "25"),
            ("", ""),
        ] {
            let mishap = met(severity, state);
            assert!(matches!(mishap, Mishap::Unknown(_)), "{severity} {state}");
        }
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(broken(&reset), Mishap::Unknown(_)));
    }
}
