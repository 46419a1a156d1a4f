//! How fast finished artefacts are searched for credentials, against reading them.

use super::MeasureError;
use super::masking::{BYTES, Folder, acquainted, log};
use super::page::{Figure, Floor, Row};
use super::sampling::alternate;
use crate::redact::scan;

const SAMPLES: usize = 5;

pub(super) fn rows() -> Result<Vec<Row>, MeasureError> {
    let folder = Folder::new()?;
    let redactor = acquainted()?;
    let path = folder.path.join("masked.log");
    let unusable = |operation| {
        let path = path.clone();
        move |source| MeasureError::File { operation, path, source }
    };
    let masked = redactor.mask_bytes(&log(BYTES)).into_owned();
    std::fs::write(&path, &masked).map_err(unusable("write"))?;
    let searches = || match scan(&folder.path, &redactor)?.first() {
        None => Ok(()),
        Some(leak) => Err(MeasureError::Unusable(format!("search a masked log: {leak}"))),
    };
    let reads = || std::fs::read(&path).map(drop).map_err(unusable("read"));
    let (searching, reading) = alternate(SAMPLES, searches, reads)?;
    let floor = Floor::new("the same file, read", Figure::speed(masked.len(), &reading));
    let what = format!("search of {} MB of artefacts for credentials", BYTES / 1_000_000);
    Ok(vec![Row::measured(what, Figure::speed(masked.len(), &searching), Some(floor), None)])
}
