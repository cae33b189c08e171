//! Node processes: started so that they cannot outlive the harness, signalled, watched, reaped.

mod child;
mod exec;
mod port;
mod spawner;

pub(crate) use child::Child;
pub use child::Exit;
pub use exec::{EXEC_SUBCOMMAND, Entrance};
pub(crate) use exec::{bind_to_parent, has_become_its_program};
pub(crate) use port::ReservedPort;
pub use spawner::Launcher;
pub(crate) use spawner::{Pipes, Spawner, Start};

#[cfg(test)]
mod tests;
