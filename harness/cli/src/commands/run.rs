//! `holdfast run`: both lanes, judged and reported.

use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use harness::cluster::DEFAULT_NAME;
use harness::conformance::{self, Outcome, Request, Selection, Stage};
use harness::helm::Helms;
use harness::host::interrupted;
use harness::progress::Progress;
use harness::report;
use harness::subject::Subject;
use tokio::runtime::Runtime;

use crate::commands::{cluster_name, runtime};
use crate::existing::Existing;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::ground::{Ground, Images};
use crate::progress::progress;
use crate::terminal::Terminal;

/// Judge subjects in both lanes on the kind cluster, or on another one, and write the report.
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

    /// Leave out rotations under faults (pods killed, the primary lost): sooner done, and of partial scope.
    #[arg(long)]
    without_faults: bool,

    #[command(flatten)]
    gate: Gate,

    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME, value_parser = cluster_name)]
    name: String,

    #[command(flatten)]
    images: Images,

    #[command(flatten)]
    existing: Existing,

    /// Where run directories go.
    #[arg(long, value_name = "FOLDER", default_value = "target/holdfast")]
    output: Utf8PathBuf,
}

impl Run {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let subjects: Result<Vec<_>, _> = self.subject.iter().map(|file| Subject::read(file)).collect();
        let mut subjects = subjects.map_err(Failure::usage)?;
        let profile = self.gate.demand(&mut subjects)?;
        let subjects: Vec<Arc<Subject>> = subjects.into_iter().map(Arc::new).collect();
        let waivers = self.gate.accepted(&subjects)?;
        let selection = Selection::parse(&self.only, suites::CATALOG).map_err(Failure::usage)?;

        let overlays = &self.overlay;
        subjects
            .iter()
            .try_for_each(|subject| conformance::expect_overlays(subject, overlays))
            .map_err(Failure::usage)?;

        if self.existing.context().is_some() && self.images.are_chosen() {
            return Err(Failure::usage(
                "use --images with --context: nothing is loaded onto a cluster that somebody else made",
            ));
        }
        let runtime = runtime()?;
        let progress = progress(terminal);
        let (stage, helms) = match self.existing.context() {
            Some(context) => runtime.block_on(self.existing.stage(context))?,
            None => self.kind_stage(&runtime, &subjects, progress.as_ref())?,
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
            without_faults: self.without_faults,
            helms,
            stage: Ok(stage),
            base: self.output.clone(),
            command: std::env::args().collect(),
        };
        let outcome = runtime.block_on(conformance::run(&request, progress.as_ref(), interrupted));
        drop(progress);
        let outcome = outcome.map_err(Failure::broke)?;
        conclude(&outcome, terminal)
    }

    /// The kind cluster, made or adopted, with the images that the subjects' pods ask for.
    fn kind_stage(
        &self,
        runtime: &Runtime,
        subjects: &[Arc<Subject>],
        progress: &dyn Progress,
    ) -> Result<(Stage, Arc<Helms>), Failure> {
        let ground = Ground::prepare(&self.name, self.images.mode(), progress)?;
        runtime.block_on(async {
            let stage = ground.stage(subjects, progress).await?;
            Ok((stage, ground.helms()?))
        })
    }
}

fn conclude(outcome: &Outcome, terminal: &Terminal) -> Result<u8, Failure> {
    let style = report::Style { colour: terminal.colours(), artefacts: Some(outcome.directory.path()) };
    terminal.print(&report::text(&outcome.report, style))?;
    Ok(outcome.report.exit_code)
}
