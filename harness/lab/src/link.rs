//! The network between the nodes: one proxy for each directed link.

mod gate;
mod pipe;
mod probe;
mod proxy;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use testimony_engine::{Link, NodeName};
use tokio::task::JoinSet;

pub use gate::{Shape, Traffic};
pub(crate) use probe::Probe;
use proxy::{Proxy, Way};

/// All directed links of a cluster. Dropping it closes every connection.
#[derive(Debug)]
pub struct Links {
    proxies: BTreeMap<Link, Arc<Proxy>>,
    addresses: BTreeMap<Link, SocketAddr>,
    _listeners: JoinSet<()>,
}

/// A link was named that joins no two nodes of this cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no link {0} in this cluster")]
pub struct NoSuchLink(pub Link);

impl Links {
    /// Opens a link in each direction between every two of the nodes, which listen (or will
    /// listen) at the given addresses. `seed` decides the jitter. Must be called within a runtime.
    ///
    /// # Errors
    /// If the kernel has no more ports or descriptors.
    pub async fn open(nodes: &BTreeMap<NodeName, SocketAddr>, seed: u64) -> io::Result<Links> {
        let pairs = || {
            nodes
                .keys()
                .flat_map(|from| nodes.keys().map(move |to| (from, to)))
        };
        let names: Vec<Link> = pairs()
            .filter(|(from, to)| from != to)
            .map(|(from, to)| Link::new(from, to))
            .collect();
        let ways: BTreeMap<&Link, Arc<Way>> = names.iter().map(|link| (link, Way::new())).collect();
        let mut links = Links {
            proxies: BTreeMap::new(),
            addresses: BTreeMap::new(),
            _listeners: JoinSet::new(),
        };
        for (number, link) in names.iter().enumerate() {
            let (listener, address) = proxy::listen().await?;
            let back = &ways[&Link::new(&link.to, &link.from)];
            // Far apart: a proxy gives its connections the seeds after its own.
            let seed = seed.wrapping_add((number as u64) << 32);
            let proxy = Proxy::new(Arc::clone(&ways[link]), Arc::clone(back), seed);
            links
                ._listeners
                .spawn(Arc::clone(&proxy).serve(listener, nodes[&link.to]));
            links.addresses.insert(link.clone(), address);
            links.proxies.insert(link.clone(), proxy);
        }
        Ok(links)
    }

    /// Where `from` reaches every other node: the entrances of its links.
    pub fn routes(&self, from: &NodeName) -> BTreeMap<NodeName, SocketAddr> {
        let own = self.addresses.iter().filter(|(link, _)| link.from == *from);
        own.map(|(link, address)| (link.to.clone(), *address))
            .collect()
    }

    /// Every link.
    pub fn names(&self) -> impl Iterator<Item = &Link> {
        self.proxies.keys()
    }

    /// Changes what a link does. When this returns, no byte passes any more under the old shape.
    ///
    /// # Errors
    /// If there is no such link.
    pub fn set(&self, link: &Link, shape: Shape) -> Result<(), NoSuchLink> {
        self.proxy(link)?.forward.gate.set(shape);
        Ok(())
    }

    /// What a link does at present.
    ///
    /// # Errors
    /// If there is no such link.
    pub fn shape(&self, link: &Link) -> Result<Shape, NoSuchLink> {
        Ok(self.proxy(link)?.forward.gate.shape())
    }

    /// What the nodes have sent over a link so far; the lab's own probes are not counted.
    ///
    /// # Errors
    /// If there is no such link.
    pub fn traffic(&self, link: &Link) -> Result<Traffic, NoSuchLink> {
        Ok(self.proxy(link)?.forward.counters.read())
    }

    /// Drops every connection that was opened over a link, with a TCP reset at both ends. Returns
    /// how many there were.
    ///
    /// # Errors
    /// If there is no such link, or connections are still there a second later.
    pub async fn reset(&self, link: &Link) -> io::Result<usize> {
        self.proxy(link).map_err(io::Error::other)?.reset().await
    }

    /// Opens a probe across a link; `None` if it is cut.
    pub(crate) async fn probe(&self, link: &Link) -> io::Result<Option<Probe>> {
        Probe::open(Arc::clone(self.proxy(link).map_err(io::Error::other)?)).await
    }

    fn proxy(&self, link: &Link) -> Result<&Arc<Proxy>, NoSuchLink> {
        self.proxies
            .get(link)
            .ok_or_else(|| NoSuchLink(link.clone()))
    }
}
