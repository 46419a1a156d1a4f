//! Doing what a chart's README tells people to do, as it is written.

use secrecy::SecretString;

use super::diary::Diary;
use crate::bench::{Bench, BenchError, Procedure, Programs, Ran};

/// The answer to how the documented commands ended.
pub const COMMANDS: &str = "the documented commands";
/// They all ended with 0.
pub const THROUGH: &str = "ran through";

/// Runs documented commands, and notes how they ended.
pub(super) async fn follow_documentation(
    bench: &Bench,
    programs: &Programs,
    diary: &mut Diary,
    procedure: &Procedure,
    secrets: &[(&str, &SecretString)],
) -> Result<String, BenchError> {
    let name = format!("run what the README says under \u{201c}{}\u{201d}", procedure.heading);
    let ran = diary.step(&name, bench.run_documented(programs, procedure, secrets)).await?;
    Ok(match ran {
        Ran::Through => THROUGH.to_owned(),
        Ran::Failed(reason) => format!("failed: {reason}"),
    })
}
