//! The requests of ZooKeeper that we make, and what comes back. Pure.

use super::jute::{Reader, Writer};
use crate::wire::Nonsense;

/// The version that every change of a node's data has to match, if it is to match none.
pub(crate) const ANY_VERSION: i32 = -1;

/// What the server says it did not do; see the table in `mishap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) i32);

impl Code {
    pub(crate) const NO_NODE: Code = Code(-101);
    pub(crate) const BAD_VERSION: Code = Code(-103);
    pub(crate) const NODE_EXISTS: Code = Code(-110);
}

/// A request about the node at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Let the server catch up with the leader.
    Sync(String),
    /// Which version is it?
    Exists(String),
    /// What is in it?
    Get(String),
    /// Make it, with this in it.
    Create(String, String),
    /// Put this into it, if it is of that version.
    Set(String, String, i32),
    /// Remove it, if it is of that version.
    Delete(String, i32),
    /// Do nothing, if it is of that version; for [`Multi`](Self::Multi).
    Check(String, i32),
    /// All of these, or none.
    Multi(Vec<Request>),
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// The number of the request.
    pub(crate) xid: i32,
    /// The last change that the server knew of.
    pub(crate) zxid: i64,
    /// What came of it.
    pub(crate) result: Result<Found, Code>,
}

/// What was in the node, where that was asked, and its version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) version: i32,
}

/// Who a client is to all servers. It begins as nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) session: i64,
    pub(crate) password: Vec<u8>,
}

/// The first record on a connection. A server that has not come as far as `seen` refuses it.
pub(crate) fn connect(identity: &Identity, seen: i64, timeout_ms: i32) -> Vec<u8> {
    let mut password = identity.password.clone();
    password.resize(16, 0);
    let record = Writer::new().int(0).long(seen).int(timeout_ms);
    let record = record.long(identity.session).bytes(&password);
    record.truth(false).framed()
}

/// Who the client now is; `None` if its session has expired.
pub(crate) fn connected(record: &[u8]) -> Result<Option<Identity>, Nonsense> {
    let mut reader = Reader::new(record);
    let (_protocol, timeout) = (reader.int()?, reader.int()?);
    let identity = Identity {
        session: reader.long()?,
        password: reader.bytes()?.to_vec(),
    };
    Ok((timeout > 0 && identity.session != 0).then_some(identity))
}

impl Request {
    /// The record that makes the request.
    pub(crate) fn framed(&self, xid: i32) -> Vec<u8> {
        let head = Writer::new().int(xid).int(self.operation());
        self.body(head).framed()
    }

    /// The answer in a record.
    pub(crate) fn response(&self, record: &[u8]) -> Result<Response, Nonsense> {
        let mut reader = Reader::new(record);
        let (xid, zxid, code) = (reader.int()?, reader.long()?, reader.int()?);
        let result = match code {
            0 => self.found(&mut reader)?,
            code => Err(Code(code)),
        };
        Ok(Response { xid, zxid, result })
    }

    fn operation(&self) -> i32 {
        match self {
            Request::Create(..) => 1,
            Request::Delete(..) => 2,
            Request::Exists(_) => 3,
            Request::Get(_) => 4,
            Request::Set(..) => 5,
            Request::Sync(_) => 9,
            Request::Check(..) => 13,
            Request::Multi(_) => 14,
        }
    }

    fn body(&self, writer: Writer) -> Writer {
        match self {
            Request::Sync(path) => writer.text(path),
            Request::Exists(path) | Request::Get(path) => writer.text(path).truth(false),
            // Everybody may do everything with it, and it stays.
            Request::Create(path, text) => {
                let access = writer.text(path).text(text).int(1).int(31);
                access.text("world").text("anyone").int(0)
            }
            Request::Set(path, text, version) => writer.text(path).text(text).int(*version),
            Request::Delete(path, version) | Request::Check(path, version) => {
                writer.text(path).int(*version)
            }
            Request::Multi(parts) => {
                let part = |writer: Writer, part: &Request| {
                    let head = writer.int(part.operation()).truth(false).int(-1);
                    part.body(head)
                };
                let parts = parts.iter().fold(writer, part);
                parts.int(-1).truth(true).int(-1)
            }
        }
    }

    fn found(&self, reader: &mut Reader<'_>) -> Result<Result<Found, Code>, Nonsense> {
        let text = match self {
            Request::Get(_) => reader.text()?,
            Request::Multi(_) => return parts(reader),
            Request::Exists(_) | Request::Set(..) => String::new(),
            _ => return Ok(Ok(Found::default())),
        };
        let version = version(reader)?;
        Ok(Ok(Found { text, version }))
    }
}

/// The version in a node's statistics: created and changed, in changes and in time, then it, then
/// six more numbers.
fn version(reader: &mut Reader<'_>) -> Result<i32, Nonsense> {
    for _ in 0..4 {
        reader.long()?;
    }
    let version = reader.int()?;
    let _ = (reader.int()?, reader.int()?, reader.long()?);
    let _ = (reader.int()?, reader.int()?, reader.long()?);
    Ok(version)
}

/// The results of all parts. If one was refused, all were, and it is the first with a code.
fn parts(reader: &mut Reader<'_>) -> Result<Result<Found, Code>, Nonsense> {
    let mut refused = None;
    loop {
        let (operation, done, _code) = (reader.int()?, reader.truth()?, reader.int()?);
        match operation {
            _ if done => break,
            -1 => {
                let code = Code(reader.int()?);
                refused = refused.or(Some(code).filter(|code| code.0 != 0));
            }
            1 => drop(reader.text()?),
            5 => drop(version(reader)?),
            2 | 13 => {}
            _ => return Err(Nonsense("a result of no known kind")),
        }
    }
    Ok(refused.map_or(Ok(Found::default()), Err))
}

#[cfg(test)]
mod tests;
