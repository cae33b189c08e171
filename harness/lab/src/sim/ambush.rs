//! Kills that wait for a turn of events: a vote, or the beginning of a term of office.
//!
//! What comes right after such a turn is what some mistakes depend on, and chance rarely strikes
//! there.

use std::collections::BTreeSet;
use std::time::Duration;

use testimony_consensus::machine::store::Store;
use testimony_consensus::replica::Replica;
use testimony_engine::Turn;

use super::world::{Event, World};

/// How long a leader that is to die within its first messages has for them.
const OFFICE_TIME: Duration = Duration::from_millis(200);
/// How long an ambush waits.
const PATIENCE: Duration = Duration::from_secs(2);

impl<R: Replica<Machine = Store>> World<R> {
    /// Waits for a turn at one of these nodes.
    pub(super) fn lie_in_ambush(&mut self, injection: u64, places: BTreeSet<usize>, turn: Turn) {
        self.faults.ambushes.insert(injection, (places, turn));
        let at = self.now + PATIENCE;
        self.agenda.put(at, Event::AmbushOver { injection });
    }

    /// A turn of events at a node: whoever waits for it in ambush kills the node. Who begins to
    /// lead may still say a little.
    pub(super) fn spring(&mut self, place: usize, turn: Turn) {
        let mut waiting = self.faults.ambushes.iter();
        let found = waiting.find(|(_, (places, waits))| *waits == turn && places.contains(&place));
        let Some(injection) = found.map(|(injection, _)| *injection) else {
            return;
        };
        self.faults.ambushes.remove(&injection);
        self.faults.dying.insert(injection, [place].into());
        match turn {
            Turn::Votes => self.crash(place),
            Turn::Leads => self.light_fuse(place, OFFICE_TIME),
        }
    }

    /// Nobody came.
    pub(super) fn ambush_over(&mut self, injection: u64) {
        if self.faults.ambushes.remove(&injection).is_none() {
            return;
        }
        if let Some(action) = self.faults.active.remove(&injection) {
            let limit = PATIENCE.as_secs();
            let seen = Err(format!("it did not happen within {limit} s"));
            self.injected(injection, &action, seen);
        }
    }
}
