//! Single frames between nodes: late, lost, doubled, behind later ones, damaged, a few at a time.
//!
//! Kernels are often built without `netem`, so this is done here. A [`Switch`] stands in the cable
//! of every node: what the node sends into one end comes out of the other as the treatment of the
//! link says. The other end is a port of the bridge, so cuts, which are made there, hold at
//! the same time and take no notice of it.

mod frame;
mod line;
mod port;
mod switch;
mod treatment;

pub use line::Counts;
pub(crate) use line::wait_max;
pub use port::plain_frames;
pub use switch::Switch;
pub use treatment::Treatment;
