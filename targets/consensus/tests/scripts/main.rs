//! Rare courses of events, told step by step.

mod figure_8;
mod lease;
#[cfg(test)]
mod script;
mod vote;
