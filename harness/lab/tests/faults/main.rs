//! Faults on programs as they are, each seen from outside: on this machine's kernel, in namespaces
//! that the test makes where it needs any.

#![expect(clippy::unwrap_used, reason = "whatever fails here fails a test")]

mod clocks;
mod disks;
mod namespace;
mod packets;
