//! A process and all its descendants, made to stand still for a moment.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::ops::Range;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::memory::Memory;

/// How long a process may take to stand still.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// How often they are stopped at most until no thread is where it must not be.
const TRIES: u32 = 50;

/// Processes that stand still. Dropping it lets those go on that did not stand still before.
#[derive(Debug)]
pub(super) struct Held {
    /// Whether each stood still before.
    members: BTreeMap<u32, bool>,
}

impl Held {
    /// Stops a process and its descendants, with no thread in one of these places of the vDSO.
    pub(super) async fn outside(process: u32, places: &[Range<u64>]) -> io::Result<Held> {
        for _ in 0..TRIES {
            let held = Held::all(process).await?;
            if held.is_outside(places)? {
                return Ok(held);
            }
            drop(held);
            sleep(LOOK_INTERVAL).await;
        }
        Err(io::Error::other(
            "its threads were always about to ask for the time",
        ))
    }

    pub(super) fn members(&self) -> impl Iterator<Item = u32> {
        self.members.keys().copied()
    }

    /// One that stands still has no more children, so when all have been looked at, these are all.
    async fn all(process: u32) -> io::Result<Held> {
        let mut held = Held {
            members: BTreeMap::new(),
        };
        let mut next = VecDeque::from([process]);
        while let Some(process) = next.pop_front() {
            let stood = states(process)?.iter().all(|state| *state == 'T');
            signal(process, Signal::STOP)?;
            held.members.insert(process, stood);
            if stopped(process).await? {
                next.extend(children(process)?);
            } else {
                held.members.remove(&process);
            }
        }
        Ok(held)
    }

    fn is_outside(&self, places: &[Range<u64>]) -> io::Result<bool> {
        for member in self.members() {
            let Some(vdso) = Memory::open(member)?.vdso()? else {
                continue;
            };
            let counters = program_counters(member)?;
            let inside = |counter: &u64| {
                let at = counter.wrapping_sub(vdso.start);
                places.iter().any(|place| place.contains(&at))
            };
            if counters.iter().any(inside) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let going = self.members.iter().filter(|(_, stood)| !**stood);
        for (member, _) in going {
            // It may have been killed meanwhile.
            let _ = signal(*member, Signal::CONT);
        }
    }
}

/// Waits until all threads stand still; false if the process has ended.
async fn stopped(process: u32) -> io::Result<bool> {
    let deadline = Instant::now() + STOP_DEADLINE;
    loop {
        let states = states(process)?;
        if states.iter().all(|state| "ZX".contains(*state)) {
            return Ok(false);
        }
        if states.iter().all(|state| "TZX".contains(*state)) {
            return Ok(true);
        }
        if Instant::now() > deadline {
            let text = format!("process {process} did not stop in time");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        sleep(LOOK_INTERVAL).await;
    }
}

fn signal(process: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    match kill_process(pid.ok_or(Errno::SRCH)?, signal) {
        Err(Errno::SRCH) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The states of all threads, as letters of proc(5).
fn states(process: u32) -> io::Result<Vec<char>> {
    let stats = of_threads(process, "stat")?;
    // The command's name stands in parentheses and may itself contain anything.
    let state = |stat: &String| {
        stat.rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next())
    };
    Ok(stats.iter().filter_map(state).collect())
}

fn children(process: u32) -> io::Result<Vec<u32>> {
    let lists = of_threads(process, "children")?;
    let numbers = lists.iter().flat_map(|list| list.split_whitespace());
    Ok(numbers.filter_map(|number| number.parse().ok()).collect())
}

/// Where each thread goes on.
fn program_counters(process: u32) -> io::Result<Vec<u64>> {
    let lines = of_threads(process, "syscall")?;
    let last = |line: &String| {
        let word = line.split_whitespace().next_back()?;
        u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
    };
    Ok(lines.iter().filter_map(last).collect())
}

/// A file of `/proc` of every thread; those that are gone are left out.
fn of_threads(process: u32, file: &str) -> io::Result<Vec<String>> {
    let mut texts = Vec::new();
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        texts.extend(fs::read_to_string(thread?.path().join(file)));
    }
    Ok(texts)
}
