//! Where a run happens: real processes on loopback, a proxy in every link, real time.
//!
//! The engine decides; this crate does, checks that it took effect, and writes down what happened.
//! [`run()`] is the whole of it. Inside, `link` is the network between the nodes, `process` starts
//! and signals single processes, `nodes` and `site` are the cluster made of both, `faults` breaks
//! and mends it, and `run` is the loop that ties them to the conductor.

mod clock;
mod error;
pub(crate) mod faults;
pub mod link;
mod nodes;
mod process;
mod run;
pub mod sim;
mod site;
#[cfg(test)]
mod testing;

pub use error::LabError;
pub use link::Links;
pub use nodes::Death;
pub use process::{EXEC_SUBCOMMAND, Exit, Launcher, exec_under_parent};
pub use run::{Ended, LabOptions, Progress, run};
