//! The only threads of this crate: several read and scan blocks of a file, and whoever is free
//! pairs the next one in order.
//!
//! What comes out does not depend on how many there are or who did what: blocks are scanned each
//! for itself, and paired one by one in the order of the file.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::CompactError;
use super::blocks::Blocks;
use super::journal::Journal;
use super::row::Batch;
use super::scanner::Scanner;

/// Takes all further blocks into the journal, with so many threads, the calling one included.
pub(crate) fn take_all<R: Read + Send>(
    blocks: Blocks<R>,
    journal: Journal,
    threads: usize,
) -> Result<Journal, CompactError> {
    let threads = threads.max(1);
    let crew = Crew {
        source: Mutex::new(Source { blocks, next: 0 }),
        board: Mutex::new(Board::of(journal)),
        bell: Condvar::new(),
        ahead_max: 2 * threads,
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| crew.work());
        }
        crew.work();
    });
    let board = crew.board.into_inner();
    let board = board.unwrap_or_else(PoisonError::into_inner);
    match board.failure {
        Some(failure) => Err(failure),
        None => Ok(*board.journal.expect("whoever took the journal put it back")),
    }
}

struct Crew<R> {
    source: Mutex<Source<R>>,
    board: Mutex<Board>,
    /// Rings when the board has changed.
    bell: Condvar,
    /// How many blocks may be scanned, or in the hands of a scanner, before their turn.
    ahead_max: usize,
}

struct Source<R> {
    blocks: Blocks<R>,
    /// The number of the next block.
    next: u64,
}

/// Who does what.
struct Board {
    /// Scanned blocks by number.
    ready: BTreeMap<u64, io::Result<Box<Batch>>>,
    /// The block to be paired next.
    turn: u64,
    /// How many are in the hands of scanners.
    scanning: usize,
    /// Whether all has been read.
    exhausted: bool,
    /// Whether there is nothing more to do.
    done: bool,
    /// Absent while someone pairs.
    journal: Option<Box<Journal>>,
    failure: Option<CompactError>,
}

enum Task {
    Scan,
    Pair(Box<Journal>, io::Result<Box<Batch>>),
}

impl Board {
    fn of(journal: Journal) -> Self {
        Board {
            ready: BTreeMap::new(),
            turn: 0,
            scanning: 0,
            exhausted: false,
            done: false,
            journal: Some(Box::new(journal)),
            failure: None,
        }
    }

    /// Something that can be done now.
    fn task(&mut self, ahead_max: usize) -> Option<Task> {
        if self.journal.is_some()
            && let Some(batch) = self.ready.remove(&self.turn)
            && let Some(journal) = self.journal.take()
        {
            return Some(Task::Pair(journal, batch));
        }
        let ahead = self.scanning + self.ready.len();
        if self.exhausted || ahead >= ahead_max {
            return None;
        }
        self.scanning += 1;
        Some(Task::Scan)
    }
}

impl<R: Read> Crew<R> {
    fn work(&self) {
        let _farewell = Farewell(self);
        let mut scanner = Scanner::default();
        while let Some(task) = self.next_task() {
            match task {
                Task::Scan => self.scan(&mut scanner),
                Task::Pair(journal, batch) => self.pair(journal, batch),
            }
            self.bell.notify_all();
        }
    }

    /// Waits for something to do.
    fn next_task(&self) -> Option<Task> {
        let mut board = self.board();
        loop {
            if board.done {
                return None;
            }
            if let Some(task) = board.task(self.ahead_max) {
                return Some(task);
            }
            let woken = self.bell.wait(board);
            board = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn scan(&self, scanner: &mut Scanner) {
        let (number, block) = {
            let source = self.source.lock();
            let mut source = source.unwrap_or_else(PoisonError::into_inner);
            let number = source.next;
            source.next += 1;
            (number, source.blocks.next())
        };
        let scanned = match block {
            Ok(Some(text)) => Some(Ok(Box::new(scanner.scan(text)))),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        };
        let mut board = self.board();
        board.scanning -= 1;
        match scanned {
            Some(batch) => {
                board.exhausted |= batch.is_err();
                board.ready.insert(number, batch);
            }
            None => board.exhausted = true,
        }
        board.settle();
    }

    fn pair(&self, mut journal: Box<Journal>, batch: io::Result<Box<Batch>>) {
        let taken = match batch {
            Ok(batch) => journal.take(*batch).map_err(CompactError::Read),
            Err(error) => Err(CompactError::Io(error)),
        };
        let mut board = self.board();
        board.journal = Some(journal);
        board.turn += 1;
        board.failure = taken.err();
        board.settle();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn settle(&mut self) {
        let idle = self.scanning == 0 && self.ready.is_empty() && self.journal.is_some();
        self.done |= self.failure.is_some() || (self.exhausted && idle);
    }
}

/// Ends the work of all when one of them panics, for the others would wait forever.
struct Farewell<'a, R: Read>(&'a Crew<R>);

impl<R: Read> Drop for Farewell<'_, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.board().done = true;
            self.0.bell.notify_all();
        }
    }
}
