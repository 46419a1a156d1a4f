//! The numbers of a rotation: each beside its drawing, and all of them in one table, with and without a fault.

use jiff::Timestamp;

use crate::experiment::{CHANGED, FAULT, FAULT_OVER, FOLLOWED, FRESH_GAP, NEW_ACCEPTED, OLD_REFUSED, STEADY_GAP};
use crate::history::{FRESH, History, STEADY};
use crate::record::Record;

const NEVER: &str = "not while it was watched";

/// The columns of the table.
pub(super) const COLUMNS: [&str; 9] = [
    "rotation",
    "lost",
    "risen",
    "new accepted after",
    "old refused after",
    "all followed after",
    "longest gap, steady",
    "longest gap, fresh",
    "the fault lasted",
];

/// A line of the table; nothing for a record without a writer.
pub(super) fn row(record: &Record) -> Option<[String; COLUMNS.len()]> {
    let history = record.history.as_ref()?;
    let since_change = |name| between(history, CHANGED, name).unwrap_or_else(|| NEVER.into());
    let gap = |lane, limit| {
        let gap = history.lane(lane).longest_gap.map_or_else(|| "none known".to_owned(), |gap| seconds(gap.seconds));
        record.limit(limit).map_or_else(|| gap.clone(), |limit| format!("{gap} of {}", seconds(limit)))
    };
    Some([
        format!("{}, {}: {}", record.subject, record.overlay, record.experiment),
        history.lost.len().to_string(),
        history.risen.len().to_string(),
        since_change(NEW_ACCEPTED),
        since_change(OLD_REFUSED),
        since_change(FOLLOWED),
        gap(STEADY, STEADY_GAP),
        gap(FRESH, FRESH_GAP),
        between(history, FAULT, FAULT_OVER).unwrap_or_else(|| "no fault".into()),
    ])
}

/// What a reader wants as numbers beside the drawing.
pub(super) fn figures(history: &History) -> Vec<(String, String)> {
    let since_change = |name| between(history, CHANGED, name).unwrap_or_else(|| NEVER.into());
    let mut figures = vec![
        ("acknowledged writes that are lost".to_owned(), history.lost.len().to_string()),
        ("failed writes that are there all the same".to_owned(), history.risen.len().to_string()),
        ("new credential accepted after".to_owned(), since_change(NEW_ACCEPTED)),
        ("old credential refused after".to_owned(), since_change(OLD_REFUSED)),
        ("every consumer on the new credential after".to_owned(), since_change(FOLLOWED)),
    ];
    for (name, lane) in &history.lanes {
        let gap = lane.longest_gap.map_or_else(|| "none known".to_owned(), |gap| seconds(gap.seconds));
        figures.push((format!("longest write gap, lane {name}"), gap));
        let failed: Vec<String> = lane.failed.iter().map(|(state, count)| format!("{count} x {state}")).collect();
        let failed = if failed.is_empty() { "no failure".to_owned() } else { failed.join(", ") };
        let ended = format!("{} acknowledged, {failed}, {} unknown", lane.acknowledged, lane.unknown);
        figures.push((format!("operations, lane {name}"), ended));
    }
    figures
}

fn between(history: &History, from: &str, to: &str) -> Option<String> {
    let (from, to): (Timestamp, Timestamp) = (history.mark(from)?, history.mark(to)?);
    Some(seconds(to.duration_since(from).as_secs_f64()))
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.2} s")
}
