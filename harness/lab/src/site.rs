//! The place of a run: its folder's nodes, the network between them, and the way to observe them.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use testimony_engine::{ClientPlace, Cluster, ClusterNode, NodeName, NodeStatus, Plan, Target};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::equipment::{self, Equipment};
use crate::netns::{self, Network, Post};
use crate::nodes::{Death, Nodes, Place};
use crate::process::ReservedPort;
use crate::run::Folder;
use crate::{LabError, Launcher, Links};

/// Where a node with an address of its own hears the others.
const PEER_PORT: u16 = 7_000;
/// Where a node with an address of its own hears clients.
const CLIENT_PORT: u16 = 8_000;

/// Everything that can be done something to.
pub(crate) struct Site {
    pub(crate) cluster: Cluster,
    /// Before the network: a namespace that processes live in stays.
    pub(crate) nodes: Nodes,
    pub(crate) wires: Wires,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) equipment: Equipment,
    /// Held to the end: the nodes keep their addresses when they are restarted.
    _ports: Vec<ReservedPort>,
}

/// What the nodes reach each other by.
pub(crate) enum Wires {
    /// On one address, by a proxy for each link.
    Proxies(Links),
    /// On addresses of their own, by packets.
    Bridge(Network),
}

impl Site {
    /// Makes the network of the plan's lab. No node runs yet.
    pub(crate) async fn build(
        plan: &Plan,
        target: Arc<dyn Target>,
        launcher: Launcher,
        folder: &Folder,
        deaths: mpsc::UnboundedSender<Death>,
    ) -> Result<Site, LabError> {
        let names = plan.node_names();
        let network = async {
            match plan.lab.as_str() {
                netns::LAB => bridged(&names, equipment::switch_seed(plan), folder).await,
                _ => proxied(&names, plan.seed, folder).await,
            }
        };
        let (nodes, wires, _ports) = network.await.map_err(LabError::Network)?;
        let cluster = Cluster { nodes };
        let equipment = Equipment::of(plan, folder).map_err(LabError::Equipment)?;
        let spec = |name: &NodeName| {
            let place = Place {
                folder: folder.node(name),
                data: folder.data(name),
                net: wires.space(name),
                supervisor: equipment.supervisor(name),
            };
            (target.node(&cluster, name), place)
        };
        let specs: BTreeMap<_, _> = names
            .iter()
            .map(|name| (name.clone(), spec(name)))
            .collect();
        let nodes = Nodes::new(launcher, specs, deaths).map_err(LabError::Network)?;
        Ok(Site {
            cluster,
            nodes,
            wires,
            target,
            equipment,
            _ports,
        })
    }

    /// The places for clients: beside each node, if they are not all in one.
    pub(crate) fn posts(&self, plan: &Plan) -> Result<BTreeMap<NodeName, Post>, LabError> {
        let (Wires::Bridge(network), Some(ClientPlace::Beside)) = (&self.wires, plan.clients_at)
        else {
            return Ok(BTreeMap::new());
        };
        let names = plan.node_names().into_iter();
        let posts = names.map(|name| Ok((name.clone(), network.post(&name)?)));
        posts.collect::<io::Result<_>>().map_err(LabError::Network)
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

impl Wires {
    /// Where a process of ours finds the network namespace of a node, if it has one of its own.
    fn space(&self, node: &NodeName) -> Option<PathBuf> {
        match self {
            Wires::Proxies(_) => None,
            Wires::Bridge(network) => network.space(node),
        }
    }
}

type Wired = (Vec<ClusterNode>, Wires, Vec<ReservedPort>);

/// Reserves the ports and opens the links.
async fn proxied(names: &[NodeName], seed: u64, folder: &Folder) -> io::Result<Wired> {
    let reserve = || {
        names
            .iter()
            .map(|_| ReservedPort::new())
            .collect::<io::Result<Vec<_>>>()
    };
    let (peers, clients) = (reserve()?, reserve()?);
    let listens = names
        .iter()
        .cloned()
        .zip(peers.iter().map(ReservedPort::address));
    let links = Links::open(&listens.collect(), seed).await?;
    let node = |(name, (peer, client)): (&NodeName, (&ReservedPort, &ReservedPort))| ClusterNode {
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
    let ports = peers.into_iter().chain(clients).collect();
    Ok((nodes, Wires::Proxies(links), ports))
}

/// Gives every node an address of its own.
async fn bridged(names: &[NodeName], switched: Option<u64>, folder: &Folder) -> io::Result<Wired> {
    let network = Network::build(names, switched).await?;
    let addresses: BTreeMap<_, _> = names
        .iter()
        .filter_map(|name| Some((name.clone(), network.address(name)?)))
        .collect();
    let peers = |own: &NodeName| {
        let others = addresses.iter().filter(|(name, _)| *name != own);
        let listens = others.map(|(name, ip)| (name.clone(), (*ip, PEER_PORT).into()));
        listens.collect()
    };
    let node = |(name, ip): (&NodeName, &std::net::IpAddr)| ClusterNode {
        name: name.clone(),
        ip: *ip,
        peer_listen: (*ip, PEER_PORT).into(),
        client_listen: (*ip, CLIENT_PORT).into(),
        data: folder.data(name),
        routes: peers(name),
    };
    // In the order of the plan, which is not that of the names.
    let nodes = names
        .iter()
        .filter_map(|name| addresses.get_key_value(name))
        .map(node)
        .collect();
    Ok((nodes, Wires::Bridge(network), Vec::new()))
}
