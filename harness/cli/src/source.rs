//! Where a history is read from: a file, which can be opened again, or standard input, which is
//! kept.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use testimony_history::{Event, Format, Origin, ReadOptions, read};

use crate::compression;

/// The bytes of a history, as often as they are wanted.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    /// So many bytes of a file that may be growing.
    Start(PathBuf, u64),
    /// What standard input gave.
    Kept(Arc<[u8]>),
}

impl Source {
    /// The source of that name; `-` is standard input, which is read to its end.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str() != "-" {
            return Ok(Source::File(path.to_path_buf()));
        }
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(Source::Kept(bytes.into()))
    }

    /// The bytes from the beginning, unpacked.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Source::File(path) => compression::unpacked(File::open(path)?),
            Source::Start(path, length) => compression::unpacked(File::open(path)?.take(*length)),
            Source::Kept(bytes) => compression::unpacked(Cursor::new(Arc::clone(bytes))),
        }
    }

    /// All bytes, unpacked.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Certain events, by where they stand. Of JSON lines only their lines are read closely.
    pub(crate) fn events(
        &self,
        mut origins: Vec<Origin>,
        options: &ReadOptions,
    ) -> io::Result<Vec<Event>> {
        origins.sort_by_key(|origin| (origin.line, origin.index));
        origins.dedup();
        let mut start = Vec::new();
        self.open()?.take(4096).read_to_end(&mut start)?;
        let format = options.format.unwrap_or_else(|| Format::detect(&start));
        if format == Format::JsonLines {
            return self.lines(&origins);
        }
        let recording = read(&self.bytes()?, options).map_err(io::Error::other)?;
        let wanted = |event: &Event| origins.iter().any(|origin| origin.index == event.index);
        Ok(recording.events.into_iter().filter(wanted).collect())
    }

    /// The events on certain lines, which rise.
    fn lines(&self, origins: &[Origin]) -> io::Result<Vec<Event>> {
        let mut file = BufReader::with_capacity(1 << 20, self.open()?);
        let mut lines = b"{\"testimony\":1}\n".to_vec();
        let mut number = 0;
        for origin in origins {
            while number + 1 < origin.line {
                number += 1;
                file.skip_until(b'\n')?;
            }
            number += 1;
            file.read_until(b'\n', &mut lines)?;
        }
        let options = ReadOptions {
            format: Some(Format::JsonLines),
            ..ReadOptions::default()
        };
        let mut events = read(&lines, &options).map_err(io::Error::other)?.events;
        for (event, origin) in events.iter_mut().zip(origins) {
            // Without an index of its own an event is numbered by its place, which was another.
            event.index = origin.index;
        }
        Ok(events)
    }
}
