//! The rendered lane as commands go through it, from subjects that were read to the report.

use std::sync::Arc;

use camino::Utf8PathBuf;

use super::{MeasureError, Request};
use crate::conformance::{self, Selection};
use crate::helm::Helms;
use crate::subject::Subject;

/// Judges the rendered lane of subjects under some of their overlays; under all of them if none is named.
pub(super) fn judge(
    request: &Request<'_>,
    subjects: Vec<Arc<Subject>>,
    overlays: Vec<String>,
    helms: &Arc<Helms>,
) -> Result<(), MeasureError> {
    let request = conformance::Request {
        catalog: request.catalog,
        contract: request.contract,
        subjects,
        selection: Selection::default(),
        overlays,
        profile: None,
        waivers: Vec::new(),
        strict: false,
        without_faults: false,
        helms: Arc::clone(helms),
        stage: Err("a measurement of the rendered lane".into()),
        base: Utf8PathBuf::new(),
        command: Vec::new(),
    };
    Ok(conformance::check(&request, None).map(drop)?)
}
