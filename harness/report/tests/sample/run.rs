//! What surrounds a made-up run: its plan, its summary, its report.

use std::collections::BTreeMap;
use std::time::Duration;

use testimony_checker::Judgement;
use testimony_engine::{
    Fault, FinalReadCounts, InjectionTrouble, OperationCounts, Plan, PlannedInjection, Recovery,
    RunSummary, Selector, Trouble, WorkloadKind, WorkloadParams,
};
use testimony_history::{Event, Kind, Process};
use testimony_report::{RunOutcome, RunReport, Timings};

use super::{Sample, Shape};

/// The plan of a made-up run.
pub(crate) fn plan(shape: &Shape, sample: &Sample) -> Plan {
    let injections = sample.injections.iter().map(|injection| PlannedInjection {
        id: injection.injection,
        at: injection.requested_at.into(),
        duration: Duration::from_secs(1),
        kind: injection.kind,
        fault: Fault::Kill {
            nodes: vec![Selector::Leader],
        },
    });
    Plan {
        version: 1,
        seed: shape.seed,
        target: "raft".to_owned(),
        mode: None,
        bug: shape.stale_read.then(|| "local-reads".to_owned()),
        lab: "process".to_owned(),
        nodes: 5,
        clients: shape.clients,
        clients_at: None,
        rate: shape.rate,
        warm_up: Duration::from_secs(2),
        time: Duration::from_secs(shape.seconds),
        recovery: Duration::from_secs(15),
        final_reads: Duration::from_secs(10),
        call_timeout: Duration::from_secs(1),
        verify_timeout: Duration::from_secs(5),
        start_wait: Duration::from_secs(1),
        settings: BTreeMap::new(),
        workload: WorkloadParams::of(WorkloadKind::Kv),
        injections: injections.collect(),
        script: None,
        program: None,
        system: None,
        external: None,
    }
}

/// The summary of a made-up run, counted from its recording.
pub(crate) fn summary(shape: &Shape, sample: &Sample) -> RunSummary {
    let mut summary = RunSummary {
        finished: true,
        reached_faults: true,
        worked: Duration::from_secs(shape.seconds),
        operations_planned: shape.seconds * u64::from(shape.rate),
        completed_during_faults: 100,
        cas_swapped: 1,
        leader_changes: 12,
        recovery: Recovery::Recovered {
            after: Duration::from_millis(340),
        },
        final_reads: FinalReadCounts {
            keys: 28,
            keys_read: 28,
            completed: 140,
            missing: vec![],
        },
        ..RunSummary::default()
    };
    for event in &sample.recording.events {
        count(&mut summary.operations, event);
    }
    for injection in &sample.injections {
        let counts = summary.injections.entry(injection.kind).or_default();
        counts.planned += 1;
        counts.verified += u64::from(injection.verified);
        counts.healed += u64::from(injection.healed);
        counts.failed += u64::from(!injection.verified);
        if let Some(note) = &injection.note {
            let (injection, kind) = (injection.injection, injection.kind);
            let (trouble, reason) = (Trouble::Failed, note.clone());
            summary.troubles.push(InjectionTrouble {
                injection,
                kind,
                trouble,
                reason,
            });
        }
    }
    summary
}

fn count(operations: &mut BTreeMap<String, OperationCounts>, event: &Event) {
    if let Process::Named(_) = event.process {
        return;
    }
    let counts = operations.entry(event.f.name().to_owned()).or_default();
    match event.kind {
        Kind::Invoke => counts.invoked += 1,
        Kind::Ok => counts.completed += 1,
        Kind::Fail => counts.failed += 1,
        Kind::Info => counts.unknown += 1,
    }
}

/// The report of a made-up run.
pub(crate) fn report<'a>(
    sample: &'a Sample,
    plan: &'a Plan,
    summary: &'a RunSummary,
    judgement: Option<&'a Judgement>,
    outcome: RunOutcome,
) -> RunReport<'a> {
    RunReport {
        plan,
        summary,
        judgement,
        examination: None,
        outcome,
        events: &sample.recording,
        injections: &sample.injections,
        status: &sample.status,
        story: &[],
        timings: Some(Timings {
            parse: 0.0123,
            check: 0.456,
            explain: 0.0007,
        }),
        deaths: &[],
        unavailable: None,
        stopped_early: None,
        invariant: None,
        costs: None,
        folder: "runs/20260131T120000Z-raft-7".to_owned(),
        command: "testimony run runs/20260131T120000Z-raft-7/plan.toml".to_owned(),
    }
}
