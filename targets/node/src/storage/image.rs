//! What a log amounts to, and how its bytes are read back. Pure.

use serde::de::DeserializeOwned;
use testimony_consensus::NodeId;
use testimony_consensus::raft::Entry;

use super::frame::{self, Damage};
use super::record::{FORMAT, HardState, Record, SnapshotPointer};

/// The sum of all records of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image<C> {
    pub(crate) id: NodeId,
    pub(crate) generation: u64,
    pub(crate) snapshot: Option<SnapshotPointer>,
    pub(crate) hard_state: HardState,
    /// Without gaps, from the entry behind the snapshot on.
    pub(crate) entries: Vec<Entry<C>>,
}

/// A log that was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recovered<C> {
    pub(crate) image: Image<C>,
    /// So many bytes of the file are whole records.
    pub(crate) valid: usize,
    /// What is wrong with the bytes behind them, if there are any: the write was interrupted.
    pub(crate) torn: Option<Damage>,
}

/// Where and why a log cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Corruption {
    pub(crate) offset: usize,
    pub(crate) reason: Reason,
}

/// Why a log cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("{damage}, but whole records follow at byte {next}, so this is no interrupted write")]
    Damaged { damage: Damage, next: usize },
    #[error("{0}, but the first record was whole before the file got its name")]
    FirstRecord(Damage),
    #[error("the first record does not say whose log this is")]
    NoBegin,
    #[error("a second beginning within the file")]
    SecondBegin,
    #[error("written in format {0}, which this version does not read")]
    Format(u32),
    #[error("the checksum fits, but the content is not understood: {0}")]
    Content(String),
    #[error("entry {found} follows entry {last}")]
    Gap { last: u64, found: u64 },
}

impl<C> Image<C> {
    /// The index of the last entry, or of the snapshot's.
    pub(crate) fn last_index(&self) -> u64 {
        self.first_index() + self.entries.len() as u64 - 1
    }

    /// Entries of a generation begin here.
    fn first_index(&self) -> u64 {
        self.snapshot.map_or(0, |snapshot| snapshot.index) + 1
    }

    /// Adds one record. `Begin` is none that could be added.
    pub(crate) fn apply(&mut self, record: Record<C>) -> Result<(), Reason> {
        match record {
            Record::Begin { .. } => Err(Reason::SecondBegin),
            Record::HardState(state) => {
                self.hard_state = state;
                Ok(())
            }
            Record::Entries(entries) => self.extend(entries),
        }
    }

    fn extend(&mut self, entries: Vec<Entry<C>>) -> Result<(), Reason> {
        let Some(first) = entries.first().map(|entry| entry.index) else {
            return Ok(());
        };
        let (mut last, found) = (self.last_index(), first);
        if first < self.first_index() || first > last + 1 {
            return Err(Reason::Gap { last, found });
        }
        last = first - 1;
        for entry in &entries {
            if entry.index != last + 1 {
                return Err(Reason::Gap {
                    last,
                    found: entry.index,
                });
            }
            last = entry.index;
        }
        let kept = usize::try_from(first - self.first_index()).unwrap_or(usize::MAX);
        self.entries.truncate(kept);
        self.entries.extend(entries);
        Ok(())
    }

    /// Stands on a newer snapshot from now on. Entries behind it stay if the log has its last
    /// entry; otherwise the log is another one than the snapshot's and goes (Raft paper, figure
    /// 13).
    pub(crate) fn rest_on(&mut self, snapshot: SnapshotPointer) {
        let position = self
            .entries
            .iter()
            .position(|entry| entry.index == snapshot.index && entry.term == snapshot.term);
        match position {
            Some(position) => drop(self.entries.drain(..=position)),
            None if self.snapshot == Some(snapshot) => {}
            None => self.entries.clear(),
        }
        self.snapshot = Some(snapshot);
    }
}

impl<C: Clone> Image<C> {
    /// The records that a fresh file needs in order to amount to this image.
    pub(crate) fn records(&self) -> Vec<Record<C>> {
        vec![
            Record::Begin {
                format: FORMAT,
                id: self.id,
                generation: self.generation,
                snapshot: self.snapshot,
            },
            Record::HardState(self.hard_state),
            Record::Entries(self.entries.clone()),
        ]
    }
}

/// Reads a log back. The last record may be torn: whatever is wrong with it, if no whole record
/// follows, its write was interrupted before anybody was told of it. Anything else is corruption.
///
/// Linear in the length of the file.
pub(crate) fn recover<C: DeserializeOwned>(bytes: &[u8]) -> Result<Recovered<C>, Corruption> {
    let at_start = |reason| Corruption { offset: 0, reason };
    let (payload, mut valid) =
        frame::decode(bytes, 0).map_err(|damage| at_start(Reason::FirstRecord(damage)))?;
    let mut image = begin(payload).map_err(at_start)?;
    while valid < bytes.len() {
        let offset = valid;
        let at_offset = |reason| Corruption { offset, reason };
        match frame::decode(bytes, offset) {
            Ok((payload, next)) => {
                replay(&mut image, payload).map_err(at_offset)?;
                valid = next;
            }
            Err(damage) => {
                return match frame::find(bytes, offset + 1) {
                    Some(next) => Err(at_offset(Reason::Damaged { damage, next })),
                    None => Ok(Recovered {
                        image,
                        valid,
                        torn: Some(damage),
                    }),
                };
            }
        }
    }
    Ok(Recovered {
        image,
        valid,
        torn: None,
    })
}

fn begin<C: DeserializeOwned>(payload: &[u8]) -> Result<Image<C>, Reason> {
    let mut records = content::<C>(payload)?.into_iter();
    let Some(Record::Begin {
        format,
        id,
        generation,
        snapshot,
    }) = records.next()
    else {
        return Err(Reason::NoBegin);
    };
    if format != FORMAT {
        return Err(Reason::Format(format));
    }
    let hard_state = HardState::default();
    let mut image = Image {
        id,
        generation,
        snapshot,
        hard_state,
        entries: Vec::new(),
    };
    records.try_for_each(|record| image.apply(record))?;
    Ok(image)
}

fn replay<C: DeserializeOwned>(image: &mut Image<C>, payload: &[u8]) -> Result<(), Reason> {
    content(payload)?
        .into_iter()
        .try_for_each(|record| image.apply(record))
}

fn content<C: DeserializeOwned>(payload: &[u8]) -> Result<Vec<Record<C>>, Reason> {
    serde_json::from_slice(payload).map_err(|error| Reason::Content(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testimony_consensus::raft::Term;

    use super::*;
    use crate::storage::example::{batches, entries, written};
    use crate::storage::record::{self, Record};

    fn boundaries(frames: &[Vec<u8>]) -> Vec<usize> {
        let mut ends = vec![0];
        for frame in frames {
            ends.push(ends.last().unwrap() + frame.len());
        }
        ends
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn every_cut_gives_what_was_committed_before_it(batches in batches()) {
            let (frames, images) = written(&batches);
            let (bytes, ends) = (frames.concat(), boundaries(&frames));
            for cut in ends[1]..=bytes.len() {
                let whole = ends.iter().rposition(|end| *end <= cut).unwrap();
                let recovered = recover::<String>(&bytes[..cut]).unwrap();
                prop_assert_eq!(&recovered.image, &images[whole - 1], "cut at {}", cut);
                prop_assert_eq!(recovered.valid, ends[whole]);
                prop_assert_eq!(recovered.torn.is_some(), ends[whole] != cut);
            }
        }

        #[test]
        fn a_cut_within_the_first_record_is_refused(batches in batches()) {
            let (frames, _) = written(&batches);
            for cut in 0..frames[0].len() {
                prop_assert_eq!(recover::<String>(&frames[0][..cut]).unwrap_err().offset, 0);
            }
        }

        #[test]
        fn a_flipped_bit_is_refused_unless_it_is_in_the_last_record(
            batches in batches(), place in any::<prop::sample::Index>(), bit in 0..8_u32,
        ) {
            let (frames, images) = written(&batches);
            let (mut bytes, ends) = (frames.concat(), boundaries(&frames));
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            let frame = ends.iter().rposition(|end| *end <= place).unwrap();
            match recover::<String>(&bytes) {
                Err(found) => prop_assert_eq!(found.offset, ends[frame]),
                Ok(recovered) => {
                    prop_assert_eq!(frame, frames.len() - 1);
                    prop_assert!(frame > 0 && recovered.torn.is_some());
                    prop_assert_eq!(&recovered.image, &images[frame - 1]);
                }
            }
        }

        #[test]
        fn a_torn_tail_may_be_anything(
            batches in batches(), tail in prop::collection::vec(any::<u8>(), 1..200),
        ) {
            let (frames, images) = written(&batches);
            let bytes = [frames.concat(), tail].concat();
            let recovered = recover::<String>(&bytes).unwrap();
            prop_assert_eq!(&recovered.image, images.last().unwrap());
            prop_assert!(recovered.torn.is_some());
        }

        #[test]
        fn a_file_from_the_image_amounts_to_the_image(batches in batches()) {
            let (_, images) = written(&batches);
            let image = images.last().unwrap();
            let mut bytes = Vec::new();
            record::encode(&image.records(), &mut bytes).unwrap();
            prop_assert_eq!(&recover::<String>(&bytes).unwrap().image, image);
        }
    }

    fn image(range: std::ops::Range<u64>, snapshot: Option<(u64, Term)>) -> Image<String> {
        Image {
            id: NodeId(1),
            generation: 1,
            snapshot: snapshot.map(|(index, term)| SnapshotPointer { index, term }),
            hard_state: HardState::default(),
            entries: entries(range, 1),
        }
    }

    #[test]
    fn later_entries_replace_earlier_ones() {
        let mut image = image(1..6, None);
        image.apply(Record::Entries(entries(3..5, 2))).unwrap();
        assert_eq!(image.entries, [entries(1..3, 1), entries(3..5, 2)].concat());
    }

    #[test]
    fn a_gap_is_refused() {
        let mut image = image(1..6, None);
        let gap = image.apply(Record::Entries(entries(7..8, 1)));
        assert_eq!(gap, Err(Reason::Gap { last: 5, found: 7 }));
        assert_eq!(image.last_index(), 5);
    }

    #[test]
    fn entries_before_the_snapshot_are_refused() {
        let mut image = image(6..6, Some((5, 1)));
        assert!(image.apply(Record::Entries(entries(5..7, 1))).is_err());
        assert!(image.apply(Record::Entries(entries(6..7, 1))).is_ok());
    }

    #[test]
    fn a_snapshot_within_the_log_keeps_what_follows() {
        let mut image = image(1..6, None);
        image.rest_on(SnapshotPointer { index: 3, term: 1 });
        assert_eq!(image.entries, entries(4..6, 1));
        assert_eq!(image.last_index(), 5);
    }

    #[test]
    fn a_snapshot_of_another_log_drops_everything() {
        for (index, term) in [(3, 2), (9, 1)] {
            let mut image = image(1..6, None);
            image.rest_on(SnapshotPointer { index, term });
            assert_eq!((image.entries.len(), image.last_index()), (0, index));
        }
    }

    #[test]
    fn a_record_of_a_later_version_is_refused_with_its_place() {
        let (frames, _) = written(&[]);
        let mut bytes = frames.concat();
        let offset = bytes.len();
        frame::encode(br#"[{"unheard-of":1}]"#, &mut bytes).unwrap();
        let found = recover::<String>(&bytes).unwrap_err();
        assert_eq!(found.offset, offset);
        assert!(matches!(found.reason, Reason::Content(_)), "{found:?}");
    }
}
