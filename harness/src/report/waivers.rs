//! What waivers do to verdicts, and what is said of them.
//!
//! A waiver turns `violated` into `waived` and nothing else: what could not be told stays what it is. Whether a waiver
//! still counts is decided by the day on which the run began, so that a report says the same whenever it is made.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::model::{LaneResult, Report, Waiver, WaiverState};
use super::narrative;
use crate::exit;
use crate::run::Scope;
use crate::verdict::Verdict;
use crate::waiver;

/// Applies waivers to results, and says what became of each.
pub(super) fn apply(waivers: &[waiver::Waiver], day: Date, results: &mut [LaneResult]) -> Vec<Waiver> {
    let mut used = vec![false; waivers.len()];
    for result in results.iter_mut().filter(|result| result.verdict == Verdict::Violated) {
        let covering = || waivers.iter().enumerate().filter(|(_, waiver)| waiver.covers(&result.key));
        let counting: Vec<usize> =
            covering().filter(|(_, waiver)| waiver.counts_on(day)).map(|(index, _)| index).collect();
        if let Some(first) = counting.first() {
            let waiver::Waiver { owner, expires, reason, .. } = &waivers[*first];
            result.verdict = Verdict::Waived;
            result.reason = Some(format!("waived by {owner} until {expires}: {reason}"));
            counting.into_iter().for_each(|index| used[index] = true);
        } else if let Some((_, waiver::Waiver { owner, expires, .. })) = covering().max_by_key(|(_, one)| one.expires) {
            result.reason = Some(format!("the waiver by {owner} expired on {expires} and does not count"));
        }
    }
    let with_state = |(waiver, used): (&waiver::Waiver, bool)| Waiver {
        id: waiver.id.clone(),
        subject: waiver.subject.clone(),
        overlay: waiver.overlay.clone(),
        lane: waiver.lane,
        reason: waiver.reason.clone(),
        owner: waiver.owner.clone(),
        expires: waiver.expires,
        state: match used {
            true => WaiverState::Used,
            false if waiver.counts_on(day) => WaiverState::Unused,
            false => WaiverState::Expired,
        },
    };
    waivers.iter().zip(used).map(with_state).collect()
}

/// What a reader must know of the waivers: first those that keep the exit code from being 1.
pub(super) fn told(report: &Report) -> Vec<String> {
    let in_state = |state: WaiverState| report.waivers.iter().filter(move |waiver| waiver.state == state);
    let mut lines = Vec::new();
    let waived: BTreeSet<(&str, &str)> = report
        .results
        .iter()
        .filter(|result| result.verdict == Verdict::Waived)
        .map(|result| (result.key.subject.as_str(), result.key.id.as_str()))
        .collect();
    if !waived.is_empty() {
        const SHOWN: usize = 3;
        let mut by: Vec<String> = in_state(WaiverState::Used)
            .map(|waiver| format!("{} by {} until {}", place(waiver), waiver.owner, waiver.expires))
            .collect();
        let rest = by.len().saturating_sub(SHOWN);
        by.truncate(SHOWN);
        by.extend((rest > 0).then(|| format!("and {rest} more")));
        let noun = if waived.len() == 1 { "violation is" } else { "violations are" };
        let green = report.exit_code == exit::HOLDS && narrative::is_waived(report);
        let so = if green { "not conformant, because " } else { "" };
        lines.push(format!("{so}{} {noun} waived: {}", waived.len(), by.join("; ")));
    }
    lines.extend(in_state(WaiverState::Expired).map(|waiver| {
        let (place, owner, expires) = (place(waiver), &waiver.owner, waiver.expires);
        format!("the waiver of {place} by {owner} expired on {expires} and does not count")
    }));
    let known = |waiver: &&Waiver| report.subjects.iter().any(|subject| subject.name == waiver.subject);
    for waiver in in_state(WaiverState::Unused).filter(known) {
        let about = |result: &&LaneResult| {
            let key = &result.key;
            waiver.id == key.id
                && waiver.subject == key.subject
                && waiver.overlay.as_ref().is_none_or(|overlay| *overlay == key.overlay)
                && waiver.lane.is_none_or(|lane| lane == key.lane)
        };
        let of_it = || report.results.iter().filter(about);
        let any = |wanted: Verdict| of_it().any(|result| result.verdict == wanted);
        let so = if any(Verdict::Unchecked) {
            "changed nothing: what it covers could not be told, which no waiver covers"
        } else if of_it().all(|result| result.verdict == Verdict::NotRun) {
            "changed nothing: nothing that it covers was judged"
        } else if report.scope == Scope::Partial && any(Verdict::NotRun) {
            // In a full scope, what was not run under one overlay was judged under another.
            "was not needed: what was judged of it is not violated"
        } else {
            "is not needed: nothing that it covers is violated; take it away"
        };
        lines.push(format!("the waiver of {} by {} {so}", place(waiver), waiver.owner));
    }
    let strangers: Vec<&Waiver> = in_state(WaiverState::Unused).filter(|waiver| !known(waiver)).collect();
    if !strangers.is_empty() {
        let names: BTreeSet<&str> = strangers.iter().map(|waiver| waiver.subject.as_str()).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let noun = if strangers.len() == 1 { "waiver is" } else { "waivers are" };
        lines.push(format!("{} {noun} for subjects that are not in this run: {names}", strangers.len()));
    }
    lines
}

fn place(waiver: &Waiver) -> String {
    let narrowed = [waiver.overlay.clone(), waiver.lane.map(|lane| lane.to_string())];
    let narrowed: Vec<String> = narrowed.into_iter().flatten().collect();
    let narrowed = if narrowed.is_empty() { String::new() } else { format!(" [{}]", narrowed.join(", ")) };
    format!("{} of {}{narrowed}", waiver.id, waiver.subject)
}
