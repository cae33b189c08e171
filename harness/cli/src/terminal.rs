//! Where the answer goes: stdout for the answer itself, stderr for everything else.

use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;

/// Writes the answer to stdout.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Whether the answer may be coloured: it goes to a terminal, and nobody said otherwise.
pub(crate) fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// One line on stderr. That nobody reads it is no failure.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
