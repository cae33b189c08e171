//! The node's durable state in files: what is committed here survives the process and the machine.
//!
//! One log file holds everything since the last snapshot, a frame of records for each commit. A
//! snapshot begins a new *generation*: first its own file, then a new log that stands on it; each
//! is written under another name, forced to the disk, and renamed. The newest log counts, so a
//! crash between any two steps leaves either the old generation or the new one, whole.
//!
//! At most one frame is not yet on the disk at any time, so only the last one can be torn.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use testimony_consensus::NodeId;
use testimony_consensus::raft::{Durable, Snapshot};

use super::StorageError;
use super::directory::{DataDirectory, Identity, log_name, publish_identity, snapshot_name};
use super::frame;
use super::image::{Image, Recovered, recover};
use super::record::{self, FORMAT, HardState, Record, SnapshotPointer};
use super::steps::{Step, publish};

/// The log of one node. Dropping it gives the directory free.
#[derive(Debug)]
pub(crate) struct DurableLog<C> {
    directory: DataDirectory,
    file: File,
    image: Image<C>,
    /// Not written yet.
    staged: Vec<Record<C>>,
}

/// A log that was opened, and what was in it.
#[derive(Debug)]
pub(crate) struct Opened<C> {
    pub(crate) log: DurableLog<C>,
    pub(crate) durable: Durable<C>,
    /// The members that the cluster began with.
    pub(crate) voters: BTreeSet<NodeId>,
}

impl<C: Clone + Serialize + DeserializeOwned> DurableLog<C> {
    /// Opens the data directory of a node, or makes it. A torn tail is cut, with a warning.
    ///
    /// # Errors
    /// If another process uses the directory, if it is another node's, and if anything but the tail
    /// of the log is damaged.
    pub(crate) fn open(path: &Path, identity: &Identity) -> Result<Opened<C>, StorageError> {
        let directory = DataDirectory::lock(path)?;
        let stored = match directory.identity()? {
            Some(stored) => stored,
            None => make(&directory, identity)?,
        };
        if stored.id != identity.id {
            let (found, expected) = (stored.id, identity.id);
            return Err(StorageError::Foreign {
                path: path.to_owned(),
                found,
                expected,
            });
        }
        if stored.voters != identity.voters {
            let (stored, given) = (&stored.voters, &identity.voters);
            tracing::warn!(
                ?stored,
                ?given,
                "the members given are not those of the data; ignored"
            );
        }
        let (image, file) = open_newest(&directory, identity.id)?;
        let snapshot = image
            .snapshot
            .map(|at| read_snapshot(&directory, image.generation, at));
        let snapshot = snapshot.transpose()?;
        directory.execute(&directory.leftovers(image.generation)?)?;
        let HardState { term, vote } = image.hard_state;
        let durable = Durable {
            term,
            vote,
            snapshot,
            entries: image.entries.clone(),
        };
        let log = DurableLog {
            directory,
            file,
            image,
            staged: Vec::new(),
        };
        Ok(Opened {
            log,
            durable,
            voters: stored.voters,
        })
    }

    /// Takes a record to be written with the next commit.
    ///
    /// # Panics
    /// If it does not follow what is there: the core has skipped an entry, and to write that down
    /// would make the directory unreadable.
    pub(crate) fn stage(&mut self, record: Record<C>) {
        if let Err(reason) = self.image.apply(record.clone()) {
            panic!("the core broke its contract with the log: {reason}");
        }
        self.staged.push(record);
    }

    /// Whether something waits for the next commit.
    pub(crate) fn has_staged(&self) -> bool {
        !self.staged.is_empty()
    }

    /// Writes everything that is staged as one frame and waits until it is on the disk.
    ///
    /// # Errors
    /// After an error nobody knows what is on the disk: stop, and recover at the next start.
    pub(crate) fn commit(&mut self) -> Result<(), StorageError> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        record::encode(&self.staged, &mut bytes)?;
        self.staged.clear();
        let written = self
            .file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data());
        written.map_err(|source| {
            let path = self.directory.path().join(log_name(self.image.generation));
            StorageError::io("append to", &path)(source)
        })
    }

    /// Saves a snapshot and begins a new generation behind it. Commits what is staged as well.
    ///
    /// A snapshot that is not newer than the saved one changes nothing.
    pub(crate) fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        if self
            .image
            .snapshot
            .is_some_and(|saved| saved.index >= snapshot.index)
        {
            return self.commit();
        }
        let (next, steps) = next_generation(&self.image, snapshot)?;
        self.directory.execute(&steps)?;
        let path = self.directory.path().join(log_name(next.generation));
        self.file = open_for_append(&path)?;
        self.image = next;
        self.staged.clear();
        Ok(())
    }
}

#[cfg(test)]
impl<C> DurableLog<C> {
    /// From now on the disk is full.
    pub(crate) fn fill_disk(&mut self) {
        self.file = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("a device of the system");
    }
}

/// The image behind a snapshot, and the steps that bring the directory there.
fn next_generation<C: Clone + Serialize>(
    image: &Image<C>,
    snapshot: &Snapshot,
) -> Result<(Image<C>, Vec<Step>), StorageError> {
    let mut next = image.clone();
    next.generation += 1;
    next.rest_on(SnapshotPointer {
        index: snapshot.index,
        term: snapshot.term,
    });
    let (mut log, mut saved) = (Vec::new(), Vec::new());
    record::encode(&next.records(), &mut log)?;
    let payload = serde_json::to_vec(snapshot).expect("a snapshot is plain data");
    frame::encode(&payload, &mut saved)?;
    let mut steps = Vec::from(publish(&snapshot_name(next.generation), saved));
    steps.extend(publish(&log_name(next.generation), log));
    let old = [log_name(image.generation), snapshot_name(image.generation)];
    steps.extend(old.map(|name| Step::Remove { name }));
    Ok((next, steps))
}

/// Makes a new data directory. The identity comes last: with it the making is complete.
fn make(directory: &DataDirectory, identity: &Identity) -> Result<Identity, StorageError> {
    if directory
        .newest_log()?
        .is_some_and(|newest| newest > FIRST_GENERATION)
    {
        return Err(StorageError::NoIdentity {
            path: directory.path().to_owned(),
        });
    }
    let first = directory.path().join(log_name(FIRST_GENERATION));
    if let Ok(bytes) = fs::read(&first)
        && bytes != empty_log(identity.id)?
    {
        return Err(StorageError::NoIdentity {
            path: directory.path().to_owned(),
        });
    }
    let mut steps = Vec::from(publish(
        &log_name(FIRST_GENERATION),
        empty_log(identity.id)?,
    ));
    steps.extend(publish_identity(identity));
    directory.execute(&steps)?;
    if let Some(parent) = directory
        .path()
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        let synced = Step::SyncDirectory.execute(parent);
        synced.map_err(StorageError::io("sync", parent))?;
    }
    Ok(identity.clone())
}

const FIRST_GENERATION: u64 = 1;

fn empty_log(id: NodeId) -> Result<Vec<u8>, StorageError> {
    let mut bytes = Vec::new();
    let begin = Record::<()>::Begin {
        format: FORMAT,
        id,
        generation: FIRST_GENERATION,
        snapshot: None,
    };
    record::encode(&[begin], &mut bytes)?;
    Ok(bytes)
}

/// Reads the newest log back, cuts a torn tail, and makes sure that what was read is on the disk.
fn open_newest<C: DeserializeOwned>(
    directory: &DataDirectory,
    id: NodeId,
) -> Result<(Image<C>, File), StorageError> {
    let missing = || StorageError::NoLog {
        path: directory.path().to_owned(),
    };
    let generation = directory.newest_log()?.ok_or_else(missing)?;
    let path = directory.path().join(log_name(generation));
    let bytes = fs::read(&path).map_err(StorageError::io("read", &path))?;
    let corrupt = |offset, reason| StorageError::Corrupt {
        path: path.clone(),
        offset,
        reason,
    };
    let Recovered { image, valid, torn } =
        recover(&bytes).map_err(|found| corrupt(found.offset, found.reason.to_string()))?;
    if (image.id, image.generation) != (id, generation) {
        let (id, generation) = (image.id, image.generation);
        return Err(corrupt(
            0,
            format!("it says that it is generation {generation} of {id}"),
        ));
    }
    let file = open_for_append(&path)?;
    if let Some(damage) = torn {
        let cut = bytes.len() - valid;
        tracing::warn!(
            path = %path.display(), offset = valid, cut, %damage,
            "the last write to the log was interrupted; its bytes are cut off"
        );
        file.set_len(valid as u64)
            .map_err(StorageError::io("cut the torn tail of", &path))?;
    }
    file.sync_all().map_err(StorageError::io("sync", &path))?;
    Ok((image, file))
}

fn open_for_append(path: &Path) -> Result<File, StorageError> {
    OpenOptions::new()
        .append(true)
        .open(path)
        .map_err(StorageError::io("open", path))
}

fn read_snapshot(
    directory: &DataDirectory,
    generation: u64,
    expected: SnapshotPointer,
) -> Result<Snapshot, StorageError> {
    let path = directory.path().join(snapshot_name(generation));
    let bytes = fs::read(&path).map_err(StorageError::io("read", &path))?;
    let broken = |reason: String| StorageError::Snapshot {
        path: path.clone(),
        reason,
    };
    let (payload, end) = frame::decode(&bytes, 0).map_err(|damage| broken(damage.to_string()))?;
    if end != bytes.len() {
        return Err(broken(format!("bytes follow the snapshot at byte {end}")));
    }
    let snapshot: Snapshot =
        serde_json::from_slice(payload).map_err(|error| broken(error.to_string()))?;
    if (snapshot.index, snapshot.term) != (expected.index, expected.term) {
        return Err(broken(format!(
            "the log stands on entry {}, not on this",
            expected.index
        )));
    }
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::storage::example::entries;
    use crate::storage::steps::TEMPORARY;

    type Log = DurableLog<String>;

    fn identity() -> Identity {
        Identity {
            id: NodeId(1),
            voters: [1, 2, 3].map(NodeId).into(),
        }
    }

    fn open(path: &Path) -> Opened<String> {
        Log::open(path, &identity()).unwrap()
    }

    fn refused(path: &Path) -> StorageError {
        Log::open(path, &identity()).expect_err("this directory must be refused")
    }

    fn snapshot(index: u64) -> Snapshot {
        Snapshot {
            index,
            term: 1,
            data: vec![7; 100],
        }
    }

    /// Five entries and a vote, committed.
    fn filled(path: &Path) -> Log {
        let mut log = open(path).log;
        log.stage(Record::HardState(HardState {
            term: 4,
            vote: Some(NodeId(2)),
        }));
        log.stage(Record::Entries(entries(1..6, 1)));
        log.commit().unwrap();
        log
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_committed_comes_back() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a/b");
        drop(filled(&path));
        let Opened {
            mut log,
            durable,
            voters,
        } = open(&path);
        assert_eq!((durable.term, durable.vote), (4, Some(NodeId(2))));
        assert_eq!(
            (durable.entries, durable.snapshot),
            (entries(1..6, 1), None)
        );
        assert_eq!(voters, identity().voters);
        log.stage(Record::Entries(entries(4..5, 2)));
        log.commit().unwrap();
        drop(log);
        assert_eq!(
            open(&path).durable.entries,
            [entries(1..4, 1), entries(4..5, 2)].concat()
        );
    }

    #[test]
    fn what_is_only_staged_is_lost() {
        let folder = TempDir::new().unwrap();
        let mut log = filled(folder.path());
        log.stage(Record::Entries(entries(6..9, 1)));
        drop(log);
        assert_eq!(open(folder.path()).durable.entries, entries(1..6, 1));
    }

    #[test]
    fn a_snapshot_takes_the_place_of_the_entries_before_it() {
        let folder = TempDir::new().unwrap();
        let mut log = filled(folder.path());
        log.stage(Record::Entries(entries(6..8, 1)));
        log.save_snapshot(&snapshot(4)).unwrap();
        log.stage(Record::Entries(entries(8..9, 2)));
        log.commit().unwrap();
        drop(log);
        let durable = open(folder.path()).durable;
        assert_eq!(durable.snapshot, Some(snapshot(4)));
        assert_eq!(
            durable.entries,
            [entries(5..8, 1), entries(8..9, 2)].concat()
        );
        assert_eq!((durable.term, durable.vote), (4, Some(NodeId(2))));
        let expected = [
            "identity.json",
            "lock",
            "log-0000000002",
            "snapshot-0000000002",
        ];
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn an_older_snapshot_changes_nothing_but_commits() {
        let folder = TempDir::new().unwrap();
        let mut log = filled(folder.path());
        log.save_snapshot(&snapshot(4)).unwrap();
        log.stage(Record::Entries(entries(6..7, 1)));
        log.save_snapshot(&snapshot(3)).unwrap();
        drop(log);
        let durable = open(folder.path()).durable;
        assert_eq!(durable.snapshot, Some(snapshot(4)));
        assert_eq!(durable.entries, entries(5..7, 1));
    }

    #[test]
    fn a_torn_tail_is_cut_and_the_log_goes_on() {
        let folder = TempDir::new().unwrap();
        let mut log = filled(folder.path());
        let path = folder.path().join("log-0000000001");
        let before = fs::metadata(&path).unwrap().len();
        log.stage(Record::Entries(entries(6..9, 1)));
        log.commit().unwrap();
        drop(log);
        let whole = fs::metadata(&path).unwrap().len();
        OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(whole - 1)
            .unwrap();
        let mut log = open(folder.path()).log;
        assert_eq!(fs::metadata(&path).unwrap().len(), before);
        log.stage(Record::Entries(entries(6..7, 3)));
        log.commit().unwrap();
        drop(log);
        let expected = [entries(1..6, 1), entries(6..7, 3)].concat();
        assert_eq!(open(folder.path()).durable.entries, expected);
    }

    #[test]
    fn damage_before_the_tail_is_refused_with_file_place_and_advice() {
        let folder = TempDir::new().unwrap();
        let mut log = filled(folder.path());
        log.stage(Record::Entries(entries(6..9, 1)));
        log.commit().unwrap();
        drop(log);
        let path = folder.path().join("log-0000000001");
        let mut bytes = fs::read(&path).unwrap();
        let second = frame::find(&bytes, 1).unwrap();
        bytes[second + 20] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let text = refused(folder.path()).to_string();
        let place = format!("log-0000000001 is corrupt at byte {second}: checksum mismatch");
        assert!(text.contains(&place), "{text}");
        assert!(text.contains("remove the node from the cluster"), "{text}");
        assert_eq!(
            fs::read(&path).unwrap(),
            bytes,
            "the evidence is left as it was"
        );
    }

    #[test]
    fn a_damaged_or_missing_snapshot_is_refused() {
        let folder = TempDir::new().unwrap();
        filled(folder.path()).save_snapshot(&snapshot(4)).unwrap();
        let path = folder.path().join("snapshot-0000000002");
        let bytes = fs::read(&path).unwrap();
        for damaged in [&bytes[..bytes.len() - 1], b"", &[&bytes[..], b" "].concat()] {
            fs::write(&path, damaged).unwrap();
            assert!(matches!(
                refused(folder.path()),
                StorageError::Snapshot { .. }
            ));
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(refused(folder.path()), StorageError::Io { .. }));
    }

    #[test]
    fn a_directory_serves_one_process_at_a_time() {
        let folder = TempDir::new().unwrap();
        let log = filled(folder.path());
        assert!(matches!(
            refused(folder.path()),
            StorageError::Locked { .. }
        ));
        drop(log);
        open(folder.path());
    }

    #[test]
    fn a_node_refuses_the_data_of_another() {
        let folder = TempDir::new().unwrap();
        drop(filled(folder.path()));
        let other = Identity {
            id: NodeId(2),
            ..identity()
        };
        let error = Log::open(folder.path(), &other).expect_err("another node's data");
        assert!(
            error
                .to_string()
                .contains("holds the state of n1, not of n2"),
            "{error}"
        );
    }

    #[test]
    fn the_first_members_are_remembered_and_not_overruled() {
        let folder = TempDir::new().unwrap();
        drop(filled(folder.path()));
        let other = Identity {
            voters: [NodeId(1)].into(),
            ..identity()
        };
        let opened = Log::open(folder.path(), &other).unwrap();
        assert_eq!(opened.voters, identity().voters);
    }

    #[test]
    fn a_lost_log_or_identity_is_refused_not_forgotten() {
        for name in ["log-0000000001", "identity.json"] {
            let folder = TempDir::new().unwrap();
            drop(filled(folder.path()));
            fs::remove_file(folder.path().join(name)).unwrap();
            let error = refused(folder.path()).to_string();
            assert!(error.contains("does not start"), "{name}: {error}");
        }
    }

    #[test]
    fn a_making_that_was_interrupted_is_completed() {
        for done in 0..=6 {
            let folder = TempDir::new().unwrap();
            let log = empty_log(NodeId(1)).unwrap();
            let mut steps = Vec::from(publish(&log_name(FIRST_GENERATION), log));
            steps.extend(publish_identity(&identity()));
            assert_eq!(steps.len(), 6);
            steps[..done]
                .iter()
                .for_each(|step| step.execute(folder.path()).unwrap());
            drop(filled(folder.path()));
            assert_eq!(
                open(folder.path()).durable.entries,
                entries(1..6, 1),
                "after {done}"
            );
        }
    }

    /// Where a crash leaves a directory: some steps done, the next one perhaps in part, and of the
    /// changes of names since the last `SyncDirectory` any may be missing.
    fn crashed(steps: &[Step], done: usize, lost: u32, half: bool) -> TempDir {
        let folder = TempDir::new().unwrap();
        drop(filled(folder.path()));
        let synced = steps[..done]
            .iter()
            .rposition(|step| *step == Step::SyncDirectory);
        let mut unsynced = 0;
        for (at, step) in steps[..done].iter().enumerate() {
            let is_name = matches!(step, Step::Rename { .. } | Step::Remove { .. });
            let is_lost = is_name && synced.is_none_or(|synced| synced < at) && {
                unsynced += 1;
                lost & (1 << (unsynced - 1)) != 0
            };
            if !is_lost {
                step.execute(folder.path()).unwrap();
            }
        }
        if let (true, Some(Step::Create { name, bytes })) = (half, steps.get(done)) {
            assert!(name.ends_with(TEMPORARY));
            fs::write(folder.path().join(name), &bytes[..bytes.len() / 2]).unwrap();
        }
        folder
    }

    #[test]
    fn a_crash_at_any_point_of_a_snapshot_loses_nothing() {
        let example = TempDir::new().unwrap();
        let (_, steps) = next_generation(&filled(example.path()).image, &snapshot(4)).unwrap();
        let renamed = Step::Rename {
            from: format!("{}{TEMPORARY}", log_name(2)),
            to: log_name(2),
        };
        let point_of_change = steps.iter().position(|step| *step == renamed).unwrap();
        for done in 0..=steps.len() {
            for (lost, half) in [(0, false), (0, true), (1, false), (2, false), (3, false)] {
                let folder = crashed(&steps, done, lost, half);
                let Opened {
                    mut log, durable, ..
                } = open(folder.path());
                let place = format!("{done} steps, lost {lost:b}, half {half}");
                assert_eq!(
                    (durable.term, durable.vote),
                    (4, Some(NodeId(2))),
                    "{place}"
                );
                if done <= point_of_change {
                    assert_eq!(
                        (durable.snapshot, durable.entries),
                        (None, entries(1..6, 1))
                    );
                } else if lost == 0 || durable.snapshot.is_some() {
                    assert_eq!(durable.snapshot, Some(snapshot(4)), "{place}");
                    assert_eq!(durable.entries, entries(5..6, 1), "{place}");
                } else {
                    assert_eq!(durable.entries, entries(1..6, 1), "{place}");
                }
                log.stage(Record::Entries(entries(6..7, 5)));
                log.save_snapshot(&snapshot(5)).unwrap();
                drop(log);
                assert_eq!(
                    open(folder.path()).durable.entries,
                    entries(6..7, 5),
                    "{place}"
                );
                assert_eq!(names(folder.path()).len(), 4, "leftovers after {place}");
            }
        }
    }

    #[test]
    fn an_error_of_the_system_names_the_file() {
        let folder = TempDir::new().unwrap();
        let file: PathBuf = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = refused(&file.join("data"));
        assert!(error.to_string().contains("file/data"), "{error}");
    }
}
