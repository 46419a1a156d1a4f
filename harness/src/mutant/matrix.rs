//! The kill matrix: for each planted defect, which requirements saw it, and which should have.

use std::fmt;

use super::row::{Mark, Row};
use super::trial::Original;
use crate::check::Judgement;
use crate::requirement::Lane;
use crate::verdict::Verdict;

/// What every mutant did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KillMatrix {
    /// One row for each mutant and lane.
    pub rows: Vec<Row>,
    /// The subjects without any defect: what is red there already is not the mutants' doing.
    pub baseline: Vec<Baseline>,
}

/// What a subject without a defect did in one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The subject and the overlay.
    pub subject: String,
    /// The lane.
    pub lane: Lane,
    /// The requirements that it violated; it must be none.
    pub red: Vec<&'static str>,
    /// Why it could not be judged.
    pub broken: Option<String>,
}

impl Baseline {
    /// What was judged of a subject, or why nothing could be.
    pub(super) fn of(
        original: Original<'_>,
        lane: Lane,
        judged: Result<Vec<(&'static str, Judgement)>, String>,
    ) -> Self {
        let subject = original.to_string();
        match judged {
            Err(problem) => Self { subject, lane, red: Vec::new(), broken: Some(problem) },
            Ok(judgements) => {
                let red = judgements.iter().filter(|(_, judgement)| judgement.verdict == Verdict::Violated);
                Self { subject, lane, red: red.map(|(id, _)| *id).collect(), broken: None }
            }
        }
    }

    /// Whether the mutants of this subject prove anything.
    pub fn is_sound(&self) -> bool {
        self.red.is_empty() && self.broken.is_none()
    }
}

impl KillMatrix {
    /// Whether every mutant violates what it should, and nothing is violated without one.
    pub fn is_exact(&self) -> bool {
        self.rows.iter().all(Row::is_exact) && self.baseline.iter().all(Baseline::is_sound)
    }

    /// How many rows are exactly what is expected.
    pub fn exact(&self) -> usize {
        self.rows.iter().filter(|row| row.is_exact()).count()
    }

    /// Takes in another lane; the lanes of a mutant come to stand together.
    pub fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.rows.sort_by(|left, right| (&left.mutant, left.lane).cmp(&(&right.mutant, right.lane)));
        self.baseline.extend(other.baseline);
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Killed => "killed",
            Self::Open => "open",
            Self::Wrong => "WRONG",
        })
    }
}

impl fmt::Display for KillMatrix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.mutant.len()).max().unwrap_or(0);
        for row in &self.rows {
            let (mark, lane) = (row.mark(), row.lane.to_string());
            writeln!(formatter, "{mark:6}  {lane:8}  {:width$}  {}", row.mutant, row.expected.join(" "))?;
            if let Some(problem) = &row.broken {
                writeln!(formatter, "        cannot be judged: {problem}")?;
            }
            for id in row.survived().filter(|_| row.broken.is_none()) {
                let open = row.open.iter().find(|(open, _)| *open == id);
                let why = open.map_or_else(|| "it holds".to_owned(), |(_, reason)| format!("it stays open: {reason}"));
                writeln!(formatter, "        {id} does not see it: {why}")?;
            }
            for (id, seen) in row.collateral() {
                writeln!(formatter, "        {id} is violated too, and nobody expects it: {seen}")?;
            }
        }
        for Baseline { subject, lane, red, broken } in self.baseline.iter().filter(|one| !one.is_sound()) {
            // A lane does not fill the width that a column asks of it; a text does.
            let lane = lane.to_string();
            if !red.is_empty() {
                let mark = Mark::Wrong;
                writeln!(formatter, "{mark:6}  {lane:8}  {subject} without a defect violates {}", red.join(", "))?;
            }
            if let Some(problem) = broken {
                let mark = Mark::Open;
                writeln!(formatter, "{mark:6}  {lane:8}  {subject} without a defect cannot be judged: {problem}")?;
            }
        }
        let (exact, rows) = (self.exact(), self.rows.len());
        write!(formatter, "{exact} of {rows} rows are exactly what is expected of the mutants")
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, KillMatrix};
    use crate::mutant::Row;
    use crate::requirement::Lane;

    fn row(mutant: &str, lane: Lane, red: &[(&'static str, &str)], open: &[(&'static str, &str)]) -> Row {
        let owned = |pairs: &[(&'static str, &str)]| pairs.iter().map(|(id, text)| (*id, (*text).to_owned())).collect();
        let expected = vec!["CA-06", "TLS-01"];
        Row { mutant: mutant.into(), lane, expected, red: owned(red), open: owned(open), broken: None }
    }

    #[test]
    fn every_row_says_its_lane_and_what_is_wrong() {
        let both = [("CA-06", "pod/a: sslmode"), ("TLS-01", "pod/a: sslmode")];
        let more = [both[0], both[1], ("CA-01", "pod/a: digest of the CA file")];
        let mut matrix = KillMatrix {
            rows: vec![row("ca/a", Lane::Rendered, &both, &[]), row("ca/b", Lane::Rendered, &both[..1], &[])],
            baseline: vec![Baseline {
                subject: "agents".into(),
                lane: Lane::Rendered,
                red: vec!["CA-08"],
                broken: None,
            }],
        };
        let late = [("TLS-01", "experiment rotate-ca broke off: no leaf")];
        let live = KillMatrix {
            rows: vec![row("ca/a", Lane::Live, &both[..1], &late), row("ca/b", Lane::Live, &more, &[])],
            baseline: vec![Baseline {
                subject: "agents".into(),
                lane: Lane::Live,
                red: Vec::new(),
                broken: Some("experiment install broke off: no database".into()),
            }],
        };
        matrix.join(live);
        assert!(!matrix.is_exact());
        insta::assert_snapshot!(matrix);
    }

    #[test]
    fn a_subject_that_is_red_without_a_defect_spoils_the_matrix() {
        let sound = Baseline { subject: "agents".into(), lane: Lane::Live, red: Vec::new(), broken: None };
        let matrix = |baseline| KillMatrix { rows: Vec::new(), baseline: vec![baseline] };
        assert!(matrix(sound.clone()).is_exact());
        assert!(!matrix(Baseline { red: vec!["CA-06"], ..sound.clone() }).is_exact());
        assert!(!matrix(Baseline { broken: Some("no database".into()), ..sound }).is_exact());
    }
}
