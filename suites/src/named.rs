//! Values of the chart that a subject file names: one that is misspelt must not be mistaken for a defect of the chart.

use harness::check::Check;
use harness::finding::Place;
use harness::helm::{Package, ValuePath};
use harness::rendered::Rendered;

/// Whether there is the value that a field of the subject file names. Where there is none, the check learns it.
///
/// Of one that nobody knows every closed schema refuses the name, and taking it away changes nothing.
pub(crate) fn is_there(subject: &Rendered, field: &str, path: &ValuePath, check: &mut Check) -> bool {
    // The subject file itself may lie in the folder of the chart.
    let speaks = |(file, text): (&str, &str)| file.contains("templates/") && text.contains(&path.to_string());
    let spoken_of = |chart: &Package| text_files(chart).any(speaks);
    let found = subject.value(path).is_some() || subject.chart().is_none_or(spoken_of);
    if !found {
        let hint = format!(
            "neither the chart nor the overlay has such a value, and no template speaks of it; is it spelt right under \
             `{field}`?"
        );
        check.undecided(
            Place::object("values").field(path.to_string()),
            format!("the value that `{field}` names"),
            hint,
        );
    }
    found
}

/// The files of a chart that are text.
pub(crate) fn text_files(chart: &Package) -> impl Iterator<Item = (&str, &str)> {
    chart.files.iter().filter_map(|file| Some((file.path.as_str(), file.text()?)))
}
