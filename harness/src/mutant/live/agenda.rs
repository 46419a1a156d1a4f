//! What is decided before a cluster is touched: which experiments a mutant needs, who is judged by them, and what its
//! benches are called.

use std::collections::BTreeSet;

use crate::mutant::Mutant;
use crate::mutant::row::expected;
use crate::mutant::trial::Original;
use crate::record::Experiment;
use crate::requirement::{Lane, Requirement};

/// The experiments that the requirements which a mutant names need in the live lane. No other is run: what it shows is
/// another mutant's defect.
pub(super) fn experiments_of(catalog: &[&'static Requirement], mutant: &Mutant) -> BTreeSet<Experiment> {
    let named = expected(catalog, mutant, Lane::Live);
    named.iter().flat_map(|requirement| requirement.needs()).collect()
}

/// The experiments that the mutants of a subject and overlay need, in sum.
pub(super) fn experiments_on(
    catalog: &[&'static Requirement],
    original: Original<'_>,
    mutants: &[&Mutant],
) -> BTreeSet<Experiment> {
    let copies = mutants.iter().filter(|mutant| Original::of(mutant) == original);
    copies.flat_map(|mutant| experiments_of(catalog, mutant)).collect()
}

/// The requirements that the records of some experiments decide, whether or not a mutant names them.
pub(super) fn decided_by(
    catalog: &[&'static Requirement],
    experiments: &BTreeSet<Experiment>,
) -> Vec<&'static Requirement> {
    let has_all = |requirement: &Requirement| requirement.needs().all(|one| experiments.contains(&one));
    catalog.iter().copied().filter(|one| one.live.is_some() && has_all(one)).collect()
}

/// What the benches and records of a mutant are called after. Its place in the run makes it unique: two names may
/// differ in nothing that the name of a namespace can hold.
pub(super) fn stem(place: usize, name: &str) -> String {
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(allowed).collect();
    format!("m{place:02}-{}", name.trim_matches('-'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;

    use super::{decided_by, experiments_of, experiments_on, stem};
    use crate::mutant::testing::{LIVE, mutant};
    use crate::mutant::trial::Original;
    use crate::record::Experiment::{self, ForeignCa, Install, RotateCa, WithoutCa};
    use crate::requirement::Requirement;

    const AT_INSTALL: Requirement = Requirement { id: "CA-01", experiments: &[Install], ..LIVE };
    const AT_ROTATION: Requirement = Requirement { id: "CA-02", experiments: &[RotateCa, ForeignCa], ..LIVE };
    const AT_ALL: Requirement = Requirement { id: "CA-03", experiments: &[Install, RotateCa], ..LIVE };
    const OFFLINE: Requirement = Requirement { id: "CA-04", experiments: &[], live: None, ..LIVE };
    const CATALOG: &[&Requirement] = &[&AT_INSTALL, &AT_ROTATION, &AT_ALL, &OFFLINE];

    #[rstest]
    #[case::of_its_target("CA-01", &[], &[Install])]
    #[case::of_everything_that_it_names("CA-01", &["CA-02"], &[Install, RotateCa, ForeignCa])]
    #[case::of_nothing_without_a_live_check("CA-04", &[], &[])]
    #[case::of_the_rest_beside_one_without_a_live_check("CA-04", &["CA-01"], &[Install])]
    fn a_mutant_needs_the_experiments(#[case] target: &str, #[case] also: &[&str], #[case] expected: &[Experiment]) {
        let wanted = experiments_of(CATALOG, &mutant(target, also));
        assert_eq!(wanted, expected.iter().copied().collect());
    }

    #[test]
    fn a_subject_without_a_defect_meets_what_its_own_mutants_meet() {
        let (one, two) = (mutant("CA-01", &[]), mutant("CA-02", &[]));
        let mut elsewhere = mutant("CA-03", &[]);
        elsewhere.file.overlay = Some("production".into());
        let mutants = [&one, &two, &elsewhere];
        let originals = Original::all(&mutants);
        let wanted: Vec<_> = originals.iter().map(|original| experiments_on(CATALOG, *original, &mutants)).collect();
        assert_eq!(wanted, [BTreeSet::from([Install, RotateCa, ForeignCa]), BTreeSet::from([Install, RotateCa])]);
    }

    #[rstest]
    #[case::the_ones_that_need_nothing_else(&[Install], &["CA-01"])]
    #[case::not_those_with_half_of_their_records(&[RotateCa], &[])]
    #[case::also_those_that_nobody_named(&[Install, RotateCa], &["CA-01", "CA-03"])]
    #[case::none_of_another_experiment(&[WithoutCa], &[])]
    fn records_decide(#[case] experiments: &[Experiment], #[case] expected: &[&str]) {
        let decided = decided_by(CATALOG, &experiments.iter().copied().collect());
        assert_eq!(decided.iter().map(|requirement| requirement.id).collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case::a_mutant("ca/sslmode_prefer", "m07-ca-sslmode-prefer")]
    #[case::a_subject("agents [first overlay]", "m07-agents--first-overlay")]
    #[case::capitals("ca/No_CA", "m07-ca-no-ca")]
    fn a_stem_is_part_of_the_name_of_a_namespace(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(stem(7, name), expected);
    }

    #[test]
    fn names_that_look_alike_on_a_cluster_have_stems_of_their_own() {
        assert_ne!(stem(1, "ca/sub_path"), stem(2, "ca/sub-path"));
    }
}
