//! What a node keeps of its keys over a crash.

use std::collections::BTreeMap;

use super::Proposal;
use crate::paxos::Kept;
use crate::replica::Disk;

/// A key's newest state.
#[derive(Clone, Debug)]
pub struct RegisterRecord {
    pub(super) key: String,
    pub(super) kept: Kept<Proposal>,
}

/// The newest state of every key. That a key is chosen is not kept: another round tells it.
#[derive(Clone, Debug, Default)]
pub struct RegisterDisk {
    pub(super) keys: BTreeMap<String, Kept<Proposal>>,
}

impl Disk for RegisterDisk {
    type Record = RegisterRecord;

    fn save(&mut self, record: &RegisterRecord) {
        self.keys.insert(record.key.clone(), record.kept.clone());
    }
}
