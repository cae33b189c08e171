//! What is known of mutexes: how to judge one without a search.
//!
//! Only the holder releases, so a grant and the same process's next release are one *hold*. It
//! lasts at least from the return of the grant to the call of the release, and two holds never
//! last at once; so these stretches lie one after the other, and that is the order of the holds.
//! A refused acquisition needs a moment at which the mutex is held. Each hold can be stretched to
//! the call of its grant and the return of its release; where two neighbours then meet, the one
//! takes over from the other at one moment, and whoever was refused then may come just before. So
//! all holds can be stretched at once, and refused ones are judged one by one. O(n log n).
//!
//! Fencing tokens rise from hold to hold, which says more than the holds where some are missing.

mod holds;

use std::collections::BTreeSet;

use super::timeline::{Timeline, positions_suffice};
use super::{Decided, Expert, Judged, MOST_STATES, Stretch};
use crate::models::mutex::{Mutex, MutexInput, MutexOutput, MutexState};
use crate::partition::Op;
use crate::verdict::Algorithm;

type MutexOp = Op<MutexInput, MutexOutput>;

/// Knows mutexes.
pub(crate) struct MutexExpert;

impl Expert<Mutex> for MutexExpert {
    fn decide(&self, _model: &Mutex, ops: &[MutexOp]) -> Option<Decided> {
        let judged = if !tokens_rise(ops) {
            Judged::Contradiction
        } else if positions_suffice(ops) {
            holds::judge(ops, &Timeline::of(ops))
        } else {
            Judged::NotCovered
        };
        judged.decided(Algorithm::MutexHolds, ops)
    }

    /// Free, or held by one of those who do something; who does nothing may as well be one and the
    /// same. No token is smaller than the one that was told last, and allows more.
    fn possible_states(
        &self,
        _model: &Mutex,
        stretch: &Stretch<'_, MutexInput, MutexOutput>,
    ) -> Option<Vec<MutexState>> {
        let who = |input: MutexInput| match input {
            MutexInput::Acquire { process } | MutexInput::Release { process } => process,
        };
        let active: BTreeSet<u64> = stretch.ops.iter().map(|op| who(op.input)).collect();
        let idle = (0..=u64::MAX).find(|process| !active.contains(process));
        let holders = active.iter().copied().chain(idle).map(Some);
        let state = |holder| MutexState {
            holder,
            token: None,
        };
        (active.len() + 2 <= MOST_STATES).then(|| holders.chain([None]).map(state).collect())
    }
}

/// Whether the tokens that were told differ, and none was told before a smaller one was asked for.
fn tokens_rise(ops: &[MutexOp]) -> bool {
    let mut grants: Vec<(i64, &MutexOp)> = ops
        .iter()
        .filter_map(|op| match op.seen {
            Some(MutexOutput::Granted(token)) => Some((token?, op)),
            Some(MutexOutput::Refused | MutexOutput::Released) | None => None,
        })
        .collect();
    grants.sort_by_key(|(token, _)| *token);
    let mut last_call = 0;
    grants.windows(2).all(|pair| pair[0].0 < pair[1].0)
        && grants.iter().all(|(_, op)| {
            last_call = op.called.max(last_call);
            op.returned.is_none_or(|returned| returned >= last_call)
        })
}
