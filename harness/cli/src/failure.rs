//! What went wrong, and the exit code that says whose fault it was.

use std::fmt;

/// How a command ended when it did not end with an outcome.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The call or its input cannot be used: exit 2.
    Usage {
        error: anyhow::Error,
        hint: Option<String>,
    },
    /// The harness itself failed: exit 4.
    Broken(anyhow::Error),
    /// Whoever read our answer has had enough of it: exit 0.
    BrokenPipe,
}

impl Failure {
    /// The input cannot be used.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Failure::Usage {
            error: error.into(),
            hint: None,
        }
    }

    /// The input cannot be used, and this is what to do.
    pub(crate) fn usage_with_hint(error: impl Into<anyhow::Error>, hint: Option<&str>) -> Self {
        Failure::Usage {
            error: error.into(),
            hint: hint.map(str::to_owned),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage { .. } => 2,
            Failure::Broken(_) => 4,
            Failure::BrokenPipe => 0,
        }
    }
}

impl From<std::io::Error> for Failure {
    /// For writing an answer: a closed pipe is no failure of ours.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Failure::BrokenPipe;
        }
        Failure::Broken(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage {
                error,
                hint: Some(hint),
            } => write!(f, "error: {error:#}\nhint: {hint}"),
            Failure::Usage { error, hint: None } | Failure::Broken(error) => {
                write!(f, "error: {error:#}")
            }
            Failure::BrokenPipe => Ok(()),
        }
    }
}
