//! The network namespace of one node: an address of its own, and nothing of the machine's.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::thread;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::netlink::Netlink;
use crate::packets::plain_frames;

/// The number of `lo` in every namespace.
const LOOPBACK: u32 = 1;
/// The number that `eth0` is given in a node's namespace; beyond those that a kernel may have
/// taken for devices of its own.
const DEVICE: u32 = 1_000;

/// Kept small, what is sent again after a cut is sent again soon: without this, TCP waits up to
/// two minutes when a link is back. The first is there from Linux 6.15 on. A connection outlives a
/// cut, as it does in a network whose cuts are short.
const SETTINGS: [(&str, &str); 5] = [
    ("net/ipv4/tcp_rto_max_ms", "1000"),
    ("net/ipv4/tcp_retries2", "255"),
    // A node is reached by one address only, so that a cut of it is a cut.
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    // An address is that of one device: the ends of a cable with the switch in it have none.
    ("net/ipv4/conf/all/arp_ignore", "1"),
];

/// A namespace; it lives as long as this, and as the processes and sockets in it.
#[derive(Debug)]
pub(super) struct Space {
    file: File,
    links: Netlink,
    pub(super) sockets: Netlink,
    pub(super) address: Ipv4Addr,
    /// Where probes come from and arrive.
    pub(super) probe: UdpSocket,
}

impl Space {
    /// A new namespace, in which nothing is connected yet.
    pub(super) fn found(address: Ipv4Addr) -> io::Result<Self> {
        let found = move || {
            #[expect(
                deprecated,
                reason = "the replacement is unsafe for the sake of other flags: a network \
                          namespace of a thread's own takes nothing from other threads"
            )]
            rustix::thread::unshare(UnshareFlags::NEWNET)?;
            settle()?;
            Ok(Space {
                file: File::open("/proc/thread-self/ns/net")?,
                links: Netlink::route()?,
                sockets: Netlink::sockets()?,
                address,
                probe: UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
            })
        };
        // A namespace is a thread's: this one ends, and what it opened stays where it was opened.
        let thread = thread::Builder::new().name("founder".to_owned());
        let founder = thread.spawn(found)?;
        let died = |_| io::Error::other("the thread that made a network namespace panicked");
        founder.join().map_err(died)?
    }

    /// Connects it by a cable to a bridge of the namespace of `outside`, or to nothing yet.
    pub(super) fn connect(
        &self,
        outside: &Netlink,
        end: (&str, u32),
        bridge: Option<u32>,
    ) -> io::Result<()> {
        outside.add_cable(end, bridge, ("eth0", DEVICE), self.file.as_fd())?;
        self.links.bring_up(LOOPBACK)?;
        self.links.bring_up(DEVICE)?;
        self.links.add_address(DEVICE, self.address)
    }

    /// Has it send frames as they are on a real wire.
    pub(super) fn send_plain_frames(&self) -> io::Result<()> {
        let enter = || {
            move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))?;
            plain_frames("eth0")
        };
        let died = |_| io::Error::other("the thread that entered a network namespace panicked");
        // A namespace is a thread's: this one ends.
        thread::scope(|scope| scope.spawn(enter).join()).map_err(died)?
    }

    /// Where a process of ours finds the namespace, to enter it.
    pub(super) fn path(&self) -> PathBuf {
        let (process, number) = (std::process::id(), self.file.as_raw_fd());
        PathBuf::from(format!("/proc/{process}/fd/{number}"))
    }
}

impl AsFd for Space {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Sets what the network of this thread's namespace is to be like.
pub(super) fn settle() -> io::Result<()> {
    for (name, value) in SETTINGS {
        let path = format!("/proc/sys/{name}");
        match fs::write(&path, value) {
            // A kernel that has no such thing needs no such setting, or must do without.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
            Ok(()) => {}
        }
    }
    Ok(())
}
