//! What has to be known of a frame, and how to damage one.

use std::net::Ipv4Addr;

use testimony_engine::Chance;

/// Where the network layer begins in an Ethernet frame.
const NETWORK: usize = 14;
/// The type of a frame that holds an IPv4 packet.
const IPV4: [u8; 2] = [0x08, 0x00];

/// Where an IPv4 packet comes from and goes to; `None` if the frame holds none.
pub(super) fn ends(frame: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let packet = frame
        .get(NETWORK..)
        .filter(|_| frame[12..NETWORK] == IPV4)?;
    let address = |at: usize| -> Option<Ipv4Addr> {
        let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(octets.into())
    };
    Some((address(12)?, address(16)?))
}

/// Turns one bit over, anywhere behind the Ethernet header. The checksums of IP, TCP and UDP notice
/// every single bit, so the receiver's kernel drops such a frame and no program ever sees it.
pub(super) fn damage(frame: &mut [u8], chance: &mut Chance) {
    let Some(packet) = frame.get_mut(NETWORK..) else {
        return;
    };
    let at = chance.index(packet.len());
    if let Some(byte) = packet.get_mut(at) {
        *byte ^= 1 << chance.below(8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: [u8; 2]) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12..14].copy_from_slice(&kind);
        frame[26..30].copy_from_slice(&[10, 0, 0, 1]);
        frame[30..34].copy_from_slice(&[10, 0, 0, 2]);
        frame
    }

    #[test]
    fn the_ends_of_a_packet_are_read_from_its_frame() {
        let ends = ends(&frame(IPV4));
        assert_eq!(ends, Some(([10, 0, 0, 1].into(), [10, 0, 0, 2].into())));
    }

    #[test]
    fn what_is_no_packet_or_a_torn_one_has_no_ends() {
        assert_eq!(ends(&frame([0x08, 0x06])), None);
        for length in 0..34 {
            assert_eq!(ends(&frame(IPV4)[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn damage_is_one_bit_and_spares_the_ethernet_header() {
        let mut chance = Chance::new(1, "test");
        for length in [0, 14, 15, 60] {
            let whole = frame(IPV4)[..length].to_vec();
            let mut damaged = whole.clone();
            damage(&mut damaged, &mut chance);
            let bits = whole
                .iter()
                .zip(&damaged)
                .map(|(a, b)| (a ^ b).count_ones());
            assert_eq!(bits.sum::<u32>(), u32::from(length > 14));
            assert_eq!(whole.get(..14), damaged.get(..14));
        }
    }
}
