//! Which operations the clients make: pure, from a seed and from what was answered.

mod params;

pub use params::{Mix, WorkloadKind, WorkloadParams};
