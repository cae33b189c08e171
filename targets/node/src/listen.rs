//! Listening sockets.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::NodeError;

const BACKLOG: u32 = 1024;

/// Listens on the address. Others of the same user may hold the port too (`SO_REUSEPORT`), so that
/// a tester can keep it reserved while the node is down; they must not listen on it.
pub(crate) fn listen(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, NodeError> {
    bind(address).map_err(|source| NodeError::Listen {
        address,
        purpose,
        source,
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
