//! `holdfast up`: a cluster that takes databases, made or reused, and benches that stay on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use clap::Args;
use harness::cluster::{Cluster, DEFAULT_NAME, Handle};
use harness::conformance::{Stage, leave_standing, live_overlay};
use harness::exit;
use harness::rendered::Rendered;
use harness::subject::Subject;

use crate::commands::{cluster_name, runtime};
use crate::failure::Failure;
use crate::ground::{Ground, Images};
use crate::progress::progress;
use crate::terminal::Terminal;

/// Make the kind cluster with CloudNativePG, or reuse the one that is there.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The name of the cluster.
    #[arg(long, default_value = DEFAULT_NAME, value_parser = cluster_name)]
    name: String,

    #[command(flatten)]
    images: Images,

    /// Install this subject too and let it stay, so that tests that only look at it need not wait; may be given several
    /// times.
    #[arg(long, value_name = "FILE")]
    subject: Vec<Utf8PathBuf>,

    /// Where the logs of such an installation go.
    #[arg(long, value_name = "FOLDER", default_value = "target/holdfast")]
    output: Utf8PathBuf,
}

impl Up {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let subjects: Result<Vec<_>, _> = self.subject.iter().map(|file| Subject::read(file).map(Arc::new)).collect();
        let subjects = subjects.map_err(Failure::usage)?;
        let progress = progress(terminal);
        let ground = Ground::prepare(&self.name, self.images.mode(), progress.as_ref())?;
        let runtime = runtime()?;
        let handle =
            runtime.block_on(ground.kind.bring_up(&ground.furnishing, progress.as_ref())).map_err(Failure::broke)?;
        let handle = ground.leave(handle)?;
        terminal.print(&format!(
            "The cluster is up and takes databases.\n  kubeconfig: {}\n  context:    {}\n",
            handle.kubeconfig, handle.context
        ))?;
        for subject in subjects {
            let told = runtime.block_on(self.leave_standing(&ground, handle.clone(), subject))?;
            terminal.print(&told)?;
        }
        terminal.print("Next: holdfast run --subject FILE; holdfast down removes it.\n")?;
        Ok(exit::HOLDS)
    }

    async fn leave_standing(&self, ground: &Ground, handle: Handle, subject: Arc<Subject>) -> Result<String, Failure> {
        let live = live_overlay(&subject, &[]).map(str::to_owned);
        let overlay = subject.overlays().iter().find(|overlay| Some(&overlay.name) == live.as_ref());
        let overlay = overlay.cloned().ok_or_else(|| Failure::usage("install the subject: it has no overlay"))?;
        let rendered = Rendered::new(subject.clone(), &overlay, ground.helms()?).map_err(Failure::usage)?;
        let cluster = Cluster::attach(handle).await.map_err(Failure::broke)?;
        let stage = Stage { cluster, programs: ground.programs()?, facts: BTreeMap::new() };
        let namespace = leave_standing(&stage, &rendered, &self.output).await.map_err(Failure::broke)?;
        let (name, overlay) = (subject.name(), &overlay.name);
        Ok(format!("{name} under {overlay} stands in namespace {namespace}.\n"))
    }
}
