//! What the owner of a gate accepts for a time: one violation, by a name and until a day.
//!
//! The file belongs to the gate, not to the subject, else a subject would excuse itself. A waiver covers what is
//! violated and never what could not be told. What it does to verdicts is the report's business; this module reads.

use std::collections::HashMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::requirement::{Lane, Requirement};
use crate::run::Key;
use crate::subject::{ApiVersion, Subject};
use crate::yaml::{self, YamlError};

/// One accepted violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiver {
    /// The requirement's id.
    pub id: String,
    /// The subject's name.
    pub subject: String,
    /// The overlay's name. Default: every overlay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// The lane. Default: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepts it.
    pub owner: String,
    /// The last day on which it counts, in UTC.
    #[serde(deserialize_with = "day")]
    pub expires: Date,
}

/// Why a file of waivers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WaiverError {
    /// There is no file where one was said to be.
    #[error("read the waivers {path}: there is no such file; give the path of one")]
    NoFile {
        /// The path that was looked at.
        path: Utf8PathBuf,
    },
    /// The text is not what was expected.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A waiver says what cannot be.
    #[error("{path}:{line}: {problem}")]
    Waiver {
        /// The file.
        path: Utf8PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong and what was expected.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    waivers: Vec<Waiver>,
}

#[derive(Deserialize)]
enum Kind {
    Waivers,
}

impl Waiver {
    /// Whether it speaks of what one judgement is about.
    pub fn covers(&self, key: &Key) -> bool {
        self.id == key.id
            && self.subject == key.subject
            && self.overlay.as_ref().is_none_or(|overlay| *overlay == key.overlay)
            && self.lane.is_none_or(|lane| lane == key.lane)
    }

    /// Whether it still counts on a day.
    pub fn counts_on(&self, day: Date) -> bool {
        day <= self.expires
    }

    /// Reads a file of waivers for a run of these subjects.
    ///
    /// A file may hold the waivers of a whole gate: those of other subjects are read and left alone.
    ///
    /// # Errors
    /// The file breaks the format, or names a requirement, an overlay or a lane that there is not.
    pub fn read_all(
        path: &Utf8Path,
        catalog: &[&Requirement],
        subjects: &[Arc<Subject>],
    ) -> Result<Vec<Self>, WaiverError> {
        if !path.is_file() {
            return Err(WaiverError::NoFile { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(|source| YamlError::Read { path: path.to_owned(), source })?;
        let File { waivers, .. } = yaml::parse_strict(&text, path.as_str())?;
        let reading = Reading { path, lines: yaml::lines(&text), catalog, subjects };
        for (index, waiver) in waivers.iter().enumerate() {
            reading.sees(index, waiver)?;
            let same = |other: &&Self| {
                (&other.id, &other.subject, &other.overlay, other.lane)
                    == (&waiver.id, &waiver.subject, &waiver.overlay, waiver.lane)
            };
            if waivers[..index].iter().find(same).is_some() {
                let problem = format!("{} of {} is waived twice; take one of them away", waiver.id, waiver.subject);
                return Err(reading.wrong(index, "id", problem));
            }
        }
        Ok(waivers)
    }
}

/// One file of waivers while it is read.
struct Reading<'a> {
    path: &'a Utf8Path,
    lines: HashMap<String, u64>,
    catalog: &'a [&'a Requirement],
    subjects: &'a [Arc<Subject>],
}

impl Reading<'_> {
    fn wrong(&self, index: usize, field: &str, problem: String) -> WaiverError {
        let line = self.lines.get(&format!("waivers[{index}].{field}")).copied().unwrap_or(1);
        WaiverError::Waiver { path: self.path.to_owned(), line, problem }
    }

    fn sees(&self, index: usize, waiver: &Waiver) -> Result<(), WaiverError> {
        let id = &waiver.id;
        let Some(requirement) = self.catalog.iter().find(|requirement| requirement.id == id) else {
            let problem =
                format!("waive {id}: the contract has no requirement of that id; `holdfast catalog` lists all");
            return Err(self.wrong(index, "id", problem));
        };
        if let Some(lane) = waiver.lane
            && !requirement.lanes().any(|known| known == lane)
        {
            let problem = format!("waive {id} in the {lane} lane: it is not judged there; take the lane away");
            return Err(self.wrong(index, "lane", problem));
        }
        let subject = self.subjects.iter().find(|subject| subject.name() == waiver.subject);
        if let (Some(subject), Some(overlay)) = (subject, &waiver.overlay)
            && subject.overlay(overlay).is_none()
        {
            let known: Vec<&str> = subject.overlays().iter().map(|overlay| overlay.name.as_str()).collect();
            let (name, known) = (subject.name(), known.join(", "));
            let problem =
                format!("waive {id} under overlay {overlay}: subject {name} has none of that name but {known}");
            return Err(self.wrong(index, "overlay", problem));
        }
        for (field, text) in [("reason", &waiver.reason), ("owner", &waiver.owner)] {
            if text.trim().is_empty() {
                let problem = format!("waive {id}: the {field} is empty; a waiver says why, and who stands for it");
                return Err(self.wrong(index, field, problem));
            }
        }
        Ok(())
    }
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    // A longer text might be a time, whose end would be lost.
    let plain = text.len() == "2027-01-31".len();
    text.parse().ok().filter(|_| plain).ok_or_else(|| de::Error::custom("expected a day, such as 2027-01-31"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use camino::Utf8Path;
    use insta::assert_snapshot;
    use rstest::rstest;

    use super::{Waiver, WaiverError};
    use crate::check::Check;
    use crate::error::Chain;
    use crate::rendered::Rendered;
    use crate::requirement::{Lane, Level, Requirement};
    use crate::run::Key;
    use crate::subject::Subject;

    const CA_06: Requirement = Requirement {
        id: "CA-06",
        title: "The client verifies the server",
        level: Level::Must,
        source: "S0",
        since: "1.0",
        revision: 1,
        features: &[],
        experiments: &[],
        decisive: &[Lane::Rendered],
        remedy: "",
        rendered: Some(|_: &Rendered, _: &mut Check| {}),
        live: None,
    };

    const GOOD: &str = "\
apiVersion: holdfast.dev/v1
kind: Waivers
waivers:
  - id: CA-06
    subject: web
    overlay: default
    reason: the new driver comes in January
    owner: platform-team
    expires: 2027-01-31
";

    fn read(text: &str) -> Result<Vec<Waiver>, WaiverError> {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("waivers.yaml");
        std::fs::write(&path, text).unwrap();
        Waiver::read_all(&path, &[&CA_06], &[Arc::new(Subject::of_manifests("web"))])
    }

    fn refused(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let said = Chain(&read(&GOOD.replacen(from, to, 1)).unwrap_err()).to_string();
        said.split_once("waivers.yaml").map(|(_, rest)| format!("waivers.yaml{rest}")).unwrap_or(said)
    }

    #[test]
    fn the_owner_of_the_gate_is_told_what_was_expected_and_where() {
        assert_snapshot!(refused("CA-06", "CA-66"), @"waivers.yaml:4: waive CA-66: the contract has no requirement of that id; `holdfast catalog` lists all");
        assert_snapshot!(refused("overlay: default", "overlay: prod"), @"waivers.yaml:6: waive CA-06 under overlay prod: subject web has none of that name but default");
        assert_snapshot!(refused("overlay: default", "lane: live"), @"waivers.yaml:6: waive CA-06 in the live lane: it is not judged there; take the lane away");
        assert_snapshot!(refused("platform-team", "\" \""), @"waivers.yaml:8: waive CA-06: the owner is empty; a waiver says why, and who stands for it");
        assert_snapshot!(refused("    owner: platform-team\n", ""), @"waivers.yaml:8:5: the field `owner` is missing");
        assert_snapshot!(refused("2027-01-31", "2027-02-30"), @"waivers.yaml:9:14: expected a day, such as 2027-01-31");
        assert_snapshot!(refused("2027-01-31", "never"), @"waivers.yaml:9:14: expected a day, such as 2027-01-31");
        assert_snapshot!(refused("2027-01-31", "2027-01-31T12:00:00"), @"waivers.yaml:9:14: expected a day, such as 2027-01-31");
        assert_snapshot!(refused("owner:", "overlay: default\n    owner:"), @"waivers.yaml:8:5: the key `overlay` occurs twice; take one of them away");
        assert_snapshot!(refused("owner:", "until: 2028-01-01\n    owner:"), @"waivers.yaml:8:5: unknown field `until`, expected one of `id`, `subject`, `overlay`, `lane`, `reason`, `owner`, `expires`");
        assert_snapshot!(refused("Waivers", "Subject"), @"waivers.yaml:2:7: unknown name `Subject`, expected `Waivers`");
    }

    #[test]
    fn the_same_waiver_twice_is_refused() {
        let again = GOOD.split_once("waivers:\n").unwrap().1;
        let said = read(&format!("{GOOD}{again}")).unwrap_err().to_string();
        assert!(said.ends_with("waivers.yaml:10: CA-06 of web is waived twice; take one of them away"), "{said}");
    }

    #[test]
    fn waivers_of_subjects_that_are_not_in_the_run_are_left_alone() {
        let read = read(&GOOD.replace("subject: web", "subject: payments")).unwrap();
        assert_eq!(read[0].subject, "payments");
    }

    #[rstest]
    #[case::all_of_it("CA-06", "web", "default", Lane::Rendered, true)]
    #[case::another_requirement("CA-07", "web", "default", Lane::Rendered, false)]
    #[case::another_subject("CA-06", "api", "default", Lane::Rendered, false)]
    #[case::another_overlay("CA-06", "web", "production", Lane::Rendered, false)]
    #[case::any_lane("CA-06", "web", "default", Lane::Live, true)]
    fn a_waiver_covers_what_it_names(
        #[case] id: &str,
        #[case] subject: &str,
        #[case] overlay: &str,
        #[case] lane: Lane,
        #[case] expected: bool,
    ) {
        let key = Key { subject: subject.into(), overlay: overlay.into(), id: id.into(), lane };
        assert_eq!(read(GOOD).unwrap()[0].covers(&key), expected);
    }

    #[rstest]
    #[case::the_day_before("2027-01-30", true)]
    #[case::the_last_day("2027-01-31", true)]
    #[case::the_day_after("2027-02-01", false)]
    fn a_waiver_counts_through_its_last_day(#[case] day: &str, #[case] expected: bool) {
        assert_eq!(read(GOOD).unwrap()[0].counts_on(day.parse().unwrap()), expected);
    }
}
