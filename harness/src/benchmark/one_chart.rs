//! The rendered lane on one chart with one overlay's values, as `holdfast check` goes through it.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::helm_calls::{Measured, measured};
use super::lane::judge;
use super::page::{Budget, Row};
use super::{MeasureError, Request};
use crate::subject::Subject;

const SAMPLES: usize = 7;
const BUDGET: Budget = Budget::OverFloor { seconds: 0.03 };

/// The overlay whose values are taken.
const OVERLAY: &str = "production";

/// A row for the chart alone, and one for the chart with everything that its subject file tells.
pub(super) fn rows(request: &Request<'_>) -> Result<Vec<Row>, MeasureError> {
    let file = request.fixtures.join("subjects/agents.yaml");
    let declared = Subject::read(&file)?;
    let release = declared.releases().first().ok_or_else(|| unusable(&file, "has no release"))?;
    let chart = release.chart.path().ok_or_else(|| unusable(&file, "has no chart on this machine"))?;
    let overlay = declared.overlay(OVERLAY).ok_or_else(|| unusable(&file, "has no overlay production"))?;
    let values: Vec<Utf8PathBuf> = release.values.iter().chain(&overlay.values).cloned().collect();

    let alone = measured(SAMPLES, |helms| {
        let chart = Subject::of_chart(chart, &values)?;
        judge(request, vec![Arc::new(chart)], Vec::new(), helms)
    })?;
    let with_subject = measured(SAMPLES, |helms| {
        let subject = Subject::read(&file)?;
        judge(request, vec![Arc::new(subject)], vec![OVERLAY.into()], helms)
    })?;
    let row = |what: &str, Measured { figure, floor }| Row::measured(what, figure, Some(floor), Some(BUDGET));
    Ok(vec![
        row("rendered lane, chart agents without a subject file", alone),
        row("rendered lane, chart agents with its subject file", with_subject),
    ])
}

fn unusable(file: &Utf8Path, problem: &str) -> MeasureError {
    MeasureError::Unusable(format!("measure the rendered lane on {file}: it {problem}"))
}
