//! What one mutant did in one lane, beside what it should have done.

use super::file::Mutant;
use crate::check::Judgement;
use crate::finding::Outcome;
use crate::requirement::{Lane, Requirement};
use crate::verdict::Verdict;

/// What one mutant did in one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The mutant.
    pub mutant: String,
    /// The lane.
    pub lane: Lane,
    /// The requirements that it must violate in this lane, `target` first.
    pub expected: Vec<&'static str>,
    /// The requirements that it violated, in the order of the catalogue, each with where it was seen first.
    pub red: Vec<(&'static str, String)>,
    /// Expected ones that stayed open instead, with the reason.
    pub open: Vec<(&'static str, String)>,
    /// Why it could not be judged at all.
    pub broken: Option<String>,
}

/// How a row ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Exactly what was expected is violated.
    Killed,
    /// It could not be told; nothing that could be told is wrong.
    Open,
    /// A requirement does not see the defect, or sees one that nobody planted.
    Wrong,
}

impl Row {
    /// The row of a mutant whose requirements were judged.
    pub(super) fn judged(
        catalog: &[&'static Requirement],
        mutant: &Mutant,
        lane: Lane,
        judgements: &[(&'static str, Judgement)],
    ) -> Self {
        let mut row = Self::empty(catalog, mutant, lane);
        for (id, judgement) in judgements {
            match judgement.verdict {
                Verdict::Violated => row.red.push((id, seen_first(judgement))),
                Verdict::Holds => {}
                _ if row.expected.contains(id) => row.open.push((id, judgement.reason.clone().unwrap_or_default())),
                _ => {}
            }
        }
        row.broken = unjudgeable(catalog, mutant, lane);
        row
    }

    /// The row of a mutant that could not be judged at all.
    pub(super) fn broken(catalog: &[&'static Requirement], mutant: &Mutant, lane: Lane, problem: String) -> Self {
        Self { broken: Some(problem), ..Self::empty(catalog, mutant, lane) }
    }

    fn empty(catalog: &[&'static Requirement], mutant: &Mutant, lane: Lane) -> Self {
        let expected = expected(catalog, mutant, lane).iter().map(|requirement| requirement.id).collect();
        let mutant = mutant.name.clone();
        Self { mutant, lane, expected, red: Vec::new(), open: Vec::new(), broken: None }
    }

    /// Whether the red set is exactly what was expected.
    pub fn is_exact(&self) -> bool {
        self.mark() == Mark::Killed
    }

    /// How it ends.
    pub fn mark(&self) -> Mark {
        let missed = |id: &&str| self.open.iter().all(|(open, _)| open != id);
        if self.collateral().next().is_some() || self.broken.is_none() && self.survived().any(|id| missed(&id)) {
            Mark::Wrong
        } else if self.broken.is_some() || self.survived().next().is_some() {
            Mark::Open
        } else {
            Mark::Killed
        }
    }

    /// Requirements that should have seen the defect and did not.
    pub fn survived(&self) -> impl Iterator<Item = &'static str> {
        self.expected.iter().copied().filter(|id| self.red.iter().all(|(red, _)| red != id))
    }

    /// Requirements that were violated though nobody expects it, with where it was seen first.
    pub fn collateral(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let unexpected = self.red.iter().filter(|(id, _)| !self.expected.contains(id));
        unexpected.map(|(id, seen)| (*id, seen.as_str()))
    }
}

/// Where to look, and at what. What was observed may be a credential, which the records have masked.
fn seen_first(judgement: &Judgement) -> String {
    let violated = judgement.findings.iter().find(|finding| finding.outcome == Outcome::Violated);
    violated.map(|finding| format!("{}: {}", finding.place, finding.what)).unwrap_or_default()
}

/// The target and those that must fall with it, as far as they have a check in the lane.
pub(super) fn expected(catalog: &[&'static Requirement], mutant: &Mutant, lane: Lane) -> Vec<&'static Requirement> {
    let known = |id: &str| catalog.iter().copied().find(|requirement| requirement.id == id);
    mutant.file.named().filter_map(known).filter(|one| one.lanes().any(|checked| checked == lane)).collect()
}

/// Why no judgement of a mutant would prove anything.
fn unjudgeable(catalog: &[&'static Requirement], mutant: &Mutant, lane: Lane) -> Option<String> {
    let unknown = mutant.file.named().find(|id| catalog.iter().all(|requirement| requirement.id != *id));
    if let Some(id) = unknown {
        return Some(format!("the catalogue has no requirement {id}"));
    }
    expected(catalog, mutant, lane).is_empty().then(|| format!("nothing that it names has a check in the {lane} lane"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Mark, Row, expected};
    use crate::check::{Check, Judgement};
    use crate::expectation::equal_to;
    use crate::finding::Place;
    use crate::mutant::testing::{LIVE, mutant};
    use crate::requirement::{Lane, Requirement};
    use crate::verdict::Verdict;

    const CA_01: Requirement = Requirement { id: "CA-01", ..LIVE };
    const CA_02: Requirement = Requirement { id: "CA-02", ..LIVE };
    const CA_03: Requirement = Requirement { id: "CA-03", ..LIVE };
    const OFFLINE: Requirement = Requirement { id: "CA-04", rendered: Some(|_, _| {}), live: None, ..LIVE };
    const CATALOG: &[&Requirement] = &[&CA_01, &CA_02, &CA_03, &OFFLINE];

    fn holds() -> Judgement {
        seeing("verify-full")
    }

    fn violated() -> Judgement {
        seeing("prefer")
    }

    fn seeing(mode: &str) -> Judgement {
        let mut check = Check::new();
        check.expect(Place::object("pod/a"), "sslmode", &mode, equal_to("verify-full"));
        check.judge()
    }

    fn unchecked() -> Judgement {
        Judgement::without_check(Verdict::Unchecked, "experiment install broke off: no database")
    }

    #[rstest]
    #[case::exactly_what_it_names(violated(), violated(), holds(), Mark::Killed)]
    #[case::less(violated(), holds(), holds(), Mark::Wrong)]
    #[case::more(violated(), violated(), violated(), Mark::Wrong)]
    #[case::nothing_because_it_broke_off(unchecked(), unchecked(), unchecked(), Mark::Open)]
    #[case::only_half_before_it_broke_off(violated(), unchecked(), holds(), Mark::Open)]
    #[case::half_of_it_and_the_rest_holds(unchecked(), holds(), holds(), Mark::Wrong)]
    #[case::what_nobody_named_before_it_broke_off(unchecked(), unchecked(), violated(), Mark::Wrong)]
    #[case::it_and_the_rest_stays_open(violated(), violated(), unchecked(), Mark::Killed)]
    fn a_mutant_is_killed_only_if_it_violates(
        #[case] target: Judgement,
        #[case] also: Judgement,
        #[case] other: Judgement,
        #[case] mark: Mark,
    ) {
        let judgements = [("CA-01", target), ("CA-02", also), ("CA-03", other)];
        let row = Row::judged(CATALOG, &mutant("CA-01", &["CA-02"]), Lane::Live, &judgements);
        assert_eq!(row.mark(), mark, "{row:?}");
    }

    #[rstest]
    #[case::in_the_live_lane(Lane::Live, &["CA-02"])]
    #[case::in_the_rendered_lane(Lane::Rendered, &["CA-04"])]
    fn only_what_has_a_check_is_expected(#[case] lane: Lane, #[case] ids: &[&str]) {
        let expected = expected(CATALOG, &mutant("CA-04", &["CA-02"]), lane);
        assert_eq!(expected.iter().map(|requirement| requirement.id).collect::<Vec<_>>(), ids);
    }

    #[rstest]
    #[case::nothing_in_the_lane("CA-04", "nothing that it names has a check in the live lane")]
    #[case::a_stranger("CA-77", "the catalogue has no requirement CA-77")]
    fn a_mutant_that_nobody_can_see_is_open_and_says_so(#[case] target: &str, #[case] problem: &str) {
        let row = Row::judged(CATALOG, &mutant(target, &[]), Lane::Live, &[]);
        assert_eq!((row.mark(), row.broken.as_deref()), (Mark::Open, Some(problem)));
    }
}
