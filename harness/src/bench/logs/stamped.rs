//! Logs as they are told with timestamps: each line begins with the time at which the node got it, and a space.

use jiff::Timestamp;

/// The time of a line; nothing for one that the kubelet did not stamp, such as its own complaints.
pub(super) fn stamp_of(line: &str) -> Option<Timestamp> {
    line.split(' ').next()?.parse().ok()
}

/// The time of the first line that has one.
pub(super) fn first_stamp(log: &str) -> Option<Timestamp> {
    log.lines().find_map(stamp_of)
}

/// The lines as they were written.
pub(super) fn unstamped(log: &str) -> String {
    let lines = log.split_inclusive('\n');
    lines
        .map(|line| if stamp_of(line).is_some() { line.split_once(' ').map_or("", |(_, rest)| rest) } else { line })
        .collect()
}

/// The whole lines of a log, in the order of their times, that are not earlier than one time and earlier than another.
pub(in crate::bench) fn between(log: &[u8], since: Option<Timestamp>, before: Option<Timestamp>) -> &[u8] {
    let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let log = &log[..whole];
    let begin = since.map_or(0, |since| beginning_from(log, since));
    let end = before.map_or(log.len(), |before| beginning_from(log, before));
    &log[begin..end.max(begin)]
}

/// Where the first line begins that is not earlier. Halves what is left, since it is asked often, and of long logs.
fn beginning_from(log: &[u8], time: Timestamp) -> usize {
    let (mut low, mut high) = (0, log.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let begin = log[low..middle].iter().rposition(|byte| *byte == b'\n').map_or(low, |at| low + at + 1);
        let mut end = begin;
        // One without a time goes with the next one that has a time.
        let stamp = log[begin..high].split_inclusive(|byte| *byte == b'\n').find_map(|line| {
            end += line.len();
            stamp_of(&String::from_utf8_lossy(line))
        });
        match stamp {
            Some(stamp) if stamp < time => low = end,
            _ => high = begin,
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;

    use super::{between, first_stamp, unstamped};

    const LOG: &str = "2026-01-02T03:04:05.1Z one\n\
                       2026-01-02T03:04:05.25Z two, which is longer than the others\n\
                       failed to watch the file\n\
                       2026-01-02T03:04:06Z three\n\
                       2026-01-02T03:04:06Z \n\
                       2026-01-02T03:04:07.000000001Z four\n";

    fn at(seconds: &str) -> Option<Timestamp> {
        Some(format!("2026-01-02T03:04:{seconds}Z").parse().unwrap())
    }

    #[rstest]
    #[case::all(None, None, LOG)]
    #[case::before_all(None, at("05.1"), "")]
    #[case::after_all(at("08"), None, "")]
    #[case::from_a_line_on(at("07.000000001"), None, "2026-01-02T03:04:07.000000001Z four\n")]
    #[case::until_a_line(None, at("05.25"), "2026-01-02T03:04:05.1Z one\n")]
    #[case::with_one_that_has_no_time(
        at("05.3"),
        at("06.5"),
        "failed to watch the file\n2026-01-02T03:04:06Z three\n2026-01-02T03:04:06Z \n"
    )]
    #[case::nothing_in_between(at("05.2"), at("05.25"), "")]
    #[case::the_other_way_round(at("07"), at("05"), "")]
    fn lines_between_two_times(
        #[case] since: Option<Timestamp>,
        #[case] before: Option<Timestamp>,
        #[case] expected: &str,
    ) {
        assert_eq!(std::str::from_utf8(between(LOG.as_bytes(), since, before)).unwrap(), expected);
    }

    #[test]
    fn a_line_that_is_being_told_is_left_for_the_next_time() {
        let open = format!("{LOG}2026-01-02T03:04:08Z fi");
        assert_eq!(between(open.as_bytes(), None, None), LOG.as_bytes());
        assert_eq!(between(b"2026-01-02T03:04:08Z fi", None, None), b"");
    }

    #[test]
    fn every_line_is_found_wherever_it_is() {
        let line = |second: usize| format!("2026-01-02T03:04:{second:02}Z {}\n", "x".repeat(second * 7 % 40));
        let log: String = (0..60).map(line).collect();
        for second in 0..60 {
            let found = between(log.as_bytes(), at(&format!("{second:02}")), at(&format!("{second:02}.5")));
            assert_eq!(std::str::from_utf8(found).unwrap(), line(second));
        }
    }

    #[test]
    fn the_first_time_is_that_of_the_first_line_that_has_one() {
        assert_eq!(first_stamp(LOG), at("05.1"));
        assert_eq!(first_stamp("failed to watch the file\n2026-01-02T03:04:06Z three\n"), at("06"));
        assert_eq!(first_stamp(""), None);
    }

    #[test]
    fn lines_are_as_they_were_written() {
        let expected = "one\ntwo, which is longer than the others\nfailed to watch the file\nthree\n\nfour\n";
        assert_eq!(unstamped(LOG), expected);
        assert_eq!(unstamped("2026-01-02T03:04:06Z {\"connected\": true}"), "{\"connected\": true}");
    }
}
