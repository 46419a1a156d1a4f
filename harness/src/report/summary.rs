//! `summary.md`: what fits into a merge request or a job summary, on one screen.
//!
//! The first lines say how it stands, what is accepted, what did not come to its end and what to do. What does not hold
//! follows, the most urgent first, as long as there is room; everything is in `report.html`.

use super::blocks::{Block, blocks};
use super::model::{Counts, Report};
use super::{narrative, text, unfinished, waivers};

/// How many lines a screen has.
const SCREEN: usize = 40;

/// How many rows the table of counts has at most.
const ROWS: usize = 6;

/// How many lines one thing that does not hold takes: what it is, what was seen, how to mend it.
const BLOCK: usize = 3;

/// The report as Markdown.
pub fn summary(report: &Report) -> String {
    let mut lines = head(report);
    lines.extend(table(report));
    let tail = [String::new(), format!("Again: `{}`", report.command().replace('`', "'"))];
    let room = SCREEN.saturating_sub(lines.len() + tail.len());
    lines.extend(told(report, room));
    lines.extend(tail);
    lines.join("\n") + "\n"
}

fn head(report: &Report) -> Vec<String> {
    let profile = report.profile.as_deref().map(|profile| format!(", profile `{profile}`")).unwrap_or_default();
    let (run, contract, scope, code) = (&report.run.id, &report.contract, report.scope, report.exit_code);
    let mut lines = vec![
        format!("# Holdfast: {}", narrative::outcome(report)),
        String::new(),
        format!("Run `{run}`, contract {contract}{profile}, {scope} scope, exit code {code}."),
        String::new(),
    ];
    let doubts = narrative::doubts(report).iter().map(|doubt| format!("**{}**", plain(doubt))).collect();
    lines.extend(capped(doubts, "", 2));
    let plainly = |told: Vec<String>| told.iter().map(|line| plain(line)).collect::<Vec<_>>();
    lines.extend(capped(plainly(waivers::told(report)), "Waived: ", 2));
    lines.extend(capped(plainly(unfinished::unfinished(report)), "Open: ", 3));
    lines.extend(capped(plainly(text::advice(report)), "To do: ", 3));
    lines.extend(capped(plainly(report.notes.clone()), "Note: ", 1));
    lines
}

/// The first few as list items, and how many there are besides.
fn capped(told: Vec<String>, label: &str, most: usize) -> Vec<String> {
    let rest = told.len().saturating_sub(most);
    let mut lines: Vec<String> = told.into_iter().take(most).map(|line| format!("- {label}{line}")).collect();
    if rest > 0 {
        lines.push(format!("- {label}and {rest} more, see report.html"));
    }
    lines
}

fn table(report: &Report) -> Vec<String> {
    let overlays = report.subjects.iter().map(|subject| subject.overlays.len()).sum::<usize>();
    let mut rows = Vec::new();
    for subject in &report.subjects {
        let whole = vec![subject.overlays.as_slice()];
        let each = subject.overlays.chunks(1).collect();
        // A table that would push the findings off the screen has a row for each subject.
        for some in if overlays > ROWS { whole } else { each } {
            let own = report.requirements.iter().filter(|of| of.subject == subject.name && some.contains(&of.overlay));
            let Counts { holds, violated, unchecked, waived, not_run, not_applicable, not_claimed } =
                own.map(|requirement| requirement.verdict).collect();
            let (name, place, others) = (plain(&subject.name), plain(&some.join(", ")), not_applicable + not_claimed);
            rows.push(format!(
                "| {name} | {place} | {holds} | {violated} | {unchecked} | {waived} | {not_run} | {others} |"
            ));
        }
    }
    let rest = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let mut lines = vec![
        String::new(),
        "| subject | overlay | holds | violated | unchecked | violated and waived | not run | does not apply |"
            .to_owned(),
        "|---|---|--:|--:|--:|--:|--:|--:|".to_owned(),
    ];
    lines.extend(rows);
    if rest > 0 {
        lines.push(format!("| and {rest} more | see report.html | | | | | | |"));
    }
    lines
}

/// What does not hold, in so many lines.
fn told(report: &Report, room: usize) -> Vec<String> {
    let mut blocks = blocks(report);
    blocks.sort_by_key(Block::urgency);
    if blocks.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "## What does not hold".to_owned(), String::new()];
    // One line is kept for how many more there are.
    let shown = (room.saturating_sub(lines.len() + 1) / BLOCK).max(1);
    for block in blocks.iter().take(shown) {
        let heading = plain(&block.heading());
        let ids = if block.ids.len() > 1 { format!(": {}", block.ids.join(" ")) } else { String::new() };
        lines.push(format!("- **{heading}**: {}{ids}", block.verdict()));
        lines.push(format!("  - {}", plain(&block.reason())));
        lines.extend(block.mend().map(|mend| format!("  - mend: {}", plain(&mend))));
    }
    let rest = blocks.len().saturating_sub(shown);
    if rest > 0 {
        lines.push(format!("- and {rest} more, see report.html"));
    }
    lines
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
