//! The bundled Raft key-value cluster: processes of this very program, called over HTTP.

mod administrator;
mod bugs;
mod client;
mod exchange;
mod mishap;
mod settings;
mod status;
mod wire;

use testimony_consensus::bug::Bug;
use testimony_engine::{
    AdminAction, AdminError, BoxFuture, Client, ClientOptions, Cluster, ClusterNode, FaultKind,
    NodeName, NodeSpec, NodeStatus, ProcessId, Program, Target, TargetInfo,
};
use testimony_history::Model;

use crate::http;
use crate::wire::CONNECT_TIMEOUT;
use crate::{TargetError, TargetOptions};
use client::RaftClient;
use exchange::Exchange;
use settings::Settings;

/// The target's name on the command line.
pub const NAME: &str = "raft";

/// The bundled Raft cluster.
#[derive(Debug)]
pub struct RaftTarget {
    options: TargetOptions,
    settings: Settings,
    http: reqwest::Client,
}

/// What can be tested of it.
pub fn info() -> TargetInfo {
    TargetInfo {
        name: NAME.to_owned(),
        summary: "five Raft servers with a key-value map, bundled with Testimony".to_owned(),
        modes: Vec::new(),
        labs: vec!["process".to_owned(), "netns".to_owned(), "sim".to_owned()],
        models: vec![
            Model::Kv,
            Model::CasRegister,
            Model::Register,
            Model::Counter,
            Model::Mutex,
        ],
        faults: FaultKind::of_crashes()
            .chain(FaultKind::of_elections())
            .collect(),
        beyond: [FaultKind::WipeDisk, FaultKind::Lie].into(),
        settings: Settings::default().to_map(),
        bugs: bugs::all(),
        ..TargetInfo::default()
    }
}

impl RaftTarget {
    /// The target, with a bug planted if one is named.
    ///
    /// # Errors
    /// If there is no such bug or setting.
    pub fn new(options: TargetOptions) -> Result<Self, TargetError> {
        if let Some(name) = options.bug.as_deref()
            && !Bug::of(NAME).any(|bug| bug.name() == name)
        {
            let known = bugs::all()
                .into_iter()
                .map(|bug| bug.name)
                .collect::<Vec<_>>()
                .join(", ");
            let (target, bug) = (NAME.to_owned(), name.to_owned());
            return Err(TargetError::UnknownBug { target, bug, known });
        }
        let settings = Settings::from_map(&options.settings)?;
        Ok(RaftTarget {
            options,
            settings,
            http: http::client(CONNECT_TIMEOUT),
        })
    }
}

impl Target for RaftTarget {
    fn info(&self) -> TargetInfo {
        info()
    }

    fn node(&self, cluster: &Cluster, node: &NodeName) -> NodeSpec {
        let mut args = vec!["node".to_owned(), NAME.to_owned()];
        if let Some(this) = cluster.node(node) {
            args.extend(addresses(cluster, this));
        }
        args.extend(self.settings.arguments());
        if let Some(bug) = &self.options.bug {
            args.extend(["--bug".to_owned(), bug.clone()]);
        }
        NodeSpec::of(Program {
            program: self.options.program.clone(),
            args,
            ..Program::default()
        })
    }

    fn client(
        &self,
        cluster: &Cluster,
        process: ProcessId,
        options: &ClientOptions,
    ) -> Box<dyn Client> {
        let http = if options.apart {
            http::client(CONNECT_TIMEOUT)
        } else {
            self.http.clone()
        };
        let exchange = Exchange::new(http, cluster);
        Box::new(RaftClient::new(
            process,
            exchange,
            options.clone(),
            self.settings.attempt_timeout,
        ))
    }

    fn status<'a>(
        &'a self,
        cluster: &'a Cluster,
        node: &'a NodeName,
    ) -> BoxFuture<'a, Option<NodeStatus>> {
        Box::pin(async move {
            let seen = status::of(&self.http, cluster, node).await?;
            Some(seen.into_node_status())
        })
    }

    fn admin<'a>(
        &'a self,
        cluster: &'a Cluster,
        action: &'a AdminAction,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        Box::pin(administrator::carry_out(&self.http, cluster, action))
    }
}

/// Where the node listens, where it reaches the others, and who votes at the very first start.
/// Every other node's peer address is the lab's proxy of that link.
fn addresses(cluster: &Cluster, node: &ClusterNode) -> Vec<String> {
    let mut args = vec![
        format!("--id={}", node.name),
        format!("--data={}", node.data.display()),
        format!("--peer-listen={}", node.peer_listen),
        format!("--http-listen={}", node.client_listen),
    ];
    for other in &cluster.nodes {
        args.push(format!("--voter={}", other.name));
        if let Some(route) = node.routes.get(&other.name) {
            args.push(format!(
                "--peer={}={route}/{}",
                other.name, other.client_listen
            ));
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn options(bug: Option<&str>) -> TargetOptions {
        TargetOptions {
            mode: None,
            program: "/bin/testimony".into(),
            bug: bug.map(str::to_owned),
            settings: BTreeMap::new(),
        }
    }

    fn cluster() -> Cluster {
        let node = |number: u16, other: &str| ClusterNode {
            name: NodeName::numbered(u32::from(number)),
            ip: [127, 0, 0, 1].into(),
            peer_listen: ([127, 0, 0, 1], 7000 + number).into(),
            client_listen: ([127, 0, 0, 1], 8000 + number).into(),
            data: format!("/data/n{number}").into(),
            routes: [(other.into(), ([127, 0, 0, 1], 9000 + number).into())].into(),
        };
        Cluster {
            nodes: vec![node(1, "n2"), node(2, "n1")],
        }
    }

    fn arguments(target: &RaftTarget) -> Vec<String> {
        target.node(&cluster(), &"n1".into()).programs[0]
            .args
            .clone()
    }

    #[test]
    fn a_node_reaches_the_others_through_the_labs_proxies() {
        let target = RaftTarget::new(options(None)).unwrap();
        let args = arguments(&target).join(" ");
        assert!(
            args.starts_with("node raft --id=n1 --data=/data/n1"),
            "{args}"
        );
        assert!(
            args.contains("--peer=n2=127.0.0.1:9001/127.0.0.1:8002"),
            "{args}"
        );
        assert!(
            args.contains("--voter=n1") && args.contains("--voter=n2"),
            "{args}"
        );
        assert!(!args.contains("--bug"), "{args}");
    }

    #[test]
    fn a_bug_is_planted_only_by_its_name() {
        let error = RaftTarget::new(options(Some("no-such-bug"))).unwrap_err();
        assert!(matches!(error, TargetError::UnknownBug { .. }));
        let name = Bug::ALL[0].name();
        let args = arguments(&RaftTarget::new(options(Some(name))).unwrap());
        assert!(args.ends_with(&["--bug".to_owned(), name.to_owned()]));
    }
}
