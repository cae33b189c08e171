//! Connections between nodes, listed and reset by the kernel in the namespace of one of them.

use std::io;
use std::net::Ipv4Addr;

use super::netlink::{Message, Netlink};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
/// Established, SYN sent, SYN received, and those of a connection that closes while somebody may
/// still send. Kernels refuse to destroy one that only waits for the other end's last word.
const CONNECTED: u32 = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 8) | (1 << 9);

/// A socket, as the kernel names it: ports, addresses, device, and a number of its own.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SocketId([u8; SocketId::BYTES]);

impl SocketId {
    const BYTES: usize = 48;

    /// Of an answer, behind family, state, timer and retransmissions.
    fn of(answer: &[u8]) -> Option<Self> {
        let bytes = answer.get(4..4 + SocketId::BYTES)?;
        Some(SocketId(bytes.try_into().ok()?))
    }

    fn remote(&self) -> Ipv4Addr {
        let [a, b, c, d] = [self.0[20], self.0[21], self.0[22], self.0[23]];
        Ipv4Addr::new(a, b, c, d)
    }
}

/// Resets every connection to `remote` that the namespace of this socket has an end of; how many
/// there were. An error if one of them is still there afterwards.
pub(super) fn reset(sockets: &Netlink, remote: Ipv4Addr) -> io::Result<usize> {
    let open = list(sockets, remote)?;
    for id in &open {
        match sockets.command(request(Message::order(SOCK_DESTROY), id)) {
            // It has ended meanwhile by itself.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                return Err(io::Error::other(
                    "the kernel was built without CONFIG_INET_DIAG_DESTROY, so it resets nothing",
                ));
            }
            destroyed => destroyed?,
        }
    }
    let left = list(sockets, remote)?;
    if open.iter().any(|id| left.contains(id)) {
        return Err(io::Error::other("a connection outlived its reset"));
    }
    Ok(open.len())
}

pub(super) fn list(sockets: &Netlink, remote: Ipv4Addr) -> io::Result<Vec<SocketId>> {
    let any = SocketId([0; SocketId::BYTES]);
    let mut found = Vec::new();
    sockets.dump(
        request(Message::question(SOCK_DIAG_BY_FAMILY), &any),
        |answer| {
            found.extend(SocketId::of(answer).filter(|id| id.remote() == remote));
        },
    )?;
    Ok(found)
}

/// Family, protocol, no extras, the states that are meant, and the socket.
fn request(mut message: Message, id: &SocketId) -> Message {
    message.bytes(&[AF_INET, IPPROTO_TCP, 0, 0]);
    message.bytes(&CONNECTED.to_ne_bytes());
    message.bytes(&id.0);
    message
}
