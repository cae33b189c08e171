//! The table, for a terminal or for the documentation.
#![expect(
    clippy::print_stdout,
    reason = "the table is the answer of this program"
)]

use std::time::Duration;

use crate::measured::{Measured, Row};

/// Prints rows as they come.
pub(crate) struct Table {
    markdown: bool,
}

const COLUMNS: [&str; 9] = [
    "history",
    "verdict",
    "steps",
    "ns/op",
    "peak",
    "counterexample",
    "peer ns/op",
    "peer peak",
    "ratio",
];
const WIDTHS: [usize; 9] = [36, 28, 10, 10, 10, 14, 24, 10, 8];

impl Table {
    pub(crate) fn new(markdown: bool) -> Self {
        Table { markdown }
    }

    pub(crate) fn heading(&self, title: &str) {
        if self.markdown {
            println!("\n### {title}\n\n| {} |", COLUMNS.join(" | "));
            println!("|---|---|{}", "--:|".repeat(COLUMNS.len() - 2));
        } else {
            println!("\n{title}");
            self.cells(&COLUMNS.map(str::to_owned));
        }
    }

    pub(crate) fn remark(&self, text: &str) {
        println!("{text}");
    }

    pub(crate) fn row(&self, name: &str, row: &Row) {
        let per_op = |measured: &Measured| time_per_operation(measured, row.operations);
        self.cells(&[
            name.to_owned(),
            row.verdict.clone(),
            row.steps.to_string(),
            per_op(&row.ours),
            peak(&row.ours),
            row.concluding.map_or_else(|| "-".to_owned(), milliseconds),
            per_op(&row.peer),
            peak(&row.peer),
            ratio(&row.ours, &row.peer),
        ]);
    }

    fn cells(&self, cells: &[String; 9]) {
        if self.markdown {
            println!("| {} |", cells.join(" | "));
            return;
        }
        let mut line = format!("{:<36} {:<28}", cells[0], cells[1]);
        for (cell, width) in cells.iter().zip(WIDTHS).skip(2) {
            line.push_str(&format!(" {cell:>width$}"));
        }
        println!("{line}");
    }
}

fn time_per_operation(measured: &Measured, operations: usize) -> String {
    match measured {
        Measured::Decided { time, .. } => {
            let nanoseconds = time.as_nanos() / (operations.max(1) as u128);
            nanoseconds.to_string()
        }
        Measured::OutOfTime(time) => format!("none in {:.0} s", time.as_secs_f64()),
        Measured::Skipped(why) => (*why).to_owned(),
    }
}

fn peak(measured: &Measured) -> String {
    match measured {
        Measured::Decided { peak, .. } if *peak < 1 << 20 => format!("{} kB", peak >> 10),
        Measured::Decided { peak, .. } => format!("{} MB", peak >> 20),
        Measured::OutOfTime(_) | Measured::Skipped(_) => "-".to_owned(),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// How many times as long the peer takes; at least, if it did not end.
fn ratio(ours: &Measured, peer: &Measured) -> String {
    match (ours, peer) {
        (Measured::Decided { time: ours, .. }, Measured::Decided { time: peer, .. }) => {
            format!("{:.1}", peer.as_secs_f64() / ours.as_secs_f64())
        }
        (Measured::Decided { time: ours, .. }, Measured::OutOfTime(peer)) => {
            format!("> {:.1}", peer.as_secs_f64() / ours.as_secs_f64())
        }
        _ => "-".to_owned(),
    }
}
