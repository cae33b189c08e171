//! A source of bytes in blocks of whole lines.

use std::io::{self, Read};

/// Cuts what a source gives behind newlines.
pub(crate) struct Blocks<R> {
    source: R,
    /// How many bytes are asked for at a time.
    size: usize,
    /// The beginning of a line whose end was not read yet.
    begun: Vec<u8>,
}

impl<R: Read> Blocks<R> {
    /// Blocks of about `size` bytes.
    pub(crate) fn of(source: R, size: usize) -> Self {
        Blocks {
            source,
            size: size.max(1),
            begun: Vec::new(),
        }
    }

    /// The next lines, at least one; nothing at the end. Only the last line of the source may lack
    /// its newline.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = Vec::with_capacity(self.begun.len() + self.size);
        block.append(&mut self.begun);
        loop {
            let known = block.len();
            if self.read_more(&mut block)? == 0 {
                return Ok((!block.is_empty()).then_some(block));
            }
            if let Some(newline) = memchr::memrchr(b'\n', &block[known..]) {
                let end = known + newline + 1;
                self.begun.extend_from_slice(&block[end..]);
                block.truncate(end);
                return Ok(Some(block));
            }
        }
    }

    fn read_more(&mut self, block: &mut Vec<u8>) -> io::Result<usize> {
        let size = u64::try_from(self.size).unwrap_or(u64::MAX);
        self.source.by_ref().take(size).read_to_end(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_lines() {
        let text = b"a\nbcd\n\nefghijk\nl";
        for size in 1..=text.len() + 1 {
            let mut blocks = Blocks::of(&text[..], size);
            let mut all = Vec::new();
            while let Some(block) = blocks.next().unwrap() {
                all.extend_from_slice(&block);
                assert!(block.ends_with(b"\n") || all.len() == text.len(), "{size}");
            }
            assert_eq!(all, text);
        }
    }
}
