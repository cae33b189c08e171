//! Where a run happens: real processes on loopback, a proxy in every link, real time.
//!
//! The engine decides; this crate does, checks that it took effect, and writes down what happened.

pub mod link;
mod process;

pub use link::Links;
pub use process::{EXEC_SUBCOMMAND, Exit, Launcher, exec_under_parent};
