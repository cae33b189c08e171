//! Disks of single nodes that are slow, fail, are full, or can only be read.
//!
//! What a program saves is late, or fails, because the kernel stops its system calls that save and
//! asks the lab what becomes of them: [`announce_saves`] sets that up in a process before it
//! becomes a node, and the [`Supervisor`] decides. A [`SmallDisk`] is a file system in memory that
//! can be made full and unwritable.

mod filter;
mod small;
mod supervisor;

pub use filter::announce_saves;
pub use small::{Obstacle, SmallDisk};
pub use supervisor::{SaveCounts, Saves, Supervisor};
