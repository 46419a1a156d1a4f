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
        let mut said = line_of(self.0);
        formatter.write_str(&said)?;
        let mut cause = cause_of(self.0);
        while let Some(error) = cause {
            let line = line_of(error);
            if !line.is_empty() && !said.contains(&line) {
                write!(formatter, ": {line}")?;
                said = line;
            }
            cause = cause_of(error);
        }
        Ok(())
    }
}

/// What an error says of itself. What an API server answered is its message; the library adds the whole object.
fn line_of(error: &(dyn Error + 'static)) -> String {
    answer_in(error).map_or_else(|| error.to_string(), str::to_owned)
}

fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // The cause of an answer is the answer once more.
    if answer_in(error).is_some() { None } else { error.source() }
}

fn answer_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) if !status.message.is_empty() => Some(&status.message),
        _ => None,
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
    fn what_an_api_server_answers_is_its_message() {
        let status = kube::core::Status::failure("pods is forbidden", "Forbidden").with_code(403).boxed();
        let error = layer("list the pods", kube::Error::Api(status));
        assert_eq!(Chain(&error).to_string(), "list the pods: pods is forbidden");
    }

    #[test]
    fn a_cause_that_the_line_above_contains_is_not_repeated() {
        let error = layer("db error: refused", layer("refused", io::Error::other("connection reset")));
        assert_eq!(Chain(&error).to_string(), "db error: refused: connection reset");
    }
}
