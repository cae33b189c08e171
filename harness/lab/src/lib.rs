//! Where a run happens: real processes and real time, joined by proxies on loopback, or by packets
//! between network namespaces.
//!
//! The engine decides; this crate does, checks that it took effect, and writes down what happened.
//! [`run()`] is the whole of it; [`external::run`] is for a cluster that already runs,
//! [`maelstrom::run`] for programs that speak over their standard streams. Inside, `link` and
//! `netns` are the two kinds of network between the nodes, `process` starts and signals single
//! processes, `nodes` and `site` are the cluster made of both, `faults` breaks and mends it, and
//! `run` is the loop that ties them to the conductor.

mod clock;
pub mod clocks;
pub mod disks;
mod equipment;
mod error;
pub mod external;
pub(crate) mod faults;
mod kernel;
pub mod link;
pub mod maelstrom;
pub mod netns;
mod nodes;
pub mod packets;
mod process;
mod run;
mod shell;
pub mod sim;
mod site;
#[cfg(test)]
mod testing;
mod venue;

pub use error::LabError;
pub use link::Links;
pub use nodes::Death;
pub use process::{EXEC_SUBCOMMAND, Entrance, Exit, Launcher};
pub use run::{Ended, LabOptions, Progress, run};
pub use shell::quoted;
