//! Two ends of the transport, and a network between them that misbehaves.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout, timeout_at};

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);
const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);

/// One end of the transport.
struct End {
    transport: Transport,
    inbox: UnboundedReceiver<(NodeId, String)>,
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn start(me: NodeId, listener: TcpListener, peer: NodeId, address: SocketAddr) -> End {
    let (sender, inbox) = unbounded_channel();
    let deliver = Arc::new(move |from, message: String| drop(sender.send((from, message))));
    let transport = Transport::start(me, listener, &BTreeMap::from([(peer, address)]), deliver);
    End { transport, inbox }
}

impl End {
    async fn hear(&mut self) -> String {
        timeout(DEADLINE, self.inbox.recv())
            .await
            .expect("a message within the deadline")
            .unwrap()
            .1
    }

    /// For a while, in which late ones of other messages may still come.
    async fn hears_none_of(&mut self, text: &str) {
        let deadline = Instant::now() + Duration::from_millis(150);
        while let Ok(heard) = timeout_at(deadline, self.inbox.recv()).await {
            assert_ne!(heard.unwrap().1, text);
        }
    }

    /// Sends until the other end hears it; says how long that took.
    async fn reach(&self, to: NodeId, other: &mut End, text: &str) -> Duration {
        let since = Instant::now();
        let mut again = interval(Duration::from_millis(10));
        timeout(DEADLINE, async {
            loop {
                tokio::select! {
                    _ = again.tick() => self.transport.sender.send(to, &text),
                    heard = other.inbox.recv() => if heard.unwrap().1 == text {
                        return since.elapsed();
                    }
                }
            }
        })
        .await
        .expect("the other end hears within the deadline")
    }
}

/// What a proxy does to the connections that it has at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Carries nothing back.
    NothingBack,
    /// Carries nothing, and closes nothing: a connection that was seen so is dead for ever.
    Dead,
}

/// A network between a sender and `destination`.
async fn network(destination: SocketAddr) -> (SocketAddr, Arc<watch::Sender<Way>>, JoinSet<()>) {
    let (listener, address) = listen().await;
    let way = Arc::new(watch::Sender::new(Way::Open));
    let mut tasks = JoinSet::new();
    let ways = Arc::clone(&way);
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (inbound, _) = listener.accept().await.unwrap();
            let ways = Arc::clone(&ways);
            connections.spawn(async move {
                let outbound = TcpStream::connect(destination).await.unwrap();
                let (mut here, mut there) = (inbound.into_split(), outbound.into_split());
                let dead = Arc::new(AtomicBool::new(false));
                tokio::join!(
                    carry(&mut here.0, &mut there.1, &ways, &dead, &[Way::Dead]),
                    carry(
                        &mut there.0,
                        &mut here.1,
                        &ways,
                        &dead,
                        &[Way::Dead, Way::NothingBack]
                    ),
                );
            });
        }
    });
    (address, way, tasks)
}

/// Carries bytes one way while the way is none of `blocking`.
async fn carry(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    ways: &watch::Sender<Way>,
    dead: &AtomicBool,
    blocking: &[Way],
) {
    let mut bytes = [0; 4096];
    let mut changes = ways.subscribe();
    loop {
        let Ok(count @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        if *ways.borrow() == Way::Dead {
            dead.store(true, Ordering::SeqCst);
        }
        if dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        changes
            .wait_for(|way| !blocking.contains(way))
            .await
            .unwrap();
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn messages_arrive_in_order_and_are_counted() {
    let ((one, at_one), (two, at_two)) = (listen().await, listen().await);
    let first = start(ONE, one, TWO, at_two);
    let mut second = start(TWO, two, ONE, at_one);
    for number in 0..100 {
        first.transport.sender.send(TWO, &number.to_string());
    }
    for number in 0..100 {
        assert_eq!(second.hear().await, number.to_string());
    }
    assert_eq!(Counters::read(&first.transport.counters.sent)[&TWO], 100);
    assert_eq!(
        Counters::read(&second.transport.counters.received)[&ONE],
        100
    );
    assert_eq!(Counters::read(&second.transport.counters.sent)[&ONE], 0);
}

#[tokio::test]
async fn a_restarted_peer_is_reached_again() {
    let ((one, at_one), (two, at_two)) = (listen().await, listen().await);
    let first = start(ONE, one, TWO, at_two);
    let mut second = start(TWO, two, ONE, at_one);
    first.reach(TWO, &mut second, "before").await;
    drop(second);
    let again = timeout(DEADLINE, async {
        loop {
            if let Ok(listener) = TcpListener::bind(at_two).await {
                return listener;
            }
            tokio::task::yield_now().await;
        }
    });
    let mut second = start(TWO, again.await.unwrap(), ONE, at_one);
    let took = first.reach(TWO, &mut second, "after").await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_silently_dead_connection_is_noticed_and_replaced() {
    let ((one, at_one), (two, at_two)) = (listen().await, listen().await);
    let (proxy, way, _network) = network(at_two).await;
    let first = start(ONE, one, TWO, proxy);
    let mut second = start(TWO, two, ONE, at_one);
    first.reach(TWO, &mut second, "before").await;
    way.send_replace(Way::Dead);
    // The network is healed only when it has swallowed something, so that the connection is dead.
    for _ in 0..3 {
        first.transport.sender.send(TWO, &"swallowed");
        second.hears_none_of("swallowed").await;
    }
    way.send_replace(Way::Open);
    let took = first.reach(TWO, &mut second, "after").await;
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn messages_flow_although_nothing_comes_back() {
    let ((one, at_one), (two, at_two)) = (listen().await, listen().await);
    let (proxy, way, _network) = network(at_two).await;
    way.send_replace(Way::NothingBack);
    let first = start(ONE, one, TWO, proxy);
    let mut second = start(TWO, two, ONE, at_one);
    first.reach(TWO, &mut second, "first").await;
    // Several times as long as a connection may be silent.
    let mut pace = interval(Duration::from_millis(10));
    for number in 0..100 {
        pace.tick().await;
        first.transport.sender.send(TWO, &number.to_string());
    }
    let mut missing: Vec<String> = (0..100).rev().map(|number| number.to_string()).collect();
    while let Some(expected) = missing.pop() {
        while second.hear().await != expected {}
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_does_not_block_the_sender() {
    let ((one, _), (_deaf, at_two)) = (listen().await, listen().await);
    let first = start(ONE, one, TWO, at_two);
    // More than the outbox and the socket's buffers hold.
    let (text, count) = ("x".repeat(100_000), 400);
    for _ in 0..count {
        first.transport.sender.send(TWO, &text);
        tokio::task::yield_now().await;
    }
    let sent = Counters::read(&first.transport.counters.sent)[&TWO];
    assert!(sent < count, "the peer cannot have taken all of it");
}

#[tokio::test]
async fn a_connection_for_somebody_else_is_closed() {
    let ((two, at_two), (_one, at_one)) = (listen().await, listen().await);
    let _second = start(TWO, two, ONE, at_one);
    let hellos = [
        (ONE, NodeId(3), wire::VERSION),
        (NodeId(9), TWO, wire::VERSION),
        (ONE, TWO, 99),
    ];
    for (from, to, version) in hellos {
        let mut stream = TcpStream::connect(at_two).await.unwrap();
        let hello = wire::encode_small(&Frame::Hello { from, to, version });
        stream.write_all(&hello).await.unwrap();
        let read = timeout(DEADLINE, stream.read(&mut [0; 16])).await.unwrap();
        assert!(
            matches!(read, Ok(0) | Err(_)),
            "{from} {to} {version}: {read:?}"
        );
    }
}

#[tokio::test]
async fn a_newer_connection_closes_the_older_one_at_its_first_message() {
    let ((two, at_two), (_one, at_one)) = (listen().await, listen().await);
    let mut second = start(TWO, two, ONE, at_one);
    let hello = Frame::Hello {
        from: ONE,
        to: TWO,
        version: wire::VERSION,
    };
    let mut older = TcpStream::connect(at_two).await.unwrap();
    older.write_all(&wire::encode_small(&hello)).await.unwrap();
    older
        .write_all(&wire::encode(&Frame::Message("old")).unwrap())
        .await
        .unwrap();
    assert_eq!(second.hear().await, "old");
    let mut newer = TcpStream::connect(at_two).await.unwrap();
    newer.write_all(&wire::encode_small(&hello)).await.unwrap();
    newer
        .write_all(&wire::encode_small(&Frame::Ping))
        .await
        .unwrap();
    assert_ne!(newer.read(&mut [0; 64]).await.unwrap(), 0);
    older
        .write_all(&wire::encode(&Frame::Message("still")).unwrap())
        .await
        .unwrap();
    assert_eq!(second.hear().await, "still");
    newer
        .write_all(&wire::encode(&Frame::Message("new")).unwrap())
        .await
        .unwrap();
    assert_eq!(second.hear().await, "new");
    let end = timeout(DEADLINE, older.read(&mut [0; 16]))
        .await
        .expect("closed in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}
