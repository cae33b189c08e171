//! The memory of another process.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;

/// No more of a mapping is searched: addresses of functions are kept with a program's variables,
/// not in its heap.
const SEARCHED_BYTES_MAX: u64 = 64 << 20;
const PIECE_BYTES: u64 = 1 << 20;

/// The memory of a process, which stays that of this process also when its number is given to
/// another.
#[derive(Debug)]
pub(super) struct Memory {
    process: u32,
    file: File,
}

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) length: u64,
    permissions: String,
    name: String,
}

impl Memory {
    pub(super) fn open(process: u32) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .open(format!("/proc/{process}/mem"))?;
        Ok(Memory { process, file })
    }

    /// Where the vDSO is; `None` if the process has none.
    pub(super) fn vdso(&self) -> io::Result<Option<Mapping>> {
        let found = self
            .mappings()?
            .into_iter()
            .find(|mapping| mapping.name == "[vdso]");
        Ok(found)
    }

    pub(super) fn read(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    /// Writes, also where the process itself may only read, and reads back what was written.
    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)?;
        if self.read(at, bytes.len() as u64)? != bytes {
            return Err(io::Error::other(
                "what was written into its memory is not there",
            ));
        }
        Ok(())
    }

    /// Whether one of the addresses is kept among the variables of the program.
    pub(super) fn mentions(&self, addresses: &[u64]) -> io::Result<bool> {
        let words: Vec<[u8; 8]> = addresses.iter().map(|at| at.to_ne_bytes()).collect();
        let mappings = self.mappings()?;
        Ok(mappings
            .iter()
            .filter(|mapping| mapping.has_variables())
            .any(|mapping| {
                let searched = mapping.length.min(SEARCHED_BYTES_MAX);
                let pieces = (0..searched).step_by(1 << 20);
                pieces.into_iter().any(|offset| {
                    let length = PIECE_BYTES.min(searched - offset);
                    // What is not there at the moment holds nothing.
                    let bytes = self
                        .read(mapping.start + offset, length)
                        .unwrap_or_default();
                    bytes
                        .chunks_exact(8)
                        .any(|word| words.iter().any(|wanted| word == wanted))
                })
            }))
    }

    fn mappings(&self) -> io::Result<Vec<Mapping>> {
        let text = fs::read_to_string(format!("/proc/{}/maps", self.process))?;
        Ok(text.lines().filter_map(Mapping::parse).collect())
    }
}

impl Mapping {
    /// A line of `/proc/PID/maps`: range, permissions, offset, device, inode, name.
    fn parse(line: &str) -> Option<Mapping> {
        let mut words = line.split_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let permissions = words.next()?.to_owned();
        let name = words.nth(3).unwrap_or_default().to_owned();
        let start = u64::from_str_radix(start, 16).ok()?;
        let length = u64::from_str_radix(end, 16).ok()?.checked_sub(start)?;
        Some(Mapping {
            start,
            length,
            permissions,
            name,
        })
    }

    /// Variables are private, cannot be executed, and are not the kernel's.
    fn has_variables(&self) -> bool {
        let fits = self.permissions.starts_with('r') && self.permissions.ends_with("-p");
        fits && !self.name.starts_with("[v")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_map_is_read() {
        let line = "7f4c2a40b000-7f4c2a40d000 r-xp 00000000 00:00 0                  [vdso]";
        let mapping = Mapping::parse(line).unwrap();
        assert_eq!((mapping.start, mapping.length), (0x7f4c_2a40_b000, 0x2000));
        assert_eq!(mapping.name, "[vdso]");
        assert!(!mapping.has_variables());
        let data = Mapping::parse("5000-6000 rw-p 00001000 fe:00 1234 /usr/bin/program").unwrap();
        assert!(data.has_variables());
        for line in ["", "5000 rw-p", "6000-5000 rw-p 0 0 0", "x-y r--p 0 0 0"] {
            assert_eq!(Mapping::parse(line), None, "{line}");
        }
    }

    #[test]
    fn this_process_keeps_what_it_keeps() {
        let memory = Memory::open(std::process::id()).unwrap();
        let kept = Box::new(0x1234_5678_9abc_def1_u64);
        assert!(memory.mentions(&[*kept]).unwrap());
        let at = std::ptr::from_ref(&*kept) as u64;
        assert_eq!(memory.read(at, 8).unwrap(), kept.to_ne_bytes());
        assert!(memory.read(0, 8).is_err(), "nothing is at 0");
    }
}
