//! The image of the vDSO: where its functions are, and where nothing is.

use std::io;

use super::memory::Memory;
use super::stub;

/// The program header of the dynamic section, and the tags in it that are needed.
const PT_DYNAMIC: u64 = 2;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
/// The length of a program header, of a symbol, of an entry of the dynamic section.
const HEADER_BYTES: u64 = 56;
const SYMBOL_BYTES: u64 = 24;
const ENTRY_BYTES: u64 = 16;

/// The image as the kernel has made it.
#[derive(Debug)]
pub(super) struct Vdso {
    image: Vec<u8>,
    functions: Vec<Function>,
}

/// A function that tells the time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: stub::Name,
    /// Where it begins in the image.
    pub(super) at: u64,
}

impl Vdso {
    /// That of this process: the kernel gives all processes of one kind the same.
    pub(super) fn pristine() -> io::Result<Self> {
        let memory = Memory::open(std::process::id())?;
        let place = memory.vdso()?.ok_or_else(|| unknown("there is none"))?;
        Vdso::parse(memory.read(place.start, place.length)?)
    }

    fn parse(image: Vec<u8>) -> io::Result<Self> {
        let functions = functions(&image).ok_or_else(|| unknown("it cannot be read"))?;
        if functions.is_empty() {
            return Err(unknown("it does not tell the time"));
        }
        Ok(Vdso { image, functions })
    }

    pub(super) fn length(&self) -> u64 {
        self.image.len() as u64
    }

    pub(super) fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// What stands there in the image.
    pub(super) fn bytes(&self, at: u64, count: usize) -> &[u8] {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        self.image
            .get(at..at.saturating_add(count))
            .unwrap_or_default()
    }

    /// Where `bytes` bytes of nothing are, behind everything else.
    pub(super) fn room(&self, bytes: usize) -> Option<u64> {
        let headers = word(&self.image, 0x28)?;
        let size_and_count = word(&self.image, 0x38)?;
        let (size, count) = (
            (size_and_count >> 16) & 0xffff,
            (size_and_count >> 32) & 0xffff,
        );
        let last = self.image.iter().rposition(|byte| *byte != 0)? as u64 + 1;
        let end = last.max(headers + size * count).next_multiple_of(16);
        (end + bytes as u64 <= self.length()).then_some(end)
    }

    /// Where no thread may be while the functions are changed: behind the first byte of what is
    /// overwritten.
    pub(super) fn fragile(&self) -> Vec<std::ops::Range<u64>> {
        let overwritten =
            |function: &Function| function.at + 1..function.at + stub::JUMP_BYTES as u64;
        self.functions.iter().map(overwritten).collect()
    }
}

/// Every function that tells the time of day; `None` if this is no such image.
fn functions(image: &[u8]) -> Option<Vec<Function>> {
    // A file of 64 bits whose bytes are in the order of this machine.
    (image.get(..6)? == b"\x7fELF\x02\x01").then_some(())?;
    let table = word(image, 0x20)?;
    let count = word(image, 0x38)? & 0xffff;
    let dynamic = (0..count)
        .map(|number| table + number * HEADER_BYTES)
        .find(|at| word(image, *at).is_some_and(|word| word & 0xffff_ffff == PT_DYNAMIC))?;
    let (start, length) = (word(image, dynamic + 8)?, word(image, dynamic + 32)?);
    let entries = (0..length / ENTRY_BYTES).map(|number| start + number * ENTRY_BYTES);
    let value = |wanted| {
        let entry = entries
            .clone()
            .find(|at| word(image, *at) == Some(wanted))?;
        word(image, entry + 8)
    };
    let (symbols, names) = (value(DT_SYMTAB)?, value(DT_STRTAB)?);
    // The names follow the symbols, as in every image that a linker makes.
    let count = names.checked_sub(symbols)? / SYMBOL_BYTES;
    let symbols = (0..count).map(|number| symbols + number * SYMBOL_BYTES);
    let found = symbols.filter_map(|symbol| {
        let name = stub::Name::of(text(image, names + (word(image, symbol)? & 0xffff_ffff))?)?;
        Some(Function {
            name,
            at: word(image, symbol + 8)?,
        })
    });
    Some(found.collect())
}

fn word(image: &[u8], at: u64) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = image.get(at..at.checked_add(8)?)?;
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}

fn text(image: &[u8], at: u64) -> Option<&[u8]> {
    let rest = image.get(usize::try_from(at).ok()?..)?;
    rest.split(|byte| *byte == 0).next()
}

fn unknown(why: &str) -> io::Error {
    io::Error::other(format!("the vDSO of this machine is of no use: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_vdso_is_refused_whatever_it_is() {
        let image = Vdso::pristine().unwrap().image;
        assert!(Vdso::parse(Vec::new()).is_err());
        for length in 0..image.len().min(2_048) {
            let _ = Vdso::parse(image[..length].to_vec());
        }
        for at in 0..512 {
            let mut torn = image.clone();
            torn[at] ^= 0xff;
            let _ = Vdso::parse(torn);
        }
    }

    #[test]
    fn this_machine_tells_the_time_and_has_room() {
        let vdso = Vdso::pristine().unwrap();
        let names: Vec<_> = vdso
            .functions()
            .iter()
            .map(|function| function.name)
            .collect();
        assert!(names.contains(&stub::Name::ClockGettime), "{names:?}");
        let room = vdso.room(stub::BYTES).unwrap();
        assert!(vdso.bytes(room, stub::BYTES).iter().all(|byte| *byte == 0));
        assert_eq!(vdso.room(vdso.image.len()), None);
    }
}
