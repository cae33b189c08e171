//! Compressed files: histories are long and say much the same on every line.
//!
//! What a file is shows in its first bytes, whatever its name; so every command that reads a
//! history reads a compressed one as well.

use std::io::{self, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// Whether the name says that the file is to be packed.
pub(crate) fn is_packed_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// Packs with zstd what `write` writes.
pub(crate) fn pack<W: Write>(
    out: W,
    write: impl FnOnce(&mut zstd::Encoder<'_, W>) -> io::Result<()>,
) -> io::Result<()> {
    let mut packed = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
    packed.include_checksum(true)?;
    write(&mut packed)?;
    packed.finish().map(|_| ())
}

/// What a source holds, unpacked if it is packed.
pub(crate) fn unpacked(mut source: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut start = Vec::new();
    source.by_ref().take(4).read_to_end(&mut start)?;
    let packing = Packing::of(&start);
    let source = io::Cursor::new(start).chain(source);
    let Some(packing) = packing else {
        return Ok(Box::new(source));
    };
    let source = Counted { source, bytes: 0 };
    let unpacker = match packing {
        Packing::Zstd => Unpacker::Zstd(zstd::Decoder::new(source)?),
        Packing::Gzip => Unpacker::Gzip(MultiGzDecoder::new(source)),
    };
    Ok(Box::new(Unpacked {
        unpacker,
        packing,
        bytes: 0,
    }))
}

/// Whether a file that begins so is packed.
pub(crate) fn is_packed(start: &[u8]) -> bool {
    Packing::of(start.get(..4).unwrap_or(start)).is_some()
}

/// A way to pack a file.
#[derive(Clone, Copy)]
enum Packing {
    Zstd,
    Gzip,
}

impl Packing {
    fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Packing::Zstd),
            // A frame of zstd that readers skip, with which some programs begin.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Packing::Zstd),
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            _ => None,
        }
    }

    /// The command that unpacks as much as can be.
    fn command(self) -> &'static str {
        match self {
            Packing::Zstd => "zstd -dc",
            Packing::Gzip => "gzip -dc",
        }
    }
}

enum Unpacker<R: Read> {
    Zstd(zstd::Decoder<'static, io::BufReader<R>>),
    Gzip(MultiGzDecoder<R>),
}

/// A packed file while it is unpacked.
struct Unpacked<R: Read> {
    unpacker: Unpacker<Counted<R>>,
    packing: Packing,
    /// How many bytes have come out.
    bytes: u64,
}

/// No history shrinks so far: even if its lines had neither times nor numbers, it would have to say
/// the same for hundreds of megabytes. Made-up files that fill the memory shrink a thousandfold.
const RATIO_MAX: u64 = 250;

/// Up to here, whatever the ratio.
const BYTES_HARMLESS: u64 = 256 << 20;

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.unpacker {
            Unpacker::Zstd(unpacker) => unpacker.read(buffer),
            Unpacker::Gzip(unpacker) => unpacker.read(buffer),
        };
        let read = read.map_err(|error| self.explained(error))?;
        self.bytes += read as u64;
        if self.bytes > BYTES_HARMLESS && self.bytes / RATIO_MAX > self.packed_bytes() {
            return Err(self.bomb());
        }
        Ok(read)
    }
}

impl<R: Read> Unpacked<R> {
    fn packed_bytes(&self) -> u64 {
        match &self.unpacker {
            Unpacker::Zstd(unpacker) => unpacker.get_ref().get_ref().bytes,
            Unpacker::Gzip(unpacker) => unpacker.get_ref().bytes,
        }
    }

    fn explained(&self, error: io::Error) -> io::Error {
        let command = self.packing.command();
        match error.kind() {
            io::ErrorKind::Interrupted => error,
            io::ErrorKind::UnexpectedEof => io::Error::other(format!(
                "the compressed data breaks off; `{command}` unpacks what there is, which can be \
                 read"
            )),
            _ => io::Error::other(format!(
                "the compressed data is damaged behind {} bytes of text: {error}",
                self.bytes
            )),
        }
    }

    fn bomb(&self) -> io::Error {
        io::Error::other(format!(
            "{} compressed bytes unpack to more than {} megabytes, which no history does; \
             `{}` unpacks it all the same",
            self.packed_bytes(),
            BYTES_HARMLESS >> 20,
            self.packing.command()
        ))
    }
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zstd_of(text: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        pack(&mut packed, |out| out.write_all(text)).unwrap();
        packed
    }

    fn gzip_of(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    fn read(packed: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        unpacked(io::Cursor::new(packed))?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn packed_and_plain_bytes_are_read() {
        for text in [&b"{\"testimony\":1}\n"[..], b"", b"{", &[7; 100_000]] {
            assert_eq!(read(text.to_vec()).unwrap(), text);
            assert_eq!(read(zstd_of(text)).unwrap(), text);
            assert_eq!(read(gzip_of(text)).unwrap(), text);
            let twice = [zstd_of(text), zstd_of(text)].concat();
            assert_eq!(read(twice).unwrap(), [text, text].concat());
        }
    }

    #[test]
    fn data_that_breaks_off_is_an_error_that_says_what_to_do() {
        let text: Vec<u8> = (0..50_000_u32)
            .flat_map(|i| i.wrapping_mul(i).to_le_bytes())
            .collect();
        for (packed, command) in [(zstd_of(&text), "zstd -dc"), (gzip_of(&text), "gzip -dc")] {
            for end in [packed.len() / 2, packed.len() - 1, 5] {
                let error = read(packed[..end].to_vec()).unwrap_err().to_string();
                assert!(
                    error.contains("breaks off") && error.contains(command),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn what_unpacks_without_end_is_an_error() {
        let mut packed = Vec::new();
        let zeros = vec![0; 1 << 20];
        pack(&mut packed, |out| {
            (0..=BYTES_HARMLESS >> 20).try_for_each(|_| out.write_all(&zeros))
        })
        .unwrap();
        let mut source = unpacked(io::Cursor::new(packed)).unwrap();
        let error = io::copy(&mut source, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("no history"), "{error}");
    }
}
