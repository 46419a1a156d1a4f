//! What copies the CA into a Secret that clients read: what it left, what it may do, and how it is made to run.

use std::collections::BTreeMap;

use camino::Utf8Path;
use futures::future::try_join_all;
use k8s_openapi::ByteString;
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::rollout::TOOL_LABEL;
use crate::bench::credential::writers;
use crate::bench::{Bench, BenchError};
use crate::cluster::{Applier, FIELD_MANAGER};
use crate::digest::sha256;
use crate::error::Chain;
use crate::manifests::Manifests;
use crate::probe::certificates_of;
use crate::record::{COPIED_THROUGH, CopiedCa, WAYS_BEYOND, WAYS_NEEDED};
use crate::rendered::Rendered;
use crate::wait::{Budget, Progress, WaitError, poll_until};

const RAN: Budget = Budget::seconds("what copies the CA to run to its end", 60);
/// A schedule of one minute, and as long as a pod takes to do it.
pub(crate) const COPIED: Budget = Budget::seconds("the copy of the CA to follow its source", 90);

/// What copies the CA, as the subject declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copier {
    /// The workload, `cronjob/ca-sync`.
    pub workload: String,
    /// The account as which it runs.
    pub account: String,
    /// The Secret and the key that it reads, where they are in the namespace of the release.
    pub source: Option<(String, String)>,
    /// The Secret and the key that it writes.
    pub target: (String, String),
    /// Dotted path of the value that says in which namespace it reads.
    pub source_namespace_value: Option<String>,
}

impl Copier {
    /// What the subject says of it. One that reads in a namespace of somebody else has no source on a bench.
    pub(in crate::bench) fn of(rendered: &Rendered) -> Option<Self> {
        let plan = rendered.subject().database().ca_sync.as_ref()?;
        let workload = rendered.workloads().iter().find(|one| one.reference() == plan.workload);
        let account = workload.and_then(|one| one.template("spec.serviceAccountName")).and_then(Value::as_str);
        let source = plan.source.as_ref().filter(|source| source.namespace.is_none());
        Some(Self {
            workload: plan.workload.clone(),
            account: account.unwrap_or("default").to_owned(),
            source: source.map(|source| (source.secret.clone(), source.key.clone())),
            target: (plan.target.secret.clone(), plan.target.key.clone()),
            source_namespace_value: plan.source_namespace_value.clone(),
        })
    }
}

impl Bench {
    /// What the copy of the CA is now; nothing where nobody copies one.
    pub(in crate::bench) fn copied_ca(&self, secrets: &[Secret]) -> Option<CopiedCa> {
        let copier = self.installation.copier.as_ref()?;
        let secret = |name: &str| secrets.iter().find(|secret| secret.name_any() == name);
        let content = |(name, key): &(String, String)| secret(name)?.data.as_ref()?.get(key).map(|bytes| &bytes.0);
        let copy = content(&copier.target);
        let certificates = copy.and_then(|pem| certificates_of(pem).ok());
        let target = secret(&copier.target.0);
        Some(CopiedCa {
            secret: copier.target.0.clone(),
            key: copier.target.1.clone(),
            sha256: copy.map(sha256),
            source: copier.source.as_ref().and_then(content).map(sha256),
            certificates: certificates.map(|all| all.len()),
            private: target.map(private_keys).unwrap_or_default(),
            writers: target.map(writers).unwrap_or_default(),
            rights: BTreeMap::new(),
        })
    }

    /// What the account of the copier may do, by what it would be for.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(crate) async fn rights_of_copier(&self) -> Result<BTreeMap<String, bool>, BenchError> {
        let Some(copier) = &self.installation.copier else { return Ok(BTreeMap::new()) };
        let target = copier.target.0.as_str();
        let credential = self.installation.credentials.first().map(|one| one.secret.as_str());
        let exec = ResourceAttributes {
            resource: Some("pods".into()),
            subresource: Some("exec".into()),
            verb: Some("create".into()),
            ..ResourceAttributes::default()
        };
        let [read, change] = WAYS_NEEDED;
        let [list, makes, others, changes, publishes, removes, runs] = WAYS_BEYOND;
        let mut asked = vec![
            (change, secrets("patch", Some(target))),
            (list, secrets("list", None)),
            (makes, secrets("create", None)),
            (removes, secrets("delete", Some(target))),
            (runs, exec),
        ];
        if let Some((source, _)) = &copier.source {
            asked.extend([(read, secrets("get", Some(source))), (publishes, secrets("patch", Some(source)))]);
        }
        asked.extend(credential.map(|name| (others, secrets("get", Some(name)))));
        asked.extend(credential.map(|name| (changes, secrets("patch", Some(name)))));
        self.what_it_may(&copier.account, self.namespace(), asked).await
    }

    /// The same in a namespace from which it reads and where it writes nothing.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(in crate::bench) async fn rights_of_copier_in(
        &self,
        namespace: &str,
    ) -> Result<BTreeMap<String, bool>, BenchError> {
        let Some(copier) = &self.installation.copier else { return Ok(BTreeMap::new()) };
        let (source, _) = self.source()?;
        let [read, _] = WAYS_NEEDED;
        let [list, makes, others, _, publishes, _, _] = WAYS_BEYOND;
        let credential = self.installation.credentials.first().map(|one| one.secret.as_str());
        let mut asked = vec![
            (read, secrets("get", Some(source))),
            (list, secrets("list", None)),
            (makes, secrets("create", None)),
            (publishes, secrets("patch", Some(source))),
        ];
        asked.extend(credential.map(|name| (others, secrets("get", Some(name)))));
        self.what_it_may(&copier.account, namespace, asked).await
    }

    async fn what_it_may(
        &self,
        account: &str,
        namespace: &str,
        asked: Vec<(&str, ResourceAttributes)>,
    ) -> Result<BTreeMap<String, bool>, BenchError> {
        let mut rights = BTreeMap::new();
        for (way, attributes) in asked {
            rights.insert(way.to_owned(), self.may_in(namespace, account, attributes).await?);
        }
        Ok(rights)
    }

    /// Waits until the copy is what its source is.
    pub(crate) async fn copy_follows(&self, budget: Budget) -> Result<(), WaitError> {
        poll_until(budget, || async {
            let copied = match self.read_secrets().await {
                Ok(secrets) => self.copied_ca(&secrets).unwrap_or_default(),
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            match (&copied.sha256, copied.agrees()) {
                (Some(_), Some(true)) => Progress::Ready(()),
                (None, _) => Progress::NotYet("there is no copy".into()),
                (_, None) => Progress::NotYet("its source cannot be seen".into()),
                (_, Some(false)) => Progress::NotYet("the copy is not what its source is".into()),
            }
        })
        .await
    }

    /// Runs the copier so many times at once, beside its schedule, and says how each run ended.
    ///
    /// # Errors
    /// When it is nothing that runs on a schedule, or the API server refuses.
    pub(crate) async fn run_copier(&self, times: usize) -> Result<Vec<String>, BenchError> {
        let copier = self.installation.copier.as_ref();
        let name = copier.and_then(|copier| copier.workload.strip_prefix("cronjob/")).ok_or_else(|| {
            BenchError::Unsuited("what copies the CA is no CronJob, and only those can be run again at will".into())
        })?;
        let schedule = self.api::<CronJob>().get(name).await;
        let schedule = schedule.map_err(|source| self.objects(format!("read CronJob {name}"), source))?;
        let template = schedule.spec.job_template;
        let jobs: Vec<String> = (1..=times).map(|count| format!("holdfast-copy-{count}")).collect();
        let made = jobs.iter().map(|job| self.make_job(job, &template));
        try_join_all(made).await?;
        let ended = try_join_all(jobs.iter().map(|job| self.end_of_job(job))).await?;
        for job in &jobs {
            let removed = self.api::<Job>().delete(job, &DeleteParams::background()).await;
            removed.map_err(|source| self.objects(format!("remove Job {job}"), source))?;
        }
        Ok(ended)
    }

    async fn make_job(&self, name: &str, template: &impl serde::Serialize) -> Result<(), BenchError> {
        let mut job = json!(template);
        job["apiVersion"] = "batch/v1".into();
        job["kind"] = "Job".into();
        job["metadata"] = json!({"name": name});
        // Who waits for the subject's pods must not wait for these.
        job["spec"]["template"]["metadata"]["labels"][TOOL_LABEL] = "copier".into();
        // Whether a run fails is the question, and the first answer is enough.
        job["spec"]["backoffLimit"] = 0.into();
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let made = self.api::<Job>().create(&parameters, &crate::bench::from_json(job)?).await;
        made.map(drop).map_err(|source| self.objects(format!("make Job {name}"), source))
    }

    async fn end_of_job(&self, name: &str) -> Result<String, BenchError> {
        let ended = poll_until(self.allow(RAN), || async {
            let job = match self.api::<Job>().get(name).await {
                Ok(job) => job,
                Err(error) => return Progress::NotYet(Chain(&error).to_string()),
            };
            let conditions = job.status.and_then(|status| status.conditions).unwrap_or_default();
            let is = |kind: &str| conditions.iter().any(|one| one.type_ == kind && one.status == "True");
            if is("Complete") {
                Progress::Ready(COPIED_THROUGH.to_owned())
            } else if let Some(failed) = conditions.iter().find(|one| one.type_ == "Failed" && one.status == "True") {
                Progress::Ready(format!("failed: {}", failed.reason.as_deref().unwrap_or("no reason is given")))
            } else {
                Progress::NotYet(format!("Job {name} has not ended"))
            }
        });
        ended.await.map_err(|error| self.waited(error))
    }

    /// Applies the manifests of every release by force, as an engine does that holds a cluster to what is in Git.
    ///
    /// # Errors
    /// When Helm does not tell them, or the API server refuses one.
    pub(crate) async fn apply_releases(&self, helm: &Utf8Path) -> Result<(), BenchError> {
        let mut applier = Applier::new(self.cluster.client().clone());
        for release in &self.installation.releases {
            let text = self.kept(helm, release, "manifest").await?;
            let manifests = Manifests::parse(&text, &format!("release {}", release.name));
            let manifests =
                manifests.map_err(|source| BenchError::Manifest { release: release.name.clone(), source })?;
            for object in manifests.objects() {
                let object: DynamicObject = serde_json::from_value(object.value().clone())
                    .map_err(|source| BenchError::Object { release: release.name.clone(), source })?;
                let applied = applier.apply(&object, self.namespace()).await;
                applied.map_err(|source| BenchError::Companion { namespace: self.namespace().to_owned(), source })?;
            }
        }
        Ok(())
    }

    /// Empties the key that the copier reads, and gives back what it held.
    ///
    /// # Errors
    /// When the subject does not say which it is, or the API server refuses.
    pub(crate) async fn empty_source(&self) -> Result<ByteString, BenchError> {
        let (secret, key) = self.source()?;
        let held = self.secrets().get(secret).await;
        let held = held.map_err(|source| self.objects(format!("read Secret {secret}"), source))?;
        let held = held.data.and_then(|mut data| data.remove(key)).unwrap_or_default();
        self.fill_source(&ByteString::default()).await?;
        Ok(held)
    }

    /// Writes the key that the copier reads.
    ///
    /// # Errors
    /// When the subject does not say which it is, or the API server refuses.
    pub(crate) async fn fill_source(&self, content: &ByteString) -> Result<(), BenchError> {
        let (secret, key) = self.source()?;
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"data": {key: content}}));
        let patched = self.secrets().patch(secret, &parameters, &patch).await;
        patched.map(drop).map_err(|source| self.objects(format!("write Secret {secret}"), source))
    }

    pub(in crate::bench) fn source(&self) -> Result<(&str, &str), BenchError> {
        let source = self.installation.copier.as_ref().and_then(|copier| copier.source.as_ref());
        source.map(|(secret, key)| (secret.as_str(), key.as_str())).ok_or_else(|| {
            BenchError::Unsuited("`database.caSync.source` names no Secret in the namespace of the release".into())
        })
    }
}

/// To do something with a Secret, or with all of them.
fn secrets(verb: &str, name: Option<&str>) -> ResourceAttributes {
    ResourceAttributes {
        resource: Some("secrets".into()),
        verb: Some(verb.into()),
        name: name.map(str::to_owned),
        ..ResourceAttributes::default()
    }
}

/// The keys of a Secret with a private key in what they hold.
fn private_keys(secret: &Secret) -> Vec<String> {
    let holds_one = |bytes: &ByteString| String::from_utf8_lossy(&bytes.0).contains("PRIVATE KEY-----");
    let data = secret.data.iter().flatten();
    data.filter(|(_, bytes)| holds_one(bytes)).map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;
    use serde_json::json;

    use super::private_keys;

    #[test]
    fn a_private_key_is_found_whatever_its_name() {
        // "ca" and "-----BEGIN PRIVATE KEY-----".
        let data = json!({"ca.crt": "Y2E=", "note": "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"});
        let secret: Secret = serde_json::from_value(json!({"metadata": {"name": "copy"}, "data": data})).unwrap();
        assert_eq!(private_keys(&secret), ["note"]);
    }
}
