//! The one order of a log's entries that all answers agree on, if they do.
//!
//! If all that was told fits one order, whose beginnings had all been called when they were surely
//! there, then each answer has seen a beginning of it. What is asked of an answer is then asked of
//! the length of that beginning.

use super::super::versions::{DAWN, Moment};
use super::{Act, Growing, Sight};

/// At which offset each entry is.
pub(super) struct Places {
    /// Nothing for those that were put at the end, or never.
    pub(super) of: Vec<Option<u64>>,
    /// The act that has seen the most entries.
    pub(super) longest: Option<u32>,
}

impl Places {
    /// Nothing for a set, and for a log whose answers do not agree. O(n), and the length of all
    /// answers.
    pub(super) fn of(key: &Growing) -> Option<Self> {
        let initial = key.log?;
        let told = key.acts.iter().filter(|act| act.end.is_some());
        let hidden = |act: &Act| match &act.sight {
            Sight::Hidden | Sight::Wrong { .. } => true,
            // An append of a hidden element says where that one is.
            Sight::Shown(shown) => shown.hides || (act.puts && act.entry.is_none()),
            Sight::Nothing => false,
        };
        if told.clone().any(hidden) {
            return None;
        }
        let all = |act: u32| key.acts[act as usize].shown()?.all.as_deref();
        let acts = 0..u32::try_from(key.acts.len()).ok()?;
        let longest = acts
            .filter_map(|act| Some((act, all(act)?.len())))
            .max_by_key(|&(act, length)| (length, std::cmp::Reverse(act)));
        let longest = longest.map(|(act, _)| act);
        let line = longest.and_then(all).unwrap_or_default();
        let mut lists = told.clone().filter_map(|act| act.shown()?.all.as_deref());
        if !lists.all(|list| line.starts_with(list)) {
            return None;
        }
        let on_line = (initial..).zip(line).map(|(place, &entry)| (entry, place));
        let places = on_line.chain(told.filter_map(|act| act.place));
        let of = placed(key, initial, places)?;
        Some(Places { of, longest })
    }

    /// Whether one order of all acts explains every answer and keeps the order of each session.
    /// Acts stand between the entry before and the one behind what they saw; entries without a
    /// place come last, and nothing that says how long the log is may come behind them.
    pub(super) fn explain(&self, key: &Growing, sessions: &[Vec<u32>]) -> bool {
        sessions.iter().all(|session| {
            let mut length = key.log.unwrap_or(0);
            session.iter().all(|&act| {
                let act = &key.acts[act as usize];
                let (least, most) = act.shown().map_or((0, u64::MAX), |it| (it.least, it.most));
                length = length.max(least);
                let fits = length <= most;
                let place = act.entry.and_then(|entry| self.of[entry as usize]);
                match (act.puts, place, act.end) {
                    (true, Some(place), _) => {
                        let fits = fits && length <= place;
                        length = place + 1;
                        fits
                    }
                    (true, None, Some(_)) => {
                        length = u64::MAX;
                        fits
                    }
                    _ => fits,
                }
            })
        })
    }
}

/// The places of entries, if each has only one, and none is free before the last, and all before an
/// entry had been called when it was there.
fn placed(
    key: &Growing,
    initial: u64,
    places: impl Iterator<Item = (u32, u64)>,
) -> Option<Vec<Option<u64>>> {
    let mut of = vec![None; key.entries.len()];
    let mut there: Vec<u32> = Vec::new();
    for (entry, place) in places {
        let known = of[entry as usize].replace(place);
        if known.is_none() {
            there.push(entry);
        } else if known != Some(place) {
            return None;
        }
    }
    there.sort_unstable_by_key(|&entry| of[entry as usize]);
    let mut called: Moment = DAWN;
    for (place, &entry) in (initial..).zip(&there) {
        let here = key.entries[entry as usize];
        called = called.max(here.start);
        if of[entry as usize] != Some(place) || called > here.effect {
            return None;
        }
    }
    Some(of)
}
