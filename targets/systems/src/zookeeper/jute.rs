//! Jute, in which ZooKeeper writes its records: big-endian numbers, lengths before texts. Pure.

use crate::wire::{ANSWER_MAX, Nonsense, Parsed};

/// A record that is being written.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Room for the length, then the record.
    bytes: Vec<u8>,
}

/// What is left to be read of a record.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// The first record in what was heard: a length, then so many bytes.
pub(crate) fn frame(heard: &[u8]) -> Parsed<Vec<u8>> {
    let Some((length, rest)) = heard.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(i32::from_be_bytes(*length));
    match length {
        Ok(length) if length <= ANSWER_MAX => {
            let whole = rest.get(..length);
            Ok(whole.map(|record| (record.to_vec(), 4 + length)))
        }
        _ => Err(Nonsense("a record of impossible length")),
    }
}

impl Writer {
    pub(crate) fn new() -> Self {
        Writer { bytes: vec![0; 4] }
    }

    pub(crate) fn int(mut self, number: i32) -> Self {
        self.bytes.extend(number.to_be_bytes());
        self
    }

    pub(crate) fn long(mut self, number: i64) -> Self {
        self.bytes.extend(number.to_be_bytes());
        self
    }

    pub(crate) fn truth(mut self, truth: bool) -> Self {
        self.bytes.push(u8::from(truth));
        self
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        let length = i32::try_from(bytes.len()).expect("nothing of ours has 2 GiB");
        let mut longer = self.int(length);
        longer.bytes.extend(bytes);
        longer
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// The record with its length before it.
    pub(crate) fn framed(mut self) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len() - 4).expect("nothing of ours has 4 GiB");
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        self.bytes
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(record: &'a [u8]) -> Self {
        Reader { rest: record }
    }

    pub(crate) fn int(&mut self) -> Result<i32, Nonsense> {
        self.chunk().map(i32::from_be_bytes)
    }

    pub(crate) fn long(&mut self) -> Result<i64, Nonsense> {
        self.chunk().map(i64::from_be_bytes)
    }

    pub(crate) fn truth(&mut self) -> Result<bool, Nonsense> {
        self.chunk::<1>().map(|[byte]| byte != 0)
    }

    /// A length below zero stands for nothing.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Nonsense> {
        let length = usize::try_from(self.int()?).unwrap_or(0);
        let split = self.rest.split_at_checked(length);
        let (bytes, rest) = split.ok_or(Nonsense("a record that ends too early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<String, Nonsense> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map(str::to_owned)
            .map_err(|_| Nonsense("a text that is no UTF-8"))
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Nonsense> {
        let split = self.rest.split_first_chunk::<N>();
        let (chunk, rest) = split.ok_or(Nonsense("a record that ends too early"))?;
        self.rest = rest;
        Ok(*chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let record = Writer::new().int(-7).long(1 << 40).truth(true).text("é");
        let framed = record.framed();
        let (record, length) = frame(&framed).unwrap().unwrap();
        assert_eq!(length, framed.len());
        let mut reader = Reader::new(&record);
        assert_eq!(reader.int(), Ok(-7));
        assert_eq!(reader.long(), Ok(1 << 40));
        assert_eq!(reader.truth(), Ok(true));
        assert_eq!(reader.text().as_deref(), Ok("é"));
        assert!(reader.int().is_err());
    }

    #[test]
    fn a_record_is_awaited_to_its_last_byte() {
        let framed = Writer::new().text("/x").framed();
        for length in 0..framed.len() {
            assert_eq!(frame(&framed[..length]), Ok(None), "{length} bytes");
        }
    }

    #[test]
    fn nonsense_is_refused_and_never_panics() {
        assert!(frame(&[0xff; 4]).is_err());
        assert!(frame(&[0x7f, 0xff, 0xff, 0xff, 0]).is_err());
        assert!(Reader::new(&[0, 0, 0, 9, 1]).bytes().is_err());
        assert!(Reader::new(&[0, 0, 0, 1, 0xff]).text().is_err());
        assert_eq!(Reader::new(&[0xff; 4]).bytes(), Ok(&[][..]));
    }
}
