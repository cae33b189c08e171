//! The file formats, and reading and writing in any of them.

use std::io;

use crate::place::Place;
use crate::{Recording, edn, jsonl, porcupine};

/// A way to write a history down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// History format version 1: a header and events, one JSON object a line.
    JsonLines,
    /// Jepsen's and Knossos' EDN: maps, bare or in a vector or list.
    Edn,
    /// Lines such as `INFO  jepsen.util - 3 :invoke :write 2`, from Porcupine's test data.
    PorcupineLog,
    /// Lines such as `{:process 0, :type :invoke, :f :append, :key "0", :value "x"}`, from
    /// Porcupine's test data; each key starts as the empty string.
    PorcupineKv,
}

/// What a failed compare-and-set in EDN says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailedCas {
    /// Only that it did not happen, unless its error is one of
    /// [`MISMATCHES`](crate::edn::MISMATCHES).
    #[default]
    Silent,
    /// That the comparison did not match.
    Mismatch,
}

/// Whether the values in EDN are pairs of a key and a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Keyed {
    /// They are if every client's value is a pair and every cas's value is `[k [old new]]`.
    #[default]
    Detect,
    /// They are; anything else is an error.
    Yes,
    /// They are not.
    No,
}

/// How to read a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The format; `None` looks at the content.
    pub format: Option<Format>,
    /// What a failed compare-and-set in EDN says.
    pub failed_cas: FailedCas,
    /// Whether values in EDN are pairs of a key and a value.
    pub keyed: Keyed,
    /// Sort events by time instead of refusing times that go backwards.
    pub sort_by_time: bool,
}

/// Why a file cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ReadError {
    /// The offending byte.
    pub place: Place,
    /// What is wrong with it.
    pub problem: ReadProblem,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadProblem {
    /// There is nothing to read.
    #[error("the file is empty; a history starts with a header such as {{\"testimony\":1}}")]
    Empty,
    /// The first line is no header.
    #[error("no header; a history starts with a line such as {{\"testimony\":1}}")]
    NoHeader,
    /// The header is of a later version of the format.
    #[error("version {0} of the history format is not known; this program reads version 1")]
    Version(Box<str>),
    /// A byte that is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text ends in the middle of something.
    #[error("{0} breaks off here")]
    Unfinished(&'static str),
    /// Something opens here and never closes.
    #[error("{0} starts here and does not end")]
    Unclosed(&'static str),
    /// A map with a key too many.
    #[error("a map with a key that has no value")]
    OddMap,
    /// Something else was due.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: Box<str>,
    },
    /// Text after the end of the event.
    #[error("text after the end of the object")]
    Trailing,
    /// Lists in lists in lists.
    #[error("nesting deeper than 128")]
    TooDeep,
    /// A key that stands twice in one map.
    #[error("the key {0:?} stands here for the second time")]
    DuplicateKey(Box<str>),
    /// A mandatory key that is absent.
    #[error("an event needs {0:?}")]
    MissingKey(&'static str),
    /// A value of the wrong type.
    #[error("{key:?} must be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What its value must be.
        expected: &'static str,
        /// What it is.
        found: Box<str>,
    },
    /// A time before the one of an earlier line.
    #[error("time {time} is before {earlier} on line {line}: times must not go backwards")]
    TimeBackwards {
        /// The time here.
        time: u64,
        /// The latest time so far.
        earlier: u64,
        /// Where that stands.
        line: u32,
    },
    /// A value that should be a pair of key and value.
    #[error("a keyed value must be a pair [key value], found {0}")]
    NotKeyed(Box<str>),
}

impl ReadError {
    /// What the user can do about it, if there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self.problem {
            ReadProblem::TimeBackwards { .. } => Some("testimony convert --sort-by-time IN OUT"),
            ReadProblem::NotKeyed(_) => Some("--keyed no"),
            _ => None,
        }
    }
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Format; 4] = [
        Format::JsonLines,
        Format::Edn,
        Format::PorcupineLog,
        Format::PorcupineKv,
    ];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::JsonLines => "jsonl",
            Format::Edn => "edn",
            Format::PorcupineLog => "porcupine-log",
            Format::PorcupineKv => "porcupine-kv",
        }
    }

    /// The format of that name, or of the program that writes it, if there is one.
    pub fn from_name(word: &str) -> Option<Self> {
        match word {
            "json" | "json-lines" | "testimony" => Some(Format::JsonLines),
            "jepsen" | "knossos" => Some(Format::Edn),
            "porcupine-etcd" => Some(Format::PorcupineLog),
            _ => Format::ALL.into_iter().find(|format| format.name() == word),
        }
    }

    /// The format that a file's content has the look of; JSON lines if it looks like none.
    pub fn detect(bytes: &[u8]) -> Self {
        let bytes = content(bytes);
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
        let line = start.lines().next().unwrap_or("");
        let blank = |next: char| next.is_whitespace() || matches!(next, '[' | '(' | '{' | ',');
        let inside = start.trim_start_matches(blank);
        match bytes {
            [b';' | b'#' | b'(', ..] => Format::Edn,
            [b'{', ..] if line.starts_with("{:process ") && is_porcupine_kv(line) => {
                Format::PorcupineKv
            }
            [b'[' | b'{', ..] if inside.starts_with('"') => Format::JsonLines,
            [b'[', ..] => Format::Edn,
            [b'{', ..] if inside.starts_with([':', ';', '#']) => Format::Edn,
            [b'A'..=b'Z', ..] if line.contains("jepsen.") => Format::PorcupineLog,
            _ => Format::JsonLines,
        }
    }
}

/// A file from its first character on that is no white space.
pub(crate) fn content(bytes: &[u8]) -> &[u8] {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf");
    plain.unwrap_or(bytes).trim_ascii_start()
}

/// How many bytes of its content tell the format.
pub(crate) const LOOKED_AT: usize = 4096;

/// Whether a line of EDN has just the keys that Porcupine's map has.
fn is_porcupine_kv(line: &str) -> bool {
    let words = [
        ":f :get, :key \"",
        ":f :put, :key \"",
        ":f :append, :key \"",
    ];
    words.iter().any(|word| line.contains(word))
        && ![":index", ":time", ":node"]
            .iter()
            .any(|key| line.contains(key))
}

/// Reads a history file. O(n) in its length.
///
/// # Errors
/// Says the line, the column and what is wrong there.
pub fn read(bytes: &[u8], options: &ReadOptions) -> Result<Recording, ReadError> {
    match options.format.unwrap_or_else(|| Format::detect(bytes)) {
        Format::JsonLines => jsonl::read(bytes, options),
        Format::Edn => edn::read(bytes, options),
        Format::PorcupineLog => porcupine::read_log(bytes, options),
        Format::PorcupineKv => porcupine::read_kv(bytes, options),
    }
}

/// Writes a history file.
///
/// Where the order of lines alone counts (see [`Order`](crate::Order)), JSON lines get times that
/// say the same: one that goes backwards is raised to the latest before it, and one nanosecond
/// further where a tie would make a call concurrent with a return before it. The original is kept
/// as `time_recorded`.
///
/// # Errors
/// Those of `out`, and [`io::ErrorKind::Unsupported`] for Porcupine's formats, which are only read.
pub fn write(recording: &Recording, format: Format, out: &mut impl io::Write) -> io::Result<()> {
    match format {
        Format::JsonLines => jsonl::write(recording, out),
        Format::Edn => edn::write(recording, out),
        Format::PorcupineLog | Format::PorcupineKv => {
            let message = format!("{} is a format that is only read", format.name());
            Err(io::Error::new(io::ErrorKind::Unsupported, message))
        }
    }
}
