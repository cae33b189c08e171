//! How many messages went to each peer and came from it. A tester sees from them that a link is
//! cut.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use testimony_consensus::NodeId;

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Messages by peer; hellos, pings and pongs are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: BTreeMap<NodeId, Counter>,
    pub(crate) received: BTreeMap<NodeId, Counter>,
}

impl Counters {
    pub(crate) fn new(peers: impl Iterator<Item = NodeId> + Clone) -> Self {
        let zeros = |peers| Iterator::map(peers, |peer| (peer, Counter::default())).collect();
        Counters {
            sent: zeros(peers.clone()),
            received: zeros(peers),
        }
    }

    /// The counts at this moment.
    pub(crate) fn read(counters: &BTreeMap<NodeId, Counter>) -> BTreeMap<NodeId, u64> {
        counters
            .iter()
            .map(|(peer, counter)| (*peer, counter.read()))
            .collect()
    }
}
