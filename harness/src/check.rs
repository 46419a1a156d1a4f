//! The value through which every requirement works.
//!
//! A check states what it looks at and what it expects; the texts of findings are made here, so that no message can
//! drift from its assertion. A check that examined nothing is `unchecked`, never passed.

use std::any::Any;
use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expectation::Expectation;
use crate::finding::{Finding, Locate, Outcome, Place};
use crate::verdict::Verdict;

/// Collects what one check of one lane sees.
#[derive(Debug, Default)]
pub struct Check {
    findings: Vec<Finding>,
    not_applicable: Option<String>,
}

impl Check {
    /// A check that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares what was observed with what was expected of it; says whether it was met.
    pub fn expect<T: ?Sized>(
        &mut self,
        at: impl Locate,
        what: impl Display,
        observed: &T,
        expected: impl Expectation<T>,
    ) -> bool {
        let met = expected.is_met_by(observed);
        let outcome = if met { Outcome::Met } else { Outcome::Violated };
        self.push(at.place(), what, expected.to_string(), expected.show(observed), outcome);
        met
    }

    /// Proves that the path of a negative result works when it is allowed; a failed control makes the check `unchecked`.
    pub fn control<T: ?Sized>(
        &mut self,
        at: impl Locate,
        what: impl Display,
        observed: &T,
        expected: impl Expectation<T>,
    ) -> bool {
        let met = expected.is_met_by(observed);
        let outcome = if met { Outcome::ControlMet } else { Outcome::ControlFailed };
        self.push(at.place(), what, expected.to_string(), expected.show(observed), outcome);
        met
    }

    /// Says that something could not be told, and what would tell.
    pub fn undecided(&mut self, at: impl Locate, what: impl Display, hint: impl Display) {
        self.push(at.place(), what, "a definite answer".into(), hint.to_string(), Outcome::Undecided);
    }

    /// Says that the subject has nothing that the requirement speaks of. What was examined all the same still counts.
    pub fn not_applicable(&mut self, reason: impl Display) {
        self.not_applicable = Some(reason.to_string());
    }

    /// The findings so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Closes the check.
    pub fn judge(self) -> Judgement {
        let of = |wanted: Outcome| self.findings.iter().find(|finding| finding.outcome == wanted);
        let examined =
            self.findings.iter().filter(|finding| matches!(finding.outcome, Outcome::Met | Outcome::Violated)).count();
        let (verdict, reason) = if let Some(failed) = of(Outcome::ControlFailed) {
            (Verdict::Unchecked, Some(failed.to_string()))
        } else if of(Outcome::Violated).is_some() {
            (Verdict::Violated, None)
        } else if let Some(open) = of(Outcome::Undecided) {
            (Verdict::Unchecked, Some(format!("{}: {open}", open.place)))
        } else if examined > 0 {
            (Verdict::Holds, None)
        } else if let Some(reason) = self.not_applicable {
            (Verdict::NotApplicable, Some(reason))
        } else {
            (Verdict::Unchecked, Some("the check found nothing to examine".into()))
        };
        Judgement { verdict, reason, examined, findings: self.findings }
    }

    fn push(&mut self, place: Place, what: impl Display, expected: String, observed: String, outcome: Outcome) {
        self.findings.push(Finding { place, what: what.to_string(), expected, observed, outcome });
    }
}

/// What a closed check says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// The verdict in this lane.
    pub verdict: Verdict,
    /// Why it is not a plain `holds` or `violated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many observations were compared with an expectation.
    pub examined: usize,
    /// Everything that was seen, in the order of looking.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// A judgement without a check: the verdict was settled before anything could be looked at.
    pub fn without_check(verdict: Verdict, reason: impl Display) -> Self {
        Self { verdict, reason: Some(reason.to_string()), examined: 0, findings: Vec::new() }
    }

    /// A judgement of a check that panicked.
    pub(crate) fn broken(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let said = said.unwrap_or("no message");
        Self::without_check(Verdict::Unchecked, format!("the check broke, which is a defect of Holdfast: {said}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Check;
    use crate::expectation::{empty, equal_to, not_empty};
    use crate::finding::Place;
    use crate::verdict::Verdict;

    #[test]
    fn examining_nothing_is_unchecked() {
        assert_eq!(Check::new().judge().verdict, Verdict::Unchecked);
    }

    #[test]
    fn a_failed_control_voids_a_violation() {
        let mut check = Check::new();
        check.expect(Place::object("pod/a"), "sessions", &[] as &[u8], empty());
        check.control(Place::object("pod/a"), "sessions with the right CA", &[] as &[u8], not_empty());
        let judgement = check.judge();
        assert_eq!(judgement.verdict, Verdict::Unchecked);
        assert_eq!(
            judgement.reason.as_deref(),
            Some(
                "control, sessions with the right CA: expected some, observed none; without it the rest proves nothing"
            )
        );
    }

    #[test]
    fn a_control_alone_proves_nothing() {
        let mut check = Check::new();
        check.control(Place::object("pod/a"), "sessions with the right CA", &[1, 2, 3][..], not_empty());
        assert_eq!(check.findings()[0].to_string(), "control: sessions with the right CA: 3 (1; 2; 3)");
        assert_eq!(check.judge().verdict, Verdict::Unchecked);
    }

    #[test]
    fn an_undecided_part_keeps_the_whole_from_holding() {
        let mut check = Check::new();
        check.expect(Place::object("deployment/a"), "mode", &"verify-full", equal_to("verify-full"));
        check.undecided(Place::object("deployment/b"), "mode", "the Secret is made by an operator");
        assert_eq!(check.judge().verdict, Verdict::Unchecked);
    }

    #[test]
    fn nothing_to_speak_of_is_not_applicable_and_says_why() {
        let mut check = Check::new();
        check.not_applicable("the chart has no Job");
        let judgement = check.judge();
        assert_eq!(
            (judgement.verdict, judgement.reason.as_deref()),
            (Verdict::NotApplicable, Some("the chart has no Job"))
        );
    }
}
