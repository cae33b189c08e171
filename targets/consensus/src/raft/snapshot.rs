//! The state up to some entry, in place of the entries.

use serde::{Deserialize, Serialize};

use super::entry::{Index, Term};

/// What a prefix of the log amounts to: the machine's state, the sessions and the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry that it contains.
    pub index: Index,
    /// The term of that entry.
    pub term: Term,
    /// The contents; only the core reads them. As text in hexadecimal digits.
    #[serde(with = "hex")]
    pub data: Vec<u8>,
}

/// Bytes as text.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String = digits
            .map(|digit| char::from(DIGITS[usize::from(digit)]))
            .collect();
        out.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        decode(text.as_bytes()).ok_or_else(|| de::Error::custom("no hexadecimal digits"))
    }

    fn decode(text: &[u8]) -> Option<Vec<u8>> {
        let (pairs, []) = text.as_chunks::<2>() else {
            return None;
        };
        pairs
            .iter()
            .map(|[high, low]| Some(value(*high)? << 4 | value(*low)?))
            .collect()
    }

    fn value(digit: u8) -> Option<u8> {
        match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_being_written() {
        let snapshot = Snapshot {
            index: 3,
            term: 2,
            data: (0..=255).collect(),
        };
        let json = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap(), snapshot);
    }

    #[test]
    fn other_texts_are_refused() {
        for data in ["0", "0g", "0A", "é"] {
            let json = format!(r#"{{"index":3,"term":2,"data":"{data}"}}"#);
            assert!(serde_json::from_str::<Snapshot>(&json).is_err(), "{data}");
        }
    }
}
