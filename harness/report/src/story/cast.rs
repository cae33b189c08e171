//! Whose operations are told and drawn: those of the counterexample, or all if they are few.

use std::collections::BTreeSet;

use testimony_engine::{Happening, Moment};

use crate::RunReport;

/// So many operations are few.
const FEW: usize = 24;

/// The operations that matter, and who takes part.
pub(crate) struct Cast {
    /// When they were called, by process.
    called: BTreeSet<(String, u64)>,
    /// When they ended, by process.
    ended: BTreeSet<(String, u64)>,
}

impl Cast {
    /// Of a run: the operations of its counterexample, unless there are few altogether.
    pub(crate) fn of(report: &RunReport<'_>) -> Self {
        let all = Cast::of_all(report.story);
        if all.called.len() <= FEW {
            return all;
        }
        let scene = report.scene().unwrap_or_default();
        let shown = scene.operations.iter();
        let shown: BTreeSet<(String, u64)> = shown
            .filter_map(|shown| Some((format!("p{}", shown.process), shown.from?)))
            .collect();
        Cast::among(report.story, |process, time| {
            shown.contains(&(process.to_owned(), time))
        })
    }

    /// All operations.
    pub(crate) fn of_all(story: &[Moment]) -> Self {
        Cast::among(story, |_, _| true)
    }

    /// The chosen ones: an operation ends when its process next learns something.
    fn among(story: &[Moment], is_chosen: impl Fn(&str, u64) -> bool) -> Self {
        let mut cast = Cast {
            called: BTreeSet::new(),
            ended: BTreeSet::new(),
        };
        let mut open: BTreeSet<&str> = BTreeSet::new();
        for moment in story {
            let time = moment.time.0;
            match &moment.what {
                Happening::Called { process, .. } if is_chosen(process, time) => {
                    cast.called.insert((process.clone(), time));
                    open.insert(process);
                }
                Happening::Ended { process, .. } if open.remove(process.as_str()) => {
                    cast.ended.insert((process.clone(), time));
                }
                _ => {}
            }
        }
        cast
    }

    /// Whether a process calls one of them then.
    pub(crate) fn calls(&self, process: &str, time: u64) -> bool {
        self.called.contains(&(process.to_owned(), time))
    }

    /// Whether one of them ends then.
    pub(crate) fn ends(&self, process: &str, time: u64) -> bool {
        self.ended.contains(&(process.to_owned(), time))
    }

    /// Whether somebody takes part: every node does, and every process with such an operation.
    pub(crate) fn has(&self, name: &str) -> bool {
        !name.starts_with('p') || self.called.iter().any(|(process, _)| process == name)
    }

    /// The processes, in ascending order.
    pub(crate) fn processes(&self) -> Vec<String> {
        let mut processes: Vec<String> = self.called.iter().map(|(p, _)| p.clone()).collect();
        processes.dedup();
        processes.sort_by_key(|name| (name.len(), name.clone()));
        processes
    }

    /// From the first call to the last answer.
    pub(crate) fn window(&self) -> Option<(u64, u64)> {
        let times = || self.called.iter().chain(&self.ended).map(|(_, time)| *time);
        Some((times().min()?, times().max()?))
    }
}
