//! OWN-09: Secret and role can be compared.
//!
//! When an application cannot log in, the first question is whether the Secret or the database is wrong. The verifier
//! that the database keeps answers it without a login: it is that of the Secret's password, or of another one. A line
//! end in the Secret is such another one, and looks right in every editor.

use harness::check::Check;
use harness::expectation::equal_to;
use harness::experiment::SETTLED;
use harness::feature::Feature;
use harness::record::{AFTER, Experiment, Records};
use harness::requirement::{Lane, Level, Requirement};

/// Secret and role can be compared.
pub const OWN_09: Requirement = Requirement {
    id: "OWN-09",
    title: "The verifier that the database keeps is that of the Secret's password",
    level: Level::Must,
    source: "S1: \"First check the CNPG-managed Secret vs the role in Postgres\"",
    since: "1.0",
    revision: 1,
    features: &[Feature::Cnpg],
    experiments: &[Experiment::Install, Experiment::RotatePassword],
    decisive: &[Lane::Live],
    remedy: "change the password in the Secret and nowhere else, without a line end (printf, not echo)",
    rendered: None,
    live: Some(live),
};

fn live(records: &Records, check: &mut Check) {
    for (experiment, moment) in [(Experiment::Install, SETTLED), (Experiment::RotatePassword, AFTER)] {
        let Some(record) = records.of(experiment) else { return };
        for credential in &record.at(moment).authority {
            let what = format!("whose password the role has, {experiment}");
            match credential.agrees {
                Some(true) => check.expect(credential, what, &"the Secret's", equal_to("the Secret's")),
                Some(false) => check.expect(credential, what, &"another one", equal_to("the Secret's")),
                None => {
                    check.undecided(credential, what, "the Secret, the role or a SCRAM verifier of it is not there");
                    false
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::experiment::SETTLED;
    use harness::record::{AFTER, CredentialState, Experiment};
    use harness::verdict::Verdict::{self, Holds, Unchecked, Violated};
    use rstest::rstest;

    use super::OWN_09;
    use crate::testing::{judge_live, moment, record};

    #[rstest]
    #[case::the_same(Some(true), Holds)]
    #[case::another(Some(false), Violated)]
    #[case::cannot_be_told(None, Unchecked)]
    fn a_verifier(#[case] agrees: Option<bool>, #[case] verdict: Verdict) {
        let seen = |name: &str, agrees| {
            let mut seen = moment(name, 0, []);
            seen.authority = vec![CredentialState { agrees, ..CredentialState::default() }];
            seen
        };
        let installed = record(Experiment::Install, [seen(SETTLED, Some(true))]);
        let rotated = record(Experiment::RotatePassword, [seen(AFTER, agrees)]);
        assert_eq!(judge_live(&OWN_09, [installed, rotated]), verdict);
    }
}
