//! The switch in the nodes' cables, between real sockets in real network namespaces.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use crate::namespace::{entered, shell, within};
use testimony_engine::Flaws;
use testimony_lab::packets::{Counts, Switch, Treatment, plain_frames};

/// Two nodes on a bridge, each with a cable that a switch stands in.
fn lab() -> Switch {
    shell(
        "mount -t tmpfs tmpfs /run; mkdir /run/netns; ip link set lo up
         ip link add br0 type bridge; ip link set br0 up; ip addr add 10.99.0.254/24 dev br0
         for i in 1 2; do
             ip netns add n$i
             ip link add v$i type veth peer name eth0 netns n$i
             ip link add w$i type veth peer name x$i
             for end in v$i w$i x$i; do
                 echo 1 > /proc/sys/net/ipv4/conf/$end/arp_ignore
                 echo 1 > /proc/sys/net/ipv6/conf/$end/disable_ipv6
                 ip link set $end up
             done
             ip link set x$i master br0
             ip -n n$i addr add 10.99.0.$i/24 dev eth0
             ip -n n$i link set eth0 up
         done",
    );
    for number in 1..=2 {
        within(&format!("n{number}"), || plain_frames("eth0")).unwrap();
        plain_frames(&format!("x{number}")).unwrap();
    }
    let cable = |number| (format!("v{number}"), format!("w{number}"));
    Switch::start(&[cable(1), cable(2)], 7).unwrap()
}

fn address(node: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, 0, node)
}

fn forth(switch: &Switch, treatment: Treatment) {
    switch.treat(address(1), address(2), treatment);
}

fn counts(switch: &Switch) -> Counts {
    switch.counts(address(1), address(2))
}

fn socket(node: u8) -> UdpSocket {
    let socket = within(&format!("n{node}"), || {
        UdpSocket::bind((address(node), 9_000))
    });
    let socket = socket.unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    socket
}

/// Sends numbered datagrams from n1 to n2, no more at once than the kernel keeps for a slow reader.
/// Returns how often each arrived, and in which order.
fn exchange(switch: &Switch, count: u32) -> (BTreeMap<u32, u32>, Vec<u32>) {
    let (from, to, before) = (socket(1), socket(2), counts(switch).came);
    let hear = thread::spawn(move || {
        let (mut times, mut order) = (BTreeMap::new(), Vec::new());
        let mut datagram = [0; 200];
        while let Ok(length) = to.recv(&mut datagram) {
            assert_eq!(length, 200);
            assert!(
                datagram[4..].iter().all(|byte| *byte == 0x55),
                "a program saw damage"
            );
            let number = u32::from_be_bytes(datagram[..4].try_into().unwrap());
            *times.entry(number).or_default() += 1;
            order.push(number);
        }
        (times, order)
    });
    for number in 0..count {
        let mut datagram = [0x55; 200];
        datagram[..4].copy_from_slice(&number.to_be_bytes());
        from.send_to(&datagram, (address(2), 9_000)).unwrap();
        let late = now() + Duration::from_secs(10);
        while counts(switch).came < before + u64::from(number) {
            assert!(now() < late, "the switch has not seen datagram {number}");
            thread::yield_now();
        }
    }
    hear.join().unwrap()
}

/// How long a datagram takes from one node to the other and back.
fn round_trip() -> Duration {
    let (one, other) = (socket(1), socket(2));
    let mut datagram = [0; 8];
    let since = now();
    one.send_to(&datagram, (address(2), 9_000)).unwrap();
    let (_, from) = other.recv_from(&mut datagram).unwrap();
    other.send_to(&datagram, from).unwrap();
    one.recv(&mut datagram).unwrap();
    since.elapsed()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is how long frames take"
)]
fn now() -> Instant {
    Instant::now()
}

/// How many packets n2's kernel dropped because their checksums were wrong.
fn dropped_for_checksums() -> u64 {
    let table = within("n2", || {
        std::fs::read_to_string("/proc/thread-self/net/snmp")
    });
    let table = table.unwrap();
    let of = |protocol: &str, field: &str| -> u64 {
        let mut rows = table.lines().filter(|line| line.starts_with(protocol));
        let (names, values) = (rows.next().unwrap(), rows.next().unwrap());
        let place = names.split(' ').position(|name| name == field).unwrap();
        values.split(' ').nth(place).unwrap().parse().unwrap()
    };
    of("Udp:", "InCsumErrors") + of("Ip:", "InHdrErrors") + of("Tcp:", "InCsumErrors")
}

/// Sends bytes from n1 to n2 on a connection. Returns how long they took.
fn transfer(bytes: &[u8]) -> Duration {
    let listener = within("n2", || TcpListener::bind((address(2), 9_001))).unwrap();
    let mut out = within("n1", || TcpStream::connect((address(2), 9_001))).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let since = now();
    thread::scope(|scope| {
        scope.spawn(|| {
            out.write_all(bytes).unwrap();
            out.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        assert!(heard == bytes, "what arrived is not what was sent");
    });
    since.elapsed()
}

#[test]
fn an_untouched_link_loses_nothing_and_keeps_the_order() {
    if !entered("packets::an_untouched_link_loses_nothing_and_keeps_the_order") {
        return;
    }
    let switch = lab();
    forth(&switch, Treatment::default());
    let (times, order) = exchange(&switch, 500);
    assert!(times.len() == 500 && order.is_sorted());
    transfer(&vec![7; 4 << 20]);
    assert_eq!(switch.failure(), None);
}

#[test]
fn frames_arrive_later_by_the_delay_and_only_in_its_direction() {
    if !entered("packets::frames_arrive_later_by_the_delay_and_only_in_its_direction") {
        return;
    }
    let switch = lab();
    let before = (0..5).map(|_| round_trip()).min().unwrap();
    let delay = Duration::from_millis(40);
    forth(
        &switch,
        Treatment {
            delay,
            ..Treatment::default()
        },
    );
    let during = (0..5).map(|_| round_trip()).min().unwrap();
    forth(&switch, Treatment::default());
    let after = (0..5).map(|_| round_trip()).min().unwrap();
    assert!(during >= delay && during < delay * 2);
    assert!(before < delay && after < delay);
    assert!(counts(&switch).delayed >= 5);
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken_as_counted() {
    if !entered("packets::datagrams_are_lost_doubled_and_overtaken_as_counted") {
        return;
    }
    let switch = lab();
    let lateness = Duration::from_millis(30);
    let flaws = Flaws {
        lost: 20,
        doubled: 10,
        late: 10,
        lateness,
    };
    forth(
        &switch,
        Treatment {
            flaws,
            ..Treatment::default()
        },
    );
    let (times, order) = exchange(&switch, 1_000);
    let (seen, twice) = (
        times.len(),
        times.values().filter(|times| **times == 2).count(),
    );
    let counts = counts(&switch);
    assert_eq!(1_000 - seen as u64, counts.lost);
    assert_eq!(twice as u64, counts.doubled);
    assert!((150..250).contains(&counts.lost) && (50..110).contains(&counts.doubled));
    assert!(!order.is_sorted());
    forth(&switch, Treatment::default());
    assert_eq!(
        exchange(&switch, 200).0.len(),
        200,
        "something is lost after the heal"
    );
}

#[test]
fn damaged_frames_are_dropped_by_checksums_and_no_program_sees_them() {
    if !entered("packets::damaged_frames_are_dropped_by_checksums_and_no_program_sees_them") {
        return;
    }
    let switch = lab();
    forth(
        &switch,
        Treatment {
            damaged: 20,
            ..Treatment::default()
        },
    );
    let (times, _) = exchange(&switch, 1_000);
    let damaged = counts(&switch).damaged;
    let missing = 1_000 - times.len() as u64;
    assert!((150..250).contains(&damaged) && missing == damaged);
    assert!(dropped_for_checksums() > 0 && dropped_for_checksums() <= damaged);
    forth(
        &switch,
        Treatment {
            damaged: 2,
            ..Treatment::default()
        },
    );
    let bytes: Vec<u8> = (0..1_000_000_u32)
        .map(|number| number.to_be_bytes()[3])
        .collect();
    transfer(&bytes);
    assert!(
        counts(&switch).damaged > damaged,
        "large segments are not damaged"
    );
}

#[test]
fn few_bytes_pass_a_throttled_link() {
    if !entered("packets::few_bytes_pass_a_throttled_link") {
        return;
    }
    let switch = lab();
    let bytes = vec![1; 200_000];
    let free = transfer(&bytes);
    let bytes_per_second = Some(200_000);
    forth(
        &switch,
        Treatment {
            bytes_per_second,
            ..Treatment::default()
        },
    );
    let throttled = transfer(&bytes);
    assert!(throttled >= Duration::from_secs(1), "headers count as well");
    assert!(free * 10 < throttled);
}

#[test]
fn a_cut_in_the_bridge_holds_while_frames_are_delayed() {
    if !entered("packets::a_cut_in_the_bridge_holds_while_frames_are_delayed") {
        return;
    }
    let switch = lab();
    let delay = Duration::from_millis(20);
    forth(
        &switch,
        Treatment {
            delay,
            ..Treatment::default()
        },
    );
    assert!(round_trip() >= delay);
    shell(
        "nft -f - <<END
         table bridge lab {
             chain lab_forward {
                 type filter hook forward priority 0
                 ip saddr 10.99.0.1 ip daddr 10.99.0.2 counter drop
             }
         }
END",
    );
    assert_eq!(exchange(&switch, 20).0.len(), 0);
    shell("nft flush chain bridge lab lab_forward");
    assert_eq!(exchange(&switch, 20).0.len(), 20);
    assert!(round_trip() >= delay);
}
