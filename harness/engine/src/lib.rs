//! The pure heart of a run: what to do, and when, as a function of what has happened.
//!
//! A [`Draft`] is what a user asked for; [`Plan::resolve`] makes it a [`Plan`], in which nothing is
//! left to chance. The [`Conductor`] carries a plan out: a lab tells it what happened (a [`Signal`]
//! and the time), and it answers with what to do next ([`Command`]s). It has no clock, no socket
//! and no thread, so a lab of real processes and a simulated one drive the same code, and the same
//! signals at the same times always give the same commands.
//!
//! A [`Target`] describes the system under test. The engine does not know the checker: a recording
//! cannot bend towards a verdict.

pub mod action;
mod chance;
pub mod conductor;
pub mod draft;
pub mod fault;
pub mod json;
pub mod map_lock;
pub mod nanos;
pub mod nemesis;
pub mod node;
pub mod own;
pub mod place;
pub mod plan;
pub mod record;
pub mod shrink;
pub mod signal;
pub mod span;
pub mod status;
pub mod story;
pub mod summary;
pub mod target;
pub mod workload;

pub use action::Action;
pub use chance::Chance;
pub use conductor::Conductor;
pub use draft::{Draft, NemesisDraft, WorkloadDraft};
pub use fault::{Fault, FaultKind, Flaws, Selector, Turn};
pub use nanos::Nanos;
pub use nemesis::NemesisParams;
pub use node::{Link, NodeName, ProcessId};
pub use own::{External, OwnSystem};
pub use place::ClientPlace;
pub use plan::{Plan, PlanError, PlannedCall, PlannedInjection, Script};
pub use record::InjectionRecord;
pub use signal::{Command, Phase, Signal};
pub use span::SpanRange;
pub use status::{ClusterStatus, NodeStatus, Role, StatusSample};
pub use story::{Happening, Moment};
pub use summary::{
    FinalReadCounts, InjectionCounts, InjectionTrouble, OperationCounts, Recovery, RunSummary,
    Shortcoming, Trouble,
};
pub use target::{
    AdminAction, AdminError, BoxFuture, BugInfo, Client, ClientOptions, Cluster, ClusterNode,
    NodeFile, NodeSpec, Program, RunProfile, Target, TargetInfo,
};
pub use workload::{Mix, WorkloadKind, WorkloadParams};
