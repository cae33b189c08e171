//! A target that is only described, and plans for it.

use std::time::Duration;

use testimony_engine::{BugInfo, Draft, FaultKind, NemesisDraft, Plan, RunProfile, TargetInfo};
use testimony_history::Model;

pub(crate) fn target() -> TargetInfo {
    TargetInfo {
        name: "store".into(),
        summary: "a store in memory".into(),
        modes: vec!["strong".into(), "weak".into()],
        labs: vec!["process".into()],
        models: vec![
            Model::Register,
            Model::CasRegister,
            Model::Kv,
            Model::Counter,
            Model::Set,
            Model::Queue,
            Model::Log,
            Model::Mutex,
        ],
        faults: FaultKind::of_crashes().collect(),
        beyond: [FaultKind::WipeDisk, FaultKind::Lie].into(),
        settings: [("snapshot-every".to_owned(), "1000".to_owned())].into(),
        bugs: vec![BugInfo {
            name: "forgetful".into(),
            summary: "forgets".into(),
            profile: RunProfile {
                nemesis: NemesisDraft::only([FaultKind::KillAll]),
                workload: testimony_engine::WorkloadDraft {
                    keys: Some(2),
                    ..Default::default()
                },
                nodes: Some(3),
                clients: Some(20),
                rate: Some(400),
                settings: [("snapshot-every".to_owned(), "50".to_owned())].into(),
                ..RunProfile::default()
            },
        }],
        ..TargetInfo::default()
    }
}

pub(crate) fn draft(seed: u64) -> Draft {
    Draft {
        seed: Some(seed),
        ..Draft::default()
    }
}

pub(crate) fn plan(seed: u64) -> Plan {
    resolve(draft(seed))
}

pub(crate) fn short_plan(seed: u64, seconds: u64) -> Plan {
    resolve(Draft {
        time: Some(Duration::from_secs(seconds)),
        ..draft(seed)
    })
}

pub(crate) fn resolve(draft: Draft) -> Plan {
    Plan::resolve(draft, &target()).unwrap()
}
