//! Runs both checkers on a history and measures them.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use testimony_checker::{Budget, Decision, Verdict, decide_compact};
use testimony_history::{CompactHistory, Value};

use crate::case::Case;
use crate::memory;
use crate::peer::{self, Prepared};
use crate::recorded::Set;

/// What one checker did with one row's histories.
#[derive(Clone, Debug)]
pub(crate) enum Measured {
    /// It decided.
    Decided {
        /// The median time of a run.
        time: Duration,
        /// The most memory beyond the history itself, in bytes.
        peak: usize,
    },
    /// Its time ran out.
    OutOfTime(Duration),
    /// It was not asked, for this reason.
    Skipped(&'static str),
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) operations: usize,
    /// `linearizable`, `illegal`, or both for several histories.
    pub(crate) verdict: String,
    pub(crate) steps: u64,
    pub(crate) ours: Measured,
    /// Shrinking and explaining, of which the peer does nothing.
    pub(crate) concluding: Option<Duration>,
    pub(crate) peer: Measured,
}

/// Judges rows, and remembers which series had become too much.
pub(crate) struct Judge {
    /// Counterexamples of longer histories are not looked for.
    concluded_most: usize,
    time: Duration,
    peer_bytes: usize,
    given_up: BTreeSet<(String, &'static str)>,
}

/// One history and how to judge it.
pub(crate) struct Item {
    pub(crate) history: CompactHistory,
    pub(crate) initial: Option<Value>,
    /// Its verdict, known from elsewhere.
    pub(crate) legal: bool,
}

impl Item {
    fn decide(&self, budget: &Budget) -> Decision<'_> {
        decide_compact(self.initial.as_ref(), &self.history, budget)
    }

    /// Whether there is a verdict; it must be the right one.
    fn is_decided(&self, decision: Decision<'_>) -> bool {
        let illegal = decision.is_illegal();
        let decided = illegal || matches!(decision.conclude().verdict, Verdict::Linearizable(_));
        assert!(
            !decided || illegal != self.legal,
            "a wrong verdict on a {}",
            self.history.model()
        );
        decided
    }
}

const SMALLER: &str = "gave up on a smaller one";
const MEMORY: &str = "would need too much memory";
const MODEL: &str = "has no model for it";

impl Judge {
    pub(crate) fn new(full: bool) -> Self {
        Judge {
            concluded_most: if full { usize::MAX } else { 10_000 },
            time: Duration::from_secs(if full { 60 } else { 2 }),
            peer_bytes: if full { 4 << 30 } else { 1 << 29 },
            given_up: BTreeSet::new(),
        }
    }

    pub(crate) fn case(&mut self, case: &Case) -> Row {
        let item = Item {
            history: CompactHistory::of(case.load.model(), &case.load.history()),
            initial: None,
            legal: !case.load.stale,
        };
        self.row(&case.series(), &[item])
    }

    pub(crate) fn recorded(&mut self, set: &Set) -> Row {
        self.row(&set.name, &set.items)
    }

    fn row(&mut self, series: &str, items: &[Item]) -> Row {
        let mut row = Row {
            operations: items.iter().map(|item| item.history.len()).sum(),
            verdict: verdict(items),
            steps: 0,
            ours: Measured::Skipped(SMALLER),
            concluding: None,
            peer: Measured::Skipped(SMALLER),
        };
        if !self.given_up.contains(&(series.to_owned(), "ours")) {
            (row.ours, row.steps) = self.ours(items);
        }
        if matches!(row.ours, Measured::Decided { .. }) && items.iter().any(|item| !item.legal) {
            row.concluding = self.concluding(items);
        }
        if !self.given_up.contains(&(series.to_owned(), "peer")) {
            row.peer = self.peer(items);
        }
        for (who, measured) in [("ours", &row.ours), ("peer", &row.peer)] {
            if !matches!(
                measured,
                Measured::Decided { .. } | Measured::Skipped(MODEL)
            ) {
                self.given_up.insert((series.to_owned(), who));
            }
        }
        row
    }

    /// Our time to decide, with the steps that it took.
    fn ours(&self, items: &[Item]) -> (Measured, u64) {
        let steps = Cell::new(0);
        let measured = self.measure(|| {
            let watchdog = Watchdog::start(self.time);
            let budget = budget(&watchdog);
            steps.set(0);
            items.iter().all(|item| {
                let decision = item.decide(&budget);
                steps.set(steps.get() + decision.steps());
                item.is_decided(decision)
            })
        });
        (measured, steps.get())
    }

    /// Our time to shrink and explain.
    fn concluding(&self, items: &[Item]) -> Option<Duration> {
        let illegal = items.iter().filter(|item| !item.legal);
        let times = illegal.map(|item| {
            let watchdog = Watchdog::start(self.time);
            let decision = item.decide(&budget(&watchdog));
            timed(|| decision.conclude()).1
        });
        let short = |item: &Item| item.history.len() <= self.concluded_most;
        items.iter().all(short).then(|| times.sum())
    }

    fn peer(&self, items: &[Item]) -> Measured {
        if items
            .iter()
            .any(|item| peer::bytes_expected(&item.history) > self.peer_bytes)
        {
            return Measured::Skipped(MEMORY);
        }
        let prepared = |item: &Item| {
            let history = item.history.expand();
            Some((peer::prepared(&history, item.initial.as_ref())?, item.legal))
        };
        let prepared: Option<Vec<(Prepared, bool)>> = items.iter().map(prepared).collect();
        let Some(prepared) = prepared else {
            return Measured::Skipped(MODEL);
        };
        self.measure(|| {
            prepared.iter().all(|(history, legal)| {
                let verdict = history.judge(self.time);
                assert!(
                    verdict.is_none_or(|it| it == *legal),
                    "the peer's verdict is another"
                );
                verdict.is_some()
            })
        })
    }

    /// Runs something up to seven times; it says whether it came to an end.
    fn measure(&self, run: impl Fn() -> bool) -> Measured {
        let ((decided, first), peak) = memory::peak(|| timed(&run));
        if !decided {
            return Measured::OutOfTime(first);
        }
        let mut times = vec![first];
        while times.len() < 7 && times.iter().sum::<Duration>() < Duration::from_millis(200) {
            let (decided, time) = timed(&run);
            if !black_box(decided) {
                return Measured::OutOfTime(time);
            }
            times.push(time);
        }
        times.sort();
        let time = times[times.len() / 2];
        Measured::Decided { time, peak }
    }
}

fn verdict(items: &[Item]) -> String {
    let legal = items.iter().filter(|item| item.legal).count();
    match (legal, items.len()) {
        (1, 1) => "linearizable".to_owned(),
        (0, 1) => "illegal".to_owned(),
        (legal, all) => format!("{legal} linearizable, {} illegal", all - legal),
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn budget(watchdog: &Watchdog) -> Budget {
    Budget {
        threads: thread::available_parallelism().map_or(1, Into::into),
        bytes: 8 << 30,
        steps: u64::MAX,
        stop: Some(Arc::clone(&watchdog.stop)),
    }
}

/// Raises a stop flag after a time, unless it is dropped before.
struct Watchdog {
    stop: Arc<AtomicBool>,
    _called_off: mpsc::Sender<()>,
}

impl Watchdog {
    fn start(time: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (called_off, waiting) = mpsc::channel();
        let raised = Arc::clone(&stop);
        thread::spawn(move || {
            if waiting.recv_timeout(time) == Err(mpsc::RecvTimeoutError::Timeout) {
                raised.store(true, Ordering::Relaxed);
            }
        });
        Watchdog {
            stop,
            _called_off: called_off,
        }
    }
}
