//! What can be said of a requirement, and how two lanes make one verdict.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::requirement::Lane;

/// The verdict of one requirement. Only [`Verdict::Holds`] counts as passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything examined was as required, and something was examined.
    Holds,
    /// Something examined was not as required.
    Violated,
    /// It could not be told; the reason says why.
    Unchecked,
    /// Outside the requested scope.
    NotRun,
    /// The subject has nothing that the requirement speaks of.
    NotApplicable,
    /// The subject does not claim the feature, and its manifests do not show it.
    NotClaimed,
    /// Violated, and accepted for a time by the owner of the gate.
    Waived,
}

impl Verdict {
    /// Joins the verdicts of the lanes of one requirement.
    ///
    /// Violated if any lane is; else it holds if a decisive lane holds; else it stays open. A waived lane counts as if
    /// it held, which lets nothing through that could not be told: a waiver accepts what is known, not what is not.
    pub fn over_lanes(lanes: &[(Lane, Verdict)], decisive: &[Lane]) -> Self {
        let any = |wanted: Self| lanes.iter().any(|(_, verdict)| *verdict == wanted);
        if any(Self::Violated) {
            return Self::Violated;
        }
        if any(Self::Waived) {
            let accepted = lanes.iter().map(|(lane, verdict)| match verdict {
                Self::Waived => (*lane, Self::Holds),
                other => (*lane, *other),
            });
            return match Self::over_lanes(&accepted.collect::<Vec<_>>(), decisive) {
                Self::Unchecked => Self::Unchecked,
                _ => Self::Waived,
            };
        }
        if lanes.iter().any(|(lane, verdict)| *verdict == Self::Holds && decisive.contains(lane)) {
            return Self::Holds;
        }
        if !lanes.iter().any(|(lane, _)| decisive.contains(lane)) {
            // The lane that could prove it is not there: what the others found proves nothing, but they can tell that
            // the question does not arise.
            let told = [Self::NotRun, Self::NotApplicable, Self::NotClaimed].into_iter().find(|verdict| any(*verdict));
            return told.filter(|_| !any(Self::Unchecked) && !any(Self::Holds)).unwrap_or(Self::Unchecked);
        }
        // A lane that proves nothing leaves the question with the lanes that could have.
        let open = [Self::Unchecked, Self::NotRun, Self::NotApplicable, Self::NotClaimed];
        let of_decisive =
            |wanted: &&Self| lanes.iter().any(|(lane, verdict)| decisive.contains(lane) && verdict == *wanted);
        open.iter().find(of_decisive).copied().unwrap_or(Self::Unchecked)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Holds => "holds",
            Self::Violated => "violated",
            Self::Unchecked => "unchecked",
            Self::NotRun => "not-run",
            Self::NotApplicable => "not-applicable",
            Self::NotClaimed => "not-claimed",
            Self::Waived => "violated and waived",
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Verdict::{self, Holds, NotRun, Unchecked, Violated, Waived};
    use crate::requirement::Lane::{Live, Rendered};

    #[rstest]
    #[case::any_violation_wins(Violated, Holds, Violated)]
    #[case::a_live_violation_wins(Holds, Violated, Violated)]
    #[case::the_decisive_lane_proves(Unchecked, Holds, Holds)]
    #[case::the_other_lane_does_not(Holds, NotRun, NotRun)]
    #[case::could_not_tell_is_not_passed(Holds, Unchecked, Unchecked)]
    fn over_lanes_with_a_decisive_live_lane(
        #[case] rendered: Verdict,
        #[case] live: Verdict,
        #[case] expected: Verdict,
    ) {
        assert_eq!(Verdict::over_lanes(&[(Rendered, rendered), (Live, live)], &[Live]), expected);
    }

    #[rstest]
    #[case::could_only_refute(Holds, Unchecked)]
    #[case::refutes(Violated, Violated)]
    #[case::cannot_tell(Unchecked, Unchecked)]
    #[case::was_not_asked_for(NotRun, NotRun)]
    #[case::is_not_claimed(Verdict::NotClaimed, Verdict::NotClaimed)]
    fn where_the_decisive_lane_is_not_there_the_other(#[case] rendered: Verdict, #[case] expected: Verdict) {
        assert_eq!(Verdict::over_lanes(&[(Rendered, rendered)], &[Live]), expected);
    }

    #[rstest]
    #[case::where_the_other_lane_holds(Holds, Waived, Waived)]
    #[case::where_it_could_only_have_refuted(Waived, Holds, Waived)]
    #[case::where_the_other_lane_was_not_asked_for(Waived, NotRun, Waived)]
    #[case::but_not_what_could_not_be_told(Waived, Unchecked, Unchecked)]
    #[case::nor_a_violation_of_the_other_lane(Waived, Violated, Violated)]
    fn a_waiver_accepts_a_violation(#[case] rendered: Verdict, #[case] live: Verdict, #[case] expected: Verdict) {
        assert_eq!(Verdict::over_lanes(&[(Rendered, rendered), (Live, live)], &[Live]), expected);
    }

    #[test]
    fn no_lane_at_all_is_unchecked() {
        assert_eq!(Verdict::over_lanes(&[], &[Live]), Unchecked);
    }
}
