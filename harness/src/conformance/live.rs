//! Judging a requirement by sealed records.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::check::{Check, Judgement};
use crate::record::Records;
use crate::requirement::Requirement;
use crate::verdict::Verdict;

/// Judges one requirement in the live lane. A record that is missing or broke off leaves it unchecked, with the reason.
pub fn judge_live(requirement: &Requirement, records: &Records) -> Judgement {
    let Some(run) = requirement.live else {
        return Judgement::without_check(Verdict::NotApplicable, "the requirement has no live check");
    };
    if let Some(obstacle) = requirement.experiments.iter().find_map(|experiment| records.obstacle(*experiment)) {
        return Judgement::without_check(Verdict::Unchecked, obstacle);
    }
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let mut check = Check::new();
        run(records, &mut check);
        check.judge()
    }));
    match judged {
        Ok(judgement) => not_under(requirement, records, judgement),
        Err(panic) => Judgement::broken(panic.as_ref()),
    }
}

/// What holds without a fault may not hold under one; where that was not tried, the judgement says so.
fn not_under(requirement: &Requirement, records: &Records, judgement: Judgement) -> Judgement {
    let excuses: Vec<&str> = requirement.faults().filter_map(|fault| records.excused(fault)).collect();
    if judgement.verdict != Verdict::Holds || excuses.is_empty() {
        return judgement;
    }
    Judgement { reason: Some(format!("not tried under every fault: {}", excuses.join("; "))), ..judgement }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::judge_live;
    use crate::check::Check;
    use crate::expectation::equal_to;
    use crate::finding::Place;
    use crate::record::{Experiment, Records};
    use crate::requirement::{Level, Requirement};
    use crate::verdict::Verdict;

    const FAULT: Experiment = Experiment::RotateKillingPooler;

    const NEEDS_INSTALL: Requirement = Requirement {
        id: "CA-01",
        title: "",
        level: Level::Must,
        source: "",
        since: "1.0",
        revision: 1,
        features: &[],
        experiments: &[Experiment::Install],
        decisive: &[],
        remedy: "",
        rendered: None,
        live: Some(|_, _| unreachable!("asked without its record")),
    };

    #[test]
    fn without_its_record_a_requirement_is_unchecked_and_says_which() {
        let judgement = judge_live(&NEEDS_INSTALL, &Records::default());
        assert_eq!(judgement.verdict, Verdict::Unchecked);
        assert_eq!(judgement.reason.as_deref(), Some("experiment install left no record"));
    }

    #[rstest]
    #[case::that_could_not_be_run(|records: &mut Records| records.excuse(FAULT, "it needs a second instance"), Verdict::Holds, Some("not tried under every fault: it needs a second instance"))]
    #[case::that_has_nothing_to_befall(|records: &mut Records| records.spare(FAULT), Verdict::Holds, None)]
    #[case::that_left_no_record(|_: &mut Records| {}, Verdict::Unchecked, Some("experiment rotate-killing-pooler left no record"))]
    fn a_fault(#[case] note: fn(&mut Records), #[case] verdict: Verdict, #[case] reason: Option<&str>) {
        let met = |_: &Records, check: &mut Check| {
            check.expect(Place::object("the database"), "its answer", &"pong", equal_to("pong"));
        };
        let requirement = Requirement { experiments: &[FAULT], live: Some(met), ..NEEDS_INSTALL };
        let mut records = Records::default();
        note(&mut records);
        let judgement = judge_live(&requirement, &records);
        assert_eq!((judgement.verdict, judgement.reason.as_deref()), (verdict, reason));
    }

    #[test]
    fn a_check_that_breaks_is_unchecked() {
        let broken = Requirement { experiments: &[], live: Some(|_, _| panic!("index out of range")), ..NEEDS_INSTALL };
        let judgement = judge_live(&broken, &Records::default());
        assert_eq!(judgement.verdict, Verdict::Unchecked);
        assert!(judgement.reason.unwrap().contains("index out of range"));
    }
}
