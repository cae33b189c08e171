//! The lab of network namespaces: every node has an address of its own, and real packets are cut.
//!
//! `passage` leads this program into namespaces in which it may do as it likes, and nothing else
//! can be touched. There, `network` joins the nodes' own namespaces by a bridge, `filter` decides
//! in the bridge what passes, `prober` sees what does, and `connections` resets connections; `post`
//! is a place for clients beside a node. `netlink` is how the kernel is asked for all that. `trial`
//! finds out what of it this machine allows.

mod connections;
mod escort;
mod filter;
mod netlink;
mod network;
mod passage;
mod post;
mod prober;
mod space;
mod trial;

/// The lab's name in plans and on the command line.
pub const LAB: &str = "netns";

pub(crate) use filter::Counts;
pub(crate) use network::Network;
pub use passage::{ENTER_SUBCOMMAND, FIRST_SUBCOMMAND, INSIDE_FLAG, be_first, cross, enter};
pub use trial::{Faculty, TRY_SUBCOMMAND, try_from_outside, try_out};

#[cfg(test)]
mod tests;
pub(crate) use post::Post;
