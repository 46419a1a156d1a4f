//! Why a command could not do what it was asked to, sorted by what the caller can do about it.

use std::error::Error;
use std::fmt;

use harness::exit;

/// An error on its way to the terminal and the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, or a file that it names, is wrong.
    Usage(Box<dyn Error + Send + Sync>),
    /// Holdfast or its environment broke.
    Broke(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// A wrong command line or file.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Usage(error.into())
    }

    /// A broken environment, or a defect of Holdfast.
    pub(crate) fn broke(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Broke(error.into())
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Broke(_) => exit::BROKE,
        }
    }

    /// The error itself.
    pub(crate) fn error(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Usage(error) | Self::Broke(error) => error.as_ref(),
        }
    }
}

impl fmt::Display for Failure {
    /// The error, then each of its causes on a line of its own.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.error().to_string();
        formatter.write_str(&said)?;
        let mut cause = self.error().source();
        while let Some(error) = cause {
            let next = error.to_string();
            // Some libraries repeat their cause in their own text.
            if !said.contains(&next) {
                write!(formatter, "\n  because: {next}")?;
            }
            said = next;
            cause = error.source();
        }
        Ok(())
    }
}
