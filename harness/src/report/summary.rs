//! `summary.md`: what fits into a merge request or a job summary.

use std::fmt::Write;

use super::blocks::blocks;
use super::model::{Counts, Report};
use super::{narrative, text};

/// The report as Markdown.
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let outcome = narrative::outcome(report);
    let _ = writeln!(text, "# Holdfast: {outcome}\n");
    let profile = report.profile.as_deref().map(|profile| format!(", profile `{profile}`")).unwrap_or_default();
    let (run, contract, scope, code) = (&report.run.id, &report.contract, report.scope, report.exit_code);
    let _ = writeln!(text, "Run `{run}`, contract {contract}{profile}, {scope} scope, exit code {code}.\n");
    for doubt in narrative::doubts(report) {
        let _ = writeln!(text, "- **{}**", plain(&doubt));
    }
    for advice in text::advice(report) {
        let _ = writeln!(text, "- To do: {}", plain(&advice));
    }
    text.push_str("\n| subject | overlay | holds | violated | unchecked | waived | not run | does not apply |\n");
    text.push_str("|---|---|--:|--:|--:|--:|--:|--:|\n");
    for subject in &report.subjects {
        for overlay in &subject.overlays {
            let own = report.requirements.iter().filter(|of| of.subject == subject.name && of.overlay == *overlay);
            let Counts { holds, violated, unchecked, waived, not_run, not_applicable, not_claimed } =
                own.map(|requirement| requirement.verdict).collect();
            let name = plain(&subject.name);
            let not_applying = not_applicable + not_claimed;
            let overlay = plain(overlay);
            let _ = writeln!(
                text,
                "| {name} | {overlay} | {holds} | {violated} | {unchecked} | {waived} | {not_run} | {not_applying} |"
            );
        }
    }
    for block in blocks(report) {
        let _ = writeln!(text, "\n**{}**: {}\n", plain(&block.heading()), block.verdict());
        for line in block.lines() {
            let indent = if line.starts_with(' ') { "  " } else { "" };
            let _ = writeln!(text, "{indent}- {}", plain(line.trim_start()));
        }
        if block.ids.len() > 1 {
            let _ = writeln!(text, "- {}", block.ids.join(" "));
        }
    }
    for note in &report.notes {
        let _ = writeln!(text, "\nNote: {}", plain(note));
    }
    let _ = writeln!(text, "\nAgain: `{}`", report.command().replace('`', "'"));
    text
}

/// Text in which Markdown finds nothing to format.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '\\' | '|' | '*' | '_' | '[' | ']' | '#' => plain.extend(['\\', character]),
            '\n' | '\r' => plain.push(' '),
            _ => plain.push(character),
        }
    }
    plain
}
