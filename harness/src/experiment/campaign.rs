//! Which experiments share a bench, and in which order they run there.
//!
//! Bringing up a database costs about half a minute of waiting and little work, so that benches stand side by side and
//! experiments follow one another on each. An experiment leaves its bench as it found it; where it broke off, what
//! would have followed on that bench is not run, because its answers would prove nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;
use futures::future::{LocalBoxFuture, join_all};
use jiff::Timestamp;

use super::diary::Diary;
use super::fault::Fault;
use super::install::unsettled;
use super::rendezvous::{Attendance, Rendezvous};
use super::seats::Seats;
use super::witness::Witness;
use super::{
    break_credential, change_first_password, copy_again, follow_ca_documentation, forced_mode, foreign_ca,
    hostile_password, install, install_waiting, mend_deleting_data, mend_keeping_data, migrate, missing_ca,
    recreate_credential, reinstall, roll_back_ca, rotate_again, rotate_api_key, rotate_bundle, rotate_ca,
    rotate_password, rotate_under_fault, start_together, tenant_install, upgrade, without_ca,
};
use crate::bench::{Bench, BenchError, Installation, Keep, Programs};
use crate::cluster::Cluster;
use crate::error::Chain;
use crate::record::{BROKE_OFF, Experiment, Record};

/// How many pods of a subject are as much work as an ordinary bench: each logs in all the time, and starts anew with the
/// others.
const PODS_OF_A_SEAT: usize = 7;

/// One bench's share of a campaign.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Part of the namespace's name.
    name: &'static str,
    /// How the database differs from what the subject declares.
    database: Database,
    /// In this order.
    experiments: &'static [Experiment],
}

/// How a bench's database differs from what the subject declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Database {
    /// Not at all.
    AsDeclared,
    /// It would also accept plaintext, so that clients that fall back to it are seen.
    AcceptingPlaintext,
    /// An authority of ours signs its certificate, so that there can be a bundle, and a way back.
    WithOurCa,
    /// It has a second instance, which can take over.
    WithStandby,
}

const LINES: &[Line] = &[
    Line {
        name: "declared",
        database: Database::AsDeclared,
        experiments: &[
            Experiment::Install,
            Experiment::Upgrade,
            Experiment::WithoutCa,
            Experiment::MissingCa,
            Experiment::RotateApiKey,
            Experiment::FollowCaDocumentation,
            Experiment::CopyAgain,
            Experiment::TenantInstall,
        ],
    },
    Line {
        name: "plaintext",
        database: Database::AcceptingPlaintext,
        experiments: &[
            Experiment::ForeignCa,
            Experiment::ForcedMode,
            Experiment::RotateCa,
            Experiment::HostilePassword,
        ],
    },
    Line {
        name: "our-ca",
        database: Database::WithOurCa,
        experiments: &[Experiment::RotateBundle, Experiment::RollBackCa, Experiment::StartTogether],
    },
    Line {
        name: "rotation",
        database: Database::AsDeclared,
        experiments: &[
            Experiment::RotatePassword,
            Experiment::RecreateCredential,
            Experiment::RotateAgain,
            Experiment::BreakCredential,
        ],
    },
    Line {
        name: "faults",
        database: Database::AsDeclared,
        experiments: &[
            Experiment::RotateKillingClients,
            Experiment::RotateLosingPrimary,
            Experiment::RotateKillingPooler,
            Experiment::RotateWithoutKubelet,
            Experiment::RotateKillingApiServer,
            Experiment::RotateWithoutOperator,
        ],
    },
    Line { name: "standby", database: Database::WithStandby, experiments: &[Experiment::RotateSwitchingOver] },
    Line {
        name: "first-boot",
        database: Database::AsDeclared,
        experiments: &[Experiment::ChangeFirstPassword, Experiment::Reinstall],
    },
    Line {
        name: "remedies",
        database: Database::AsDeclared,
        experiments: &[Experiment::MendKeepingData, Experiment::MendDeletingData],
    },
    Line { name: "migration", database: Database::AsDeclared, experiments: &[Experiment::Migrate] },
    Line { name: "waiting", database: Database::AsDeclared, experiments: &[Experiment::InstallWaiting] },
];

impl Line {
    /// The line that an experiment is on.
    pub fn of(experiment: Experiment) -> Option<&'static Self> {
        LINES.iter().find(|line| line.experiments.contains(&experiment))
    }

    /// Part of the name of its bench.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What is run on it, in this order.
    pub fn experiments(&self) -> &'static [Experiment] {
        self.experiments
    }
}

/// What is to be done to one subject under one overlay.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The id of the run; part of every name on the cluster.
    pub run: String,
    /// What the names of its benches begin with, after the run; unique within the run.
    pub name: String,
    /// The programs that install, and that documented commands call.
    pub programs: Programs,
    /// What is installed.
    pub installation: Installation,
    /// Where logs go, and what must never be among them.
    pub keep: Keep,
    /// The experiments that somebody will judge.
    pub wanted: Vec<Experiment>,
    /// Where it meets the others of its run for what befalls a whole cluster.
    pub rendezvous: Arc<Rendezvous>,
}

impl Campaign {
    /// How many seats each of them takes.
    fn seats(&self) -> u32 {
        u32::try_from(self.installation.pods.div_ceil(PODS_OF_A_SEAT)).unwrap_or(u32::MAX)
    }

    fn lines(&self) -> impl Iterator<Item = &'static Line> {
        LINES.iter().filter(|line| line.experiments.iter().any(|one| self.wanted.contains(one)))
    }
}

/// Runs the wanted experiments, benches side by side as far as there are seats, and hands each record to the witness as
/// soon as it is sealed.
pub async fn conduct(
    cluster: &Cluster,
    campaign: &Campaign,
    seats: &Seats,
    witness: &(impl Witness + Sync),
) -> Vec<Record> {
    let asked = |one| campaign.wanted.contains(&one);
    let name = |line: &Line| format!("{}-{}", campaign.name, line.name);
    if campaign.installation.reaches_out {
        // Objects outside of the namespaces have one name, whichever bench they belong to.
        let mut records = Vec::new();
        for line in campaign.lines() {
            records.extend(conduct_line(cluster, campaign, line, &name(line), seats, asked, witness).await);
        }
        return records;
    }
    let lines = campaign.lines();
    let conducted =
        lines.map(async |line| conduct_line(cluster, campaign, line, &name(line), seats, asked, witness).await);
    join_all(conducted).await.into_iter().flatten().collect()
}

/// Runs what is asked for of one line, on one bench of that name, as soon as there is a seat for it.
///
/// What is asked for is looked up after each experiment, and may grow meanwhile: a bench that stands is worth using.
pub async fn conduct_line(
    cluster: &Cluster,
    campaign: &Campaign,
    line: &Line,
    name: &str,
    seats: &Seats,
    asked: impl Fn(Experiment) -> bool,
    witness: &impl Witness,
) -> Vec<Record> {
    let next = |done: &[Record]| {
        let open = |one: &Experiment| asked(*one) && done.iter().all(|record| record.experiment != *one);
        line.experiments.iter().copied().find(open)
    };
    let mut seat = seats.some(campaign.seats()).await;
    let mut turn = Some(seats.turn().await);
    let installation = campaign.installation.clone();
    let installation = match line.database {
        Database::AsDeclared => installation,
        Database::AcceptingPlaintext => installation.accepting_plaintext(),
        Database::WithOurCa => installation.with_own_ca(),
        Database::WithStandby => installation.with_standby(),
    };
    let mut records = Vec::new();
    match Bench::raise(cluster.clone(), &campaign.run, name, installation.clone(), campaign.keep.clone()).await {
        Err(error) => {
            let reason = Chain(&error).to_string();
            while let Some(experiment) = next(&records) {
                campaign.rendezvous.excuse(experiment);
                let record = unstarted(experiment, &installation, &reason);
                witness.sealed(&record);
                records.push(record);
            }
        }
        Ok(bench) => {
            let mut obstacle =
                stand(&bench, &campaign.programs.helm, next(&[])).await.err().map(|error| Chain(&error).to_string());
            while let Some(experiment) = next(&records) {
                let record = if let Some(reason) = &obstacle {
                    campaign.rendezvous.excuse(experiment);
                    unstarted(experiment, &installation, reason)
                } else {
                    // Others that have waited longer come first.
                    drop(turn.take());
                    let attendance = if experiment.runs_alone() {
                        // Whoever waits for every seat to be free must not keep one.
                        drop(seat.take());
                        campaign.rendezvous.attend(experiment, seats).await
                    } else {
                        turn = Some(seats.turn().await);
                        Attendance::alone()
                    };
                    witness.began(experiment);
                    perform(experiment, &bench, &campaign.programs, &attendance).await
                };
                obstacle = obstacle.or_else(|| obstacle_after(&record));
                witness.sealed(&record);
                records.push(record);
            }
            // Others may be under a fault of the whole cluster now, with nothing else at work.
            let _kept = match seat {
                Some(seat) => Some(seat),
                None => seats.some(campaign.seats()).await,
            };
            if let Err(error) = bench.clear().await {
                witness.left_behind(bench.namespace(), &Chain(&error).to_string());
            }
        }
    }
    records
}

/// Why nothing can follow on a bench after an experiment, if nothing can.
fn obstacle_after(record: &Record) -> Option<String> {
    let experiment = record.experiment;
    let broke_off = record.broken.as_ref().map(|reason| format!("experiment {experiment}{BROKE_OFF}{reason}"));
    broke_off
        .or_else(|| Some(format!("after experiment {experiment} not every workload stood: {}", unsettled(record)?)))
}

/// Brings a bench to the state that every experiment starts from which does not begin with nothing.
async fn stand(bench: &Bench, helm: &Utf8Path, first: Option<Experiment>) -> Result<(), BenchError> {
    if matches!(first, Some(Experiment::Install | Experiment::Migrate | Experiment::InstallWaiting)) {
        return Ok(());
    }
    bench.prepare().await?;
    bench.install(helm, &[]).await?;
    bench.settle().await
}

async fn perform(experiment: Experiment, bench: &Bench, programs: &Programs, attendance: &Attendance<'_>) -> Record {
    let helm = &programs.helm;
    let mut diary = Diary::open();
    let outcome = match experiment {
        Experiment::Install => boxed(|| install::run(bench, helm, &mut diary)).await,
        Experiment::WithoutCa => boxed(|| without_ca::run(bench, helm, &mut diary)).await,
        Experiment::MissingCa => boxed(|| missing_ca::run(bench, helm, &mut diary)).await,
        Experiment::ForeignCa => boxed(|| foreign_ca::run(bench, helm, &mut diary)).await,
        Experiment::RotateCa => boxed(|| rotate_ca::run(bench, helm, &mut diary)).await,
        Experiment::Upgrade => boxed(|| upgrade::run(bench, helm, &mut diary)).await,
        Experiment::TenantInstall => boxed(|| tenant_install::run(bench, helm, &mut diary)).await,
        Experiment::ForcedMode => boxed(|| forced_mode::run(bench, helm, &mut diary)).await,
        Experiment::HostilePassword => boxed(|| hostile_password::run(bench, helm, &mut diary)).await,
        Experiment::RotateBundle => boxed(|| rotate_bundle::run(bench, helm, &mut diary)).await,
        Experiment::RollBackCa => boxed(|| roll_back_ca::run(bench, helm, &mut diary)).await,
        Experiment::FollowCaDocumentation => boxed(|| follow_ca_documentation::run(bench, programs, &mut diary)).await,
        Experiment::CopyAgain => boxed(|| copy_again::run(bench, helm, &mut diary)).await,
        Experiment::RotatePassword => boxed(|| rotate_password::run(bench, programs, &mut diary)).await,
        Experiment::RotateKillingClients => {
            boxed(|| rotate_under_fault::run(bench, programs, Fault::ClientsKilled, attendance, &mut diary)).await
        }
        Experiment::RotateLosingPrimary => {
            boxed(|| rotate_under_fault::run(bench, programs, Fault::PrimaryLost, attendance, &mut diary)).await
        }
        Experiment::RotateSwitchingOver => {
            boxed(|| rotate_under_fault::run(bench, programs, Fault::SwitchedOver, attendance, &mut diary)).await
        }
        Experiment::RotateKillingPooler => {
            boxed(|| rotate_under_fault::run(bench, programs, Fault::PoolerKilled, attendance, &mut diary)).await
        }
        Experiment::RotateWithoutKubelet => {
            boxed(|| rotate_under_fault::run(bench, programs, Fault::KubeletStopped, attendance, &mut diary)).await
        }
        Experiment::RotateKillingApiServer => {
            boxed(|| rotate_under_fault::run(bench, programs, Fault::ApiServerKilled, attendance, &mut diary)).await
        }
        Experiment::RotateWithoutOperator => {
            boxed(|| rotate_under_fault::run(bench, programs, Fault::OperatorGone, attendance, &mut diary)).await
        }
        Experiment::RotateAgain => boxed(|| rotate_again::run(bench, programs, &mut diary)).await,
        Experiment::RecreateCredential => boxed(|| recreate_credential::run(bench, programs, &mut diary)).await,
        Experiment::BreakCredential => boxed(|| break_credential::run(bench, helm, &mut diary)).await,
        Experiment::ChangeFirstPassword => boxed(|| change_first_password::run(bench, programs, &mut diary)).await,
        Experiment::Reinstall => boxed(|| reinstall::run(bench, programs, &mut diary)).await,
        Experiment::MendKeepingData => boxed(|| mend_keeping_data::run(bench, programs, &mut diary)).await,
        Experiment::MendDeletingData => boxed(|| mend_deleting_data::run(bench, programs, &mut diary)).await,
        Experiment::RotateApiKey => boxed(|| rotate_api_key::run(bench, programs, &mut diary)).await,
        Experiment::Migrate => boxed(|| migrate::run(bench, helm, &mut diary)).await,
        Experiment::InstallWaiting => boxed(|| install_waiting::run(bench, programs, &mut diary)).await,
        Experiment::StartTogether => boxed(|| start_together::run(bench, &mut diary)).await,
    };
    diary.seal(experiment, bench, outcome)
}

/// A future that is made on the heap, and not first beside all others in the frame of who chooses among them: together
/// they outgrow the stack of a test's thread.
#[inline(never)]
fn boxed<'a, F: Future + 'a>(make: impl FnOnce() -> F) -> LocalBoxFuture<'a, F::Output> {
    Box::pin(make())
}

/// The record of an experiment that could not begin.
fn unstarted(experiment: Experiment, installation: &Installation, reason: &str) -> Record {
    let now = Timestamp::now();
    Record {
        experiment,
        subject: installation.subject.clone(),
        overlay: installation.overlay.clone(),
        production: installation.production,
        namespace: String::new(),
        began: now,
        ended: now,
        steps: Vec::new(),
        snapshots: Vec::new(),
        history: None,
        changes: Vec::new(),
        unseen: Vec::new(),
        limits: BTreeMap::new(),
        broken: Some(reason.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{LINES, Line};
    use crate::record::Experiment;

    #[test]
    fn an_installation_comes_first_on_its_line() {
        let line = Line::of(Experiment::Install).unwrap();
        assert_eq!(line.experiments.first(), Some(&Experiment::Install), "later a bench is not fresh any more");
    }

    #[test]
    fn whoever_runs_alone_comes_last_on_its_line() {
        let in_order = |line: &Line| line.experiments.is_sorted_by_key(|one| one.runs_alone());
        assert!(LINES.iter().all(in_order), "what follows would keep every seat");
    }

    #[test]
    fn every_experiment_is_on_one_line() {
        let placed: Vec<Experiment> = LINES.iter().flat_map(|line| line.experiments).copied().collect();
        let unique: std::collections::BTreeSet<_> = placed.iter().collect();
        assert_eq!(unique.len(), placed.len(), "run twice: {placed:?}");
        assert_eq!(unique.len(), Experiment::ALL.len(), "never run: only {unique:?} are");
    }
}
