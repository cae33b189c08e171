//! Faults that an operator causes: members removed and added, leadership handed over, snapshots.
//!
//! The target's own `admin` ends only when the action has taken effect; what every target shows in
//! its status is looked at once more.

use std::time::Duration;

use testimony_engine::{AdminAction, AdminError, NodeName, Role};
use tokio::time::sleep;

use super::Seen;
use crate::site::Site;

const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long to wait before a request that reached nobody is made again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

pub(super) async fn remove(site: &Site, node: &NodeName) -> Seen {
    ask(site, AdminAction::RemoveMember(node.clone())).await
}

/// The only heal among these, so it is made until it works or the caller's deadline comes: the
/// cluster may be without a leader at the moment, and adding a member twice does no harm.
pub(super) async fn add_back(site: &Site, node: &NodeName) -> Seen {
    let action = AdminAction::AddMember(node.clone());
    loop {
        match site.target.admin(&site.cluster, &action).await {
            Ok(()) => return Ok(None),
            Err(error @ AdminError::Unsupported { .. }) => return Err(error.to_string()),
            Err(error) => tracing::debug!(%node, %error, "not added back yet"),
        }
        sleep(RETRY_INTERVAL).await;
    }
}

pub(super) async fn transfer(site: &Site, to: &NodeName) -> Seen {
    ask(site, AdminAction::Transfer(to.clone())).await?;
    let mut seen = None;
    // Leadership may move on at once, so this looks for a short time only.
    for _ in 0..5 {
        seen = site.status(to).await;
        if seen
            .as_ref()
            .is_some_and(|status| status.role == Some(Role::Leader))
        {
            let term = seen.and_then(|status| status.term);
            return Ok(term.map(|term| format!("{to} leads in term {term}")));
        }
        sleep(LOOK_INTERVAL).await;
    }
    let role = seen.and_then(|status| status.role);
    Err(format!(
        "{to} was to lead, but is {role:?} right after the transfer"
    ))
}

pub(super) async fn snapshot(site: &Site, node: &NodeName) -> Seen {
    ask(site, AdminAction::Snapshot(node.clone())).await
}

async fn ask(site: &Site, action: AdminAction) -> Seen {
    site.target
        .admin(&site.cluster, &action)
        .await
        .map(|()| None)
        .map_err(|e| e.to_string())
}
