//! From the lines of a writer and the rows of its table to a history.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::{Gap, History, LaneHistory, Mark, TICK_MS, Tick};

/// Why lines are no history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A line is not what a writer tells.
    #[error("read line {line} of the writer's history")]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A line follows one that does not precede it: something between them is missing.
    #[error("read the writer's history: after event {after} comes event {found}")]
    Missing {
        /// The last event that was read.
        after: u64,
        /// The next one in the text.
        found: u64,
    },
}

/// One line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    n: u64,
    event: Event,
    #[serde(default)]
    lane: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    sqlstate: String,
    #[serde(default)]
    encrypted: bool,
    monotonic_ns: u64,
    wall: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Invoke,
    Ok,
    Fail,
    Unknown,
    Mark,
}

/// The last acknowledgement of a lane, by both clocks.
type Acknowledged = (u64, Timestamp);

impl History {
    /// Reads what a writer told, and compares it with the ids of the rows that the database has of it.
    ///
    /// An operation that began and has no end in the text is unknown.
    ///
    /// # Errors
    /// A line is not what a writer tells, or an event is missing between two others.
    pub fn read(told: &str, stored: &BTreeSet<String>) -> Result<Self, HistoryError> {
        let mut reading = Reading::default();
        let mut last: Option<u64> = None;
        for (number, text) in told.lines().enumerate() {
            let line: Line =
                serde_json::from_str(text).map_err(|source| HistoryError::Line { line: number + 1, source })?;
            if let Some(after) = last.filter(|after| after + 1 != line.n) {
                return Err(HistoryError::Missing { after, found: line.n });
            }
            last = Some(line.n);
            reading.take(line, stored);
        }
        Ok(reading.close())
    }
}

#[derive(Debug, Default)]
struct Reading {
    history: History,
    open: BTreeMap<String, (String, Timestamp)>,
    last: BTreeMap<String, Acknowledged>,
}

impl Reading {
    fn take(&mut self, line: Line, stored: &BTreeSet<String>) {
        match line.event {
            Event::Mark => self.history.marks.push(Mark { at: line.wall, name: line.name }),
            Event::Invoke => {
                self.history.lanes.entry(line.lane.clone()).or_default();
                self.history.stored += u64::from(stored.contains(&line.id));
                self.open.insert(line.id, (line.lane, line.wall));
            }
            Event::Ok => {
                self.open.remove(&line.id);
                if !stored.contains(&line.id) {
                    self.history.lost.push(line.id);
                }
                let lane = self.history.lanes.entry(line.lane.clone()).or_default();
                lane.acknowledged += 1;
                lane.first.get_or_insert(line.wall);
                lane.last = Some(line.wall);
                lane.plaintext += u64::from(!line.encrypted);
                tick(lane, line.wall).acknowledged += 1;
                let before = self.last.insert(line.lane, (line.monotonic_ns, line.wall));
                if let Some((ns, from)) = before {
                    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a run of minutes")]
                    let seconds = line.monotonic_ns.saturating_sub(ns) as f64 / 1e9;
                    if lane.longest_gap.is_none_or(|gap| gap.seconds < seconds) {
                        lane.longest_gap = Some(Gap { from, seconds });
                    }
                }
            }
            Event::Fail => {
                self.open.remove(&line.id);
                if stored.contains(&line.id) {
                    self.history.risen.push(line.id);
                }
                let lane = self.history.lanes.entry(line.lane).or_default();
                *tick(lane, line.wall).failed.entry(line.sqlstate.clone()).or_default() += 1;
                *lane.failed.entry(line.sqlstate).or_default() += 1;
            }
            Event::Unknown => {
                self.open.remove(&line.id);
                unknown(self.history.lanes.entry(line.lane).or_default(), line.wall);
            }
        }
    }

    fn close(mut self) -> History {
        for (lane, began) in self.open.into_values() {
            unknown(self.history.lanes.entry(lane).or_default(), began);
        }
        for lane in self.history.lanes.values_mut() {
            lane.ticks.sort_by_key(|tick| tick.at);
        }
        self.history
    }
}

fn unknown(lane: &mut LaneHistory, at: Timestamp) {
    lane.unknown += 1;
    tick(lane, at).unknown += 1;
}

/// The half second of a moment. Almost always it is the last one.
fn tick(lane: &mut LaneHistory, moment: Timestamp) -> &mut Tick {
    let begins = moment.as_millisecond().div_euclid(TICK_MS) * TICK_MS;
    let at = Timestamp::from_millisecond(begins).unwrap_or(moment);
    let place = lane.ticks.iter().rposition(|tick| tick.at == at).unwrap_or_else(|| {
        lane.ticks.push(Tick { at, acknowledged: 0, failed: BTreeMap::new(), unknown: 0 });
        lane.ticks.len() - 1
    });
    &mut lane.ticks[place]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::HistoryError;
    use crate::history::{FRESH, History};

    /// Events of the fresh lane, one a second: `(event, id, sqlstate)`.
    fn told(events: &[(&str, &str, &str)]) -> String {
        let line = |(number, (event, id, sqlstate)): (usize, &(&str, &str, &str))| {
            let line = json!({
                "n": number, "event": event, "lane": FRESH, "id": id, "name": id, "sqlstate": sqlstate,
                "encrypted": true, "monotonicNs": number * 1_000_000_000,
                "wall": format!("2026-03-01T12:00:{number:02}Z"),
            });
            format!("{line}\n")
        };
        events.iter().enumerate().map(line).collect()
    }

    fn read(events: &[(&str, &str, &str)], stored: &[&str]) -> History {
        History::read(&told(events), &stored.iter().map(ToString::to_string).collect()).unwrap()
    }

    #[test]
    fn an_acknowledged_row_that_is_not_there_is_lost() {
        let history = read(&[("invoke", "a", ""), ("ok", "a", ""), ("invoke", "b", ""), ("ok", "b", "")], &["b"]);
        assert_eq!(history.lost, ["a"]);
        assert_eq!(history.lane(FRESH).acknowledged, 2);
    }

    #[test]
    fn rows_of_another_writer_do_not_count() {
        let history = read(&[("invoke", "a", ""), ("ok", "a", "")], &["a", "of-another"]);
        assert_eq!(history.stored, 1);
    }

    #[test]
    fn an_unknown_row_may_be_there_or_not() {
        let events = [("invoke", "a", ""), ("unknown", "a", "08006"), ("invoke", "b", "")];
        for stored in [&["a", "b"][..], &[]] {
            let history = read(&events, stored);
            assert_eq!((history.lost.len(), history.risen.len(), history.lane(FRESH).unknown), (0, 0, 2));
        }
    }

    #[test]
    fn a_row_that_failed_for_certain_must_not_be_there() {
        let history = read(&[("invoke", "a", ""), ("fail", "a", "28P01")], &["a"]);
        assert_eq!(history.risen, ["a"]);
        assert_eq!(history.lane(FRESH).failed["28P01"], 1);
    }

    #[test]
    fn the_longest_gap_is_between_two_acknowledgements() {
        let history = read(
            &[("ok", "a", ""), ("ok", "b", ""), ("mark", "change", ""), ("fail", "c", "28P01"), ("ok", "d", "")],
            &["a", "b", "d"],
        );
        let gap = history.lane(FRESH).longest_gap.unwrap();
        assert!((gap.seconds - 3.0).abs() < 1e-9, "{gap:?}");
        assert_eq!(history.mark("change"), Some("2026-03-01T12:00:02Z".parse().unwrap()));
        let (from, to) = ("2026-03-01T12:00:01Z".parse().unwrap(), "2026-03-01T12:00:05Z".parse().unwrap());
        assert_eq!(history.lane(FRESH).acknowledged_between(from, to), 2);
        assert_eq!(history.lane(FRESH).failed_between(from, to)["28P01"], 1);
    }

    #[test]
    fn a_history_with_a_hole_is_none() {
        let told = told(&[("ok", "a", ""), ("ok", "b", ""), ("ok", "c", "")]);
        let holed: String =
            told.lines().filter(|line| !line.contains("\"b\"")).map(|line| format!("{line}\n")).collect();
        let refused = History::read(&holed, &BTreeSet::new()).unwrap_err();
        assert!(matches!(refused, HistoryError::Missing { after: 0, found: 2 }), "{refused}");
    }
}
