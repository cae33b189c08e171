//! Rare courses of events, told step by step.

mod figure_8;
mod lease;
mod script;
