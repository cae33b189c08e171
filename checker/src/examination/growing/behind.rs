//! How long ago what an answer lacks had been there.
//!
//! What is there stays there. So an answer is stale if it was asked for after an element that it
//! lacks was surely there; and an answer that says how long a log is, if the log surely was longer
//! than that by then.

use super::super::staleness::Stale;
use super::super::versions::{Moment, NEVER};
use super::{Growing, Shown};

/// Since when elements were surely there, the first ones first.
struct Arrivals<'a> {
    key: &'a Growing,
    /// The moment, and which entry.
    entries: Vec<(Moment, u32)>,
    /// The moment, and the act whose end showed it; of hidden elements as well.
    elements: Vec<(Moment, u32)>,
    /// For each entry after which answer it was met last.
    met: Vec<u32>,
}

/// What an answer lacks.
struct Lack {
    since: Moment,
    by: u32,
    elements: u64,
}

impl Growing {
    /// The stale answers, in the order of their calls. O(n log n), and the length of all answers.
    pub(in super::super) fn stale(&self) -> Vec<Stale> {
        let mut arrivals = Arrivals::of(self);
        let mut stale = Vec::new();
        for (number, act) in (1..).zip(&self.acts) {
            let Some(shown) = act.shown().filter(|shown| shown.denies()) else {
                continue;
            };
            if let Some(lack) = arrivals.lacking(shown, number, act.start) {
                stale.push(Stale {
                    read: act.source,
                    by: self.acts[lack.by as usize].source,
                    lag: act.start.abs_diff(lack.since),
                    versions: lack.elements,
                });
            }
        }
        stale
    }
}

impl<'a> Arrivals<'a> {
    fn of(key: &'a Growing) -> Self {
        let numbered = (0..).zip(&key.entries);
        let mut entries: Vec<(Moment, u32)> = numbered
            .filter(|(_, entry)| entry.effect < NEVER)
            .map(|(number, entry)| (entry.effect, number))
            .collect();
        entries.sort_unstable();
        let numbered = (0..).zip(&key.acts).filter(|(_, act)| act.puts);
        let mut elements: Vec<(Moment, u32)> = numbered
            .map(|(number, act)| match act.entry {
                Some(entry) => {
                    let entry = &key.entries[entry as usize];
                    (entry.effect, entry.effect_by)
                }
                None => (act.end.unwrap_or(NEVER), number),
            })
            .filter(|(moment, _)| *moment < NEVER)
            .collect();
        elements.sort_unstable();
        Arrivals {
            key,
            entries,
            elements,
            met: vec![0; key.entries.len()],
        }
    }

    /// What an answer with a number lacks that was asked for at a moment.
    fn lacking(&mut self, shown: &Shown, number: u32, asked: Moment) -> Option<Lack> {
        let effect = |entry: u32| self.key.entries[entry as usize].effect;
        let lack = |entry: u32, elements: u64| Lack {
            since: effect(entry),
            by: self.key.entries[entry as usize].effect_by,
            elements,
        };
        if let Some(all) = &shown.all {
            let surely = self.entries.partition_point(|&(moment, _)| moment < asked);
            let known = all.iter().filter(|&&entry| effect(entry) < asked).count();
            for &entry in all {
                self.met[entry as usize] = number;
            }
            let mut there = self.entries[..surely].iter();
            let &(_, first) = there.find(|(_, entry)| self.met[*entry as usize] != number)?;
            return Some(lack(first, (surely - known) as u64));
        }
        if let Some((entry, false)) = shown.one {
            return (effect(entry) < asked).then(|| lack(entry, 1));
        }
        let initial = self.key.log?;
        let surely = self.elements.partition_point(|&(moment, _)| moment < asked);
        let elements = (initial + surely as u64).checked_sub(shown.most)?;
        let first = usize::try_from(shown.most.checked_sub(initial)?).ok()?;
        let &(since, by) = self.elements[..surely].get(first)?;
        Some(Lack {
            since,
            by,
            elements,
        })
    }
}
