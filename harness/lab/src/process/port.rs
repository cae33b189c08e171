//! A port of a node, kept from everyone else also while the node is down.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// A port on 127.0.0.1, held by a socket that is bound but never listens. The node binds the same
/// port with `SO_REUSEPORT` or `SO_REUSEADDR`; when it is down, connections are refused and nobody
/// can take the port.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    address: SocketAddr,
    _holder: TcpSocket,
}

impl ReservedPort {
    /// Reserves a port of the kernel's choice.
    pub(crate) fn new() -> io::Result<Self> {
        let holder = TcpSocket::new_v4()?;
        holder.set_reuseport(true)?;
        // Most programs set only this one, and it serves them as well.
        holder.set_reuseaddr(true)?;
        holder.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(ReservedPort {
            address: holder.local_addr()?,
            _holder: holder,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
