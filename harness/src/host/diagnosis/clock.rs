//! Whether the Docker daemon, and so every node, has the same time as this process.

use jiff::{SignedDuration, Timestamp};

use super::super::command::output;
use super::{Diagnosis, State};
use crate::docker::Docker;
use crate::error::Chain;

const SUBJECT: &str = "clocks";

/// A run asks what happened before and after a change, by the times that pods and the database tell.
const TOLERATED: SignedDuration = SignedDuration::from_secs(1);

/// Compares the daemon's clock with this machine's.
pub fn clocks(docker: &Docker) -> Diagnosis {
    let before = Timestamp::now();
    let answer = output(docker.command().args(["info", "--format", "{{.SystemTime}}"]));
    let after = Timestamp::now();
    match answer.map(|time| time.trim().parse::<Timestamp>()) {
        Ok(Ok(daemon)) => compared(before, daemon, after),
        Ok(Err(_unreadable)) => {
            Diagnosis::with(State::Notable, SUBJECT, "the Docker daemon tells no time", "compare both with `date -u`")
        }
        Err(error) => Diagnosis::with(State::Notable, SUBJECT, Chain(&error).to_string(), "look with `docker info`"),
    }
}

/// The daemon answered at some time between `before` and `after`.
fn compared(before: Timestamp, daemon: Timestamp, after: Timestamp) -> Diagnosis {
    let behind = before.duration_since(daemon);
    let ahead = daemon.duration_since(after);
    let (apart, side) = if behind > ahead { (behind, "behind") } else { (ahead, "ahead of") };
    if apart <= TOLERATED {
        return Diagnosis::fine(SUBJECT, "the Docker daemon's agrees with this machine's");
    }
    Diagnosis::with(
        State::Trouble,
        SUBJECT,
        format!("the Docker daemon's is {:.1} s {side} this machine's", apart.as_secs_f64()),
        "let NTP set both: a run would take what came before a change for what came after it",
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::compared;
    use crate::host::diagnosis::State;

    #[rstest]
    #[case::between("12:00:00.5", State::Fine, "agrees")]
    #[case::a_little_ahead("12:00:01.9", State::Fine, "agrees")]
    #[case::ahead("12:00:03.5", State::Trouble, "2.5 s ahead of")]
    #[case::behind("11:59:50", State::Trouble, "10.0 s behind")]
    fn a_clock_that_is_off_by_more_than_the_answer_took_is_trouble(
        #[case] daemon: &str,
        #[case] state: State,
        #[case] told: &str,
    ) {
        let at = |time: &str| format!("2026-08-01T{time}Z").parse().unwrap();
        let seen = compared(at("12:00:00"), at(daemon), at("12:00:01"));
        assert_eq!(seen.state, state, "{seen:?}");
        assert!(seen.observed.contains(told), "{seen:?}");
    }
}
