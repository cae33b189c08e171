//! What the tests of targets share: HTTP by hand, so that a server can misbehave in any way.

use std::io;
use std::net::SocketAddr;

use serde_json::Value as Json;
use testimony_engine::{Cluster, ClusterNode, NodeName};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// A cluster whose nodes listen there.
pub(crate) fn cluster(addresses: &[SocketAddr]) -> Cluster {
    let node = |(number, http): (u32, &SocketAddr)| ClusterNode {
        name: NodeName::numbered(number),
        ip: http.ip(),
        peer_listen: *http,
        client_listen: *http,
        data: "/nowhere".into(),
        routes: [].into(),
    };
    Cluster {
        nodes: (1..).zip(addresses).map(node).collect(),
    }
}

/// A cluster of so many nodes with an address of their own each, which listen on these ports.
pub(crate) fn apart(nodes: u8, peers: u16, clients: u16) -> Cluster {
    let node = |number: u8| ClusterNode {
        name: NodeName::numbered(u32::from(number)),
        ip: [10, 99, 0, number].into(),
        peer_listen: ([10, 99, 0, number], peers).into(),
        client_listen: ([10, 99, 0, number], clients).into(),
        data: format!("/run/nodes/n{number}/data").into(),
        routes: [].into(),
    };
    Cluster {
        nodes: (1..=nodes).map(node).collect(),
    }
}

/// The path and the JSON body of the next request; `null` if it has none.
pub(crate) async fn read_request(stream: &mut BufStream<TcpStream>) -> io::Result<(String, Json)> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).await?;
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((path, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Sends an answer with further header lines.
pub(crate) async fn write_answer(
    stream: &mut BufStream<TcpStream>,
    status: u16,
    headers: &str,
    body: &str,
) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await
}
