//! A recording and its verdict, turned into what people and programs read: text for a terminal,
//! JSON, JUnit XML, annotations and a summary for GitHub, one self-contained HTML page, and the
//! files that hold a verdict's evidence.
//!
//! Everything here is a function from data to text or to an [`std::io::Write`]. There is no clock,
//! no file and no network in this crate; the same data gives the same bytes.

pub mod check_report;
pub mod evidence;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod outcome;
pub mod run_report;
pub mod stopped_early;
pub mod story;
pub mod text;

mod advice;
mod consistency;
mod markdown;
mod paint;
mod phrase;
mod plot;
mod scene;
mod table;

pub use check_report::{CheckReport, Timings};
pub use outcome::RunOutcome;
pub use run_report::RunReport;
pub use stopped_early::StoppedEarly;
