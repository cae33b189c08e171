//! Which generated histories are judged.

use crate::load::{Load, Object};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) load: Load,
}

const OBJECTS: [Object; 3] = [Object::Register, Object::CasRegister(5), Object::Map(100)];
/// Processes and unknown outcomes: each varied alone, unless everything is asked for.
const SHAPES: [(usize, usize); 6] = [(1, 0), (5, 0), (10, 0), (30, 0), (10, 10), (10, 40)];
const ALL_PROCESSES: [usize; 4] = [1, 5, 10, 30];
const ALL_UNKNOWN: [usize; 3] = [0, 10, 40];

/// Every case, small ones first within a series.
pub(crate) fn all(full: bool) -> Vec<Case> {
    let sizes: &[usize] = if full {
        &[1_000, 5_000, 10_000, 100_000, 1_000_000, 10_000_000]
    } else {
        &[1_000, 5_000, 100_000, 1_000_000]
    };
    let mut shapes = SHAPES.to_vec();
    if full {
        let every = |processes| ALL_UNKNOWN.map(|unknown| (processes, unknown));
        shapes = ALL_PROCESSES.into_iter().flat_map(every).collect();
    }
    let mut cases = Vec::new();
    for object in OBJECTS {
        for &(processes, unknown) in &shapes {
            for stale in [false, true] {
                let case = |&operations: &usize| Case {
                    load: Load {
                        object,
                        operations,
                        processes,
                        unknown,
                        stale,
                        seed: 1,
                    },
                };
                cases.extend(sizes.iter().map(case));
            }
        }
    }
    cases
}

impl Case {
    /// Such as `register/1000000/10p/40u/stale`: object, operations, processes, unknown outcomes.
    pub(crate) fn name(&self) -> String {
        let Load {
            operations,
            processes,
            unknown,
            ..
        } = self.load;
        let object = self.object();
        let kind = if self.load.stale { "stale" } else { "legal" };
        format!("{object}/{operations}/{processes}p/{unknown}u/{kind}")
    }

    /// What the cases of one series have in common: all but the number of operations.
    pub(crate) fn series(&self) -> String {
        let operations = format!("/{}/", self.load.operations);
        self.name().replacen(&operations, "/", 1)
    }

    fn object(&self) -> &'static str {
        match self.load.object {
            Object::Register => "register",
            Object::CasRegister(_) => "cas-register",
            Object::Map(_) => "map",
        }
    }
}
