//! What a person may type. Nothing is decided here: each command turns its arguments into a plan or
//! a question in a module of its own.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use testimony_engine::ClientPlace;

mod own;

pub(crate) use own::{EnterArguments, ExecArguments, FirstArguments, NodeCommand, RaftArguments};

/// Cross-examines replicated systems: clients call a cluster while a nemesis breaks it, every call
/// and answer is recorded, and a checker decides whether any one order explains the recording.
#[derive(Debug, Parser)]
#[command(name = "testimony", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 pass, 1 violation, 2 usage or unreadable input, 3 undecided, \
                        4 broken run (the harness failed, or nothing was tested)."
)]
pub(crate) struct Arguments {
    /// This process is in namespaces of its own already (for the lab's own use).
    #[arg(long, hide = true)]
    pub(crate) inside: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a cluster under faults and judge what its clients saw.
    Run(RunArguments),
    /// Run many seeds in virtual time, and keep what they find.
    Simulate(SimulateArguments),
    /// Add up what the parts of a campaign found.
    Merge(MergeArguments),
    /// Judge recorded histories.
    Check(CheckArguments),
    /// Run a recorded run's plan again.
    Replay(ReplayArguments),
    /// Reduce an illegal history to the few operations that contradict each other.
    Shrink(ShrinkArguments),
    /// Say the contradiction in words, with the faults around it.
    Explain(ExplainArguments),
    /// Write a run's report.html again from its recording.
    Report(ReportArguments),
    /// Convert a history between formats.
    Convert(ConvertArguments),
    /// What can be tested, with which planted bugs.
    Targets(TargetsArguments),
    /// What this machine offers: labs, kinds of faults, systems, and what would enable the rest.
    Doctor,
    /// Write a commented scenario file to start from.
    Init(InitArguments),
    /// Be one server of a bundled cluster.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Start a program that dies with its parent (for the lab's own use).
    #[command(name = "__exec", hide = true)]
    Exec(ExecArguments),
    /// Leave for namespaces of its own (for the lab's own use).
    #[command(name = "__enter", hide = true)]
    Enter(EnterArguments),
    /// Be process 1 of namespaces of its own (for the lab's own use).
    #[command(name = "__first", hide = true)]
    First(FirstArguments),
    /// Try what namespaces of its own allow (for the lab's own use).
    #[command(name = "__try", hide = true)]
    Try,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// A scenario, or the plan.toml of an earlier run; what is typed here wins over the file.
    pub(crate) scenario: Option<PathBuf>,
    /// What to test, `name` or `name:mode`; see `testimony targets`. [default: raft]
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Where to run it: process, netns, sim, external, maelstrom. [default: the first of the
    /// target's]
    #[arg(long)]
    pub(crate) lab: Option<String>,
    /// How many nodes. [default: 5]
    #[arg(long)]
    pub(crate) nodes: Option<usize>,
    /// Time under faults, such as 30s. [default: 30s]
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) time: Option<Duration>,
    /// The seed that the whole plan is drawn from. [default: drawn, and printed]
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Several runs, with the seeds A up to but not including B; stops at the first finding.
    #[arg(long, value_name = "A..B", conflicts_with = "seed", value_parser = parse_seeds)]
    pub(crate) seeds: Option<std::ops::Range<u64>>,
    /// With --seeds: go on after a finding.
    #[arg(long, requires = "seeds")]
    pub(crate) keep_going: bool,
    /// Fault kinds: `all`, `none`, or a list such as `kill-leader,halves`. [default: all]
    #[arg(long, value_delimiter = ',')]
    pub(crate) nemesis: Option<Vec<String>>,
    /// Which operations the clients call; see `testimony targets`. [default: kv]
    #[arg(long)]
    pub(crate) workload: Option<String>,
    /// How many client processes. [default: 10]
    #[arg(long)]
    pub(crate) clients: Option<usize>,
    /// In the netns lab: `outside`, where no cut touches them, or each `beside` a node, cut off
    /// with it. [default: outside]
    #[arg(long, value_name = "PLACE")]
    pub(crate) clients_at: Option<ClientPlace>,
    /// Operations a second, over all processes.
    #[arg(long)]
    pub(crate) rate: Option<u32>,
    /// Turn one planted bug on; it selects the nemesis and workload that show it.
    #[arg(long)]
    pub(crate) bug: Option<String>,
    /// Where run folders are made.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
    /// Write a JUnit file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Go on after the first violation; without this a run ends within a second of it.
    #[arg(long)]
    pub(crate) to_the_end: bool,
    /// Judge not recovering within this time after the heal as a violation.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) require_recovery: Option<Duration>,
    /// One JSON object on stdout instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// With --lab maelstrom: the program that is every node, and its arguments.
    #[arg(last = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    /// A scenario; what is typed here wins over the file.
    pub(crate) scenario: Option<PathBuf>,
    /// What to test, `name` or `name:mode`; see `testimony targets`. [default: raft]
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// The seeds A up to but not including B.
    #[arg(long, value_name = "A..B", default_value = "0..100", value_parser = parse_seeds)]
    pub(crate) seeds: std::ops::Range<u64>,
    /// Of the seeds, only every N-th from the K-th on, counted from 1: to spread them over
    /// machines.
    #[arg(long, value_name = "K/N", value_parser = parse_shard)]
    pub(crate) shard: Option<Shard>,
    /// Virtual time under faults, such as 60s. [default: 60s]
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(crate) time: Option<Duration>,
    /// How many nodes. [default: 5]
    #[arg(long)]
    pub(crate) nodes: Option<u32>,
    /// Fault kinds: `all`, `none`, or a list such as `kill-leader,halves`. [default: all]
    #[arg(long, value_delimiter = ',')]
    pub(crate) nemesis: Option<Vec<String>>,
    /// Which operations the clients call; see `testimony targets`. [default: kv]
    #[arg(long)]
    pub(crate) workload: Option<String>,
    /// How many client processes. [default: 10]
    #[arg(long)]
    pub(crate) clients: Option<u32>,
    /// Operations a second of virtual time, over all processes. [default: 200]
    #[arg(long)]
    pub(crate) rate: Option<u32>,
    /// Turn one planted bug on; it selects the nemesis and workload that show it.
    #[arg(long)]
    pub(crate) bug: Option<String>,
    /// Go on after a finding.
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// How many runs at a time. [default: one per core]
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
    /// Keep the recordings of so many findings; the others have their command.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) keep: usize,
    /// Keep the recording of every run here. [default: of the first findings only, in runs]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// One JSON object on stdout instead of text.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArguments {
    /// What `testimony simulate --shard K/N --json` wrote, one file for each part.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// One JSON object on stdout instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One part of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Which part, counted from 0.
    pub(crate) part: u64,
    /// Of how many.
    pub(crate) parts: u64,
}

impl Shard {
    /// Whether a seed is of this part.
    pub(crate) fn holds(self, seed: u64) -> bool {
        seed % self.parts == self.part
    }
}

/// When the checker gives up, honestly.
#[derive(Clone, Debug, Args)]
pub(crate) struct Limits {
    /// Give up after this time: the verdict is then undecided.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) time_limit: Duration,
    /// Give up at this much memory, such as 512MB or 4GB. [default: half of what is free]
    #[arg(long, value_parser = parse_bytes)]
    pub(crate) memory_limit: Option<u64>,
    /// Give up after this many steps of the search: unlike time, the same on every machine.
    #[arg(long)]
    pub(crate) step_limit: Option<u64>,
    /// Threads that judge partitions. [default: one per core]
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Reading {
    /// The model to judge against. [default: the history's header, or what its operations suggest]
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// The initial value, as JSON. [default: the header's, or nothing]
    #[arg(long, value_name = "JSON")]
    pub(crate) initial: Option<String>,
    /// The file's format: jsonl, edn, porcupine-log, porcupine-kv. [default: from its content]
    #[arg(long)]
    pub(crate) format: Option<String>,
    /// What a failed cas of an EDN file says: nothing, or that the comparison did not match.
    #[arg(long, value_enum, default_value_t = FailedCas::Silent)]
    pub(crate) failed_cas: FailedCas,
    /// Whether values of an EDN file are `[key value]` pairs. [default: if all of them are]
    #[arg(long, value_enum)]
    pub(crate) keyed: Option<Answer>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FailedCas {
    /// It did not happen; nothing more.
    Silent,
    /// The register held something else.
    Mismatch,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Answer {
    Yes,
    No,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Histories: JSON lines, Jepsen or Knossos EDN, Porcupine's test formats, or a run's folder;
    /// `-` is standard input.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Judge one history in JSON lines while it is still being written, in little memory: a file
    /// until Ctrl-C, `-` until its end, and either until its first violation.
    #[arg(long)]
    pub(crate) follow: bool,
    /// With --follow: stop when nothing was written for so long.
    #[arg(long, value_name = "DURATION", requires = "follow",
          value_parser = humantime::parse_duration)]
    pub(crate) until_quiet: Option<Duration>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// One JSON object on stdout (for several files, an array).
    #[arg(long)]
    pub(crate) json: bool,
    /// Write verdict.json and the witness or counterexample here.
    #[arg(long, value_name = "DIR")]
    pub(crate) evidence: Option<PathBuf>,
    /// Write a self-contained HTML page here.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write a JUnit file.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// A run's folder.
    pub(crate) run: PathBuf,
    /// Repeat until a violation is found, at most this many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) until_violation: u32,
    /// Where run folders are made.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Args)]
pub(crate) struct ShrinkArguments {
    /// A run's folder, or a history.
    pub(crate) input: PathBuf,
    /// Where to write the smaller history. [default: stdout]
    #[arg(long, short)]
    pub(crate) output: Option<PathBuf>,
    /// Of a simulated run: how many smaller plans are carried out at most.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) tries: u64,
    /// Of a simulated run: for how long smaller plans are looked for.
    #[arg(long, default_value = "2m", value_parser = humantime::parse_duration)]
    pub(crate) within: Duration,
    /// Of a simulated run: where the folder of the smaller one is made.
    #[arg(long, default_value = "runs")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// A run's folder, or a history.
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// A run's folder.
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArguments {
    /// The history to read.
    pub(crate) input: PathBuf,
    /// The file to write; `-` is stdout. Its extension gives the format; `.zst` behind it packs it.
    pub(crate) output: PathBuf,
    /// The format to write: jsonl, edn or csv (a table that is not read back).
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// Put events whose time goes backwards where their time says.
    #[arg(long)]
    pub(crate) sort_by_time: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct TargetsArguments {
    /// One JSON array on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The scenario file to write.
    #[arg(default_value = "scenario.toml")]
    pub(crate) file: PathBuf,
    /// What the scenario is for.
    #[arg(long, value_enum, default_value_t = InitKind::Own)]
    pub(crate) target: InitKind,
}

/// What a scenario to start from is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InitKind {
    /// A system of your own, whose nodes are started for the run.
    Own,
    /// A cluster of your own that already runs.
    External,
    /// The bundled Raft cluster.
    Raft,
}

fn parse_seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let shape = || format!("{text:?} is not of the form A..B with A < B");
    let (first, last) = text.split_once("..").ok_or_else(shape)?;
    let range = first.parse().map_err(|_| shape())?..last.parse().map_err(|_| shape())?;
    if range.is_empty() {
        Err(shape())
    } else {
        Ok(range)
    }
}

fn parse_shard(text: &str) -> Result<Shard, String> {
    let shape = || format!("{text:?} is not of the form K/N with K from 1 to N");
    let (part, parts) = text.split_once('/').ok_or_else(shape)?;
    let (part, parts): (u64, u64) = (
        part.parse().map_err(|_| shape())?,
        parts.parse().map_err(|_| shape())?,
    );
    match part.checked_sub(1) {
        Some(part) if part < parts => Ok(Shard { part, parts }),
        _ => Err(shape()),
    }
}

/// Bytes, with an optional unit of 1000s (KB, MB, GB) or 1024s (KiB, MiB, GiB).
fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        unit => {
            return Err(format!(
                "{unit:?} is no unit of memory; use B, KB, MB, GB, KiB, MiB or GiB"
            ));
        }
    };
    let number: u64 = digits
        .trim()
        .parse()
        .map_err(|_| format!("{digits:?} is no number"))?;
    number
        .checked_mul(unit)
        .ok_or_else(|| format!("{text:?} is more than fits"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn memory_is_read_with_its_unit() {
        assert_eq!(parse_bytes("4GB"), Ok(4_000_000_000));
        assert_eq!(parse_bytes("1 KiB"), Ok(1024));
        assert_eq!(parse_bytes("7"), Ok(7));
        assert!(parse_bytes("7 parsecs").is_err());
        assert!(parse_bytes("99999999999GB").is_err());
    }

    #[test]
    fn seeds_are_a_half_open_range() {
        assert_eq!(parse_seeds("3..9"), Ok(3..9));
        assert!(parse_seeds("9..3").is_err());
        assert!(parse_seeds("3").is_err());
    }
}
