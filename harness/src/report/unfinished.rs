//! What did not come to its end although it does not decide the exit code, and why it does not.
//!
//! A requirement holds if a lane that can prove it says so. When the other lane broke on the way, the verdict stands,
//! but a reader of a green report has to learn of it without looking for it, and a reader of one in which nothing was
//! judged has nothing else. In any other report whatever decides stands in the foreground anyway.

use super::model::{LaneResult, Report, RequirementResult};
use super::narrative;
use crate::exit;
use crate::record::BROKE_OFF;
use crate::requirement::Lane;
use crate::verdict::Verdict;

/// The sentences, the reasons first.
pub(super) fn unfinished(report: &Report) -> Vec<String> {
    let tells_all = report.exit_code == exit::HOLDS || !narrative::is_anything_judged(&report.results);
    let groups = if tells_all { groups(report) } else { Vec::new() };
    broken_off(report).into_iter().chain(groups.iter().map(|group| group.sentence(report))).collect()
}

/// The reason that was first, where a reason only says what came before: what comes after an experiment on its bench does
/// not begin when that one broke off; it is told of once, with its cause.
fn cause(reason: &str) -> &str {
    reason.rsplit_once(BROKE_OFF).map_or(reason, |(_, cause)| cause)
}

fn broken_off(report: &Report) -> Vec<String> {
    let mut told: Vec<(&str, &str, &str, Vec<String>)> = Vec::new();
    for broken in &report.broken_off {
        let (subject, overlay, cause) = (broken.subject.as_str(), broken.overlay.as_str(), cause(&broken.reason));
        match told.iter_mut().find(|known| (known.0, known.1, known.2) == (subject, overlay, cause)) {
            Some(known) => known.3.push(broken.experiment.to_string()),
            None => told.push((subject, overlay, cause, vec![broken.experiment.to_string()])),
        }
    }
    let sentence = |(subject, overlay, cause, experiments): (&str, &str, &str, Vec<String>)| {
        let noun = if experiments.len() == 1 { "experiment" } else { "experiments" };
        format!("{noun} {} of {subject} [{overlay}] broke off: {cause}", experiments.join(", "))
    };
    told.into_iter().map(sentence).collect()
}

/// Requirements of a subject that a lane left open for nothing.
struct Group<'a> {
    subject: &'a str,
    lane: Lane,
    because: Because,
    ids: Vec<&'a str>,
    /// The reason, as long as it is the same of all.
    reason: Option<&'a str>,
}

/// Why an unchecked lane does not decide.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Because {
    Proven,
    Waived,
    DoesNotBind,
    /// It can only refute, and the lane that decides was not run.
    LeftToTheOther,
    OnlyListed,
}

impl Because {
    fn of(requirement: &RequirementResult, lane: Lane) -> Option<Self> {
        match requirement.verdict {
            Verdict::Holds => Some(Self::Proven),
            Verdict::Waived => Some(Self::Waived),
            _ if requirement.fails => None,
            Verdict::Violated => None,
            _ if !requirement.binding => Some(Self::DoesNotBind),
            _ if !requirement.decisive.contains(&lane) => Some(Self::LeftToTheOther),
            _ => Some(Self::OnlyListed),
        }
    }
}

fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for requirement in &report.requirements {
        for result in report.lanes(requirement).filter(|result| result.verdict == Verdict::Unchecked) {
            let LaneResult { key, reason, .. } = result;
            let Some(because) = Because::of(requirement, key.lane) else { continue };
            let same = |group: &&mut Group<'_>| {
                (group.subject, group.lane, group.because) == (key.subject.as_str(), key.lane, because)
            };
            match groups.iter_mut().find(same) {
                Some(group) => {
                    if !group.ids.contains(&key.id.as_str()) {
                        group.ids.push(&key.id);
                    }
                    group.reason = group.reason.filter(|known| reason.as_deref() == Some(*known));
                }
                None => groups.push(Group {
                    subject: &key.subject,
                    lane: key.lane,
                    because,
                    ids: vec![&key.id],
                    reason: reason.as_deref(),
                }),
            }
        }
    }
    groups
}

impl Group<'_> {
    fn sentence(&self, report: &Report) -> String {
        const SHOWN: usize = 8;
        let Self { subject, lane, ids, .. } = self;
        let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
        let ids = format!("{}{more}", ids[..ids.len().min(SHOWN)].join(", "));
        let other = match lane {
            Lane::Rendered => Lane::Live,
            Lane::Live => Lane::Rendered,
        };
        let because = match self.because {
            Because::Proven => format!("the verdict stands, because the {other} lane proves it"),
            Because::Waived => format!("what the {other} lane found is waived"),
            Because::DoesNotBind => "this fails nothing, because it does not bind".to_owned(),
            Because::LeftToTheOther => {
                format!("this lane can only refute it, and the {other} lane, which decides, was not run")
            }
            Because::OnlyListed => {
                "this is only listed, because no subject file promises anything; --strict makes it fail".to_owned()
            }
        };
        // What broke off has been told by then.
        let told = |reason: &&str| report.broken_off.iter().any(|broken| reason.contains(&broken.reason));
        let reason = self.reason.filter(|reason| !told(reason));
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{ids} of {subject}: not told in the {lane} lane{reason}; {because}")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::cause;

    #[rstest]
    #[case::its_own("Helm refused", "Helm refused")]
    #[case::of_the_one_before("experiment install before it broke off: Helm refused", "Helm refused")]
    #[case::of_the_first(
        "experiment upgrade before it broke off: experiment install before it broke off: Helm refused",
        "Helm refused"
    )]
    fn a_cause_is_told_once(#[case] reason: &str, #[case] expected: &str) {
        assert_eq!(cause(reason), expected);
    }
}
