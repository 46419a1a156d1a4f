//! The speed page on a terminal: the machine at the top, then each figure beside its floor.

use std::fmt::Write;

use crate::benchmark::{
    Budget, BuiltArtefact, Cause, CriticalPath, Figure, Load, Machine, Outcome, Page, Row, Statistic, Unit,
};

const GIB: f64 = (1_u64 << 30) as f64;

/// The speed page for a terminal.
pub fn speed(page: &Page) -> String {
    let mut text = String::new();
    machine(&page.machine, page.load_at_end, &mut text);
    rows(&page.rows, &mut text);
    for path in &page.critical_paths {
        critical_path(path, &mut text);
    }
    if !page.artefacts.is_empty() {
        artefacts(&page.artefacts, &mut text);
    }
    text
}

fn machine(machine: &Machine, load_at_end: Option<Load>, text: &mut String) {
    let unknown = || "unknown".to_owned();
    let gib = |bytes: Option<u64>| bytes.map_or_else(unknown, |bytes| format!("{:.1} GiB", bytes as f64 / GIB));
    let load = |load: Option<Load>| load.map_or_else(unknown, |load| format!("{:.2}", load.one_minute));
    let assertions = if machine.debug_assertions { "with" } else { "without" };
    let _ = writeln!(
        text,
        "machine  {} cores ({}), {} memory, {} available, Linux {}",
        machine.cores,
        machine.processor.as_deref().unwrap_or("unknown"),
        gib(machine.memory),
        gib(machine.memory_available),
        machine.kernel.as_deref().unwrap_or("unknown"),
    );
    let _ = writeln!(
        text,
        "load     {} at the beginning, {} at the end, on average over one minute",
        load(machine.load),
        load(load_at_end)
    );
    let _ = writeln!(
        text,
        "program  holdfast {}, optimisation level {}, {assertions} debug assertions; {}",
        machine.version,
        machine.optimisation,
        if machine.helms.is_empty() { "no Helm".to_owned() } else { machine.helms.join(", ") },
    );
    let _ = writeln!(text, "time     {:.0}\n", machine.at);
}

fn rows(rows: &[Row], text: &mut String) {
    let heading = ["what", "measured", "floor", "ratio", "budget"].map(str::to_owned);
    let cells: Vec<[String; 5]> = std::iter::once(heading).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    for (index, line) in cells.iter().enumerate() {
        let mut printed = String::new();
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(printed, "{cell:width$}  ");
        }
        printed.push_str(&line[4]);
        let _ = writeln!(text, "{}", printed.trim_end());
        let Some(row) = index.checked_sub(1).and_then(|index| rows.get(index)) else { continue };
        for remark in remarks(row) {
            let _ = writeln!(text, "    {remark}");
        }
    }
    let _ = writeln!(
        text,
        "\nA figure is the median of its measurements, or the 95th percentile where it says p95, with the least and the \
         greatest.\nA ratio says how many times the floor it takes. A budget fails nothing."
    );
}

fn cells(row: &Row) -> [String; 5] {
    let allowed = row.budget.map(budget).unwrap_or_default();
    match &row.outcome {
        Outcome::Measured { figure: measured, floor, ratio, within } => {
            let kept = match within {
                Some(true) => ": kept",
                Some(false) => ": EXCEEDED",
                None => "",
            };
            [
                row.what.clone(),
                figure(measured),
                floor.as_ref().map(|floor| figure(&floor.figure)).unwrap_or_default(),
                ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
                format!("{allowed}{kept}"),
            ]
        }
        Outcome::Absent { .. } => [row.what.clone(), "not measured".into(), String::new(), String::new(), allowed],
        Outcome::Failed { .. } => [row.what.clone(), "FAILED".into(), String::new(), String::new(), allowed],
    }
}

fn remarks(row: &Row) -> Vec<String> {
    let mut remarks = Vec::new();
    match &row.outcome {
        Outcome::Measured { figure, floor, .. } => {
            if let Some(floor) = floor {
                let over = (figure.unit == Unit::Seconds)
                    .then(|| format!(" ({} over it)", signed(figure.value - floor.figure.value)));
                remarks.push(format!("floor: {}{}", floor.what, over.unwrap_or_default()));
            }
        }
        Outcome::Absent { why } => remarks.push(why.clone()),
        Outcome::Failed { why } => remarks.push(format!("it could not be measured: {why}")),
    }
    remarks.extend(row.notes.iter().cloned());
    remarks
}

fn figure(figure: &Figure) -> String {
    let number = |value: f64| match figure.unit {
        Unit::Seconds => time(value),
        Unit::MegabytesPerSecond => format!("{value:.0} MB/s"),
    };
    let value = number(figure.value);
    if figure.samples < 2 {
        return value;
    }
    let statistic = if figure.statistic == Statistic::Percentile95 { "p95 " } else { "" };
    format!("{statistic}{value} ({}..{}, n={})", number(figure.least), number(figure.most), figure.samples)
}

fn budget(budget: Budget) -> String {
    match budget {
        Budget::OverFloor { seconds } => format!("floor + {}", time(seconds)),
        Budget::TimesFloor { times } => format!("{times} x floor"),
        Budget::AtMost { seconds } => time(seconds),
    }
}

fn signed(seconds: f64) -> String {
    format!("{}{}", if seconds < 0.0 { "-" } else { "+" }, time(seconds.abs()))
}

/// Three digits, in the unit in which people say it.
fn time(seconds: f64) -> String {
    match seconds {
        seconds if seconds >= 120.0 => {
            let whole = seconds.round();
            format!("{:.0} min {:02.0} s", (whole / 60.0).floor(), whole % 60.0)
        }
        seconds if seconds >= 9.995 => format!("{seconds:.1} s"),
        seconds if seconds >= 0.9995 => format!("{seconds:.2} s"),
        seconds if seconds >= 0.00995 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds >= 0.000_995 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{:.0} us", seconds * 1e6),
    }
}

fn critical_path(path: &CriticalPath, text: &mut String) {
    let CriticalPath { subject, overlay, bench, seconds, .. } = path;
    let _ = writeln!(text, "\ncritical path of {subject} {overlay}: bench {bench}, {}", time(*seconds));
    let width = path.steps.iter().map(|step| step.experiment.len()).max().unwrap_or(0);
    for step in &path.steps {
        let (at, took, experiment) = (step.at, step.seconds, &step.experiment);
        let cause = cause(step.cause);
        let _ = writeln!(text, "  {at:7.1} s  +{took:6.1} s  {cause:13}  {experiment:width$}  {}", step.name);
    }
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Database => "CloudNativePG",
        Cause::Rollout => "rollout",
        Cause::Refresh => "refresh",
        Cause::Ours => "ours",
        Cause::Unrecorded => "not recorded",
    }
}

fn artefacts(artefacts: &[BuiltArtefact], text: &mut String) {
    let _ = writeln!(text, "\nbuilt on this machine, * on the longest chain");
    let width = artefacts.iter().map(|artefact| artefact.name.len()).max().unwrap_or(0);
    for artefact in artefacts {
        let mark = if artefact.decisive { '*' } else { ' ' };
        let (name, finished) = (&artefact.name, artefact.finished);
        let _ = writeln!(text, "  {mark} {name:width$}  {:>12}  finished {finished:.0}", time(artefact.seconds));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;

    use super::{speed, time};
    use crate::benchmark::{
        API_VERSION, Budget, BuiltArtefact, Figure, Floor, Load, Machine, Page, Row, Samples, TimedRecord,
        critical_paths,
    };

    const RECORDS: [&str; 2] = [
        r#"{"experiment": "install", "subject": "agents", "overlay": "production", "namespace": "hf-1-declared",
            "steps": [
                {"name": "apply the companions and wait for the database", "began": "2026-03-01T12:00:00Z", "seconds": 21.5}]}"#,
        r#"{"experiment": "rotate-ca", "subject": "agents", "overlay": "production", "namespace": "hf-1-plaintext",
            "steps": [
                {"name": "delete the operator's CA", "began": "2026-03-01T12:00:30Z", "seconds": 0.04},
                {"name": "wait for every consumer to follow", "began": "2026-03-01T12:00:30.04Z", "seconds": 71.25}]}"#,
    ];

    fn samples(values: &[f64]) -> Samples {
        Samples::of(values.iter().copied()).unwrap()
    }

    fn page() -> Page {
        let midday: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let load = |one_minute| Some(Load { one_minute, five_minutes: 1.5, fifteen_minutes: 1.0 });
        let machine = Machine {
            at: midday,
            version: "0.1.0",
            optimisation: "0",
            debug_assertions: true,
            cores: 2,
            processor: Some("Example CPU @ 2.80GHz".into()),
            memory: Some(24 << 30),
            memory_available: Some(20 << 30),
            kernel: Some("6.1.0".into()),
            load: load(0.5),
            helms: vec!["Helm 4".into(), "Helm 3".into()],
        };
        let seconds = |values: &[f64]| Figure::median(&samples(values));
        let floor = |what: &str, values: &[f64]| Some(Floor::new(what, seconds(values)));
        let chart = Row::measured(
            "rendered lane, chart agents",
            seconds(&[0.412, 0.405, 0.433]),
            floor("its 31 Helm calls alone, 2 at once", &[0.391, 0.38, 0.41]),
            Some(Budget::OverFloor { seconds: 0.03 }),
        );
        let subjects = Row::measured(
            "rendered lane, 4 subjects under 6 overlays",
            seconds(&[14.2, 14.9, 13.8]),
            floor("its 320 Helm calls alone, 2 at once", &[10.1, 10.3, 9.9]),
            Some(Budget::TimesFloor { times: 1.3 }),
        );
        let wait = Row::measured(
            "reaction of a wait",
            Figure::percentile_95(&samples(&[0.0481, 0.0012, 0.0307])),
            floor("a timer of the runtime", &[0.0011, 0.00004]),
            Some(Budget::AtMost { seconds: 0.1 }),
        );
        let masking = Row::measured(
            "masking",
            Figure::speed(10_000_000, &samples(&[0.05, 0.04])),
            Some(Floor::new("the same bytes, written as they are", Figure::speed(10_000_000, &samples(&[0.005])))),
            None,
        );
        let artefact = |name: &str, seconds, decisive| BuiltArtefact {
            name: name.into(),
            seconds,
            finished: midday,
            inputs: Vec::new(),
            decisive,
        };
        let records: Vec<TimedRecord> =
            RECORDS.into_iter().map(|record| serde_json::from_str(record).unwrap()).collect();
        Page {
            api_version: API_VERSION,
            machine,
            load_at_end: load(1.75),
            rows: vec![
                chart,
                subjects.noting("the budget is that of 13 services"),
                wait,
                masking,
                Row::absent("`up`", "no cluster: holdfast up", None),
                Row::absent("from nothing", "not measured on this machine", Some(Budget::AtMost { seconds: 1800.0 })),
                Row::failed("scanning", "read /tmp/a: no such file"),
            ],
            critical_paths: critical_paths(&records),
            artefacts: vec![artefact("kubernetes", 1006.3, true), artefact("helm4", 61.25, false)],
        }
    }

    #[test]
    fn the_page_on_a_terminal() {
        insta::assert_snapshot!(speed(&page()));
    }

    #[test]
    fn the_page_for_machines() {
        insta::assert_json_snapshot!(page());
    }

    #[rstest]
    #[case::of_nothing(0.0, "0 us")]
    #[case::microseconds(0.000_042, "42 us")]
    #[case::a_millisecond(0.001_25, "1.2 ms")]
    #[case::milliseconds(0.048_1, "48 ms")]
    #[case::almost_a_second(0.999_9, "1.00 s")]
    #[case::seconds(1.234, "1.23 s")]
    #[case::tens_of_seconds(71.25, "71.2 s")]
    #[case::minutes(143.6, "2 min 24 s")]
    #[case::whole_minutes(1800.0, "30 min 00 s")]
    #[case::never_sixty_seconds(179.7, "3 min 00 s")]
    fn a_time(#[case] seconds: f64, #[case] expected: &str) {
        assert_eq!(time(seconds), expected);
    }
}
