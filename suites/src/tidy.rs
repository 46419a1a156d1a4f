//! Holds ids, files, words and mutants of the contract together.

use camino::{Utf8Path, Utf8PathBuf};
use harness::experiment::Line;
use harness::mutant::{self, Mutant, MutantLane};
use harness::requirement::{Lane, Requirement};

use crate::CATALOG;

/// The areas in the order of the contract.
const AREAS: &[&str] = &["RENDER", "CA", "TLS", "MIG", "OWN", "ROT", "BOOT", "SYNC", "KEY", "POOL", "SEC"];

/// Requirement files, by stem, with their text.
fn files() -> Vec<(String, String)> {
    let source = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = |folder: &Utf8Path| -> Vec<Utf8PathBuf> {
        folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect()
    };
    let areas = entries(&source).into_iter().filter(|path| path.is_dir());
    let files = areas.flat_map(|area| {
        let prefix = format!("{}_", area.file_name().unwrap());
        entries(&area).into_iter().filter(move |path| path.file_name().unwrap().starts_with(&prefix))
    });
    files.map(|path| (path.file_stem().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())).collect()
}

/// How the name of a requirement's file begins; the statement follows.
fn prefix(requirement: &Requirement) -> String {
    format!("{}_", requirement.id.to_lowercase().replace('-', "_"))
}

#[test]
fn the_catalogue_is_in_the_order_of_the_contract() {
    let place = |requirement: &&Requirement| {
        let area = AREAS.iter().position(|area| *area == requirement.area()).expect("an area of the contract");
        (area, requirement.id.rsplit('-').next().unwrap().parse::<u32>().expect("a number"))
    };
    let places: Vec<_> = CATALOG.iter().map(place).collect();
    assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
}

#[test]
fn every_requirement_is_one_file() {
    for requirement in CATALOG {
        let own = files().into_iter().filter(|(stem, _)| stem.starts_with(&prefix(requirement)));
        assert_eq!(own.count(), 1, "{}", requirement.id);
    }
    for (stem, _) in files() {
        let listed = CATALOG.iter().any(|requirement| stem.starts_with(&prefix(requirement)));
        assert!(listed, "{stem} is not in the catalogue");
    }
}

#[test]
fn every_file_says_first_what_it_is_about() {
    for requirement in CATALOG {
        let file = files().into_iter().find(|(stem, _)| stem.starts_with(&prefix(requirement)));
        let (_, text) = file.expect("its file");
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with(&format!("//! {}: ", requirement.id)) && first.ends_with('.'), "{first}");
        assert!(text.lines().nth(2).is_some_and(|line| line.starts_with("//! ")), "{}: say why", requirement.id);
        assert!(text.lines().count() <= 300, "{}: two files in one", requirement.id);
    }
}

#[test]
fn every_descriptor_is_complete() {
    for requirement in CATALOG {
        let id = requirement.id;
        assert!(!requirement.title.ends_with('.') && !requirement.title.is_empty(), "{id}: title");
        assert!(!requirement.remedy.ends_with('.') && !requirement.remedy.is_empty(), "{id}: remedy");
        assert!(requirement.source.starts_with('S'), "{id}: source");
        assert!(requirement.revision >= 1 && !requirement.since.is_empty(), "{id}: version");
        assert!(!requirement.decisive.is_empty(), "{id}: a lane must be able to prove it");
        assert_eq!(
            requirement.live.is_some(),
            !requirement.experiments.is_empty(),
            "{id}: experiments of the live lane"
        );
    }
}

#[test]
fn every_experiment_that_a_requirement_needs_is_on_a_bench() {
    for requirement in CATALOG {
        let stray = requirement.experiments.iter().find(|experiment| Line::of(**experiment).is_none());
        assert_eq!(stray, None, "{}", requirement.id);
    }
}

/// Requirements that the live lane decides, of which no planted defect lets an installation come far enough to show it.
const WITHOUT_A_LIVE_MUTANT: &[(&str, &str)] = &[
    ("OWN-02", "the operator gives a role no password from a Secret with another name, so that nothing starts"),
    ("OWN-05", "an operator that is told not to look at a Cluster does not make it either"),
    ("POOL-03", "a pooler that turns everybody away for minutes does so before the first login already"),
    ("ROT-05", "the writer is Holdfast's own; what loses its writes is a database that forgets, under a fault"),
    (
        "ROT-10",
        "the superuser's Secret of the operator names no database, so that an application does not start with it",
    ),
    ("TLS-05", "the operator makes certificates for months; those of others that live for days cannot stand in a file"),
];

fn mutants() -> Vec<Mutant> {
    mutant::read_all(&Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/mutants")).expect("readable mutants")
}

#[test]
fn every_mutant_names_requirements_of_the_catalogue_and_argues() {
    for mutant in mutants() {
        for id in std::iter::once(&mutant.file.target).chain(&mutant.file.also) {
            assert!(CATALOG.iter().any(|requirement| requirement.id == id), "{}: no requirement {id}", mutant.name);
        }
        for id in &mutant.file.also {
            assert!(mutant.file.why.contains(id.as_str()), "{}: say why {id} falls too", mutant.name);
        }
        let area = mutant.file.target.split('-').next().unwrap_or_default().to_lowercase();
        assert_eq!(mutant.name.split('/').next(), Some(area.as_str()), "{}", mutant.name);
    }
}

#[test]
fn every_requirement_has_a_mutant_in_a_lane_of_its_own() {
    let mutants = mutants();
    let missing = CATALOG.iter().filter(|requirement| {
        let in_lane = |mutant: &&Mutant| match mutant.file.lane {
            MutantLane::Rendered => requirement.rendered.is_some(),
            MutantLane::Live => requirement.live.is_some(),
            MutantLane::Both => requirement.lanes().next().is_some(),
        };
        !mutants.iter().filter(|mutant| mutant.file.target == requirement.id).any(|mutant| in_lane(&mutant))
    });
    let missing: Vec<&str> = missing.map(|requirement| requirement.id).collect();
    assert_eq!(missing, [""; 0], "no mutant");
}

#[test]
fn every_requirement_that_the_live_lane_decides_falls_there() {
    let mutants = mutants();
    let live = mutants.iter().filter(|mutant| matches!(mutant.file.lane, MutantLane::Live | MutantLane::Both));
    let falls: Vec<&str> = live
        .flat_map(|mutant| std::iter::once(&mutant.file.target).chain(&mutant.file.also))
        .map(String::as_str)
        .collect();
    let decided = CATALOG.iter().filter(|requirement| requirement.decisive.contains(&Lane::Live));
    let missing: Vec<&str> = decided.map(|one| one.id).filter(|id| !falls.contains(id)).collect();
    let mut expected: Vec<&str> = WITHOUT_A_LIVE_MUTANT.iter().map(|(id, _)| *id).collect();
    expected.sort_by_key(|id| CATALOG.iter().position(|requirement| requirement.id == *id));
    assert_eq!(missing, expected, "no live mutant; WITHOUT_A_LIVE_MUTANT says why where there can be none");
}
