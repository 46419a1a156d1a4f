//! The one printer of error chains, so that no cause is ever lost or said twice.
//!
//! It does not decide what becomes of an error: that is the exit code's and the verdict's business.

use std::error::Error;
use std::fmt;

/// Prints an error and all its causes, `what: why: why`.
///
/// A cause that the line above already contains is dropped, because several libraries repeat their source in their own
/// text. The walk never stops at the first cause, because others (tokio-postgres) say nothing useful before the last.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        formatter.write_str(&said)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let line = error.to_string();
            if !line.is_empty() && !said.contains(&line) {
                write!(formatter, ": {line}")?;
                said = line;
            }
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::Chain;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        #[source]
        cause: Option<Box<dyn std::error::Error + 'static>>,
    }

    fn layer(text: &'static str, cause: impl std::error::Error + 'static) -> Layer {
        Layer { text, cause: Some(Box::new(cause)) }
    }

    #[test]
    fn every_cause_is_printed_down_to_the_last() {
        let error = layer("read subject a.yaml", layer("open file", io::Error::other("no such device")));
        assert_eq!(Chain(&error).to_string(), "read subject a.yaml: open file: no such device");
    }

    #[test]
    fn a_cause_that_the_line_above_contains_is_not_repeated() {
        let error = layer("db error: refused", layer("refused", io::Error::other("connection reset")));
        assert_eq!(Chain(&error).to_string(), "db error: refused: connection reset");
    }
}
