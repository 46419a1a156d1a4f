//! `holdfast run`: both lanes, judged and reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use harness::cluster::Cluster;
use harness::conformance::{self, Outcome, Request, Selection, Stage};
use harness::report;
use harness::subject::Subject;

use crate::commands::runtime;
use crate::failure::Failure;
use crate::ground::{CLUSTER, Ground};
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
    #[arg(long, default_value = CLUSTER)]
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
            let handle = ground.kind.bring_up(&ground.furnishing, progress.as_ref()).await.map_err(Failure::broke)?;
            ground.leave(&handle)?;
            tag_images(&ground, &subjects).await?;
            let cluster = Cluster::attach(handle).await.map_err(Failure::broke)?;
            let stage = Stage { cluster, helm: ground.helm()?, facts: facts(&ground) };
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

/// Gives the stand-in application the references under which the subjects' pods ask for it.
async fn tag_images(ground: &Ground, subjects: &[Arc<Subject>]) -> Result<(), Failure> {
    let images = subjects.iter().flat_map(|subject| subject.images());
    let wanted: Vec<String> =
        images.filter(|image| image.stands_for == "workload").map(|image| image.reference.clone()).collect();
    let Some((workload, _archive)) = ground.images.load.first() else { return Ok(()) };
    ground.kind.tag(&workload.reference, &wanted).await.map_err(Failure::broke)
}

/// Ready with the name of the first signal that asks the run to stop.
async fn interrupted() -> String {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = async |kind: SignalKind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_unavailable) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => "SIGINT".into(),
        () = wait(SignalKind::terminate()) => "SIGTERM".into(),
    }
}

fn facts(ground: &Ground) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("provider".to_owned(), "kind".to_owned()),
        ("node image".to_owned(), format!("{} ({})", ground.images.node.reference, ground.images.node.digest)),
    ])
}

fn conclude(outcome: &Outcome, terminal: &Terminal) -> Result<u8, Failure> {
    let style = report::Style { colour: terminal.colours(), artefacts: Some(outcome.directory.path()) };
    terminal.print(&report::text(&outcome.report, style))?;
    Ok(outcome.report.exit_code)
}
