//! The holds of a mutex: who had it, between which places, in which order.

use rustc_hash::FxHashMap;

use super::MutexOp;
use crate::expert::Judged;
use crate::expert::timeline::{NEVER, Point, Timeline};
use crate::models::mutex::{MutexInput, MutexOutput};

/// A grant and the release that ended it.
#[derive(Clone, Debug)]
struct Hold {
    grant: u32,
    release: Option<u32>,
    token: Option<i64>,
    /// The grant is not before, and not after.
    from: u32,
    certain_from: u32,
    /// The release is not before, and not after.
    certain_until: u32,
    until: u32,
}

/// What the processes did.
#[derive(Default)]
struct Deeds {
    holds: Vec<Hold>,
    refused: Vec<u32>,
    /// The unknown acquisition called first. If it takes effect, the mutex is held for good.
    last_resort: Option<u32>,
}

/// Why [`Deeds`] cannot be told.
enum Trouble {
    Contradiction,
    /// A process did something while, or after, it did something of unknown outcome.
    NotCovered,
}

/// Judges a mutex.
pub(super) fn judge(ops: &[MutexOp], timeline: &Timeline) -> Judged {
    let mut deeds = match Deeds::of(ops, timeline) {
        Ok(deeds) => deeds,
        Err(Trouble::Contradiction) => return Judged::Contradiction,
        Err(Trouble::NotCovered) => return Judged::NotCovered,
    };
    deeds.holds.sort_unstable_by_key(|hold| hold.certain_from);
    if !in_turn(&deeds.holds) {
        return Judged::Contradiction;
    }
    let points = deeds.points(timeline);
    points.map(|points| timeline.in_order(&points)).into()
}

/// Whether one hold ends before the next, and tokens rise.
fn in_turn(holds: &[Hold]) -> bool {
    let mut highest = None;
    holds
        .windows(2)
        .all(|pair| pair[0].certain_until < pair[1].certain_from)
        && holds.iter().all(|hold| {
            let rises = hold.token.is_none() || hold.token > highest;
            highest = hold.token.or(highest);
            rises
        })
}

/// Whether each process did one thing after the other. Asked of all operations before anything is
/// concluded of one: a grant contradicts the grant before it only if no release can lie between
/// them, and one that is called later can where a process does several things at once.
fn in_sequence(ops: &[MutexOp], timeline: &Timeline) -> bool {
    let mut returned: FxHashMap<u64, u32> = FxHashMap::default();
    ops.iter().enumerate().all(|(number, op)| {
        let end = timeline.returns[number];
        let before = returned.insert(process(op), end);
        before.is_none_or(|before| before <= timeline.calls[number])
    })
}

fn process(op: &MutexOp) -> u64 {
    let (MutexInput::Acquire { process } | MutexInput::Release { process }) = op.input;
    process
}

impl Deeds {
    fn of(ops: &[MutexOp], timeline: &Timeline) -> Result<Self, Trouble> {
        if !in_sequence(ops, timeline) {
            return Err(Trouble::NotCovered);
        }
        let mut deeds = Deeds::default();
        // What each process holds, by number.
        let mut holding: FxHashMap<u64, Option<usize>> = FxHashMap::default();
        for (number, op) in (0..).zip(ops) {
            let holds = holding.entry(process(op)).or_default();
            deeds.add(op, number, holds, timeline)?;
        }
        Ok(deeds)
    }

    /// Adds an operation of a process that holds the mutex, or not.
    fn add(
        &mut self,
        op: &MutexOp,
        number: u32,
        holding: &mut Option<usize>,
        timeline: &Timeline,
    ) -> Result<(), Trouble> {
        let call = timeline.calls[number as usize];
        let end = timeline.returns[number as usize];
        match (op.input, op.seen) {
            (MutexInput::Acquire { .. }, Some(MutexOutput::Granted(token))) => {
                if holding.is_some() {
                    return Err(Trouble::Contradiction);
                }
                *holding = Some(self.holds.len());
                self.holds.push(Hold {
                    grant: number,
                    release: None,
                    token,
                    from: call,
                    certain_from: end,
                    certain_until: NEVER,
                    until: NEVER,
                });
            }
            (MutexInput::Acquire { .. }, Some(MutexOutput::Refused)) => self.refused.push(number),
            (MutexInput::Acquire { .. }, None) if holding.is_none() => {
                self.last_resort.get_or_insert(number);
            }
            // Refused, since its process holds the mutex and does nothing more.
            (MutexInput::Acquire { .. }, None) => {}
            (MutexInput::Release { .. }, None | Some(MutexOutput::Released)) => {
                match holding.take() {
                    Some(hold) => {
                        let hold = &mut self.holds[hold];
                        hold.release = Some(number);
                        (hold.certain_until, hold.until) = (call, end);
                    }
                    None if op.seen.is_some() => return Err(Trouble::Contradiction),
                    None => {}
                }
            }
            (MutexInput::Acquire { .. } | MutexInput::Release { .. }, Some(_)) => {
                return Err(Trouble::NotCovered);
            }
        }
        Ok(())
    }

    /// A point for each operation; `None` if some operation was refused while nobody can have held
    /// the mutex.
    fn points(mut self, timeline: &Timeline) -> Option<Vec<Point>> {
        let released = self.holds.last().is_none_or(|hold| hold.until != NEVER);
        if let Some(number) = self.last_resort.filter(|_| released) {
            self.holds.push(Hold {
                grant: number,
                release: None,
                token: None,
                from: timeline.calls[number as usize],
                certain_from: NEVER,
                certain_until: NEVER,
                until: NEVER,
            });
        } else {
            self.last_resort = None;
        }
        let mut refusals = Vec::with_capacity(self.refused.len());
        let mut last_resort = false;
        for &op in &self.refused {
            let (place, hold) = self.held(op, timeline)?;
            last_resort |= self.holds[hold].certain_from == NEVER;
            refusals.push(Point { place, op });
        }
        if self.last_resort.is_some() && !last_resort {
            self.holds.pop();
        }
        Some(self.arranged(&refusals))
    }

    /// The first place at which the mutex can be held while an operation is under way, and by which
    /// hold.
    fn held(&self, op: u32, timeline: &Timeline) -> Option<(u32, usize)> {
        let (call, end) = (timeline.calls[op as usize], timeline.returns[op as usize]);
        let (mut low, mut high) = (0, self.holds.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.last(middle) < call {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let place = (low < self.holds.len()).then(|| self.first(low).max(call))?;
        (place <= end).then_some((place, low))
    }

    /// The first place at which a hold can have begun.
    fn first(&self, hold: usize) -> u32 {
        let before = hold.checked_sub(1);
        let free_from = before.map_or(0, |before| self.holds[before].certain_until);
        self.holds[hold].from.max(free_from)
    }

    /// The last place at which a hold can have ended.
    fn last(&self, hold: usize) -> u32 {
        let next = self.holds.get(hold + 1);
        let free_by = next.map_or(NEVER, |next| next.certain_from);
        self.holds[hold].until.min(free_by)
    }

    /// All points; at one place a mutex is taken over before anyone is refused, and released for
    /// good after.
    fn arranged(&self, refusals: &[Point]) -> Vec<Point> {
        let (mut points, mut late) = (Vec::new(), Vec::new());
        for (number, hold) in self.holds.iter().enumerate() {
            let Some(op) = hold.release else { continue };
            let last = self.last(number);
            let taken_over = (number + 1 < self.holds.len())
                .then(|| self.first(number + 1))
                .filter(|&place| place <= last);
            match taken_over {
                Some(place) => points.push(Point { place, op }),
                None if last != NEVER => late.push(Point { place: last, op }),
                None => {}
            }
        }
        points.extend((0..self.holds.len()).map(|number| Point {
            place: self.first(number),
            op: self.holds[number].grant,
        }));
        points.extend_from_slice(refusals);
        points.extend(late);
        points
    }
}
