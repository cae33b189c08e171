//! A history as it is loaded from a path: a file in any format, or a run's folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use testimony_history::{
    Event, FailedCas, Format, Function, Keyed, Model, Process, ReadOptions, RecordedHistory,
    Recording, Value, read,
};

use crate::args::{Answer, FailedCas as FailedCasArgument, Reading};
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;
use crate::terminal;

/// A history that can be judged.
pub(crate) struct HistoryFile {
    /// The path, as it was typed.
    pub(crate) name: String,
    pub(crate) recording: Recording,
    pub(crate) history: RecordedHistory,
    pub(crate) model: Model,
    pub(crate) initial: Option<Value>,
    /// Seconds spent on reading and pairing.
    pub(crate) seconds: f64,
}

impl HistoryFile {
    /// Reads `path`; warnings about it go to stderr.
    pub(crate) fn load(path: &Path, reading: &Reading) -> Result<Self, Failure> {
        let watch = Stopwatch::start();
        let (name, mut recording) = read_recording(path, reading, false)?;
        let model = model(&recording, reading)?;
        let (history, warnings) = recording
            .history(model)
            .map_err(|error| in_file(&name, error.into()))?;
        recording.warnings.extend(warnings);
        for warning in &recording.warnings {
            warn(&format!("{name}: {warning}"));
        }
        let initial = initial(&recording, reading)?;
        let seconds = watch.seconds();
        Ok(HistoryFile {
            name,
            recording,
            history,
            model,
            initial,
            seconds,
        })
    }
}

/// Reads a file, or the history in a run's folder, without pairing it.
pub(crate) fn read_recording(
    path: &Path,
    reading: &Reading,
    sort_by_time: bool,
) -> Result<(String, Recording), Failure> {
    let path = history_in(path);
    let name = path.display().to_string();
    let bytes = bytes(&path).with_context(|| format!("{name} cannot be read"));
    let bytes = bytes.map_err(Failure::usage)?;
    let options = options(reading, sort_by_time)?;
    match read(&bytes, &options) {
        Ok(recording) => Ok((name, recording)),
        Err(error) => {
            let hint = error.hint();
            Err(Failure::usage_with_hint(anyhow!(error).context(name), hint))
        }
    }
}

/// A run's folder holds its history in `history.jsonl`.
fn history_in(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("history.jsonl")
    } else {
        path.to_path_buf()
    }
}

/// `-` is standard input.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return fs::read(path);
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes)?;
    Ok(bytes)
}

fn options(reading: &Reading, sort_by_time: bool) -> Result<ReadOptions, Failure> {
    let format = match reading.format.as_deref() {
        None => None,
        Some(word) => Some(format_named(word)?),
    };
    let failed_cas = match reading.failed_cas {
        FailedCasArgument::Silent => FailedCas::Silent,
        FailedCasArgument::Mismatch => FailedCas::Mismatch,
    };
    let keyed = match reading.keyed {
        None => Keyed::Detect,
        Some(Answer::Yes) => Keyed::Yes,
        Some(Answer::No) => Keyed::No,
    };
    Ok(ReadOptions {
        format,
        failed_cas,
        keyed,
        sort_by_time,
    })
}

/// The format of that name.
pub(crate) fn format_named(word: &str) -> Result<Format, Failure> {
    let known = Format::ALL.map(Format::name).join(", ");
    Format::from_name(word)
        .ok_or_else(|| Failure::usage(anyhow!("no format is called {word:?}; there are {known}")))
}

fn in_file(name: &str, error: anyhow::Error) -> Failure {
    Failure::usage(error.context(name.to_owned()))
}

/// The value that each object starts with: what was typed, else what the header says.
pub(crate) fn initial(recording: &Recording, reading: &Reading) -> Result<Option<Value>, Failure> {
    match &reading.initial {
        None => Ok(recording.header.initial.clone()),
        Some(json) => {
            let value = Value::parse(json).context("--initial is no JSON value");
            value.map(Some).map_err(Failure::usage)
        }
    }
}

/// The model of that name.
pub(crate) fn model_named(word: Option<&str>) -> Result<Option<Model>, Failure> {
    let Some(word) = word else { return Ok(None) };
    let known = Model::ALL.map(Model::name).join(", ");
    let unknown = || Failure::usage(anyhow!("no model is called {word:?}; there are {known}"));
    Model::from_name(word).map(Some).ok_or_else(unknown)
}

fn model(recording: &Recording, reading: &Reading) -> Result<Model, Failure> {
    if let Some(model) = model_named(reading.model.as_deref())?.or(recording.header.model) {
        return Ok(model);
    }
    let unnamed = || anyhow!("the file does not say what it is a history of; give --model");
    let model = suggested_model(&recording.events)
        .ok_or_else(unnamed)
        .map_err(Failure::usage)?;
    warn(&format!(
        "the file names no model; judged as {model}, as its operations suggest"
    ));
    Ok(model)
}

/// The only model that has all the functions called, if there is exactly one that people would
/// mean.
fn suggested_model(events: &[Event]) -> Option<Model> {
    let clients = events
        .iter()
        .filter(|event| matches!(event.process, Process::Client(_)));
    let called: Vec<&str> = clients.map(|event| event.f.name()).collect();
    let only = |words: &[&str]| called.iter().all(|word| words.contains(word));
    let some = |function: &Function| called.contains(&function.name());
    if called.is_empty() {
        return None;
    }
    let fits = [
        (Model::Register, only(&["read", "write"])),
        (Model::CasRegister, only(&["read", "write", "cas"])),
        (Model::Queue, only(&["enqueue", "dequeue"])),
        (Model::Mutex, only(&["acquire", "release"])),
        (
            Model::Counter,
            some(&Function::Increment) || some(&Function::Decrement),
        ),
    ];
    fits.into_iter()
        .find(|(_, fits)| *fits)
        .map(|(model, _)| model)
}

fn warn(line: &str) {
    terminal::tell(&format!("warning: {line}"));
}
