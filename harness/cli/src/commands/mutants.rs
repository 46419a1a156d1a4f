//! `holdfast mutants run`: the kill matrix of either lane, or of both.

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, Subcommand, ValueEnum};
use harness::cluster::DEFAULT_NAME;
use harness::conformance::Stage;
use harness::exit;
use harness::helm::Helms;
use harness::host::interrupted;
use harness::mutant::{self, KillMatrix, LiveLane, LiveOutcome, Mutant, Trial};
use harness::requirement::Lane;
use harness::subject::Subject;

use crate::commands::{cluster_name, runtime};
use crate::failure::Failure;
use crate::ground::{Ground, Images};
use crate::progress::progress;
use crate::terminal::Terminal;

/// Plant defects, and see which requirements find them.
#[derive(Debug, Args)]
pub(crate) struct Mutants {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Run(Run),
}

/// Judge mutants: exactly what each names must be violated, and nothing on its subject without the defect.
#[derive(Debug, Args)]
struct Run {
    /// What Helm renders of them, or what the kind cluster shows once they are installed there.
    #[arg(long, value_enum, default_value_t = Lanes::Rendered)]
    lane: Lanes,

    /// The folder of `mutants` and `subjects`.
    #[arg(long, value_name = "FOLDER", default_value = "fixtures")]
    fixtures: Utf8PathBuf,

    /// The name of the cluster, for the live lane.
    #[arg(long, default_value = DEFAULT_NAME, value_parser = cluster_name)]
    name: String,

    #[command(flatten)]
    images: Images,

    /// Where the live lane puts records and logs.
    #[arg(long, value_name = "FOLDER", default_value = "target/holdfast/mutants")]
    output: Utf8PathBuf,

    /// Only mutants whose name or target contains one of these.
    #[arg(value_name = "MUTANT")]
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Lanes {
    Rendered,
    Live,
    Both,
}

impl Lanes {
    fn includes(self, lane: Lane) -> bool {
        match self {
            Self::Rendered => lane == Lane::Rendered,
            Self::Live => lane == Lane::Live,
            Self::Both => true,
        }
    }
}

impl Mutants {
    pub(crate) fn run(self, terminal: &Terminal) -> Result<u8, Failure> {
        let Sub::Run(run) = self.command;
        let mutants = run.mutants()?;
        let subjects = run.fixtures.join("subjects");
        if !run.lane.includes(Lane::Live) || !mutants.iter().any(|mutant| mutant.file.lane.is_live()) {
            let helms = Arc::new(Helms::at_hand().map_err(Failure::broke)?);
            return conclude(&trial(&mutants, &subjects, &helms).rendered_lane(), terminal);
        }
        let progress = progress(terminal);
        let ground = Ground::prepare(&run.name, run.images.mode(), progress.as_ref())?;
        let helms = ground.helms()?;
        let trial = trial(&mutants, &subjects, &helms);
        let mut matrix = if run.lane.includes(Lane::Rendered) { trial.rendered_lane() } else { KillMatrix::default() };
        let outcome = runtime()?.block_on(async {
            let stage = ground.stage(&installed(&mutants, &subjects), progress.as_ref()).await?;
            let Stage { cluster, programs, .. } = &stage;
            let lane = LiveLane { cluster, programs, base: &run.output, progress: progress.as_ref() };
            trial.live_lane(&lane, interrupted).await.map_err(Failure::broke)
        })?;
        let LiveOutcome { matrix: live, folder, redactor, interrupted, leaks } = outcome;
        matrix.join(live);
        let terminal = Terminal::masked(redactor);
        let code = conclude(&matrix, &terminal)?;
        terminal.say(&format!("Records and logs are in {folder}."));
        leaks.iter().for_each(|leak| terminal.say(&format!("unsound: {leak}")));
        Ok(match (leaks.is_empty(), interrupted) {
            (false, _) => exit::BROKE,
            (true, Some(_signal)) => exit::INCOMPLETE,
            (true, None) => code,
        })
    }
}

impl Run {
    /// The mutants that are asked for.
    fn mutants(&self) -> Result<Vec<Mutant>, Failure> {
        let folder = self.fixtures.join("mutants");
        let mut mutants = mutant::read_all(&folder).map_err(Failure::usage)?;
        mutants.retain(|mutant| {
            let named =
                |name: &String| mutant.name.contains(name.as_str()) || mutant.file.target.contains(name.as_str());
            let judged = |lane: Lane| self.lane.includes(lane) && mutant.file.lane.includes(lane);
            (self.names.is_empty() || self.names.iter().any(named)) && (judged(Lane::Rendered) || judged(Lane::Live))
        });
        if mutants.is_empty() {
            let lane = self.lane.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            return Err(Failure::usage(format!("there are no such mutants in {folder}, with --lane {lane}")));
        }
        Ok(mutants)
    }
}

fn trial<'a>(mutants: &'a [Mutant], subjects: &'a Utf8Path, helms: &'a Arc<Helms>) -> Trial<'a> {
    Trial { catalog: suites::CATALOG, mutants, subjects, helms }
}

/// The subjects whose images are needed. One that cannot be read is told by the rows of its mutants.
fn installed(mutants: &[Mutant], subjects: &Utf8Path) -> Vec<Arc<Subject>> {
    let live = mutants.iter().filter(|mutant| mutant.file.lane.is_live());
    let names: BTreeSet<&str> = live.map(|mutant| mutant.file.subject.as_str()).collect();
    let read = names.into_iter().map(|name| Subject::read(&subjects.join(format!("{name}.yaml"))));
    read.filter_map(Result::ok).map(Arc::new).collect()
}

fn conclude(matrix: &KillMatrix, terminal: &Terminal) -> Result<u8, Failure> {
    terminal.print(&format!("{matrix}\n"))?;
    Ok(if matrix.is_exact() { exit::HOLDS } else { exit::VIOLATED })
}
