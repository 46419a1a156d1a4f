//! Why a command could not do what it was asked to, sorted by what the caller can do about it.

use std::error::Error;
use std::fmt;

use harness::error::Chain;
use harness::exit;

/// An error on its way to the terminal and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Box<dyn Error + Send + Sync>,
    code: u8,
}

impl Failure {
    /// The command line, or a file that it names, is wrong.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { error: error.into(), code: exit::USAGE }
    }

    /// The run that is asked about ended before anything could be said.
    pub(crate) fn incomplete(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { error: error.into(), code: exit::INCOMPLETE }
    }

    /// Holdfast or its environment broke.
    pub(crate) fn broke(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { error: error.into(), code: exit::BROKE }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Chain(self.error.as_ref()).fmt(formatter)
    }
}
