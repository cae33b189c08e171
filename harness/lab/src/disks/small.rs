//! A disk of a node's own, in memory, that can be made full or unwritable at once.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::statvfs;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

/// What is written to see whether anything can be. More than is left when a disk is full: what is
/// measured in whole pages.
const PROBE_BYTES: usize = 64 * 1024;
const PROBE: &str = ".testimony-probe";
/// While a disk is being filled its owner may write: it is tried again.
const TRIES: u32 = 20;
/// A size of 0 would mean that there is no limit.
const PAGE_BYTES: u64 = 4_096;

/// A file system in memory, mounted over a folder. Dropping it unmounts it; what was in it is gone.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    bytes: u64,
    mounted: AtomicBool,
}

/// What keeps somebody from writing to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No room is left on it.
    Full,
    /// It can only be read.
    ReadOnly,
}

impl SmallDisk {
    /// A disk of so many bytes in place of a folder, as far as this process and its children see.
    ///
    /// # Errors
    /// If there is no such folder, or this process may not mount anything.
    pub fn mount(folder: &Path, bytes: u64) -> io::Result<SmallDisk> {
        let options = format!("mode=0755,size={bytes}");
        let options = std::ffi::CString::new(options).map_err(io::Error::other)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", folder, "tmpfs", flags, Some(options.as_c_str()))?;
        Ok(SmallDisk {
            folder: folder.to_owned(),
            bytes,
            mounted: AtomicBool::new(true),
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves no room on it beyond what is used, in bytes. Sees that nothing more can be written.
    ///
    /// # Errors
    /// If its owner keeps writing and deleting, so that there is always some room.
    pub fn fill(&self) -> io::Result<u64> {
        let mut last = io::Error::other("it was not tried");
        for _ in 0..TRIES {
            let disk = statvfs(&self.folder)?;
            let used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
            // Refused if more is used by now.
            match self
                .limit(used.max(PAGE_BYTES))
                .and_then(|()| self.obstacle())
            {
                Ok(Some(Obstacle::Full)) => return Ok(used),
                Ok(other) => last = io::Error::other(format!("it is full, yet {other:?}")),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Gives it its room back. Sees that something can be written.
    ///
    /// # Errors
    /// If nothing can.
    pub fn make_room(&self) -> io::Result<()> {
        self.limit(self.bytes)?;
        self.expect(None)
    }

    /// Lets nobody write to it. Sees that nobody can.
    ///
    /// # Errors
    /// If somebody has a file open for writing: the kernel does not take that away.
    pub fn lock(&self) -> io::Result<()> {
        mount_remount(&self.folder, MountFlags::RDONLY, c"")?;
        self.expect(Some(Obstacle::ReadOnly))
    }

    /// Lets its owner write to it again. Sees that something can be written.
    ///
    /// # Errors
    /// If nothing can.
    pub fn unlock(&self) -> io::Result<()> {
        mount_remount(&self.folder, MountFlags::NOSUID | MountFlags::NODEV, c"")?;
        self.expect(None)
    }

    /// What keeps somebody from writing to it, seen by trying.
    ///
    /// # Errors
    /// What else went wrong.
    pub fn obstacle(&self) -> io::Result<Option<Obstacle>> {
        let probe = self.folder.join(PROBE);
        let written = File::create(&probe).and_then(|mut file| file.write_all(&[1; PROBE_BYTES]));
        match fs::remove_file(&probe) {
            Err(error) if written.is_ok() => return Err(error),
            _ => {}
        }
        match written.map_err(|error| (error.kind(), error)) {
            Ok(()) => Ok(None),
            Err((ErrorKind::StorageFull, _)) => Ok(Some(Obstacle::Full)),
            Err((ErrorKind::ReadOnlyFilesystem, _)) => Ok(Some(Obstacle::ReadOnly)),
            Err((_, error)) => Err(error),
        }
    }

    /// Unmounts it. What was on it is left in the folder if it is to be kept.
    ///
    /// # Errors
    /// If it cannot be copied, or not be unmounted.
    pub fn put_away(&self, keep: bool) -> io::Result<()> {
        if !self.mounted.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let kept = self.folder.with_extension("kept");
        let copied = if keep {
            copy(&self.folder, &kept)
        } else {
            Ok(())
        };
        // Whoever still uses it keeps it until then.
        unmount(&self.folder, UnmountFlags::DETACH)?;
        copied?;
        if keep {
            fs::rename(kept, &self.folder)
        } else {
            Ok(())
        }
    }

    fn expect(&self, wanted: Option<Obstacle>) -> io::Result<()> {
        let found = self.obstacle()?;
        if found == wanted {
            return Ok(());
        }
        let word = |obstacle: Option<Obstacle>| match obstacle {
            None => "writable",
            Some(Obstacle::Full) => "full",
            Some(Obstacle::ReadOnly) => "read-only",
        };
        let folder = self.folder.display();
        let (wanted, found) = (word(wanted), word(found));
        Err(io::Error::other(format!(
            "{folder} was to be {wanted}, but is {found}"
        )))
    }

    fn limit(&self, bytes: u64) -> io::Result<()> {
        let options = std::ffi::CString::new(format!("size={bytes}")).map_err(io::Error::other)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        Ok(mount_remount(&self.folder, flags, options.as_c_str())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(error) = self.put_away(false) {
            tracing::warn!(folder = %self.folder.display(), %error, "a disk is still mounted");
        }
    }
}

/// Copies a folder and the files in it; what is neither is not kept.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
