//! The network of a cluster: a namespace for each node, and the bridge that joins them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use testimony_engine::{Link, NodeName};

use super::connections;
use super::filter::{Counts, Filter};
use super::netlink::Netlink;
use super::post::Post;
use super::prober::Prober;
use super::space::{self, Space};
use crate::packets::{self, Switch, Treatment, plain_frames};

/// The number of `lo` in every namespace.
const LOOPBACK: u32 = 1;
/// The number that the bridge is given; those of its ports follow.
const BRIDGE: u32 = 1_000;
/// Two more cables' ends for each node are numbered from here, if the switch is in between: the
/// port of the bridge, and the end that the switch has.
const PORT: u32 = 2_000;
const SWITCHED: u32 = 3_000;
/// Where the harness is, beside the bridge.
const CONTROLLER: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 254);

/// All that joins the nodes. Dropping it takes it down.
#[derive(Debug)]
pub(crate) struct Network {
    _cables: Cables,
    spaces: BTreeMap<NodeName, Space>,
    filter: Filter,
    prober: Prober,
    /// In every node's cable, if any packet is ever to be treated.
    switch: Option<Switch>,
}

/// The bridge and its ports, which are removed with this, also where setting up failed half-way.
#[derive(Debug)]
struct Cables {
    links: Netlink,
    indices: Vec<u32>,
}

impl Drop for Cables {
    fn drop(&mut self) {
        for index in &self.indices {
            if let Err(error) = self.links.remove(*index) {
                tracing::warn!(index, %error, "a link of the network could not be removed");
            }
        }
    }
}

impl Cables {
    /// Lays the cable of a node: to the bridge, or to where the switch will be and from there to
    /// the bridge.
    fn connect(&mut self, space: &Space, number: u8, switched: bool) -> io::Result<()> {
        let own = (format!("v{number}"), BRIDGE + u32::from(number));
        let bridge = (!switched).then_some(BRIDGE);
        space.connect(&self.links, (&own.0, own.1), bridge)?;
        // Before the bridge: a port that is gone already cannot be removed.
        self.indices.insert(0, own.1);
        if !switched {
            return Ok(());
        }
        space.send_plain_frames()?;
        let here = File::open("/proc/thread-self/ns/net")?;
        let port = (format!("x{number}"), PORT + u32::from(number));
        let end = (format!("w{number}"), SWITCHED + u32::from(number));
        let (named, peer) = ((port.0.as_str(), port.1), (end.0.as_str(), end.1));
        self.links
            .add_cable(named, Some(BRIDGE), peer, here.as_fd())?;
        self.indices.insert(0, port.1);
        self.links.bring_up(end.1)?;
        plain_frames(&port.0)
    }

    /// Puts the switch into the cables of the nodes.
    fn switch(&self, nodes: usize, seed: u64) -> io::Result<Switch> {
        let ends = |number| (format!("v{number}"), format!("w{number}"));
        Switch::start(&(1..=nodes).map(ends).collect::<Vec<_>>(), seed)
    }
}

impl Network {
    /// Sets it up; everything passes. With a seed, the switch is in the cables, and the seed
    /// decides which packets are treated how. Must be called within a runtime, in namespaces of
    /// our own.
    pub(crate) async fn build(names: &[NodeName], switched: Option<u64>) -> io::Result<Self> {
        let mut cables = Cables {
            links: Netlink::route()?,
            indices: Vec::new(),
        };
        space::settle()?;
        cables.links.bring_up(LOOPBACK)?;
        cables.links.add_bridge("br0", BRIDGE)?;
        cables.indices.push(BRIDGE);
        cables.links.add_address(BRIDGE, CONTROLLER)?;
        let mut spaces = BTreeMap::new();
        for (name, number) in names.iter().zip(1_u8..) {
            let space = Space::found(Ipv4Addr::new(10, 99, 0, number))?;
            cables.connect(&space, number, switched.is_some())?;
            spaces.insert(name.clone(), space);
        }
        let switch = switched
            .map(|seed| cables.switch(names.len(), seed))
            .transpose()?;
        let address = |(name, space): (&NodeName, &Space)| (name.clone(), space.address);
        let filter = Filter::set_up(&spaces.iter().map(address).collect()).await?;
        let prober = Prober::new(probes(&spaces)?);
        Ok(Network {
            _cables: cables,
            spaces,
            filter,
            prober,
            switch,
        })
    }

    /// The address of a node.
    pub(crate) fn address(&self, node: &NodeName) -> Option<IpAddr> {
        self.spaces.get(node).map(|space| space.address.into())
    }

    /// Where a process of ours finds the namespace of a node, to enter it.
    pub(crate) fn space(&self, node: &NodeName) -> Option<PathBuf> {
        self.spaces.get(node).map(Space::path)
    }

    /// A place for clients beside a node.
    pub(crate) fn post(&self, node: &NodeName) -> io::Result<Post> {
        let space = self.space(node);
        let unknown = || io::Error::other(format!("there is no node {node}"));
        Post::open(space.ok_or_else(unknown)?)
    }

    /// Drops what is sent along these links, which are not cut yet, from one moment on.
    pub(crate) async fn cut(&self, links: &BTreeSet<Link>) -> io::Result<()> {
        self.filter.cut(links).await
    }

    /// Lets pass what is sent along these links, which are cut, from one moment on.
    pub(crate) async fn join(&self, links: &BTreeSet<Link>) -> io::Result<()> {
        self.filter.join(links).await
    }

    /// How many packets were dropped and passed.
    pub(crate) async fn counts(&self) -> io::Result<Counts> {
        self.filter.counts().await
    }

    /// Sends one packet along a link; its number.
    pub(crate) async fn probe(&self, link: &Link) -> io::Result<u64> {
        self.prober.send(link).await
    }

    /// Whether the packet of that number has arrived.
    pub(crate) fn has_heard(&self, probe: u64) -> bool {
        self.prober.has_heard(probe)
    }

    /// Sends packets along a link until one arrives; whether one did before the deadline.
    pub(crate) async fn passes(&self, link: &Link, deadline: Duration) -> io::Result<bool> {
        self.prober.passes(link, deadline).await
    }

    /// How many connections to the receiver the sender of a link has an end of.
    #[cfg(test)]
    pub(crate) fn connections(&self, link: &Link) -> io::Result<usize> {
        let (from, to) = (&self.spaces[&link.from], &self.spaces[&link.to]);
        Ok(connections::list(&from.sockets, to.address)?.len())
    }

    /// Treats what is sent along a link so, from now on.
    pub(crate) fn treat(&self, link: &Link, treatment: Treatment) -> io::Result<()> {
        let (switch, from, to) = self.switched(link)?;
        switch.treat(from, to, treatment);
        Ok(())
    }

    /// What was done to the packets of a link since the start.
    pub(crate) fn treated(&self, link: &Link) -> io::Result<packets::Counts> {
        let (switch, from, to) = self.switched(link)?;
        match switch.failure() {
            Some(why) => Err(io::Error::other(format!("the switch has stopped: {why}"))),
            None => Ok(switch.counts(from, to)),
        }
    }

    fn switched(&self, link: &Link) -> io::Result<(&Switch, Ipv4Addr, Ipv4Addr)> {
        let unknown = || io::Error::other(format!("there is no link {link} in this cluster"));
        let from = self.spaces.get(&link.from).ok_or_else(unknown)?;
        let to = self.spaces.get(&link.to).ok_or_else(unknown)?;
        let absent = || io::Error::other("no switch is in the cables of this cluster");
        let switch = self.switch.as_ref().ok_or_else(absent)?;
        Ok((switch, from.address, to.address))
    }

    /// Resets the connections between the two nodes at the end of the one that sends; how many.
    pub(crate) fn reset(&self, link: &Link) -> io::Result<usize> {
        let unknown = || io::Error::other(format!("there is no link {link} in this cluster"));
        let from = self.spaces.get(&link.from).ok_or_else(unknown)?;
        let to = self.spaces.get(&link.to).ok_or_else(unknown)?;
        connections::reset(&from.sockets, to.address)
    }
}

type Probes = BTreeMap<NodeName, (tokio::net::UdpSocket, SocketAddr)>;

fn probes(spaces: &BTreeMap<NodeName, Space>) -> io::Result<Probes> {
    let one = |(name, space): (&NodeName, &Space)| {
        let port = space.probe.local_addr()?.port();
        let socket = space.probe.try_clone()?;
        socket.set_nonblocking(true)?;
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        Ok((name.clone(), (socket, (space.address, port).into())))
    };
    spaces.iter().map(one).collect()
}
