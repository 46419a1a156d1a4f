//! What comes before the release that migrates, what is taken from it, and how an attempt at it ends.

use std::collections::BTreeMap;

use camino::Utf8Path;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::watcher;
use secrecy::{ExposeSecret, SecretString};

use super::migration::Migration;
use crate::bench::logs::lives;
use crate::bench::{Bench, BenchError};
use crate::error::Chain;
use crate::probe::verifies;
use crate::record::Attempt;
use crate::wait::{Budget, Objects, Progress, poll_until, watch_until};

const PREREQUISITES: Budget = Budget::seconds("every Secret that the migration needs to be there", 60);
const ROLES: Budget = Budget::seconds("every role of the migration to have the password in its Secret", 60);
const ENDED: Budget = Budget::seconds("the Jobs of the release to end", 60);
/// Where CloudNativePG takes a role's password from.
const PASSWORD: &str = "password";
/// What Helm itself waits for hooks; beyond what a missing prerequisite may take, so that both are told apart.
const HELM_WAITS: &str = "75s";

impl Bench {
    /// The release that migrates.
    ///
    /// # Errors
    /// When no Job of the subject does.
    pub(crate) fn migration(&self) -> Result<&Migration, BenchError> {
        self.installation.migration.as_ref().ok_or_else(|| {
            BenchError::Unsuited(
                "no Job of the subject that dials the database has a migration in its name, image or command".into(),
            )
        })
    }

    /// Installs what comes before the release that migrates, everything switched off that can be.
    ///
    /// # Errors
    /// When Helm refuses.
    pub(crate) async fn install_before_migration(&self, helm: &Utf8Path) -> Result<(), BenchError> {
        let migration = self.migration()?;
        for release in self.installation.releases.iter().take(migration.release) {
            self.install_release(helm, release, &migration.off).await?;
        }
        self.register_credentials().await
    }

    /// Waits until every Secret that the migration needs is there, and each of its roles has the password in it.
    ///
    /// # Errors
    /// When a budget is used up.
    pub(crate) async fn migration_can_begin(&self) -> Result<(), BenchError> {
        let migration = self.migration()?;
        let there = watch_until(
            self.secrets(),
            watcher::Config::default(),
            self.allow(PREREQUISITES),
            |secrets: &Objects<Secret>| {
                for (name, keys) in &migration.needs {
                    let Some(secret) = secrets.values().find(|secret| secret.name_any() == *name) else {
                        return Progress::NotYet(format!("there is no Secret {name}"));
                    };
                    let has = |key: &&String| secret.data.as_ref().is_some_and(|data| data.contains_key(*key));
                    if let Some(key) = keys.iter().find(|key| !has(key)) {
                        return Progress::NotYet(format!("Secret {name} has no key {key}"));
                    }
                }
                Progress::Ready(())
            },
        );
        there.await.map_err(|error| self.waited(error))?;
        self.register_credentials().await?;
        self.roles_follow(&migration.roles).await
    }

    /// Waits until the database has the passwords that stand in the Secrets of these roles.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) async fn roles_follow(&self, roles: &[(String, String)]) -> Result<(), BenchError> {
        let followed = poll_until(self.allow(ROLES), || async {
            match self.role_behind(roles).await {
                Ok(None) => Progress::Ready(()),
                Ok(Some(role)) => Progress::NotYet(format!("role {role} has not the password in its Secret")),
                Err(error) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        followed.await.map_err(|error| self.waited(error))
    }

    async fn role_behind<'r>(&self, roles: &'r [(String, String)]) -> Result<Option<&'r str>, BenchError> {
        let verifiers = self.verifiers().await?;
        for (secret, role) in roles {
            let password = password_of(&self.data_of(secret).await?);
            let verifier = verifiers.get(role);
            let agrees =
                password.zip(verifier).and_then(|(password, verifier)| verifies(verifier, password.expose_secret()));
            if agrees != Some(true) {
                return Ok(Some(role));
            }
        }
        Ok(None)
    }

    /// What a Secret holds; nothing where there is none.
    async fn data_of(&self, secret: &str) -> Result<BTreeMap<String, ByteString>, BenchError> {
        let found = self.secrets().get_opt(secret).await;
        let found = found.map_err(|source| self.objects(format!("read Secret {secret}"), source))?;
        Ok(found.and_then(|secret| secret.data).unwrap_or_default())
    }

    /// Takes two of the Secrets away that the migration needs, and that nobody makes again; nothing where there are no two.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn take_two_prerequisites(&self) -> Result<Vec<Secret>, BenchError> {
        let all = self.read_secrets().await?;
        let needs = &self.migration()?.needs;
        let needed = |secret: &&Secret| needs.iter().any(|(name, _)| *name == secret.name_any());
        let nobody_makes = |secret: &&Secret| secret.owner_references().is_empty();
        let mut free: Vec<Secret> = all.iter().filter(needed).filter(nobody_makes).cloned().collect();
        if free.len() < 2 {
            return Ok(Vec::new());
        }
        free.sort_by_key(ResourceExt::name_any);
        // The first and the last: whoever stops at the first names one of them at most.
        let taken = vec![free.swap_remove(0), free.pop().unwrap_or_default()];
        for secret in &taken {
            let name = secret.name_any();
            let deleted = self.secrets().delete(&name, &DeleteParams::default()).await;
            deleted.map_err(|source| self.objects(format!("delete Secret {name}"), source))?;
        }
        Ok(taken)
    }

    /// Which of these Secrets are there.
    ///
    /// # Errors
    /// When the Secrets cannot be read.
    pub(crate) async fn are_there(&self, taken: &[Secret]) -> Result<Vec<String>, BenchError> {
        let there = self.read_secrets().await?;
        let names = taken.iter().map(ResourceExt::name_any);
        Ok(names.filter(|name| there.iter().any(|secret| secret.name_any() == *name)).collect())
    }

    /// Puts Secrets back that were taken away.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(crate) async fn give_back(&self, taken: &[Secret]) -> Result<(), BenchError> {
        for secret in taken {
            let mut again = secret.clone();
            let metadata = std::mem::take(&mut again.metadata);
            again.metadata.name = metadata.name;
            again.metadata.labels = metadata.labels;
            again.metadata.annotations = metadata.annotations;
            self.put_secret(again).await?;
        }
        Ok(())
    }

    /// Writes another password into the Secret of the first role that the migration logs in with, and waits for nothing.
    ///
    /// # Errors
    /// When no object says which role that is, or the Secret cannot be written.
    pub(crate) async fn change_password_of_migration(&self, password: &SecretString) -> Result<(), BenchError> {
        let (secret, _) = self.migration()?.roles.first().ok_or_else(|| {
            BenchError::Unsuited("no object says which role's password the migration logs in with".into())
        })?;
        let data = self.data_of(secret).await?;
        let old =
            password_of(&data).ok_or_else(|| BenchError::Unsuited(format!("Secret {secret} has no key {PASSWORD}")))?;
        self.rewrite_password(secret, PASSWORD, &data, (&old, password)).await
    }

    /// Installs or upgrades the release that migrates, and says how that ended. That it fails is an answer.
    ///
    /// # Errors
    /// When Helm cannot be started, or the cluster cannot be asked.
    pub(crate) async fn migrate(&self, helm: &Utf8Path) -> Result<Attempt, BenchError> {
        let migration = self.migration()?;
        let Some(release) = self.installation.releases.get(migration.release) else {
            return Err(BenchError::Unsuited("the release that migrates is none of the subject's".into()));
        };
        let began = Timestamp::now();
        let elapsed = || Timestamp::now().duration_since(began).as_secs_f64();
        let refused = match self.install_within(helm, release, &migration.off, HELM_WAITS).await {
            Ok(()) => None,
            Err(BenchError::Helm { message, .. }) => Some(message),
            Err(other) => return Err(other),
        };
        let (succeeded, seconds) = match &refused {
            Some(_) => (false, Some(elapsed())),
            // A Job that is no hook goes on after Helm.
            None => match self.jobs_end(&migration.jobs).await {
                Ok(succeeded) => (succeeded, Some(elapsed())),
                Err(_) => (false, None),
            },
        };
        let said = self.said_by(&migration.jobs, began).await?;
        self.register_credentials().await?;
        Ok(Attempt { succeeded, seconds, said: refused.into_iter().chain(said).collect::<Vec<_>>().join("\n") })
    }

    /// Waits until each of these Jobs that there is has ended; whether all of them succeeded.
    async fn jobs_end(&self, names: &[String]) -> Result<bool, BenchError> {
        let ended =
            watch_until(self.api::<Job>(), watcher::Config::default(), self.allow(ENDED), |jobs: &Objects<Job>| {
                let mut own = jobs.values().filter(|job| names.contains(&job.name_any()));
                let states: Vec<(String, Option<bool>)> =
                    own.by_ref().map(|job| (job.name_any(), outcome(job))).collect();
                if states.iter().any(|(_, outcome)| *outcome == Some(false)) {
                    return Progress::Ready(false);
                }
                match states.iter().find(|(_, outcome)| outcome.is_none()) {
                    Some((name, _)) => Progress::NotYet(format!("Job {name} has not ended")),
                    None => Progress::Ready(true),
                }
            });
        ended.await.map_err(|error| self.waited(error))
    }

    /// What the pods of these Jobs wrote since a time.
    async fn said_by(&self, jobs: &[String], since: Timestamp) -> Result<Vec<String>, BenchError> {
        let listed = self.pods().list(&ListParams::default().labels("batch.kubernetes.io/job-name")).await;
        let listed = listed.map_err(|source| self.objects("list the pods of Jobs", source))?;
        let is_own = |pod: &&Pod| {
            let job = pod.labels().get("batch.kubernetes.io/job-name");
            let made = pod.creation_timestamp().map(|time| time.0);
            // The API server keeps whole seconds.
            job.is_some_and(|job| jobs.contains(job)) && made.is_some_and(|made| made.as_second() >= since.as_second())
        };
        let mut said = Vec::new();
        for pod in listed.items.iter().filter(is_own) {
            for life in lives(pod) {
                said.extend(self.log(&pod.name_any(), &life, None).await?);
            }
        }
        Ok(said)
    }
}

fn password_of(data: &BTreeMap<String, ByteString>) -> Option<SecretString> {
    let text = data.get(PASSWORD).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
    text.map(SecretString::from)
}

/// Whether a Job succeeded, once it has ended.
fn outcome(job: &Job) -> Option<bool> {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut ended = conditions.filter(|one| one.status == "True").filter_map(|one| match one.type_.as_str() {
        "Complete" => Some(true),
        "Failed" => Some(false),
        _ => None,
    });
    ended.next()
}
