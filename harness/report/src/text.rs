//! What a terminal shows at the end, for someone who was woken by it: the outcome first, in words,
//! then why, then what to do.

mod blocks;
mod check;
mod consistency;
mod run;

pub use check::check;
pub(crate) use check::{judged, shrunk, took};
pub use run::run;
