//! The contract as a list, and one requirement explained.

use std::collections::BTreeMap;
use std::fmt::Write;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::feature::Feature;
use crate::record::Experiment;
use crate::requirement::{Lane, Level, Requirement};
use crate::yaml::{self, YamlError};

/// The names of mutants by the id of their target. Empty where no mutants are at hand: they are data of a checkout.
pub type Mutants = BTreeMap<String, Vec<String>>;

/// Reads which mutants there are below a folder, `ca/sslmode_prefer` for `ca/sslmode_prefer.yaml`. Without the folder
/// there are none: an installed binary comes without them.
///
/// # Errors
/// If one cannot be read, or names no target.
pub fn mutants_below(folder: &Utf8Path) -> Result<Mutants, YamlError> {
    #[derive(Deserialize)]
    struct Mutant {
        target: String,
    }
    let mut mutants = Mutants::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let unread = |source| YamlError::Read { path: next.clone(), source };
        if !next.exists() {
            continue;
        }
        for entry in next.read_dir_utf8().map_err(unread)? {
            let path = entry.map_err(unread)?.into_path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension() == Some("yaml") {
                let name = path.strip_prefix(folder).unwrap_or(&path).with_extension("").into_string();
                mutants.entry(yaml::read_strict::<Mutant>(&path)?.target).or_default().push(name);
            }
        }
    }
    mutants.values_mut().for_each(|names| names.sort());
    Ok(mutants)
}

/// One requirement as `holdfast catalog --format json` lists it. The shape is an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogueEntry {
    /// Area and number.
    pub id: &'static str,
    /// The area.
    pub area: &'static str,
    /// Whether a gate fails on it.
    pub level: Level,
    /// The statement.
    pub title: &'static str,
    /// The document that asks for it.
    pub source: &'static str,
    /// The contract version that introduced it.
    pub since: &'static str,
    /// The lanes in which it can be judged.
    pub lanes: Vec<Lane>,
    /// Those that can prove it.
    pub decisive: &'static [Lane],
    /// What a subject must claim, or its manifests show, for it to apply.
    pub features: &'static [Feature],
    /// The experiments whose records its live lane reads.
    pub experiments: &'static [Experiment],
    /// The planted defects that prove its checks.
    pub mutants: Vec<String>,
}

/// The contract as entries, in its order.
pub fn entries(catalogue: &[&Requirement], mutants: &Mutants) -> Vec<CatalogueEntry> {
    let entry = |requirement: &&Requirement| CatalogueEntry {
        id: requirement.id,
        area: requirement.area(),
        level: requirement.level,
        title: requirement.title,
        source: requirement.source,
        since: requirement.since,
        lanes: requirement.lanes().collect(),
        decisive: requirement.decisive,
        features: requirement.features,
        experiments: requirement.experiments,
        mutants: mutants.get(requirement.id).cloned().unwrap_or_default(),
    };
    catalogue.iter().map(entry).collect()
}

/// The contract as a table for people: a line each, and what the marks mean.
pub fn table(catalogue: &[&Requirement]) -> String {
    let width = catalogue.iter().map(|requirement| requirement.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for requirement in catalogue {
        let lanes: Vec<String> = requirement.lanes().map(|lane| marked(lane, requirement.decisive)).collect();
        let (id, level, lanes, title) =
            (requirement.id, requirement.level.to_string(), lanes.join(" "), requirement.title);
        let _ = writeln!(text, "{id:width$}  {level:6}  {lanes:15}  {title}");
    }
    let count = catalogue.len();
    let noun = if count == 1 { "requirement" } else { "requirements" };
    let _ = writeln!(text, "\n{count} {noun}. A lane with * can prove, the other can only refute.");
    text
}

/// Everything that the contract says of one requirement; `why` is what it is for.
pub fn explanation(requirement: &Requirement, mutants: &Mutants, why: &str) -> String {
    let mut text = format!("{} {}\n", requirement.id, requirement.title);
    if !why.is_empty() {
        let indented = why.lines().map(|line| if line.is_empty() { String::new() } else { format!("  {line}") });
        let _ = writeln!(text, "\n{}\n", indented.collect::<Vec<_>>().join("\n"));
    }
    // Away from a checkout there are none to name.
    let told =
        particulars(requirement, mutants).into_iter().filter(|(label, _)| *label != "mutants" || !mutants.is_empty());
    for (label, content) in told {
        for (index, line) in content.lines().enumerate() {
            let label = if index == 0 { label } else { "" };
            let _ = writeln!(text, "  {label:12}{line}");
        }
    }
    text
}

/// What there is to tell of a requirement beside its statement and its reason, each with its label.
pub(super) fn particulars(requirement: &Requirement, mutants: &Mutants) -> [(&'static str, String); 8] {
    let lanes: Vec<String> = requirement
        .lanes()
        .map(|lane| {
            let proves = if requirement.decisive.contains(&lane) { "can prove" } else { "can only refute" };
            let on = match lane {
                Lane::Rendered => "what Helm renders, without a cluster",
                Lane::Live => "what experiments recorded on a cluster",
            };
            format!("{lane}: judged on {on}; {proves}")
        })
        .collect();
    let level = match requirement.level {
        Level::Must => "MUST: a violation fails the run",
        Level::Should => "SHOULD: a violation is reported, and fails only with --strict",
    };
    let listed = |items: Vec<String>, none: &str| if items.is_empty() { none.to_owned() } else { items.join(", ") };
    let features: Vec<String> = requirement.features.iter().map(Feature::to_string).collect();
    let applies = if features.is_empty() {
        "to every subject".to_owned()
    } else {
        format!("where a subject claims, or its manifests show, {}", features.join(" and "))
    };
    let experiments = requirement.experiments.iter().map(Experiment::to_string).collect();
    [
        ("level", level.to_owned()),
        ("applies", applies),
        ("lanes", lanes.join("\n")),
        ("experiments", listed(experiments, "none")),
        ("mend", requirement.remedy.to_owned()),
        ("source", requirement.source.to_owned()),
        ("since", format!("contract {}, revision {}", requirement.since, requirement.revision)),
        ("mutants", listed(mutants.get(requirement.id).cloned().unwrap_or_default(), "none")),
    ]
}

/// The ids that somebody may have meant: the same but for spelling, then those of the area, nearest first.
pub fn near<'a>(catalogue: &[&'a Requirement], typed: &str) -> Vec<&'a str> {
    const SHOWN: usize = 3;
    let plain = |id: &str| id.to_uppercase().replace(|character: char| !character.is_alphanumeric(), "");
    let typed = plain(typed);
    let mut ids: Vec<(usize, &str)> =
        catalogue.iter().map(|requirement| (distance(&plain(requirement.id), &typed), requirement.id)).collect();
    ids.sort_by_key(|(distance, _)| *distance);
    ids.into_iter().filter(|(distance, _)| *distance <= 2).take(SHOWN).map(|(_, id)| id).collect()
}

/// How many letters must be changed, added or left out to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

fn marked(lane: Lane, decisive: &[Lane]) -> String {
    if decisive.contains(&lane) { format!("{lane}*") } else { lane.to_string() }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use camino::Utf8Path;

    use super::{Mutants, entries, explanation, mutants_below, near, table};
    use crate::check::Check;
    use crate::feature::Feature;
    use crate::record::{Experiment, Records};
    use crate::rendered::Rendered;
    use crate::requirement::{Lane, Level, Requirement};

    const CA_06: Requirement = Requirement {
        id: "CA-06",
        title: "The client verifies the server",
        level: Level::Must,
        source: "S0: runtime relies on libpq behaviour",
        since: "1.0",
        revision: 1,
        features: &[Feature::Ca],
        experiments: &[Experiment::ForeignCa],
        decisive: &[Lane::Live],
        remedy: "set database.sslmode=verify-full",
        rendered: Some(|_: &Rendered, _: &mut Check| {}),
        live: Some(|_: &Records, _: &mut Check| {}),
    };
    const RENDER_14: Requirement = Requirement {
        id: "RENDER-14",
        title: "A value that users set is read",
        level: Level::Should,
        source: "S3: using default values (wrong structure)",
        features: &[],
        experiments: &[],
        decisive: &[Lane::Rendered],
        remedy: "remove the value, or read it",
        live: None,
        ..CA_06
    };
    const CATALOGUE: &[&Requirement] = &[&RENDER_14, &CA_06];

    fn mutants() -> Mutants {
        [("CA-06".to_owned(), vec!["ca/sslmode_prefer".to_owned()])].into()
    }

    #[test]
    fn mutants_are_listed_by_their_target() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir(root.join("ca")).unwrap();
        std::fs::write(root.join("ca/sslmode_prefer.yaml"), "target: CA-06\nalso: [TLS-01]\nwhy: so\n").unwrap();
        std::fs::write(root.join("README.md"), "no mutant").unwrap();
        assert_eq!(mutants_below(root).unwrap(), mutants());
        std::fs::write(root.join("ca/aimless.yaml"), "why: so\n").unwrap();
        let error = mutants_below(root).unwrap_err().to_string();
        assert!(error.contains("aimless.yaml") && error.contains("target"), "{error}");
        assert_eq!(mutants_below(&root.join("gone")).unwrap(), Mutants::new());
    }

    #[test]
    fn the_list_for_machines_has_its_documented_shape() {
        insta::assert_json_snapshot!(entries(CATALOGUE, &mutants()));
    }

    #[test]
    fn the_table_tells_what_each_lane_can_do() {
        insta::assert_snapshot!(table(CATALOGUE));
    }

    #[test]
    fn an_explanation_says_what_to_do() {
        insta::assert_snapshot!(explanation(
            &CA_06,
            &mutants(),
            "Whoever does not verify talks to anybody.\n\nSo it has to."
        ));
    }

    #[rstest]
    #[case::lower_case("ca-06", &["CA-06"])]
    #[case::without_a_dash("CA06", &["CA-06"])]
    #[case::one_digit("CA-6", &["CA-06"])]
    #[case::a_slip("RNDER-14", &["RENDER-14"])]
    #[case::nothing_like_it("POOL-99", &[])]
    fn an_unknown_id_suggests_near_ones(#[case] typed: &str, #[case] expected: &[&str]) {
        assert_eq!(near(CATALOGUE, typed), expected);
    }
}
