//! Checksummed frames: how bytes are laid out in the log and in snapshot files. Pure.
//!
//! A frame is a mark of four bytes, the length of the payload, a checksum of length and payload,
//! and the payload. The mark holds bytes that no UTF-8 text contains, and payloads are JSON, so a
//! mark inside a damaged file is the beginning of a frame and never a part of a payload. That is
//! what makes a torn tail and damage in the middle two different things.

use std::fmt;

/// Begins every frame; 0xFF and 0xFE occur in no UTF-8 text.
const MARK: [u8; 4] = [0xFF, b'T', b'L', 0xFE];
/// Mark, length and checksum.
const HEADER_BYTES: usize = 12;

/// More than a frame can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{bytes} bytes do not fit into one frame of the log (at most {})",
    u32::MAX
)]
pub(crate) struct TooLarge {
    bytes: usize,
}

/// What is wrong with the bytes at the place where a frame should begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The file ends within the frame.
    Incomplete,
    /// The mark is not there.
    Mark,
    /// The checksum does not fit.
    Checksum,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Damage::Incomplete => "incomplete record",
            Damage::Mark => "no record begins here",
            Damage::Checksum => "checksum mismatch",
        })
    }
}

/// Appends one frame to `out`.
pub(crate) fn encode(payload: &[u8], out: &mut Vec<u8>) -> Result<(), TooLarge> {
    let bytes = payload.len();
    let length = u32::try_from(bytes)
        .map_err(|_| TooLarge { bytes })?
        .to_le_bytes();
    out.reserve(HEADER_BYTES + bytes);
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(length, payload).to_le_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

/// The payload of the frame that begins at `at`, and where the next one begins.
pub(crate) fn decode(bytes: &[u8], at: usize) -> Result<(&[u8], usize), Damage> {
    let rest = bytes.get(at..).unwrap_or_default();
    let seen = rest.len().min(MARK.len());
    if rest[..seen] != MARK[..seen] {
        return Err(Damage::Mark);
    }
    let (length, expected) = header(rest).ok_or(Damage::Incomplete)?;
    let end = (u32::from_le_bytes(length) as usize).saturating_add(HEADER_BYTES);
    let payload = rest.get(HEADER_BYTES..end).ok_or(Damage::Incomplete)?;
    if checksum(length, payload) != expected {
        return Err(Damage::Checksum);
    }
    Ok((payload, at + end))
}

/// Where the first whole frame at or after `from` begins. Linear: only marks are tried.
pub(crate) fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    (from..)
        .zip(rest.windows(MARK.len()))
        .find(|(at, window)| *window == MARK && decode(bytes, *at).is_ok())
        .map(|(at, _)| at)
}

fn header(rest: &[u8]) -> Option<([u8; 4], u32)> {
    let length = rest.get(4..8)?.try_into().ok()?;
    let checksum = rest.get(8..HEADER_BYTES)?.try_into().ok()?;
    Some((length, u32::from_le_bytes(checksum)))
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payloads: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            encode(payload.as_bytes(), &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn frames_come_back_in_order() {
        let bytes = framed(&["one", "", "three"]);
        let (first, at) = decode(&bytes, 0).unwrap();
        let (second, at) = decode(&bytes, at).unwrap();
        let (third, end) = decode(&bytes, at).unwrap();
        assert_eq!([first, second, third], [&b"one"[..], b"", b"three"]);
        assert_eq!(end, bytes.len());
    }

    #[test]
    fn every_shortening_is_incomplete() {
        let bytes = framed(&["payload"]);
        for cut in 0..bytes.len() {
            assert_eq!(
                decode(&bytes[..cut], 0),
                Err(Damage::Incomplete),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = framed(&["payload"]);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped, 0).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn finds_the_next_whole_frame_behind_damage() {
        let mut bytes = framed(&["first", "second"]);
        let second = framed(&["first"]).len();
        bytes[0] = 0;
        assert_eq!(find(&bytes, 0), Some(second));
        bytes.pop();
        assert_eq!(find(&bytes, 0), None);
    }
}
