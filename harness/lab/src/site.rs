//! The place of a run: its folder's nodes, the links between them, and the way to observe them.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use testimony_engine::{Cluster, ClusterNode, NodeName, NodeStatus, Target};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::nodes::{Death, Nodes};
use crate::process::ReservedPort;
use crate::run::Folder;
use crate::{LabError, Launcher, Links};

/// Everything that can be done something to.
pub(crate) struct Site {
    pub(crate) cluster: Cluster,
    pub(crate) links: Links,
    pub(crate) nodes: Nodes,
    pub(crate) target: Arc<dyn Target>,
    /// Held to the end: the nodes keep their addresses when they are restarted.
    _ports: Vec<ReservedPort>,
}

impl Site {
    /// Reserves the ports and opens the links. No node runs yet.
    pub(crate) async fn build(
        names: &[NodeName],
        seed: u64,
        target: Arc<dyn Target>,
        launcher: Launcher,
        folder: &Folder,
        deaths: mpsc::UnboundedSender<Death>,
    ) -> Result<Site, LabError> {
        let reserve = || {
            names
                .iter()
                .map(|_| ReservedPort::new())
                .collect::<io::Result<Vec<_>>>()
        };
        let peers = reserve().map_err(LabError::Network)?;
        let clients = reserve().map_err(LabError::Network)?;
        let listens = names
            .iter()
            .cloned()
            .zip(peers.iter().map(ReservedPort::address));
        let links = Links::open(&listens.collect(), seed)
            .await
            .map_err(LabError::Network)?;
        let node =
            |(name, (peer, client)): (&NodeName, (&ReservedPort, &ReservedPort))| ClusterNode {
                name: name.clone(),
                ip: peer.address().ip(),
                peer_listen: peer.address(),
                client_listen: client.address(),
                data: folder.data(name),
                routes: links.routes(name),
            };
        let nodes = names
            .iter()
            .zip(peers.iter().zip(&clients))
            .map(node)
            .collect();
        let cluster = Cluster { nodes };
        let spec = |name: &NodeName| (target.node(&cluster, name), folder.node(name));
        let specs: BTreeMap<_, _> = names
            .iter()
            .map(|name| (name.clone(), spec(name)))
            .collect();
        let nodes = Nodes::new(launcher, specs, deaths).map_err(LabError::Network)?;
        let _ports = peers.into_iter().chain(clients).collect();
        Ok(Site {
            cluster,
            links,
            nodes,
            target,
            _ports,
        })
    }

    /// What a node says of itself.
    pub(crate) async fn status(&self, node: &NodeName) -> Option<NodeStatus> {
        self.target.status(&self.cluster, node).await
    }

    /// Whether clients of the node are refused, as they are when nobody listens on its port.
    pub(crate) async fn refuses(&self, node: &NodeName) -> bool {
        let Some(address) = self.client_address(node) else {
            return true;
        };
        let connected = TcpStream::connect(address).await;
        connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }

    fn client_address(&self, node: &NodeName) -> Option<SocketAddr> {
        self.cluster.node(node).map(|node| node.client_listen)
    }
}
