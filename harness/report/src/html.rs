//! The report as one self-contained HTML file: no network, no fonts, no scripts.

mod check;
mod consistency;
mod contradiction;
mod page;
mod run;

pub use check::check;
pub use run::run;
