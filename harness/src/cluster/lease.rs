//! Electing, by a Lease, which of several processes does what must be done once.
//!
//! Whoever holds the Lease renews it; when it is gone or expired, the next one may take it. A Lease is judged by the
//! wall clock, which all processes of a run share, since they are on one machine. Whoever holds it judges itself by a
//! clock that nobody can set, and lets go well before another may take over, so that two never work at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Cluster, EXPIRES_ANNOTATION, FIELD_MANAGER, RUN_LABEL, SUBJECT_LABEL};
use crate::error::Chain;

/// Where Leases are. What is in it goes by label; the namespace itself stays.
pub(super) const SYSTEM_NAMESPACE: &str = "holdfast-system";

/// How long a Lease stands without a renewal.
const STANDS: SignedDuration = SignedDuration::from_secs(15);
/// How often it is renewed.
const RENEWED: Duration = Duration::from_secs(3);
/// How long its holder goes on without a renewal.
const TRUSTED: Duration = Duration::from_secs(10);
/// After this a Lease whose run died may be swept.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_hours(4);

/// One thing that one process shall do.
#[derive(Clone)]
pub struct Election {
    leases: Api<Lease>,
    namespaces: Api<Namespace>,
    name: String,
    run: String,
    subject: String,
}

/// What became of standing for election.
pub enum Stood {
    /// Elected.
    Elected(Arc<Term>),
    /// Somebody else is: who, and since when nobody heard of it.
    Other(String),
}

/// Why nobody could be elected.
#[derive(Debug, thiserror::Error)]
#[error("{action} Lease {SYSTEM_NAMESPACE}/{lease}")]
pub struct ElectionError {
    action: &'static str,
    lease: String,
    #[source]
    source: kube::Error,
}

/// The time in which one process holds a Lease.
pub struct Term {
    leases: Api<Lease>,
    name: String,
    state: Mutex<State>,
    predecessor: Option<String>,
}

struct State {
    lease: Lease,
    renewed: Instant,
}

impl Cluster {
    /// The election of who does `what` to a subject in a run. Run, subject and `what` become a name: `a-z`, `0-9`, `-`
    /// and `.`.
    pub fn election(&self, run: &str, subject: &str, what: &str) -> Election {
        Election {
            leases: Api::namespaced(self.client().clone(), SYSTEM_NAMESPACE),
            namespaces: Api::all(self.client().clone()),
            name: format!("{run}.{subject}.{what}"),
            run: run.to_owned(),
            subject: subject.to_owned(),
        }
    }
}

impl Election {
    /// Takes the Lease if it may be taken.
    ///
    /// # Errors
    /// When the API server does not answer, or refuses for another reason than that somebody was faster.
    pub async fn stand(&self, holder: &str) -> Result<Stood, ElectionError> {
        let failed = |action| move |source| ElectionError { action, lease: self.name.clone(), source };
        let present = self.leases.get_opt(&self.name).await.map_err(failed("read"))?;
        let (now, clock) = (Timestamp::now(), Instant::now());
        if let Some(reason) = present.as_ref().and_then(|lease| obstacle(lease, now)) {
            return Ok(Stood::Other(reason));
        }
        let predecessor = present.as_ref().and_then(holder_of).map(str::to_owned);
        let lease = claimed(present, &self.metadata(now), holder, now);
        let written = if lease.metadata.resource_version.is_some() {
            self.leases.replace(&self.name, &PostParams::default(), &lease).await
        } else {
            self.create(&lease).await
        };
        match written {
            Ok(lease) => {
                let state = Mutex::new(State { lease, renewed: clock });
                Ok(Stood::Elected(Arc::new(Term {
                    leases: self.leases.clone(),
                    name: self.name.clone(),
                    state,
                    predecessor,
                })))
            }
            Err(error) if has_code(&error, &[409, 404]) => Ok(Stood::Other("another process was faster".into())),
            Err(source) => Err(failed("take")(source)),
        }
    }

    async fn create(&self, lease: &Lease) -> kube::Result<Lease> {
        match self.leases.create(&PostParams::default(), lease).await {
            Err(error) if has_code(&error, &[404]) => {
                let namespace =
                    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}});
                let made = self
                    .namespaces
                    .patch(SYSTEM_NAMESPACE, &PatchParams::apply(FIELD_MANAGER), &Patch::Apply(&namespace))
                    .await;
                match made {
                    Err(error) if !has_code(&error, &[409]) => Err(error),
                    _ => self.leases.create(&PostParams::default(), lease).await,
                }
            }
            written => written,
        }
    }

    fn metadata(&self, now: Timestamp) -> ObjectMeta {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expires = now.saturating_add(TIME_TO_LIVE).unwrap_or(Timestamp::MAX);
        ObjectMeta {
            name: Some(self.name.clone()),
            labels: Some([label(RUN_LABEL, &self.run), label(SUBJECT_LABEL, &self.subject)].into()),
            annotations: Some([label(EXPIRES_ANNOTATION, &expires.to_string())].into()),
            ..ObjectMeta::default()
        }
    }
}

impl Term {
    /// Who held the Lease before and let it expire. What it had begun is void.
    pub fn predecessor(&self) -> Option<&str> {
        self.predecessor.as_deref()
    }

    /// Renews the Lease for as long as that succeeds, and returns why it is lost.
    pub async fn renew(&self) -> String {
        let mut ticks = interval(RENEWED);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut trouble = "no renewal was tried in time".to_owned();
        loop {
            ticks.tick().await;
            if !self.is_current() {
                return trouble;
            }
            let (next, clock) = (renewed(self.lock().lease.clone(), Timestamp::now()), Instant::now());
            let parameters = PostParams::default();
            match timeout(RENEWED, self.leases.replace(&self.name, &parameters, &next)).await {
                Ok(Ok(lease)) => *self.lock() = State { lease, renewed: clock },
                Ok(Err(error)) if has_code(&error, &[404, 409]) => return "another process took it over".into(),
                Ok(Err(error)) => trouble = format!("it cannot be renewed: {}", Chain(&error)),
                Err(_elapsed) => trouble = "the API server does not answer a renewal".into(),
            }
        }
    }

    /// Whether what is done now is done by the only holder.
    pub fn is_current(&self) -> bool {
        self.lock().renewed.elapsed() < TRUSTED
    }

    /// Gives the Lease back, for others to take at once. One that was lost is left alone.
    ///
    /// # Errors
    /// When the API server refuses or does not answer; then the Lease expires.
    pub async fn resign(&self) -> Result<(), ElectionError> {
        if !self.is_current() {
            return Ok(());
        }
        // Without the resource version, which a renewal under way may be changing.
        let only_ours = Preconditions { uid: self.lock().lease.metadata.uid.clone(), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(only_ours), ..DeleteParams::default() };
        match self.leases.delete(&self.name, &parameters).await {
            Err(error) if !has_code(&error, &[404, 409]) => {
                Err(ElectionError { action: "give back", lease: self.name.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who holds a Lease, or held it when it expired.
pub(super) fn holder_of(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// Why a Lease may not be taken, if it may not.
fn obstacle(lease: &Lease, now: Timestamp) -> Option<String> {
    let holder = holder_of(lease)?;
    let spec = lease.spec.as_ref()?;
    let renewed = spec.renew_time.as_ref()?.0;
    let stands = spec.lease_duration_seconds.map_or(STANDS, |seconds| SignedDuration::from_secs(seconds.into()));
    let silent = now.duration_since(renewed);
    (silent <= stands).then(|| format!("process {holder} is at it, and said so {} s ago", silent.as_secs().max(0)))
}

/// The Lease in the hand of a new holder.
fn claimed(present: Option<Lease>, metadata: &ObjectMeta, holder: &str, now: Timestamp) -> Lease {
    let transitions = present.as_ref().map_or(0, |lease| {
        lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or_default().saturating_add(1)
    });
    // The resource version of what was read: if somebody else wrote meanwhile, this write is refused.
    let read = present.map(|lease| lease.metadata).unwrap_or_default();
    let metadata = ObjectMeta { resource_version: read.resource_version, uid: read.uid, ..metadata.clone() };
    let spec = LeaseSpec {
        holder_identity: Some(holder.to_owned()),
        lease_duration_seconds: i32::try_from(STANDS.as_secs()).ok(),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions),
        ..LeaseSpec::default()
    };
    Lease { metadata, spec: Some(spec) }
}

fn renewed(mut lease: Lease, now: Timestamp) -> Lease {
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(now));
    lease
}

fn has_code(error: &kube::Error, codes: &[u16]) -> bool {
    matches!(error, kube::Error::Api(status) if codes.contains(&status.code))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use k8s_openapi::api::coordination::v1::Lease;
    use kube::api::ObjectMeta;
    use rstest::rstest;

    use super::{claimed, holder_of, obstacle, renewed};

    fn at(seconds: i64) -> Timestamp {
        "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    /// Held by process 7 since second 0.
    fn held() -> Lease {
        let mut lease = claimed(None, &ObjectMeta::default(), "7", at(0));
        lease.metadata.resource_version = Some("41".into());
        lease.metadata.uid = Some("uid".into());
        lease
    }

    #[rstest]
    #[case::just_taken(|_lease: &mut Lease| {}, 0, false)]
    #[case::silent_for_a_while(|_lease: &mut Lease| {}, 15, false)]
    #[case::silent_for_too_long(|_lease: &mut Lease| {}, 16, true)]
    #[case::renewed_since(|lease: &mut Lease| *lease = renewed(lease.clone(), at(10)), 16, false)]
    #[case::renewed_by_a_clock_that_is_ahead(|lease: &mut Lease| *lease = renewed(lease.clone(), at(20)), 16, false)]
    #[case::given_back(|lease: &mut Lease| lease.spec.as_mut().unwrap().holder_identity = Some(String::new()), 1, true)]
    #[case::held_by_nobody(|lease: &mut Lease| lease.spec.as_mut().unwrap().holder_identity = None, 1, true)]
    #[case::never_renewed(|lease: &mut Lease| lease.spec.as_mut().unwrap().renew_time = None, 1, true)]
    #[case::made_by_hand_without_a_spec(|lease: &mut Lease| lease.spec = None, 1, true)]
    #[case::of_a_longer_duration(|lease: &mut Lease| {
        lease.spec.as_mut().unwrap().lease_duration_seconds = Some(60);
    }, 16, false)]
    fn a_lease_may_be_taken_when(#[case] change: fn(&mut Lease), #[case] second: i64, #[case] may: bool) {
        let mut lease = held();
        change(&mut lease);
        assert_eq!(obstacle(&lease, at(second)).is_none(), may, "{lease:?}");
    }

    #[test]
    fn who_has_to_wait_is_told_for_whom_and_since_when() {
        assert_eq!(obstacle(&held(), at(5)).unwrap(), "process 7 is at it, and said so 5 s ago");
    }

    #[test]
    fn a_takeover_is_counted_and_bound_to_what_was_read() {
        let taken = claimed(Some(held()), &ObjectMeta::default(), "8", at(20));
        assert_eq!(holder_of(&taken), Some("8"));
        assert_eq!(taken.metadata.resource_version.as_deref(), Some("41"));
        let spec = taken.spec.clone().unwrap();
        assert_eq!((spec.lease_transitions, spec.acquire_time.unwrap().0), (Some(1), at(20)));
        assert!(obstacle(&taken, at(21)).is_some(), "nobody takes it from the new holder");
    }

    #[test]
    fn a_renewal_changes_nothing_but_the_time() {
        let (before, after) = (held(), renewed(held(), at(4)));
        assert_eq!(after.metadata, before.metadata);
        assert_eq!(renewed(after, at(0)), before);
    }
}
