//! `holdfast run`: both lanes, judged and reported.

use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use harness::cluster::DEFAULT_NAME;
use harness::conformance::{self, Outcome, Request, Selection};
use harness::host::interrupted;
use harness::report;
use harness::subject::Subject;

use crate::commands::runtime;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::progress::progress;
use crate::terminal::Terminal;

/// Judge subjects in both lanes on the kind cluster, and write the report.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A subject file; may be given several times.
    #[arg(long, value_name = "FILE", required = true)]
    subject: Vec<Utf8PathBuf>,

    /// Only these areas or requirements, `CA,ROT-04`.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    only: Vec<String>,

    /// Only these overlays.
    #[arg(long, value_name = "NAME")]
    overlay: Vec<String>,

    /// A SHOULD binds like a MUST.
    #[arg(long)]
    strict: bool,

    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME)]
    name: String,

    /// Where run directories go.
    #[arg(long, value_name = "FOLDER", default_value = "target/holdfast")]
    output: Utf8PathBuf,
}

impl Run {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let subjects: Result<Vec<_>, _> = self.subject.iter().map(|file| Subject::read(file).map(Arc::new)).collect();
        let subjects = subjects.map_err(Failure::usage)?;
        let selection = Selection::parse(&self.only, suites::CATALOG).map_err(Failure::usage)?;

        let progress = progress(terminal);
        let ground = Ground::prepare(&self.name, harness::images::Mode::Auto, progress.as_ref())?;
        let outcome = runtime()?.block_on(async {
            let stage = ground.stage(&subjects, progress.as_ref()).await?;
            let request = Request {
                catalog: suites::CATALOG,
                contract: suites::VERSION,
                subjects,
                selection,
                overlays: self.overlay.clone(),
                strict: self.strict,
                helms: ground.helms()?,
                stage: Ok(stage),
                base: self.output.clone(),
                command: std::env::args().collect(),
            };
            conformance::run(&request, interrupted()).await.map_err(Failure::broke)
        })?;
        conclude(&outcome, terminal)
    }
}

fn conclude(outcome: &Outcome, terminal: &Terminal) -> Result<u8, Failure> {
    let style = report::Style { colour: terminal.colours(), artefacts: Some(outcome.directory.path()) };
    terminal.print(&report::text(&outcome.report, style))?;
    Ok(outcome.report.exit_code)
}
