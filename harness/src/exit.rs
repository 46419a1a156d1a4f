//! What the process says to the one who called it: one number, decided from what is known and nothing else.
//!
//! `make` turns every failure into 2, so gates call `holdfast` itself.

/// Nothing that was asked for is violated, or it is waived by the owner of the gate, and nothing that had to be told is
/// open.
pub const HOLDS: u8 = 0;

/// The subject violates a requirement that binds it.
pub const VIOLATED: u8 = 1;

/// It cannot be said: the run was interrupted, judged nothing, or left a requested MUST unchecked.
pub const INCOMPLETE: u8 = 3;

/// The command line, or a file that it names, is wrong.
pub const USAGE: u8 = 64;

/// The harness or its environment broke; nothing is said about the subject.
pub const BROKE: u8 = 70;

/// What decides the exit code of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The report contradicts its plan, its journals are damaged, or a credential stands in an artefact.
    pub unsound: bool,
    /// A requirement that binds is violated and not waived: a MUST, and with `--strict` a SHOULD.
    pub violated: bool,
    /// A requirement that binds and was requested could not be told.
    pub unchecked: bool,
    /// Every planned judgement was made and the run came to its end.
    pub complete: bool,
    /// Anything at all was examined, and held or did not.
    pub judged: bool,
}

/// The exit code of a report.
///
/// What cannot be trusted comes first: a violation that is read from damaged journals may be none. A violation of a
/// sound run counts also if the run is incomplete, for no later judgement can take it back; so a gate that retries
/// incomplete runs does not retry it.
pub fn code(standing: Standing) -> u8 {
    match standing {
        Standing { unsound: true, .. } => BROKE,
        Standing { violated: true, .. } => VIOLATED,
        Standing { unchecked: false, complete: true, judged: true, .. } => HOLDS,
        _ => INCOMPLETE,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{BROKE, HOLDS, INCOMPLETE, Standing, VIOLATED, code};

    const GOOD: Standing = Standing { unsound: false, violated: false, unchecked: false, complete: true, judged: true };

    #[rstest]
    #[case::everything_holds(GOOD, HOLDS)]
    #[case::violated(Standing { violated: true, ..GOOD }, VIOLATED)]
    #[case::violated_and_interrupted(Standing { violated: true, complete: false, ..GOOD }, VIOLATED)]
    #[case::violated_and_another_unchecked(Standing { violated: true, unchecked: true, ..GOOD }, VIOLATED)]
    #[case::unchecked(Standing { unchecked: true, ..GOOD }, INCOMPLETE)]
    #[case::interrupted(Standing { complete: false, ..GOOD }, INCOMPLETE)]
    #[case::nothing_was_judged(Standing { judged: false, ..GOOD }, INCOMPLETE)]
    #[case::contradicts_its_plan(Standing { unsound: true, ..GOOD }, BROKE)]
    #[case::violated_says_a_damaged_journal(Standing { unsound: true, violated: true, ..GOOD }, BROKE)]
    fn the_code_follows_from_what_is_known(#[case] standing: Standing, #[case] expected: u8) {
        assert_eq!(code(standing), expected);
    }
}
