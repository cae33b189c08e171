//! `testimony check --follow`: judges a history while it is still being written.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use serde_json::{Value as Json, json};
use testimony_checker::{StreamVerdict, Verdict, Violation};
use testimony_report::RunOutcome;

use crate::args::CheckArguments;
use crate::check::{Answers, Checked};
use crate::failure::Failure;
use crate::history_file::{HistoryFile, format_named, history_in};
use crate::live::{Live, LiveEnd};
use crate::terminal;

/// How often a file is looked at.
const POLL: Duration = Duration::from_millis(50);

/// After so long without a byte, no further event of the last one's time is expected.
const QUIET: Duration = Duration::from_secs(1);

/// How many bytes are read at a time.
const CHUNK: usize = 1 << 16;

/// Follows one history until it is illegal, or over.
pub(crate) fn run(arguments: &CheckArguments) -> Result<RunOutcome, Failure> {
    let [path] = arguments.files.as_slice() else {
        return Err(Failure::usage(anyhow!("--follow takes one file")));
    };
    only_json_lines(arguments)?;
    if path.as_os_str() == "-" {
        return Followed::stdin(arguments)?.answer(arguments);
    }
    let path = history_in(path);
    let (followed, read) = Followed::file(&path, arguments)?;
    match &followed.ended {
        Ended::Illegal(violation) => explained(&path, read, violation, arguments),
        Ended::Over(_) => followed.answer(arguments),
    }
}

fn only_json_lines(arguments: &CheckArguments) -> Result<(), Failure> {
    let Some(word) = &arguments.reading.format else {
        return Ok(());
    };
    match format_named(word)? {
        testimony_history::Format::JsonLines => Ok(()),
        other => Err(Failure::usage(anyhow!(
            "only JSON lines can be followed, not {}",
            other.name()
        ))),
    }
}

/// A history that was followed.
struct Followed {
    name: String,
    ended: Ended,
}

/// How following it ended.
enum Ended {
    Illegal(Violation),
    Over(Box<LiveEnd>),
}

impl Followed {
    /// Standard input, to its end or to the first violation.
    fn stdin(arguments: &CheckArguments) -> Result<Self, Failure> {
        let name = "-".to_owned();
        let mut live = Live::new(name.clone(), &arguments.reading);
        let mut input = io::stdin().lock();
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match input.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.context("standard input cannot be read"),
            };
            let read = read.map_err(Failure::usage)?;
            if read == 0 {
                return Followed::over(name, live);
            }
            live.feed(&chunk[..read])?;
            // A full chunk has more behind it; what comes in small pieces is waited for.
            if read < chunk.len() {
                live.catch_up(false)?;
            }
            if let Some(violation) = live.violation() {
                let ended = Ended::Illegal(violation.clone());
                return Ok(Followed { name, ended });
            }
        }
    }

    /// A file, until its first violation, Ctrl-C, or as long a silence as was asked for; and how
    /// many bytes of it were read.
    fn file(path: &Path, arguments: &CheckArguments) -> Result<(Self, u64), Failure> {
        let name = path.display().to_string();
        let mut tail = Tail::open(path)?;
        let mut live = Live::new(name.clone(), &arguments.reading);
        let interrupts = interrupts();
        let mut silence = Duration::ZERO;
        loop {
            let read = tail.read(|bytes| {
                live.feed(bytes)?;
                Ok(live.violation().is_some())
            })?;
            silence = if read { Duration::ZERO } else { silence + POLL };
            live.catch_up(silence >= QUIET)?;
            if let Some(violation) = live.violation() {
                let ended = Ended::Illegal(violation.clone());
                return Ok((Followed { name, ended }, tail.at));
            }
            let is_over = arguments.until_quiet.is_some_and(|limit| silence >= limit);
            if is_over || interrupted(&interrupts) {
                return Ok((Followed::over(name, live)?, tail.at));
            }
        }
    }

    fn over(name: String, live: Live) -> Result<Self, Failure> {
        let end = live.finish()?;
        if let Some(warning) = &end.warning {
            terminal::tell(&format!("warning: {warning}"));
        }
        let ended = match &end.verdict {
            StreamVerdict::Illegal(violation) => Ended::Illegal(violation.clone()),
            StreamVerdict::Linearizable | StreamVerdict::Undecided(_) => Ended::Over(Box::new(end)),
        };
        Ok(Followed { name, ended })
    }

    /// Says what was found, without evidence: a stream keeps none.
    fn answer(&self, arguments: &CheckArguments) -> Result<RunOutcome, Failure> {
        let outcome = self.outcome();
        let text = if arguments.json {
            format!("{}\n", self.json(outcome))
        } else {
            format!("{}: {}\n", self.name, self.text())
        };
        terminal::answer(&text)?;
        Ok(outcome)
    }

    fn outcome(&self) -> RunOutcome {
        match &self.ended {
            Ended::Illegal(_) => RunOutcome::Violation,
            Ended::Over(end) => match &end.verdict {
                StreamVerdict::Illegal(_) => RunOutcome::Violation,
                StreamVerdict::Undecided(_) => RunOutcome::Undecided,
                StreamVerdict::Linearizable if end.completed == 0 => RunOutcome::Broken,
                StreamVerdict::Linearizable => RunOutcome::Pass,
            },
        }
    }

    fn text(&self) -> String {
        match &self.ended {
            Ended::Illegal(violation) => format!(
                "illegal: {}\nTo see why, keep the history in a file and check that.",
                described(violation)
            ),
            Ended::Over(end) => {
                let said = match &end.verdict {
                    StreamVerdict::Undecided(why) => {
                        let key = why.key.as_ref();
                        let key = key.map_or(String::new(), |key| format!(" on key {key}"));
                        format!("undecided{key}: {}", why.reason)
                    }
                    _ if end.completed == 0 => {
                        "no operation completed: nothing to judge".to_owned()
                    }
                    _ => "linearizable".to_owned(),
                };
                let (operations, keys) = (end.operations, end.keys);
                format!(
                    "{said} (followed as a {}: operations {operations}, keys {keys}, no witness \
                     kept)",
                    end.model
                )
            }
        }
    }

    fn json(&self, outcome: RunOutcome) -> Json {
        let mut object = json!({
            "file": self.name,
            "outcome": outcome,
            "followed": true,
        });
        match &self.ended {
            Ended::Illegal(violation) => {
                object["verdict"] = "illegal".into();
                object["key"] = key_of(violation);
                object["event"] = violation.event.index.into();
                object["line"] = violation.event.line.into();
            }
            Ended::Over(end) => {
                object["model"] = end.model.name().into();
                object["operations"] = end.operations.into();
                object["partitions"] = end.keys.into();
                object["verdict"] = "linearizable".into();
                if let StreamVerdict::Undecided(why) = &end.verdict {
                    object["verdict"] = "undecided".into();
                    object["undecided"] = json!({
                        "reason": why.reason.to_string(),
                        "partitions": why.partitions,
                    });
                }
            }
        }
        object
    }
}

/// The full check of what was read until a violation, for the evidence and the words.
fn explained(
    path: &Path,
    read: u64,
    violation: &Violation,
    arguments: &CheckArguments,
) -> Result<RunOutcome, Failure> {
    let name = path.display();
    terminal::tell(&format!("{name}: {}", described(violation)));
    let file = HistoryFile::load_start(path, read, &arguments.reading)?;
    let mut checked = Checked::of(file, &arguments.limits);
    if let Verdict::Linearizable(_) = checked.judgement.verdict {
        checked.judgement.verdict =
            crate::judging::disagrees(violation.key.clone(), &described(violation));
    }
    let mut answers = Answers::default();
    answers.take(&checked, arguments)?;
    answers.close(arguments)
}

/// The event that made the history illegal, in words.
pub(crate) fn described(violation: &Violation) -> String {
    let key = match &violation.key {
        Some(key) => format!(" on key {key}"),
        None => String::new(),
    };
    format!(
        "line {}: no order explains what happened{key} up to this event (index {})",
        violation.event.line, violation.event.index
    )
}

/// The key of a violation as JSON.
pub(crate) fn key_of(violation: &Violation) -> Json {
    match &violation.key {
        None => Json::Null,
        Some(key) => {
            let text = key.to_string();
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
    }
}

/// A file that grows.
pub(crate) struct Tail {
    path: PathBuf,
    file: File,
    /// Bytes read.
    at: u64,
    chunk: Vec<u8>,
}

impl Tail {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()));
        Ok(Tail {
            path: path.to_path_buf(),
            file: file.map_err(Failure::usage)?,
            at: 0,
            chunk: vec![0; CHUNK],
        })
    }

    /// Reads what there is, until `take` says that it is enough. Whether there was anything.
    pub(crate) fn read(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let start = self.at;
        loop {
            let read = match self.file.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.with_context(|| format!("{} cannot be read", self.path.display())),
            };
            let read = read.map_err(Failure::usage)?;
            self.at += read as u64;
            if read == 0 {
                self.is_still_there()?;
                return Ok(self.at > start);
            }
            if take(&self.chunk[..read])? {
                return Ok(true);
            }
        }
    }

    /// A history only grows: one that was cut, removed, or replaced by another file, is another
    /// one.
    fn is_still_there(&self) -> Result<(), Failure> {
        let (name, at) = (self.path.display(), self.at);
        let held = self.file.metadata().map_err(Failure::usage)?;
        if held.len() < at {
            return Err(Failure::usage(anyhow!(
                "{name} was cut to {} bytes after {at} had been read",
                held.len()
            )));
        }
        if is_replaced(&held, &self.path) {
            return Err(Failure::usage(anyhow!(
                "{name} was replaced or removed after {at} bytes had been read"
            )));
        }
        Ok(())
    }
}

#[cfg(unix)]
fn is_replaced(held: &std::fs::Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map_or(true, |there| {
        (there.dev(), there.ino()) != (held.dev(), held.ino())
    })
}

#[cfg(not(unix))]
fn is_replaced(_held: &std::fs::Metadata, _path: &Path) -> bool {
    false
}

/// Each message is a Ctrl-C. Without the means to hear it, Ctrl-C ends the program as ever.
fn interrupts() -> Receiver<()> {
    let (interrupt, interrupts) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        while runtime.block_on(tokio::signal::ctrl_c()).is_ok() && interrupt.send(()).is_ok() {}
    });
    interrupts
}

/// Waits until it is time to look again. Whether there was a Ctrl-C meanwhile.
fn interrupted(interrupts: &Receiver<()>) -> bool {
    match interrupts.recv_timeout(POLL) {
        Ok(()) => true,
        Err(RecvTimeoutError::Timeout) => false,
        Err(RecvTimeoutError::Disconnected) => {
            thread::park_timeout(POLL);
            false
        }
    }
}
