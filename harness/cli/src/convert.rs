//! `testimony convert`: a history from one format to another.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::anyhow;
use testimony_history::{Format, Recording, write};
use testimony_report::RunOutcome;

use crate::args::ConvertArguments;
use crate::check::write_to;
use crate::failure::Failure;
use crate::history_file::{format_named, read_recording};
use crate::terminal;

/// Reads, converts, writes. Nothing is judged.
pub(crate) fn run(arguments: &ConvertArguments) -> Result<RunOutcome, Failure> {
    let format = format(arguments)?;
    let (name, mut recording) =
        read_recording(&arguments.input, &arguments.reading, arguments.sort_by_time)?;
    for warning in &recording.warnings {
        terminal::tell(&format!("warning: {name}: {warning}"));
    }
    complete_header(&mut recording, arguments)?;
    if arguments.output.as_os_str() == "-" {
        let mut out = BufWriter::new(io::stdout().lock());
        write(&recording, format, &mut out)?;
        out.flush()?;
    } else {
        write_to(&arguments.output, |out| write(&recording, format, out))?;
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

fn format(arguments: &ConvertArguments) -> Result<Format, Failure> {
    let format = match &arguments.to {
        Some(word) => format_named(word)?,
        None => by_extension(&arguments.output)?,
    };
    if matches!(format, Format::JsonLines | Format::Edn) {
        return Ok(format);
    }
    Err(Failure::usage(anyhow!(
        "{} is only read, not written; use jsonl or edn",
        format.name()
    )))
}

fn by_extension(output: &Path) -> Result<Format, Failure> {
    match output.extension().and_then(|extension| extension.to_str()) {
        Some("jsonl" | "json" | "ndjson") => Ok(Format::JsonLines),
        Some("edn") => Ok(Format::Edn),
        _ => Err(Failure::usage(anyhow!(
            "{}: the extension says no format; name the file .jsonl or .edn, or give --to",
            output.display()
        ))),
    }
}
