//! What a person sees while a run goes on: a bar on a terminal, a few quiet lines otherwise.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use testimony_engine::{Phase, Plan};
use testimony_lab::Progress;

use crate::terminal;

/// Shows how a run goes, on stderr.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    phase: Option<Phase>,
}

impl Display {
    pub(crate) fn new(plan: &Plan) -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| bar(plan.warm_up + plan.time));
        Display { bar, phase: None }
    }

    /// Called about ten times a second.
    pub(crate) fn show(&mut self, progress: &Progress) {
        match &self.bar {
            Some(bar) => {
                let passed = u64::try_from(progress.elapsed.as_millis()).unwrap_or(u64::MAX);
                bar.set_position(passed.min(bar.length().unwrap_or(passed)));
                bar.set_message(line(progress));
                if progress.phase == Phase::Done {
                    bar.finish_and_clear();
                }
            }
            None => self.tell_phase(progress),
        }
    }

    fn tell_phase(&mut self, progress: &Progress) {
        if self.phase.replace(progress.phase) != Some(progress.phase) {
            let at = progress.elapsed.as_secs_f64();
            terminal::tell(&format!("{at:6.1}s  {}", line(progress)));
        }
    }
}

/// A bar that a killed or interrupted run leaves behind would be in the way.
impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Duration) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
    // The template is a constant, and the test below reads it.
    let style =
        ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    bar
}

const TEMPLATE: &str = "{bar:24.cyan/dim} {msg}";

fn line(progress: &Progress) -> String {
    let leader = match (&progress.leader, progress.term) {
        (Some(leader), Some(term)) => format!("{leader} leads term {term}"),
        (Some(leader), None) => format!("{leader} leads"),
        (None, _) => "no leader".to_owned(),
    };
    let faults: Vec<&str> = progress.faults.iter().map(|kind| kind.name()).collect();
    let faults = if faults.is_empty() {
        String::new()
    } else {
        format!("  [{}]", faults.join(" "))
    };
    format!(
        "{}  {} ok {} failed {} unknown  {}/s  {leader}{faults}",
        progress.phase,
        progress.completed,
        progress.failed,
        progress.unknown,
        progress.operations_per_second,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn a_line_tells_phase_counts_leader_and_faults() {
        let progress = Progress {
            phase: Phase::Faults,
            elapsed: Duration::from_secs(3),
            operations_per_second: 210,
            completed: 600,
            failed: 4,
            unknown: 2,
            leader: Some("n2".into()),
            term: Some(7),
            faults: vec![testimony_engine::FaultKind::Halves],
        };
        let text = line(&progress);
        assert_eq!(
            text,
            "faults  600 ok 4 failed 2 unknown  210/s  n2 leads term 7  [halves]"
        );
    }
}
