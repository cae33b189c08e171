//! Plans with fewer nodes, clients and keys.

use std::collections::BTreeSet;

use crate::{NodeName, Plan, PlannedCall, Selector};

/// The plan without its `number`-th node: those behind it move up, faults leave it out, and whoever
/// asked it asks its neighbour.
pub(super) fn without_node(plan: &Plan, number: u32) -> Option<Plan> {
    let nodes = plan.nodes.checked_sub(1).filter(|nodes| *nodes > 0)?;
    let renamed = |name: &NodeName| {
        let place = plan.node_names().iter().position(|known| known == name)?;
        let place = u32::try_from(place).ok()? + 1;
        match place.cmp(&number) {
            std::cmp::Ordering::Less => Some(NodeName::numbered(place)),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(NodeName::numbered(place - 1)),
        }
    };
    let selector = |selector: &Selector| match selector {
        Selector::Node(name) => renamed(name).map(Selector::Node),
        Selector::Follower(k) => (*k < nodes).then_some(Selector::Follower(*k)),
        Selector::Leader => Some(Selector::Leader),
    };
    let mut fewer = plan.clone();
    fewer.nodes = nodes;
    fewer.injections.retain_mut(|injection| {
        let kept = injection.fault.renamed(selector);
        kept.map(|fault| injection.fault = fault).is_some()
    });
    for call in calls(&mut fewer) {
        let neighbour = NodeName::numbered(number.min(nodes));
        call.node = renamed(&call.node).unwrap_or(neighbour);
    }
    Some(fewer)
}

/// The plan in which client `from` has nothing to do and `to` does it, and clients with nothing to
/// do are gone.
pub(super) fn with_client_as(plan: &Plan, from: u32, to: u32) -> Plan {
    let mut fewer = plan.clone();
    for call in calls(&mut fewer).filter(|call| call.client == from) {
        call.client = to;
    }
    let busy: BTreeSet<u32> = calls(&mut fewer).map(|call| call.client).collect();
    for call in calls(&mut fewer) {
        let before = busy.range(..call.client).count();
        call.client = u32::try_from(before).unwrap_or(call.client);
    }
    fewer.clients = u32::try_from(busy.len()).unwrap_or(u32::MAX).max(1);
    fewer
}

/// The plan whose operations on one key are on another.
pub(super) fn with_key_as(plan: &Plan, from: &str, to: &str) -> Plan {
    let mut fewer = plan.clone();
    for call in calls(&mut fewer).filter(|call| call.key.as_deref() == Some(from)) {
        call.key = Some(to.to_owned());
    }
    fewer
}

/// The keys of the operations.
pub(super) fn keys(plan: &Plan) -> BTreeSet<String> {
    let calls = plan.script.iter().flat_map(|script| &script.calls);
    calls.filter_map(|call| call.key.clone()).collect()
}

fn calls(plan: &mut Plan) -> impl Iterator<Item = &mut PlannedCall> {
    plan.script.iter_mut().flat_map(|script| &mut script.calls)
}
