//! Operations that a plan lists one by one, in place of a workload that draws them.
//!
//! A run that has been shrunk is such a plan. Leaving one call out changes neither when the others
//! are made nor what they ask.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use testimony_history::{Call, Event, Function, Kind, Process, Value};

use super::{Plan, PlanError};
use crate::{NodeName, span};

/// The operations of a run, all of them: there are no others, and no reads at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Whether every node is asked after the last heal until it serves, with operations of the
    /// workload.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probes: bool,
    /// The calls. Those of one client are made one after the other, each when its time has come
    /// and the one before it has ended.
    #[serde(default)]
    pub calls: Vec<PlannedCall>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedCall {
    /// When it is called, counted from when the clients begin.
    #[serde(with = "span::text")]
    pub at: Duration,
    /// The client that calls, from 0. Its processes are numbered as in any run.
    pub client: u32,
    /// The node that is asked first.
    pub node: NodeName,
    /// What is called: `read`, `write`.
    pub f: String,
    /// On which key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The argument, as JSON: TOML has no word for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Script {
    /// The calls of a recording of `plan`, in their order. O(events).
    pub fn of_recording(plan: &Plan, events: &[Event]) -> Self {
        let called = events.iter().filter(|event| event.kind == Kind::Invoke);
        let called: Vec<(u64, &Event)> = called
            .filter_map(|event| match event.process {
                Process::Client(number) => Some((number, event)),
                Process::Named(_) => None,
            })
            .collect();
        // The first operation is called when the clients begin.
        let start = called.iter().find_map(|(_, event)| event.time).unwrap_or(0);
        let planned = |(number, event): &(u64, &Event)| PlannedCall {
            at: Duration::from_nanos(event.time.unwrap_or(start).saturating_sub(start)),
            client: u32::try_from(number % u64::from(plan.clients)).unwrap_or(0),
            node: event.node.as_deref().unwrap_or("n1").into(),
            f: event.f.name().to_owned(),
            key: event.key.as_ref().map(plain),
            value: event.value.as_ref().map(ToString::to_string),
        };
        Script {
            probes: false,
            calls: called.iter().map(planned).collect(),
        }
    }
}

fn plain(key: &Value) -> String {
    match key {
        Value::Str(key) => key.to_string(),
        other => other.to_string(),
    }
}

impl PlannedCall {
    /// The call as a history carries it.
    pub fn call(&self) -> Call {
        let value = self.value.as_ref();
        Call {
            f: Function::from_name(&self.f),
            key: self.key.as_deref().map(Value::str),
            value: value.and_then(|json| Value::parse(json).ok()),
        }
    }
}

impl Plan {
    /// The plan that lists the operations which a run of this plan made. Its clients do not work
    /// before the time of faults, so that all times are counted from one point.
    pub fn scripted(&self, events: &[Event]) -> Plan {
        let mut plan = self.clone();
        plan.script = Some(Script::of_recording(self, events));
        plan.warm_up = Duration::ZERO;
        plan.time += self.warm_up;
        for injection in &mut plan.injections {
            injection.at += self.warm_up;
        }
        plan
    }

    /// Whether the listed operations, if there are any, can be called.
    pub(super) fn check_script(&self) -> Result<(), PlanError> {
        let calls = self.script.iter().flat_map(|script| &script.calls);
        for (call, number) in calls.zip(1..) {
            let problem = self.problem_with(call);
            let wrong = |problem| PlanError::Call { number, problem };
            problem.map(wrong).map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    fn problem_with(&self, call: &PlannedCall) -> Option<String> {
        let known = self.workload.name.functions();
        if call.client >= self.clients {
            let clients = self.clients;
            return Some(format!("client {} is none of the {clients}", call.client));
        }
        if !self.node_names().contains(&call.node) {
            return Some(format!("there is no node {}", call.node));
        }
        if !known.contains(&Function::from_name(&call.f)) {
            return Some(format!("the workload has no operation `{}`", call.f));
        }
        let json = call.value.as_ref()?;
        let problem = |_| format!("its value is no JSON: {json}");
        Value::parse(json).err().map(problem)
    }
}
