//! What a pod logged about a password that was refused.

use serde::{Deserialize, Serialize};

use crate::finding::{Locate, Place};

/// The SQLSTATE of a wrong password.
const WRONG_PASSWORD: &str = "28P01";
/// How many lines are kept.
const KEPT: usize = 3;
/// How many lines behind one that names the SQLSTATE still belong to it.
const BEHIND: usize = 12;

/// What one pod logged about a refused password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Complaint {
    /// The pod.
    pub pod: String,
    /// The workload that it belongs to, `deployment/certctl-server`.
    pub workload: String,
    /// How many lines name the SQLSTATE 28P01.
    pub lines: usize,
    /// The first of them.
    pub first: Vec<String>,
    /// Whether they say how to change the password and keep the data.
    pub keeping_data: bool,
    /// Whether they say how to begin again with an empty volume.
    pub deleting_data: bool,
}

/// The headings under which the chart's README has the two remedies, where the subject names them.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemedyHeadings<'a> {
    /// How to change the password and keep the data.
    pub keeping_data: Option<&'a str>,
    /// How to begin again with an empty volume.
    pub deleting_data: Option<&'a str>,
}

impl Complaint {
    /// Reads a pod's log; nothing if no line names the SQLSTATE.
    ///
    /// A remedy is named by the heading under which it is documented, or by what it does: the role is altered, the
    /// volume or its claim is deleted. It stands on the line that names the SQLSTATE or on those right behind it, since
    /// what tells people what to do is often more than a line.
    pub(crate) fn read(pod: &str, workload: &str, log: &str, headings: RemedyHeadings<'_>) -> Option<Self> {
        let all: Vec<&str> = log.lines().collect();
        let at: Vec<usize> = (0..all.len()).filter(|line| all[*line].contains(WRONG_PASSWORD)).collect();
        if at.is_empty() {
            return None;
        }
        let lines: Vec<&str> = at.iter().map(|line| all[*line]).collect();
        let behind = at.iter().flat_map(|line| &all[*line..all.len().min(line + 1 + BEHIND)]);
        let said = behind.copied().collect::<Vec<_>>().join("\n").to_lowercase();
        let named = |heading: Option<&str>| heading.is_some_and(|heading| said.contains(&heading.to_lowercase()));
        let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
        Some(Self {
            pod: pod.to_owned(),
            workload: workload.to_owned(),
            lines: lines.len(),
            first: lines.iter().take(KEPT).map(|line| (*line).to_owned()).collect(),
            keeping_data: named(headings.keeping_data) || any(&["alter role", "alter user"]),
            deleting_data: named(headings.deleting_data)
                || (any(&["volume", "claim", "pvc"]) && any(&["delete", "deletes", "remove", "empty"])),
        })
    }
}

impl Locate for Complaint {
    fn place(&self) -> Place {
        Place::object(&self.workload).field(format!("log of pod {}", self.pod))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Complaint, RemedyHeadings};

    const HEADINGS: RemedyHeadings<'static> =
        RemedyHeadings { keeping_data: Some("Change it"), deleting_data: Some("Begin again") };

    fn read(log: &str) -> Option<(usize, bool, bool)> {
        let complaint = Complaint::read("server-1", "deployment/server", log, HEADINGS)?;
        Some((complaint.lines, complaint.keeping_data, complaint.deleting_data))
    }

    #[rstest]
    #[case::by_heading("28P01, see `change it` or `begin again`", Some((1, true, true)))]
    #[case::by_what_it_does("28P01: run ALTER ROLE, or delete the volume claim", Some((1, true, true)))]
    #[case::one_of_them("28P01: ALTER ROLE", Some((1, true, false)))]
    #[case::without_a_remedy("FATAL 28P01\nFATAL 28P01", Some((2, false, false)))]
    #[case::a_volume_that_nobody_deletes("28P01 on the volume", Some((1, false, false)))]
    #[case::on_the_lines_behind("FATAL 28P01\n  either: ALTER ROLE\n  or: begin again", Some((1, true, true)))]
    #[case::long_before("ALTER ROLE, begin again\nFATAL 28P01", Some((1, false, false)))]
    #[case::long_behind(
        "FATAL 28P01\n.\n.\n.\n.\n.\n.\n.\n.\n.\n.\n.\n.\nALTER ROLE, begin again",
        Some((1, false, false))
    )]
    #[case::another_failure("connection failed", None)]
    fn a_log_complains(#[case] log: &str, #[case] expected: Option<(usize, bool, bool)>) {
        assert_eq!(read(log), expected);
    }
}
