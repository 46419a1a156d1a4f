//! What a start from nothing cost on this machine, as the store recorded it when it built: nothing is built for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::page::{Budget, Figure, Floor, Row};
use super::{MeasureError, Request};
use crate::images::{Images, RecipeError, Workshop};
use crate::tools::Tool;

const BUDGET: Budget = Budget::AtMost { seconds: 1800.0 };

const WHAT: &str = "from nothing: what a cluster is made from";

/// An artefact that was built on this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuiltArtefact {
    /// Its name.
    pub name: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// When it was finished.
    pub finished: Timestamp,
    /// What it was made from, as far as that was built here.
    pub inputs: Vec<String>,
    /// Whether it is part of the longest chain: nothing could have been faster than that.
    pub decisive: bool,
}

pub(super) fn rows(request: &Request<'_>) -> Result<(Vec<Row>, Vec<BuiltArtefact>), MeasureError> {
    let workshop = Workshop::open(request.cache.clone())?;
    let names = needed(|name| Ok(workshop.recipes().get(name)?.inputs.clone()))?;
    let built = names.iter().filter_map(|name| {
        let recipe = workshop.recipes().get(name).ok()?;
        let record = workshop.store().record(&workshop.artefact(name).ok()?)?;
        Some(BuiltArtefact {
            name: recipe.name.into(),
            seconds: record.seconds,
            finished: record.finished.parse().ok()?,
            inputs: recipe.inputs.clone(),
            decisive: false,
        })
    });
    let mut artefacts: Vec<BuiltArtefact> = built.collect();
    artefacts.sort_by_key(|artefact| artefact.finished);
    let row = match decide(&mut artefacts) {
        None => Row::absent(WHAT, "not measured on this machine: nothing was built here", Some(BUDGET)),
        Some(chain) => row(&artefacts, &chain, names.len()),
    };
    Ok((vec![row], artefacts))
}

/// What `up` needs, with everything that it is made from. What was built for other purposes cost other time.
fn needed(inputs: impl Fn(&str) -> Result<Vec<String>, RecipeError>) -> Result<BTreeSet<String>, RecipeError> {
    let tools = [Tool::Kind, Tool::Helm3, Tool::Helm4].map(Tool::artefact);
    let mut open: Vec<String> = Images::ARTEFACTS.into_iter().chain(tools).map(str::to_owned).collect();
    let mut needed = BTreeSet::new();
    while let Some(name) = open.pop() {
        open.extend(inputs(&name)?);
        needed.insert(name);
    }
    Ok(needed)
}

fn row(artefacts: &[BuiltArtefact], chain: &[String], recipes: usize) -> Row {
    let sum: f64 = artefacts.iter().map(|artefact| artefact.seconds).sum();
    let longest: f64 = artefacts.iter().filter(|artefact| artefact.decisive).map(|artefact| artefact.seconds).sum();
    let floor = Floor::new(format!("its longest chain, {}", chain.join(" > ")), Figure::once(longest));
    Row::measured(WHAT, Figure::once(busy(artefacts)), Some(floor), Some(BUDGET)).noting(format!(
        "recorded when {} of {recipes} artefacts were built, {:.0} min of work in sum; cargo's own builds and the run are not in it, but in the budget",
        artefacts.len(),
        sum / 60.0
    ))
}

/// Marks the chain of artefacts that took longest one after the other, and names it. `None` if there is none.
fn decide(artefacts: &mut [BuiltArtefact]) -> Option<Vec<String>> {
    let by_name: BTreeMap<&str, &BuiltArtefact> =
        artefacts.iter().map(|artefact| (artefact.name.as_str(), artefact)).collect();
    let mut known = BTreeMap::new();
    let chains = by_name.keys().map(|name| chain_to(name, &by_name, &mut known));
    let (_, chain) = chains.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    for artefact in artefacts {
        artefact.decisive = chain.contains(&artefact.name);
    }
    Some(chain)
}

type Chain = (f64, Vec<String>);

/// The longest chain that ends with an artefact.
fn chain_to<'a>(
    name: &'a str,
    artefacts: &BTreeMap<&'a str, &'a BuiltArtefact>,
    known: &mut BTreeMap<&'a str, Chain>,
) -> Chain {
    if let Some(chain) = known.get(name) {
        return chain.clone();
    }
    let Some(artefact) = artefacts.get(name) else { return (0.0, Vec::new()) };
    let before = artefact.inputs.iter().map(|input| chain_to(input, artefacts, known));
    let (seconds, mut chain) = before.max_by(|(one, _), (other, _)| one.total_cmp(other)).unwrap_or_default();
    chain.push(name.to_owned());
    known.insert(name, (seconds + artefact.seconds, chain));
    known.get(name).cloned().unwrap_or_default()
}

/// How long something was being built, in seconds: two at a time count once, and the time between two days not at all.
fn busy(artefacts: &[BuiltArtefact]) -> f64 {
    let Some(first) = artefacts.iter().map(|artefact| artefact.finished).min() else { return 0.0 };
    let mut spans: Vec<(f64, f64)> = artefacts
        .iter()
        .map(|artefact| {
            let end = artefact.finished.duration_since(first).as_secs_f64();
            (end - artefact.seconds, end)
        })
        .collect();
    spans.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let (mut sum, mut until) = (0.0, f64::NEG_INFINITY);
    for (begin, end) in spans {
        sum += (end - begin.max(until)).max(0.0);
        until = until.max(end);
    }
    sum
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use rstest::rstest;

    use super::{BuiltArtefact, busy, decide, needed, row};
    use crate::benchmark::page::Outcome;
    use crate::cache::Cache;
    use crate::images::Workshop;

    fn built(name: &str, finished: i64, seconds: f64, inputs: &[&str]) -> BuiltArtefact {
        let midday = "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap();
        BuiltArtefact {
            name: name.into(),
            seconds,
            finished: midday + SignedDuration::from_secs(finished),
            inputs: inputs.iter().map(|input| (*input).into()).collect(),
            decisive: false,
        }
    }

    #[rstest]
    #[case::one_after_the_other(&[(100, 100.0), (200, 100.0)], 200.0)]
    #[case::at_the_same_time(&[(100, 100.0), (100, 100.0)], 100.0)]
    #[case::overlapping(&[(100, 100.0), (150, 100.0)], 150.0)]
    #[case::one_within_another(&[(100, 100.0), (60, 20.0)], 100.0)]
    #[case::on_another_day(&[(100, 100.0), (86_500, 50.0)], 150.0)]
    fn the_clock_ran_while_something_was_built(#[case] spans: &[(i64, f64)], #[case] expected: f64) {
        let artefacts: Vec<_> = spans.iter().map(|(finished, seconds)| built("a", *finished, *seconds, &[])).collect();
        assert_eq!(busy(&artefacts), expected);
    }

    #[test]
    fn the_longest_chain_is_found_across_what_shares_an_input() {
        let mut artefacts = [
            built("kubernetes", 1000, 1000.0, &[]),
            built("root", 90, 90.0, &[]),
            built("control-plane", 1025, 25.0, &["kubernetes"]),
            built("node", 1080, 55.0, &["root", "control-plane", "pulled elsewhere"]),
            built("helm", 280, 280.0, &[]),
        ];
        assert_eq!(decide(&mut artefacts).unwrap(), ["kubernetes", "control-plane", "node"]);
        let decisive: Vec<&str> =
            artefacts.iter().filter(|artefact| artefact.decisive).map(|artefact| artefact.name.as_str()).collect();
        assert_eq!(decisive, ["kubernetes", "control-plane", "node"]);
    }

    #[test]
    fn what_a_cluster_needs_is_followed_to_its_inputs_and_no_further() {
        let workshop = Workshop::open(Cache::at("/nonexistent")).unwrap();
        let needed = needed(|name| Ok(workshop.recipes().get(name)?.inputs.clone())).unwrap();
        let has = |name: &str| needed.contains(name);
        assert!(has("node") && has("kubernetes") && has("workload") && has("helm4"), "{needed:?}");
        assert!(!has("nextest"), "{needed:?}");
    }

    #[test]
    fn where_nothing_was_built_there_is_no_chain() {
        assert_eq!(decide(&mut []), None);
    }

    #[test]
    fn the_clock_is_held_against_the_longest_chain() {
        let mut artefacts = [built("a", 60, 60.0, &[]), built("b", 120, 60.0, &["a"]), built("c", 150, 30.0, &[])];
        let chain = decide(&mut artefacts).unwrap();
        let row = row(&artefacts, &chain, 16);
        let Outcome::Measured { figure, floor, ratio, .. } = row.outcome else { panic!("it was measured") };
        assert_eq!((figure.value, ratio), (150.0, Some(1.25)));
        assert_eq!(floor.unwrap().what, "its longest chain, a > b");
        assert!(row.notes[0].contains("3 of 16 artefacts"), "{:?}", row.notes);
    }
}
