//! `holdfast check`: the rendered lane on any chart, with or without a subject file, or on manifests.

use std::io::Read as _;
use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use harness::error::Chain;
use harness::exit::{self, Standing};
use harness::helm::Helms;
use harness::judge::{self, Judged};
use harness::rendered::{Rendered, RenderedError};
use harness::requirement::{Level, Requirement};
use harness::subject::Subject;
use harness::verdict::Verdict;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Check what a chart renders; no cluster is needed.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A chart: a folder, or a packaged chart; `-` reads manifests from standard input.
    #[arg(value_name = "CHART", required_unless_present_any = ["subject", "manifests"], conflicts_with_all = ["subject", "manifests"])]
    chart: Option<Utf8PathBuf>,

    /// A subject file: charts with their overlays, and what they claim.
    #[arg(long, value_name = "FILE", conflicts_with = "manifests")]
    subject: Option<Utf8PathBuf>,

    /// Manifests that are rendered already; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    manifests: Option<Utf8PathBuf>,

    /// Values for the chart; later files win.
    #[arg(short = 'f', long, value_name = "FILE", requires = "chart")]
    values: Vec<Utf8PathBuf>,

    /// Only these areas or requirements, `CA,ROT-04`.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,

    /// A SHOULD binds like a MUST, and what could not be told fails.
    #[arg(long)]
    strict: bool,
}

/// An overlay's name, and what it renders.
type OfOverlay = (String, Result<Rendered, RenderedError>);

impl Check {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let catalog = self.catalog()?;
        let (mut violated, mut unchecked, mut judged_any) = (false, false, false);
        let declared = self.subject.is_some();
        for (overlay, rendered) in self.rendered()? {
            let rendered = match rendered {
                Ok(rendered) => rendered,
                Err(error) if declared => {
                    terminal.print(&format!("[{overlay}] {}\n", Chain(&error)))?;
                    unchecked = true;
                    continue;
                }
                Err(error @ RenderedError::Helm { .. }) => return Err(Failure::broke(error)),
                Err(error) => return Err(Failure::usage(error)),
            };
            for Judged { requirement, judgement, .. } in judge::judge_all(&rendered, &catalog) {
                let binds = requirement.level == Level::Must || self.strict;
                violated |= binds && judgement.verdict == Verdict::Violated;
                unchecked |= binds && judgement.verdict == Verdict::Unchecked && (declared || self.strict);
                judged_any |= matches!(judgement.verdict, Verdict::Holds | Verdict::Violated);
                let (id, title, verdict) = (requirement.id, requirement.title, judgement.verdict);
                let reason = judgement.reason.map(|reason| format!("\n      {reason}")).unwrap_or_default();
                let mut text = format!("{id} {title} [{overlay}] {verdict}{reason}\n");
                for finding in
                    judgement.findings.iter().filter(|finding| finding.outcome == harness::finding::Outcome::Violated)
                {
                    text.push_str(&format!("      {}\n        {finding}\n", finding.place));
                }
                terminal.print(&text)?;
            }
        }
        let standing = Standing { unsound: false, violated, unchecked, complete: true, judged: judged_any };
        Ok(exit::code(standing))
    }

    fn catalog(&self) -> Result<Vec<&'static Requirement>, Failure> {
        let wanted = |requirement: &&&'static Requirement| {
            let named = |name: &String| name == requirement.id || name == requirement.area();
            self.only.is_empty() || self.only.iter().any(named)
        };
        let catalog: Vec<_> = suites::CATALOG.iter().filter(wanted).copied().collect();
        if catalog.is_empty() {
            return Err(Failure::usage(format!("the contract has no requirement {}", self.only.join(", "))));
        }
        Ok(catalog)
    }

    fn rendered(&self) -> Result<Vec<OfOverlay>, Failure> {
        let stream = self.manifests.as_ref().or(self.chart.as_ref().filter(|chart| *chart == "-"));
        if let Some(path) = stream {
            let (name, text) = if path == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(Failure::usage)?;
                ("manifests", text)
            } else {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Failure::usage(format!("read manifests from {path}: {error}")))?;
                (path.file_stem().unwrap_or("manifests"), text)
            };
            let subject = Arc::new(Subject::of_manifests(name));
            return Ok(vec![("default".into(), Rendered::of_manifests(subject, &text))]);
        }
        let subject = match (&self.subject, &self.chart) {
            (Some(file), _) => Subject::read(file),
            (None, Some(chart)) => Subject::of_chart(chart, &self.values),
            (None, None) => return Err(Failure::usage("expected a chart, a subject file or manifests")),
        };
        let subject = Arc::new(subject.map_err(Failure::usage)?);
        let helms = Arc::new(Helms::at_hand().map_err(Failure::broke)?);
        let overlays = subject.overlays().iter();
        let each = overlays
            .map(|overlay| (overlay.name.clone(), Rendered::new(Arc::clone(&subject), overlay, Arc::clone(&helms))));
        Ok(each.collect())
    }
}
