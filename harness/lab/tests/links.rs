//! What a link does to bytes, seen from both of its ends.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use testimony_engine::{Link, NodeName};
use testimony_lab::Links;
use testimony_lab::link::Shape;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// Far longer than anything here takes, on any machine.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long is watched to see that nothing comes. A wrong byte would come at once.
const WATCH: Duration = Duration::from_millis(100);

const CUT: Shape = Shape {
    cut: true,
    delay: Duration::ZERO,
    jitter: Duration::ZERO,
    bytes_per_second: None,
};

/// Two nodes of which the test plays both, and the links between them.
struct Pair {
    links: Links,
    ears: BTreeMap<NodeName, TcpListener>,
}

impl Pair {
    async fn new() -> Pair {
        let mut ears = BTreeMap::new();
        for name in ["n1", "n2"] {
            let ear = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            ears.insert(NodeName::new(name), ear);
        }
        let addresses = ears
            .iter()
            .map(|(name, ear)| (name.clone(), ear.local_addr().unwrap()));
        let links = Links::open(&addresses.collect(), 7).await.unwrap();
        Pair { links, ears }
    }

    /// Connects over a link without waiting for the other end.
    async fn dial(&self, link: &Link) -> TcpStream {
        TcpStream::connect(self.links.routes(&link.from)[&link.to])
            .await
            .unwrap()
    }

    /// An established connection: what the sender holds, and what the receiver holds.
    async fn connect(&self, link: &Link) -> (TcpStream, TcpStream) {
        let mouth = self.dial(link).await;
        let (ear, _) = soon(self.ears[&link.to].accept()).await.unwrap();
        (mouth, ear)
    }
}

fn link(text: &str) -> Link {
    text.parse().unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future)
        .await
        .expect("took longer than the deadline")
}

async fn hear(ear: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut heard = vec![0; bytes];
    soon(ear.read_exact(&mut heard)).await.unwrap();
    heard
}

async fn is_silent(ear: &mut TcpStream) -> bool {
    timeout(WATCH, ear.read_u8()).await.is_err()
}

#[tokio::test]
async fn an_untouched_link_carries_bytes_both_ways_and_the_end_of_the_stream() {
    let pair = Pair::new().await;
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    mouth.write_all(b"request").await.unwrap();
    assert_eq!(hear(&mut ear, 7).await, b"request");
    ear.write_all(b"reply").await.unwrap();
    assert_eq!(hear(&mut mouth, 5).await, b"reply");
    drop(mouth);
    assert_eq!(soon(ear.read(&mut [0])).await.unwrap(), 0);
    let traffic = pair.links.traffic(&link("n1>n2")).unwrap();
    assert_eq!(
        (
            traffic.arrived_bytes,
            traffic.passed_bytes,
            traffic.connections
        ),
        (7, 7, 1)
    );
    assert_eq!(pair.links.traffic(&link("n2>n1")).unwrap().passed_bytes, 5);
}

#[tokio::test]
async fn more_bytes_than_any_buffer_holds_arrive_unchanged() {
    let pair = Pair::new().await;
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    let sent: Vec<u8> = (0..8_000_000_u32)
        .map(|i| i.to_le_bytes()[(i % 3) as usize])
        .collect();
    let copy = sent.clone();
    let sender = tokio::spawn(async move { mouth.write_all(&copy).await });
    assert!(
        hear(&mut ear, sent.len()).await == sent,
        "the bytes are not those that were sent"
    );
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_cut_link_passes_nothing_and_delivers_late_after_the_heal() {
    let pair = Pair::new().await;
    let cut = link("n1>n2");
    let (mut mouth, mut ear) = pair.connect(&cut).await;
    pair.links.set(&cut, CUT).unwrap();
    mouth.write_all(b"old").await.unwrap();
    assert!(is_silent(&mut ear).await);
    let traffic = pair.links.traffic(&cut).unwrap();
    assert_eq!((traffic.arrived_bytes, traffic.passed_bytes), (3, 0));
    pair.links.set(&cut, Shape::default()).unwrap();
    assert_eq!(hear(&mut ear, 3).await, b"old");
}

#[tokio::test]
async fn a_cut_is_of_one_direction_only() {
    let pair = Pair::new().await;
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    let (mut other_mouth, mut other_ear) = pair.connect(&link("n2>n1")).await;
    pair.links.set(&link("n1>n2"), CUT).unwrap();
    other_mouth.write_all(b"x").await.unwrap();
    assert_eq!(hear(&mut other_ear, 1).await, b"x");
    // What comes back on a connection is of the other direction as well.
    ear.write_all(b"y").await.unwrap();
    assert_eq!(hear(&mut mouth, 1).await, b"y");
    other_ear.write_all(b"z").await.unwrap();
    assert!(is_silent(&mut other_mouth).await);
}

#[tokio::test]
async fn the_end_of_a_sender_does_not_cross_a_cut() {
    let pair = Pair::new().await;
    let (mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    pair.links.set(&link("n1>n2"), CUT).unwrap();
    drop(mouth);
    assert!(is_silent(&mut ear).await);
    pair.links.set(&link("n1>n2"), Shape::default()).unwrap();
    assert_eq!(soon(ear.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn a_connection_attempted_during_a_cut_reaches_nobody_and_is_reset_at_the_heal() {
    let pair = Pair::new().await;
    pair.links.set(&link("n1>n2"), CUT).unwrap();
    let mut mouth = pair.dial(&link("n1>n2")).await;
    mouth.write_all(b"hello?").await.unwrap();
    assert!(
        timeout(WATCH, pair.ears[&NodeName::new("n2")].accept())
            .await
            .is_err()
    );
    pair.links.set(&link("n1>n2"), Shape::default()).unwrap();
    let error = soon(mouth.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    mouth.write_all(b"again").await.unwrap();
    assert_eq!(hear(&mut ear, 5).await, b"again");
}

#[tokio::test]
async fn a_delay_holds_back_each_byte_and_keeps_the_order() {
    let pair = Pair::new().await;
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    let delay = Duration::from_millis(60);
    let slow = Shape {
        delay,
        jitter: Duration::from_millis(30),
        ..Shape::default()
    };
    pair.links.set(&link("n1>n2"), slow).unwrap();
    let sent: Vec<u8> = (0..20).collect();
    for byte in &sent {
        let start = Instant::now();
        mouth.write_all(&[*byte]).await.unwrap();
        if *byte == 19 {
            assert_eq!(hear(&mut ear, sent.len()).await, sent);
            assert!(
                start.elapsed() >= delay,
                "the last byte took {:?}",
                start.elapsed()
            );
        }
    }
}

#[tokio::test]
async fn healing_a_long_delay_lets_waiting_bytes_go_at_once() {
    let pair = Pair::new().await;
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    let slow = Shape {
        delay: 10 * DEADLINE,
        ..Shape::default()
    };
    pair.links.set(&link("n1>n2"), slow).unwrap();
    mouth.write_all(b"x").await.unwrap();
    assert!(is_silent(&mut ear).await);
    pair.links.set(&link("n1>n2"), Shape::default()).unwrap();
    assert_eq!(hear(&mut ear, 1).await, b"x");
}

#[tokio::test]
async fn a_throttle_bounds_the_rate_from_above() {
    let pair = Pair::new().await;
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    let narrow = Shape {
        bytes_per_second: Some(10_000),
        ..Shape::default()
    };
    pair.links.set(&link("n1>n2"), narrow).unwrap();
    let start = Instant::now();
    mouth.write_all(&[7; 2_000]).await.unwrap();
    hear(&mut ear, 2_000).await;
    // All but the first piece, which is a fiftieth of a second's worth, had to wait for its turn.
    assert!(
        start.elapsed() >= Duration::from_millis(180),
        "took {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_reset_drops_the_connections_of_one_link_and_counts_them() {
    let pair = Pair::new().await;
    let (mut first, mut first_ear) = pair.connect(&link("n1>n2")).await;
    let (_second, _second_ear) = pair.connect(&link("n1>n2")).await;
    let (mut other, mut other_ear) = pair.connect(&link("n2>n1")).await;
    assert_eq!(pair.links.reset(&link("n1>n2")).await.unwrap(), 2);
    for end in [&mut first, &mut first_ear] {
        let error = soon(end.read(&mut [0])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    other.write_all(b"still here").await.unwrap();
    assert_eq!(hear(&mut other_ear, 10).await, b"still here");
    assert_eq!(pair.links.reset(&link("n1>n2")).await.unwrap(), 0);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_learnt_by_the_sender() {
    let mut pair = Pair::new().await;
    pair.ears.remove(&NodeName::new("n2"));
    let mut mouth = pair.dial(&link("n1>n2")).await;
    let error = soon(mouth.read(&mut [0])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn the_death_of_a_receiver_is_learnt_by_the_sender_but_not_across_a_cut() {
    let pair = Pair::new().await;
    let (mut mouth, ear) = pair.connect(&link("n1>n2")).await;
    pair.links.set(&link("n2>n1"), CUT).unwrap();
    drop(ear);
    mouth.write_all(b"anyone there?").await.unwrap();
    assert!(is_silent(&mut mouth).await);
    pair.links.set(&link("n2>n1"), Shape::default()).unwrap();
    let ended = soon(mouth.read(&mut [0])).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn dropping_the_links_closes_every_connection() {
    let pair = Pair::new().await;
    let (mut mouth, mut ear) = pair.connect(&link("n1>n2")).await;
    drop(pair.links);
    for end in [&mut mouth, &mut ear] {
        let ended = soon(end.read(&mut [0])).await;
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
}

#[test]
fn shapes_of_overlapping_faults_add_up() {
    let second = Duration::from_secs(1);
    let slow = Shape {
        delay: second,
        jitter: second,
        ..Shape::default()
    };
    let narrow = Shape {
        bytes_per_second: Some(5),
        ..Shape::default()
    };
    let narrower = Shape {
        bytes_per_second: Some(4),
        ..Shape::default()
    };
    let all = slow.with(narrow).with(CUT).with(slow).with(narrower);
    let expected = Shape {
        cut: true,
        delay: 2 * second,
        jitter: 2 * second,
        bytes_per_second: Some(4),
    };
    assert_eq!(all, expected);
    assert_eq!(Shape::default().with(Shape::default()), Shape::default());
}
