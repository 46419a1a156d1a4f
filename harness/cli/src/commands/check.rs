//! `holdfast check`: the rendered lane on any chart, with or without a subject file, or on manifests.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use harness::conformance::{self, Request, Selection};
use harness::helm::Helms;
use harness::manifests::Manifests;
use harness::redact::{Redactor, Sink};
use harness::rendered::RenderedError;
use harness::report::{self, Style};
use harness::subject::Subject;

use crate::failure::Failure;
use crate::gate::Gate;
use crate::terminal::Terminal;

/// Check what a chart renders; no cluster is needed.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A chart: a folder, or a packaged chart; `-` reads manifests from standard input.
    #[arg(
        value_name = "CHART",
        required_unless_present_any = ["subject", "manifests"],
        conflicts_with_all = ["subject", "manifests"]
    )]
    chart: Option<Utf8PathBuf>,

    /// A subject file: charts with their overlays, and what they claim.
    #[arg(long, value_name = "FILE", conflicts_with = "manifests")]
    subject: Option<Utf8PathBuf>,

    /// Manifests that are rendered already; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    manifests: Option<Utf8PathBuf>,

    /// Values for the chart; later files win.
    #[arg(short = 'f', long, value_name = "FILE", requires = "chart", conflicts_with_all = ["subject", "manifests"])]
    values: Vec<Utf8PathBuf>,

    /// Only these areas or requirements, `CA,ROT-04`.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,

    /// Only this overlay of the subject; may be given several times.
    #[arg(long, value_name = "NAME", requires = "subject")]
    overlay: Vec<String>,

    /// A SHOULD binds like a MUST, and what a lane that decides could not tell fails.
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    gate: Gate,

    /// How to say it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Where to write it, instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// `report.json`.
    Json,
    /// JUnit XML.
    Junit,
    /// SARIF, for code scanning.
    Sarif,
    /// One page for a browser.
    Html,
    /// Markdown that fits into a merge request.
    Summary,
}

/// What is checked: a subject, and manifests of it where Helm has nothing to render.
struct Target {
    subject: Subject,
    manifests: Option<String>,
}

impl Check {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        // What an earlier check wrote there must not be taken for the answer of one that ends without any.
        // A device stays what it is.
        if let Some(output) = self.output.as_deref().filter(|output| output.is_file()) {
            std::fs::remove_file(output).map_err(|error| Failure::usage(format!("write {output}: {error}")))?;
        }
        let mut target = self.target()?;
        let profile = self.gate.demand(std::slice::from_mut(&mut target.subject))?;
        let subjects = vec![Arc::new(target.subject)];
        let waivers = self.gate.accepted(&subjects)?;
        subjects
            .iter()
            .try_for_each(|subject| conformance::expect_overlays(subject, &self.overlay))
            .map_err(Failure::usage)?;
        let selection = Selection::parse(&self.only, suites::CATALOG).map_err(Failure::usage)?;
        // What the caller can mend comes before what the machine lacks.
        let helms = match &target.manifests {
            Some(_) => Helms::none(),
            None => Helms::at_hand().map_err(Failure::broke)?,
        };
        let request = Request {
            catalog: suites::CATALOG,
            contract: suites::VERSION,
            subjects,
            selection,
            overlays: self.overlay.clone(),
            profile,
            waivers,
            strict: self.strict,
            without_faults: false,
            helms: Arc::new(helms),
            stage: Err("the live lane needs a cluster; `holdfast run` uses one".into()),
            base: Utf8PathBuf::new(),
            command: std::env::args().collect(),
        };
        let checked = conformance::check(&request, target.manifests.as_deref()).map_err(sorted)?;
        let redactor = Redactor::in_memory();
        let named = checked.credentials.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        redactor.register_all(named).map_err(Failure::broke)?;
        self.say(&checked.report, &Sink::new(redactor), terminal)?;
        Ok(checked.report.exit_code)
    }

    fn target(&self) -> Result<Target, Failure> {
        let stream = self.manifests.as_ref().or(self.chart.as_ref().filter(|chart| *chart == "-"));
        if let Some(path) = stream {
            let (name, text) = read_manifests(path)?;
            return Ok(Target { subject: Subject::of_manifests(&name), manifests: Some(text) });
        }
        let subject = match (&self.subject, &self.chart) {
            (Some(file), _) => Subject::read(file),
            (None, Some(chart)) => Subject::of_chart(chart, &self.values),
            (None, None) => return Err(Failure::usage("expected a chart, a subject file or manifests")),
        };
        Ok(Target { subject: subject.map_err(Failure::usage)?, manifests: None })
    }

    fn say(&self, report: &report::Report, sink: &Sink, terminal: &Terminal) -> Result<(), Failure> {
        let style = Style { colour: self.output.is_none() && terminal.colours(), artefacts: None };
        let text = match self.format {
            Format::Text => report::text(report, style),
            Format::Json => json(report)?,
            Format::Junit => report::junit(report).map_err(Failure::broke)?,
            Format::Sarif => json(&report::sarif(report))?,
            Format::Html => report::html(report, &[]).map_err(Failure::broke)?,
            Format::Summary => report::summary(report),
        };
        let masked = sink.line(&text);
        let Some(path) = &self.output else { return terminal.print(&masked) };
        let unwritten = |error| format!("write the report to {path}: {error}");
        let mut file = std::fs::File::create(path).map_err(|error| Failure::usage(unwritten(error)))?;
        file.write_all(masked.as_bytes()).map_err(|error| {
            // Half a report must not pass for one.
            if path.is_file() {
                let _ = std::fs::remove_file(path);
            }
            Failure::broke(unwritten(error))
        })
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(Failure::broke)
}

fn read_manifests(path: &Utf8Path) -> Result<(String, String), Failure> {
    let mut text = String::new();
    let read = if path == "-" {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    let from = if path == "-" { Utf8Path::new("standard input") } else { path };
    read.map_err(|error| {
        Failure::usage(format!("read manifests from {from}: {error}; give a file, or - for standard input"))
    })?;
    Manifests::parse(&text, from.as_str()).map_err(Failure::usage)?;
    let name = path.file_stem().filter(|stem| *stem != "-").unwrap_or("manifests");
    Ok((name.to_owned(), text))
}

/// A chart that does not render as it is given is the caller's; a Helm that cannot be run is the environment's.
fn sorted(error: RenderedError) -> Failure {
    match error {
        RenderedError::Helm { .. } => Failure::broke(error),
        _ => Failure::usage(error),
    }
}
