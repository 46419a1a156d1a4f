//! The contract as pages of a book: one for each requirement, and a list of all.

use std::fmt::Write;

use super::catalogue::{Mutants, particulars};
use crate::requirement::{Level, Requirement};

/// One page: its file name and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `ca-06.md`.
    pub file: String,
    /// Markdown.
    pub text: String,
}

/// The pages of a contract; `why` tells what a requirement is for. The last one, `all.md`, links to the others.
pub fn pages(catalogue: &[&Requirement], mutants: &Mutants, why: impl Fn(&str) -> &'static str) -> Vec<Page> {
    let mut pages: Vec<Page> =
        catalogue.iter().map(|requirement| page(requirement, mutants, why(requirement.id))).collect();
    pages.push(Page { file: "all.md".into(), text: list(catalogue) });
    pages
}

fn page(requirement: &Requirement, mutants: &Mutants, why: &str) -> Page {
    let mut text = format!("# {}: {}\n\n{why}\n", requirement.id, requirement.title);
    for (label, content) in particulars(requirement, mutants) {
        let _ = write!(text, "\n**{}:**", heading(label));
        let lines: Vec<&str> = content.lines().collect();
        match lines.as_slice() {
            [line] => {
                let _ = writeln!(text, " {line}");
            }
            lines => {
                text.push('\n');
                lines.iter().for_each(|line| {
                    let _ = write!(text, "\n- {line}");
                });
                text.push('\n');
            }
        }
    }
    Page { file: file_of(requirement), text }
}

fn heading(label: &str) -> &str {
    match label {
        "level" => "Level",
        "applies" => "Where it applies",
        "lanes" => "What is checked",
        "experiments" => "Experiments that it reads",
        "mend" => "How to mend it",
        "source" => "Source",
        "since" => "Since",
        "mutants" => "Planted defects that it is tried on",
        other => other,
    }
}

fn list(catalogue: &[&Requirement]) -> String {
    let mut text = String::from("# All requirements\n");
    let mut area = "";
    for requirement in catalogue {
        if requirement.area() != area {
            area = requirement.area();
            let _ = write!(text, "\n## {area}\n\n");
        }
        let level = if requirement.level == Level::Should { " (should)" } else { "" };
        let _ = writeln!(text, "- [{}]({}) {}{level}", requirement.id, file_of(requirement), requirement.title);
    }
    text
}

fn file_of(requirement: &Requirement) -> String {
    format!("{}.md", requirement.id.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::pages;
    use crate::record::Experiment;
    use crate::report::catalogue::Mutants;
    use crate::requirement::{Lane, Level, Requirement};

    const CA_05: Requirement = Requirement {
        id: "CA-05",
        title: "A missing CA blocks the start",
        level: Level::Should,
        source: "S0",
        since: "1.0",
        revision: 1,
        features: &[],
        experiments: &[Experiment::MissingCa],
        decisive: &[Lane::Live],
        remedy: "do not make it optional",
        rendered: Some(|_, _| {}),
        live: Some(|_, _| {}),
    };

    #[test]
    fn a_requirement_has_a_page_and_a_place_in_the_list() {
        let made = pages(&[&CA_05], &Mutants::new(), |_| "Because.");
        let [page, all] = &made[..] else { panic!("expected two, got {made:?}") };
        insta::assert_snapshot!(page.text);
        assert_eq!(page.file, "ca-05.md");
        assert!(all.text.contains("- [CA-05](ca-05.md) A missing CA blocks the start (should)\n"), "{}", all.text);
    }
}
