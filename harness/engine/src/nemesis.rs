//! Which faults, when: a schedule drawn from a seed before the run begins.

mod episode;
mod lanes;
mod params;
mod schedule;

pub use params::NemesisParams;
pub use schedule::schedule;
