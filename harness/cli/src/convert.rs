//! `testimony convert`: a history from one format to another.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::anyhow;
use testimony_history::{Format, Recording, write, write_csv};
use testimony_report::RunOutcome;

use crate::args::ConvertArguments;
use crate::check::write_to;
use crate::compression;
use crate::failure::Failure;
use crate::history_file::{format_named, read_recording};
use crate::terminal;

/// What is written.
#[derive(Clone, Copy)]
enum Output {
    History(Format),
    /// A table for other programs, which is not read back.
    Csv,
}

/// Reads, converts, writes. Nothing is judged.
pub(crate) fn run(arguments: &ConvertArguments) -> Result<RunOutcome, Failure> {
    let output = Output::of(arguments)?;
    let (name, mut recording) =
        read_recording(&arguments.input, &arguments.reading, arguments.sort_by_time)?;
    for warning in &recording.warnings {
        terminal::tell(&format!("warning: {name}: {warning}"));
    }
    complete_header(&mut recording, arguments)?;
    if arguments.output.as_os_str() == "-" {
        let mut out = BufWriter::new(io::stdout().lock());
        output.write(&recording, &mut out)?;
        out.flush()?;
    } else {
        write_to(&arguments.output, |out| {
            if compression::is_packed_name(&arguments.output) {
                compression::pack(out, |out| output.write(&recording, out))
            } else {
                output.write(&recording, out)
            }
        })?;
        let events = recording.events.len();
        terminal::tell(&format!("{}: {events} events", arguments.output.display()));
    }
    Ok(RunOutcome::Pass)
}

/// What the person said about the history belongs into its header.
fn complete_header(recording: &mut Recording, arguments: &ConvertArguments) -> Result<(), Failure> {
    let reading = &arguments.reading;
    if let Some(model) = crate::history_file::model_named(reading.model.as_deref())? {
        recording.header.model = Some(model);
    }
    recording.header.initial = crate::history_file::initial(&recording.header, reading)?;
    Ok(())
}

impl Output {
    fn of(arguments: &ConvertArguments) -> Result<Self, Failure> {
        let output = match arguments.to.as_deref() {
            Some("csv") => Output::Csv,
            Some(word) => Output::History(format_named(word)?),
            None => Output::by_extension(&arguments.output)?,
        };
        match output {
            Output::Csv | Output::History(Format::JsonLines | Format::Edn) => Ok(output),
            Output::History(format) => Err(Failure::usage(anyhow!(
                "{} is only read, not written; use jsonl, edn or csv",
                format.name()
            ))),
        }
    }

    fn by_extension(output: &Path) -> Result<Self, Failure> {
        let plain = match compression::is_packed_name(output) {
            true => output.with_extension(""),
            false => output.to_path_buf(),
        };
        match plain.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "json" | "ndjson") => Ok(Output::History(Format::JsonLines)),
            Some("edn") => Ok(Output::History(Format::Edn)),
            Some("csv") => Ok(Output::Csv),
            _ => Err(Failure::usage(anyhow!(
                "{}: the extension says no format; name the file .jsonl, .edn or .csv, or give --to",
                output.display()
            ))),
        }
    }

    fn write(self, recording: &Recording, out: &mut impl Write) -> io::Result<()> {
        match self {
            Output::History(format) => write(recording, format, out),
            Output::Csv => write_csv(recording, out),
        }
    }
}
