//! The kernel's own protocol for links, addresses and sockets: the few messages that are needed.
//!
//! A socket stays in the namespace of the thread that opened it, whoever uses it later.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{netlink, recv, send, socket_with};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const EXCLUSIVE: u16 = 0x200;
const CREATE: u16 = 0x400;
/// Asks for all there are.
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFF_UP: u32 = 1;
const AF_INET: u8 = 2;
const HEADER_BYTES: usize = 16;
/// More than the kernel puts into one answer.
const ANSWER_BYTES: usize = 64 * 1024;

/// A socket to the kernel.
#[derive(Debug)]
pub(super) struct Netlink(OwnedFd);

/// One question or command, grown from front to back.
pub(super) struct Message(Vec<u8>);

impl Netlink {
    /// For links and addresses of this thread's namespace.
    pub(super) fn route() -> io::Result<Self> {
        Netlink::open(None)
    }

    /// For sockets of this thread's namespace.
    pub(super) fn sockets() -> io::Result<Self> {
        Netlink::open(Some(netlink::SOCK_DIAG))
    }

    fn open(protocol: Option<rustix::net::Protocol>) -> io::Result<Self> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        Ok(Netlink(socket_with(
            family,
            kind,
            SocketFlags::CLOEXEC,
            protocol,
        )?))
    }

    /// Makes a bridge and brings it up.
    pub(super) fn add_bridge(&self, name: &str, index: u32) -> io::Result<()> {
        let mut message = Message::link(RTM_NEWLINK, CREATE | EXCLUSIVE, index, IFF_UP);
        message.text(IFLA_IFNAME, name);
        message.nest(IFLA_LINKINFO, |info| info.text(INFO_KIND, "bridge"));
        self.command(message)
    }

    /// Makes a cable between a port of the bridge (or of none), which is up, and a device in
    /// another namespace, which is not: it can be only when both ends are there.
    pub(super) fn add_cable(
        &self,
        (name, index): (&str, u32),
        bridge: Option<u32>,
        (peer_name, peer_index): (&str, u32),
        peer_space: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let mut message = Message::link(RTM_NEWLINK, CREATE | EXCLUSIVE, index, IFF_UP);
        message.text(IFLA_IFNAME, name);
        if let Some(bridge) = bridge {
            message.number(IFLA_MASTER, bridge);
        }
        message.nest(IFLA_LINKINFO, |info| {
            info.text(INFO_KIND, "veth");
            info.nest(INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |peer| {
                    peer.link_body(peer_index, 0);
                    peer.text(IFLA_IFNAME, peer_name);
                    peer.number(IFLA_NET_NS_FD, peer_space.as_raw_fd().cast_unsigned());
                });
            });
        });
        self.command(message)
    }

    /// Brings a link up.
    pub(super) fn bring_up(&self, index: u32) -> io::Result<()> {
        self.command(Message::link(RTM_NEWLINK, 0, index, IFF_UP))
    }

    /// Removes a link; the other end of a cable goes with it.
    pub(super) fn remove(&self, index: u32) -> io::Result<()> {
        self.command(Message::link(RTM_DELLINK, 0, index, 0))
    }

    /// Gives a link an address in a network of 256.
    pub(super) fn add_address(&self, index: u32, address: Ipv4Addr) -> io::Result<()> {
        let mut message = Message::new(RTM_NEWADDR, ACKNOWLEDGE | CREATE | EXCLUSIVE);
        message.bytes(&[AF_INET, 24, 0, 0]);
        message.bytes(&index.to_ne_bytes());
        message.attribute(IFA_LOCAL, &address.octets());
        message.attribute(IFA_ADDRESS, &address.octets());
        self.command(message)
    }

    /// Sends a command and waits until it is carried out.
    pub(super) fn command(&self, message: Message) -> io::Result<()> {
        self.exchange(message, |_, _| {})
    }

    /// Asks for all there are; `each` gets the body of every answer.
    pub(super) fn dump(&self, message: Message, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        self.exchange(message, |_, body| each(body))
    }

    fn exchange(&self, message: Message, mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
        send(&self.0, &message.finished(), SendFlags::empty())?;
        let mut buffer = vec![0; ANSWER_BYTES];
        loop {
            let (read, _) = recv(&self.0, &mut *buffer, RecvFlags::empty())?;
            let mut rest = &buffer[..read];
            while let Some((kind, body, behind)) = first(rest) {
                match kind {
                    ERROR => return outcome(body),
                    DONE => return Ok(()),
                    _ => each(kind, body),
                }
                rest = behind;
            }
        }
    }
}

impl Message {
    fn link(kind: u16, flags: u16, index: u32, up: u32) -> Self {
        let mut message = Message::new(kind, ACKNOWLEDGE | flags);
        message.link_body(index, up);
        message
    }

    /// A question for all there are of a kind.
    pub(super) fn question(kind: u16) -> Self {
        Message::new(kind, DUMP)
    }

    /// A command that is acknowledged.
    pub(super) fn order(kind: u16) -> Self {
        Message::new(kind, ACKNOWLEDGE)
    }

    fn new(kind: u16, flags: u16) -> Self {
        let mut message = Message(vec![0; HEADER_BYTES]);
        message.0[4..6].copy_from_slice(&kind.to_ne_bytes());
        message.0[6..8].copy_from_slice(&(REQUEST | flags).to_ne_bytes());
        message
    }

    /// Family, type, index, flags, and which flags are meant.
    fn link_body(&mut self, index: u32, up: u32) {
        self.bytes(&[0; 4]);
        self.bytes(&index.to_ne_bytes());
        self.bytes(&up.to_ne_bytes());
        self.bytes(&up.to_ne_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, kind: u16, text: &str) {
        self.nest(kind, |inside| {
            inside.bytes(text.as_bytes());
            inside.bytes(&[0]);
        });
    }

    fn number(&mut self, kind: u16, number: u32) {
        self.attribute(kind, &number.to_ne_bytes());
    }

    fn attribute(&mut self, kind: u16, bytes: &[u8]) {
        self.nest(kind, |inside| inside.bytes(bytes));
    }

    /// An attribute of whatever is written meanwhile: its length, its kind, its content, padded.
    fn nest(&mut self, kind: u16, content: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.bytes(&[0; 2]);
        self.bytes(&kind.to_ne_bytes());
        content(self);
        let length = u16::try_from(self.0.len() - start).expect("a message is short");
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn finished(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).expect("a message is short");
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// The first message of what the kernel sent: its kind, its body, and what is behind it.
fn first(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let header = bytes.get(..HEADER_BYTES)?;
    let length = u32::from_ne_bytes(header[..4].try_into().ok()?);
    let kind = u16::from_ne_bytes(header[4..6].try_into().ok()?);
    let length = usize::try_from(length).ok()?;
    let body = bytes.get(HEADER_BYTES..length)?;
    let behind = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body, behind))
}

/// What the kernel says of a command: 0, or an error number below 0.
fn outcome(body: &[u8]) -> io::Result<()> {
    let number = body.get(..4).and_then(|bytes| bytes.try_into().ok());
    match number.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(io::Error::other("the kernel sent half an answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_has_its_length_without_its_padding() {
        let mut message = Message::new(RTM_NEWLINK, 0);
        message.text(IFLA_IFNAME, "br0");
        message.text(IFLA_IFNAME, "eth0");
        let bytes = message.finished();
        assert_eq!(bytes.len(), HEADER_BYTES + 8 + 12);
        assert_eq!(bytes[..4], 36_u32.to_ne_bytes());
        assert_eq!(bytes[HEADER_BYTES..][..2], 8_u16.to_ne_bytes());
        assert_eq!(bytes[HEADER_BYTES + 8..][..2], 9_u16.to_ne_bytes());
    }

    #[test]
    fn an_error_of_the_kernel_is_one_of_ours() {
        let error = outcome(&(-1_i32).to_ne_bytes()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(outcome(&0_i32.to_ne_bytes()).is_ok());
        assert!(outcome(&[]).is_err());
    }

    #[test]
    fn messages_that_come_together_are_told_apart() {
        let one = Message::order(7).finished();
        let both = [one.clone(), Message::order(8).finished()].concat();
        let (kind, body, behind) = first(&both).unwrap();
        assert_eq!((kind, body.len(), behind.len()), (7, 0, one.len()));
        assert_eq!(first(behind).unwrap().0, 8);
        assert!(first(&both[..10]).is_none());
    }
}
