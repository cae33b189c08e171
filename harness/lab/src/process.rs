//! Node processes: started so that they cannot outlive the harness, signalled, watched, reaped.

mod child;
mod exec;
mod port;
mod spawner;

pub(crate) use child::Child;
pub use child::Exit;
pub use exec::{EXEC_SUBCOMMAND, exec_under_parent};
pub(crate) use port::ReservedPort;
pub use spawner::Launcher;
pub(crate) use spawner::{Spawner, Start};

#[cfg(test)]
mod tests;
