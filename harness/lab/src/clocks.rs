//! Clocks of single processes that jump and run fast or slow, while the machine's goes on.
//!
//! A program learns the time of day from the vDSO, a small library that the kernel maps into every
//! process. What stands there is a private copy as soon as somebody writes to it, so the three
//! functions that tell the time of day can be led, in one process, to code that adds an offset
//! ([`stub`]). That works whatever the program was written in, also if it was linked statically;
//! other processes, and the monotonic clock by which programs measure spans, are not touched.
//! Children inherit it; a program that is started anew begins with the right time.

mod hold;
mod memory;
mod stub;
mod vdso;

use std::io;

use hold::Held;
use memory::Memory;
use vdso::Vdso;

/// How a clock goes wrong, from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// How far it jumps, in milliseconds; back, if negative.
    pub jump_ms: i64,
    /// By how many millionths it runs fast from then on; slow, if negative.
    pub drift_ppm: i64,
    /// The moment, in nanoseconds since 1970.
    pub since: u64,
}

/// Why a process's clock was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// It cannot be done here, or not to this program.
    #[error("the clock of process {process} cannot be changed: {why}")]
    Impossible {
        /// The process.
        process: u32,
        /// What is missing.
        why: String,
    },
    /// The process is gone, or may not be touched.
    #[error("process {process}: {source}")]
    Process {
        /// The process.
        process: u32,
        /// What the system said.
        source: io::Error,
    },
}

impl Skew {
    /// A skew that begins now.
    pub fn from_now(jump_ms: i64, drift_ppm: i64) -> Self {
        #[expect(clippy::disallowed_methods, reason = "it begins at a real moment")]
        let now = std::time::SystemTime::now();
        let since = now
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Skew {
            jump_ms,
            drift_ppm,
            since: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// Changes the clock of a process and of all its descendants, and reads back that it is changed.
/// Returns how many processes that were. All of them stand still for some milliseconds, so nobody
/// else may stop or continue them meanwhile.
///
/// # Errors
/// If one of the processes does not ask the vDSO for the time, or the vDSO of this machine has no
/// room for the code, or the processes may not be touched. Some may have been changed already.
pub async fn skew(process: u32, skew: Skew) -> Result<usize, ClockError> {
    change(process, Some(skew)).await
}

/// Sets the clock of a process and of all its descendants right, and reads back that it is.
/// Returns how many processes that were.
///
/// # Errors
/// As for [`skew`].
pub async fn restore(process: u32) -> Result<usize, ClockError> {
    change(process, None).await
}

/// Whether a process learns the time of day as the kernel meant it to.
///
/// # Errors
/// If the process is gone, or may not be touched.
pub fn is_right(process: u32) -> Result<bool, ClockError> {
    let at = |source| ClockError::Process { process, source };
    let pristine = Vdso::pristine().map_err(at)?;
    let memory = Memory::open(process).map_err(at)?;
    let Some(place) = memory.vdso().map_err(at)? else {
        return Ok(true);
    };
    let image = memory.read(place.start, place.length).map_err(at)?;
    let begins = |image: &[u8], at: u64| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        image
            .get(at..at.saturating_add(stub::JUMP_BYTES))
            .map(<[u8]>::to_vec)
    };
    let original = |at| Some(pristine.bytes(at, stub::JUMP_BYTES).to_vec());
    let mut places = pristine.functions().iter().map(|function| function.at);
    Ok(places.all(|at| begins(&image, at) == original(at)))
}

async fn change(process: u32, skew: Option<Skew>) -> Result<usize, ClockError> {
    if !cfg!(target_arch = "x86_64") {
        return Err(impossible(process, "this is made for x86-64 only"));
    }
    let at = |process| move |source| ClockError::Process { process, source };
    let pristine = Vdso::pristine().map_err(at(process))?;
    let held = Held::outside(process, &pristine.fragile()).await;
    let held = held.map_err(at(process))?;
    for member in held.members() {
        let memory = Memory::open(member).map_err(at(member))?;
        let place = memory.vdso().map_err(at(member))?;
        let own = place.filter(|place| place.length == pristine.length());
        let own = own.ok_or_else(|| impossible(member, "its vDSO is not that of this program"))?;
        let done = match skew {
            Some(skew) => lead_astray(&memory, own.start, &pristine, skew),
            None => lead_back(&memory, own.start, &pristine),
        };
        done.map_err(at(member))?
            .map_err(|why| impossible(member, why))?;
    }
    Ok(held.members().count())
}

/// What is done to one process; otherwise why it is impossible.
type Done = io::Result<Result<(), &'static str>>;

fn lead_astray(memory: &Memory, base: u64, pristine: &Vdso, skew: Skew) -> Done {
    let Some(room) = pristine.room(stub::BYTES) else {
        return Ok(Err("there is no room left in the vDSO"));
    };
    let functions = pristine.functions();
    let addresses: Vec<u64> = functions
        .iter()
        .map(|function| base + function.at)
        .collect();
    if !memory.mentions(&addresses)? {
        return Ok(Err("it does not ask the vDSO for the time"));
    }
    memory.write(base + room, &stub::code(skew))?;
    for function in functions {
        let target = room + stub::entry(function.name);
        memory.write(base + function.at, &stub::jump(function.at, target))?;
    }
    Ok(Ok(()))
}

fn lead_back(memory: &Memory, base: u64, pristine: &Vdso) -> Done {
    // The code stays where it is: a thread may still be on its way through it.
    for function in pristine.functions() {
        let original = pristine.bytes(function.at, stub::JUMP_BYTES);
        memory.write(base + function.at, original)?;
    }
    Ok(Ok(()))
}

fn impossible(process: u32, why: &str) -> ClockError {
    let why = why.to_owned();
    ClockError::Impossible { process, why }
}
