//! A rotation drawn over time: what the writer's lanes acknowledged, what failed, what is unknown, and what was done.
//!
//! Coordinates are those of the drawing, 1 unit for 1 pixel at its natural size.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::figures::figures;
use crate::history::{FRESH, History, LaneHistory, STEADY, TICK_MS, Tick};
use crate::record::Record;

/// The width of what is drawn, beside the names on the left.
const WIDTH: f64 = 860.0;
/// The longest names of pods fit in.
const LEFT: f64 = 290.0;
const LANE: f64 = 70.0;
const BETWEEN: f64 = 26.0;
const POD: f64 = 16.0;
const TOP: f64 = 34.0;

/// One experiment with a history.
pub(super) struct Rotation {
    /// What was done to what.
    pub(super) title: String,
    /// What a reader wants as numbers.
    pub(super) figures: Vec<(String, String)>,
    /// The drawing.
    pub(super) width: Px,
    pub(super) height: Px,
    pub(super) left: Px,
    pub(super) right: Px,
    /// Where the lines of the grid and of the marks end.
    pub(super) bottom: Px,
    /// Where the seconds are written.
    pub(super) legend: Px,
    pub(super) lanes: Vec<DrawnLane>,
    pub(super) pods: Vec<DrawnPod>,
    pub(super) marks: Vec<DrawnMark>,
    pub(super) seconds: Vec<(Px, String)>,
}

pub(super) struct DrawnLane {
    pub(super) name: String,
    pub(super) label: Px,
    pub(super) base: Px,
    pub(super) bars: Vec<Bar>,
}

/// Operations of one outcome that ended in one half second.
pub(super) struct Bar {
    pub(super) x: Px,
    pub(super) y: Px,
    pub(super) width: Px,
    pub(super) height: Px,
    pub(super) class: &'static str,
    pub(super) told: String,
}

pub(super) struct DrawnPod {
    pub(super) name: String,
    pub(super) label: Px,
    pub(super) y: Px,
    /// From, to, and whether it was ready then.
    pub(super) spans: Vec<(Px, Px, bool)>,
}

pub(super) struct DrawnMark {
    pub(super) number: usize,
    pub(super) x: Px,
    pub(super) y: Px,
    pub(super) name: String,
    pub(super) second: String,
}

/// A place in the drawing, which no eye tells more exactly than to a tenth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Px(f64);

impl fmt::Display for Px {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.1}", self.0)
    }
}

/// From a time to a place in the drawing.
struct Scale {
    begin: Timestamp,
    span: f64,
}

impl Scale {
    fn seconds(&self, at: Timestamp) -> f64 {
        at.duration_since(self.begin).as_secs_f64()
    }

    fn x(&self, at: Timestamp) -> f64 {
        LEFT + (self.seconds(at) / self.span).clamp(0.0, 1.0) * WIDTH
    }
}

impl Rotation {
    /// The drawing of a record; nothing if no writer was there, or it wrote nothing.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let history = record.history.as_ref()?;
        let ticks = || history.lanes.values().flat_map(|lane| &lane.ticks);
        let begin = ticks().map(|tick| tick.at).min()?;
        let end = ticks().map(|tick| tick.at).max()?;
        let scale = Scale { begin, span: (end.duration_since(begin).as_secs_f64() + TICK_SECONDS).max(1.0) };
        let lanes = drawn_lanes(history, &scale);
        let below = TOP + (LANE + BETWEEN) * to_f64(lanes.len());
        let pods = drawn_pods(record, &scale, below);
        let height = below + POD * to_f64(pods.len()) + 24.0;
        Some(Self {
            title: format!("{}, {}: {}", record.subject, record.overlay, record.experiment),
            figures: figures(history),
            width: Px(LEFT + WIDTH + 10.0),
            height: Px(height),
            left: Px(LEFT),
            right: Px(LEFT + WIDTH),
            bottom: Px(height - 16.0),
            legend: Px(height - 4.0),
            lanes,
            pods,
            marks: drawn_marks(history, &scale),
            seconds: grid(&scale),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "half a second")]
const TICK_SECONDS: f64 = TICK_MS as f64 / 1000.0;

#[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
fn to_f64(count: usize) -> f64 {
    count as f64
}

fn drawn_lanes(history: &History, scale: &Scale) -> Vec<DrawnLane> {
    let names = [STEADY, FRESH].into_iter().filter(|name| history.lanes.contains_key(*name));
    let most = |lane: &LaneHistory| lane.ticks.iter().map(total).max().unwrap_or(0).max(1);
    let drawn = names.enumerate().map(|(row, name)| {
        let lane = history.lane(name);
        let base = TOP + (LANE + BETWEEN) * to_f64(row) + LANE;
        let unit = LANE / f64::from(most(lane));
        DrawnLane { name: name.to_owned(), label: Px(base - 4.0), base: Px(base), bars: bars(lane, scale, base, unit) }
    });
    drawn.collect()
}

fn total(tick: &Tick) -> u32 {
    tick.acknowledged + tick.unknown + tick.failed.values().sum::<u32>()
}

fn bars(lane: &LaneHistory, scale: &Scale, base: f64, unit: f64) -> Vec<Bar> {
    let width = TICK_SECONDS / scale.span * WIDTH;
    let mut bars = Vec::new();
    for tick in &lane.ticks {
        let failed: u32 = tick.failed.values().sum();
        let states: Vec<String> = tick.failed.iter().map(|(sqlstate, count)| format!("{count} x {sqlstate}")).collect();
        let parts = [
            (tick.acknowledged, "acknowledged", format!("{} acknowledged", tick.acknowledged)),
            (failed, "failed", format!("failed: {}", states.join(", "))),
            (tick.unknown, "unknown", format!("{} unknown", tick.unknown)),
        ];
        let mut top = base;
        for (count, class, told) in parts.into_iter().filter(|(count, _, _)| *count > 0) {
            let height = f64::from(count) * unit;
            top -= height;
            let told = format!("second {:.1}: {told}", scale.seconds(tick.at));
            bars.push(Bar { x: Px(scale.x(tick.at)), y: Px(top), width: Px(width), height: Px(height), class, told });
        }
    }
    bars
}

fn drawn_pods(record: &Record, scale: &Scale, below: f64) -> Vec<DrawnPod> {
    let end = LEFT + WIDTH;
    let mut pods: BTreeMap<&str, Vec<(f64, bool, bool)>> = BTreeMap::new();
    for change in &record.changes {
        pods.entry(&change.pod).or_default().push((scale.x(change.at), change.ready, change.gone));
    }
    let drawn = pods.into_iter().enumerate().map(|(row, (name, changes))| {
        let until = |next: usize| changes.get(next).map_or(end, |change| change.0);
        let present = changes.iter().enumerate().filter(|(_, change)| !change.2);
        let spans = present.map(|(place, change)| (Px(change.0), Px(until(place + 1)), change.1)).collect();
        let y = below + POD * to_f64(row);
        DrawnPod { name: name.to_owned(), label: Px(y + 4.0), y: Px(y), spans }
    });
    drawn.collect()
}

fn drawn_marks(history: &History, scale: &Scale) -> Vec<DrawnMark> {
    let mark = |(place, mark): (usize, &crate::history::Mark)| DrawnMark {
        number: place + 1,
        x: Px(scale.x(mark.at)),
        // Marks of one second stand above each other.
        y: Px(10.0 + 9.0 * to_f64(place % 3)),
        name: mark.name.clone(),
        second: format!("{:.1}", scale.seconds(mark.at)),
    };
    history.marks.iter().enumerate().map(mark).collect()
}

/// A line each five seconds, or each minute where that would be too many.
fn grid(scale: &Scale) -> Vec<(Px, String)> {
    let step = if scale.span > 150.0 { 60.0 } else { 5.0 };
    let mut lines = Vec::new();
    let mut second = 0.0;
    while second <= scale.span {
        lines.push((Px(LEFT + second / scale.span * WIDTH), format!("{second:.0} s")));
        second += step;
    }
    lines
}
