//! The report on a terminal: what a tired person has to see, and nothing else.
//!
//! Only what does not hold is shown in detail; one screen at the end says how it stands and what to do. Colour repeats
//! what a word says already, so that it can be left out.

use std::collections::BTreeSet;
use std::fmt::Write;

use camino::Utf8Path;

use super::blocks::{Block, blocks};
use super::model::{Counts, LaneResult, Report, RequirementResult};
use super::{narrative, unfinished, waivers};
use crate::exit;
use crate::run::{Scope, SubjectIdentity};
use crate::verdict::Verdict;

/// The width up to which lines are filled.
const WIDTH: usize = 100;

/// How to print a report.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style<'a> {
    /// Whether to repeat verdicts in colour.
    pub colour: bool,
    /// Where the artefacts are, if there are any.
    pub artefacts: Option<&'a Utf8Path>,
}

/// The report for a terminal.
pub fn text(report: &Report, style: Style<'_>) -> String {
    let mut text = String::new();
    for block in blocks(report) {
        print(&block, &mut text, style);
    }
    for problem in &report.problems {
        let _ = writeln!(text, "{} {problem}", style.paint(Verdict::Violated, "unsound:"));
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !(report.problems.is_empty() && report.notes.is_empty()) {
        text.push('\n');
    }
    summary(report, style, &mut text);
    text
}

fn print(block: &Block<'_>, text: &mut String, style: Style<'_>) {
    let (heading, verdict) = (block.heading(), block.verdict());
    let gap = WIDTH.saturating_sub(heading.chars().count() + verdict.len()).max(2);
    let verdict = style.paint(block.colour(), &verdict);
    let _ = writeln!(text, "{}{}{verdict}", style.bold(&heading), " ".repeat(gap));
    for line in block.lines() {
        let _ = writeln!(text, "      {line}");
    }
    if block.ids.len() > 1 {
        fill(text, "      ", block.ids.iter().copied());
    }
    text.push('\n');
}

fn summary(report: &Report, style: Style<'_>, text: &mut String) {
    for subject in &report.subjects {
        let _ = writeln!(text, "{}", style.bold(&subject.name));
        for release in &subject.releases {
            let chart = &release.chart;
            let digest = chart.digest.get(..19).unwrap_or(&chart.digest);
            let _ = writeln!(text, "  chart   {} {} {digest}", chart.name, chart.version);
        }
        let own = report.requirements.iter().filter(|requirement| requirement.subject == subject.name);
        let counts: Counts = own.map(|requirement| requirement.verdict).collect();
        let told = counts.told().into_iter().map(|(verdict, count)| {
            style.paint(
                verdict,
                &if verdict == Verdict::Holds { format!("{count} hold") } else { format!("{count} {verdict}") },
            )
        });
        let _ = writeln!(text, "  in {}: {}", subject.overlays.join(", "), told.collect::<Vec<_>>().join(", "));
    }
    let worst = match report.exit_code {
        exit::HOLDS => Verdict::Holds,
        exit::INCOMPLETE => Verdict::Unchecked,
        _ => Verdict::Violated,
    };
    let outcome = style.paint(worst, &narrative::outcome(report).to_uppercase());
    let profile = report.profile.as_deref().map(|profile| format!(", profile {profile}")).unwrap_or_default();
    let lasted = report.run.seconds.map(|seconds| format!(", {}", duration(seconds))).unwrap_or_default();
    let (contract, scope, code) = (&report.contract, report.scope, report.exit_code);
    let _ = writeln!(text, "\n{outcome}  contract {contract}{profile}, {scope} scope{lasted}  (exit code {code})");
    for doubt in narrative::doubts(report).iter().filter(|doubt| !report.problems.contains(doubt)) {
        let _ = writeln!(text, "  {doubt}");
    }
    for told in waivers::told(report) {
        let _ = writeln!(text, "  waived  {told}");
    }
    for told in unfinished::unfinished(report) {
        let _ = writeln!(text, "  open    {told}");
    }
    for advice in advice(report) {
        let _ = writeln!(text, "  do      {advice}");
    }
    if let Some(artefacts) = style.artefacts {
        let _ = writeln!(
            text,
            "  files   {artefacts}: report.html, report.json, junit.xml, summary.md, journal/, records/, diagnostics/"
        );
    }
    let _ = writeln!(text, "  again   {}", report.command());
}

/// What to do next, the most urgent first.
pub(super) fn advice(report: &Report) -> Vec<String> {
    let ids = |wanted: &dyn Fn(&RequirementResult) -> bool| {
        let mut ids: Vec<&str> = Vec::new();
        for requirement in report.requirements.iter().filter(|requirement| wanted(requirement)) {
            if !ids.contains(&requirement.id.as_str()) {
                ids.push(&requirement.id);
            }
        }
        ids
    };
    let listed = |ids: &[&str]| {
        const SHOWN: usize = 8;
        let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
        format!("{}{more}", ids[..ids.len().min(SHOWN)].join(", "))
    };
    let mut advice = Vec::new();
    if !report.problems.is_empty() {
        advice.push(
            "report this as a defect of Holdfast, with the files of the run, and rely on none of the verdicts"
                .to_owned(),
        );
    }
    let missed = |requirement: &RequirementResult| {
        requirement.verdict == Verdict::Violated && report.lanes(requirement).all(|lane| !lane.demanded.is_empty())
    };
    let violated =
        ids(&|requirement| requirement.fails && requirement.verdict == Verdict::Violated && !missed(requirement));
    if let Some(first) = violated.first() {
        advice.push(format!("mend {}; `holdfast explain {first}` says how it is judged", listed(&violated)));
    }
    let demanded = ids(&|requirement| requirement.fails && missed(requirement));
    advice.extend((!demanded.is_empty()).then(|| claim(report, &listed(&demanded))));
    if !report.complete {
        advice.push("run it again to its end".to_owned());
    } else {
        let open = ids(&|requirement| requirement.fails && requirement.open);
        if !open.is_empty() {
            advice.push(format!(
                "see in the findings what was missing to judge {}; `holdfast explain {}` says how it is judged",
                listed(&open),
                open[0]
            ));
        }
    }
    if report.exit_code == exit::HOLDS && report.scope == Scope::Partial {
        advice.push("nothing; only a run of the full scope can call the subject conformant".to_owned());
    }
    advice
}

/// What to do where a profile demands what a subject does not have.
fn claim(report: &Report, ids: &str) -> String {
    let features: BTreeSet<&str> =
        report.results.iter().flat_map(|result| &result.demanded).map(|feature| feature.name()).collect();
    let features = features.into_iter().collect::<Vec<_>>().join(", ");
    let profile = report.profile.as_deref().unwrap_or("of the gate");
    // Who demands the wrong profile of a chart should not have to read a hundred findings to see it.
    let missed = |subject: &&SubjectIdentity| {
        let own = |result: &LaneResult| result.key.subject == subject.name && !result.demanded.is_empty();
        report.results.iter().any(own)
    };
    let mut others: Vec<String> = Vec::new();
    for subject in report.subjects.iter().filter(missed) {
        let other = subject.profile.as_ref().filter(|other| *other != profile);
        others.extend(other.map(|other| format!("{} means to meet {other}", subject.name)));
    }
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    format!("claim {features}, which profile {profile} demands{others}, and meet {ids}")
}

fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        let seconds = seconds.round();
        format!("{:.0} min {:02.0} s", (seconds / 60.0).floor(), seconds % 60.0)
    }
}

fn fill<'a>(text: &mut String, indent: &str, words: impl Iterator<Item = &'a str>) {
    let mut line = indent.to_owned();
    for word in words {
        if line.len() + word.len() + 1 > WIDTH {
            let _ = writeln!(text, "{}", line.trim_end());
            line = indent.to_owned();
        }
        line.push_str(word);
        line.push(' ');
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

impl Style<'_> {
    fn paint(self, verdict: Verdict, word: &str) -> String {
        let code = match verdict {
            Verdict::Holds => "32",
            Verdict::Violated => "31;1",
            Verdict::Unchecked | Verdict::Waived => "33",
            Verdict::NotRun | Verdict::NotApplicable | Verdict::NotClaimed => "2",
        };
        self.wrap(code, word)
    }

    fn bold(self, words: &str) -> String {
        self.wrap("1", words)
    }

    fn wrap(self, code: &str, words: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{words}\u{1b}[0m") } else { words.to_owned() }
    }
}
