//! A connection of the lab's own across a link, to see from outside what the link does to bytes.
//!
//! It crosses the same gate by the same code as the nodes' connections, but ends in the lab's own
//! socket. So a fault is verified by its effect also on links on which the nodes happen to be
//! silent.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::gate::Counters;
use super::proxy::{Proxy, listen};

/// How long a probe may take to be established; a link that is cut already establishes none.
const OPEN_DEADLINE: Duration = Duration::from_millis(250);

/// An established connection across one directed link.
#[derive(Debug)]
pub(crate) struct Probe {
    mouth: TcpStream,
    ear: TcpStream,
    /// Carries the connection; ends with the probe.
    _carrier: JoinSet<()>,
}

impl Probe {
    /// Establishes a connection across the link; `None` if the link lets none through at present.
    pub(crate) async fn open(proxy: Arc<Proxy>) -> io::Result<Option<Probe>> {
        let sink = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (entrance, address) = listen().await?;
        let mouth = TcpStream::connect(address).await?;
        mouth.set_nodelay(true)?;
        let (inbound, _) = entrance.accept().await?;
        let mut carrier = JoinSet::new();
        let counters = Arc::new(Counters::default());
        carrier.spawn(proxy.carry_probe(inbound, sink.local_addr()?, counters));
        match timeout(OPEN_DEADLINE, sink.accept()).await {
            Ok(accepted) => Ok(Some(Probe {
                mouth,
                ear: accepted?.0,
                _carrier: carrier,
            })),
            Err(_) => Ok(None),
        }
    }

    /// Sends bytes; they wait in buffers if the link does not take them.
    pub(crate) async fn send(&mut self, bytes: usize) -> io::Result<()> {
        self.mouth.write_all(&vec![b'?'; bytes]).await
    }

    /// Waits until so many bytes have arrived. `None` if the deadline came first; how many arrived
    /// by then is forgotten.
    pub(crate) async fn hear(&mut self, bytes: usize, deadline: Duration) -> Option<Duration> {
        let since = Instant::now();
        let mut heard = vec![0; bytes];
        let reading = self.ear.read_exact(&mut heard);
        timeout(deadline, reading).await.ok()?.ok()?;
        Some(since.elapsed())
    }
}
