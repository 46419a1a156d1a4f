//! What this user may do on a cluster: asked of the API server, right by right, before anything is made.

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, RoleBinding, RoleRef, Subject};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use super::rights::{BENCH_ROLE, IN_A_NAMESPACE, Missing, ON_THE_CLUSTER, Right, Rule, TO_ENTER, missing, ungranted};
use super::{Cluster, FIELD_MANAGER};
use crate::error::Chain;
use crate::wait::{Budget, Progress, WaitError, poll_until};

/// An API server answers reviews from memory; a few at once hide the way to it.
const AT_ONCE: usize = 16;

const GRANTED: Budget = Budget::seconds("the rights of a new namespace to be in force", 30);

/// How the rights in the namespaces of a run are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// They hold in every namespace.
    Everywhere,
    /// By a RoleBinding of this user in each namespace that is made.
    Bound {
        /// The user's name.
        user: String,
    },
}

/// Why the rights on a cluster are not proven.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The API server was not reached.
    #[error(
        "reach the API server of context {context}; see whether `kubectl --context {context} get --raw /version` \
         answers from here"
    )]
    Reach {
        /// The context.
        context: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The API server does not know the user.
    #[error(
        "use context {context}: its API server does not accept the credential of the kubeconfig, which may have \
         expired; get a new one"
    )]
    Stranger {
        /// The context.
        context: String,
    },
    /// A review was refused.
    #[error("ask whether user {user} of context {context} may use {right}")]
    Review {
        /// The user.
        user: String,
        /// The context.
        context: String,
        /// The right.
        right: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// Rights are missing.
    #[error(
        "use context {context} as user {user}: rights are missing, so nothing was made there; `holdfast rbac` prints \
         the manifest that grants them, for an administrator to apply.{}{}",
        listed("on the cluster", .on_the_cluster), listed("in the namespaces of a run", .in_namespaces)
    )]
    Missing {
        /// The context.
        context: String,
        /// The user.
        user: String,
        /// All that are missing on the whole cluster.
        on_the_cluster: Vec<Missing>,
        /// All that are missing in the namespaces that a run makes.
        in_namespaces: Vec<Missing>,
    },
}

fn listed(place: &str, missing: &[Missing]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let lines: String = missing.iter().map(|one| format!("\n  {one}")).collect();
    format!("\nMissing {place}:{lines}")
}

/// Why a new namespace cannot be entered.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The RoleBinding was refused.
    #[error("bind ClusterRole {BENCH_ROLE} in namespace {namespace}")]
    Bind {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// The RoleBinding is there and has no effect.
    #[error("use the rights of ClusterRole {BENCH_ROLE} in namespace {namespace}")]
    Wait {
        /// The namespace.
        namespace: String,
        /// Why.
        #[source]
        source: WaitError,
    },
}

impl Cluster {
    /// Proves that this user has every right that a run needs, in one of two ways: everywhere, or by what
    /// `rbac/existing.yaml` grants, in the namespaces that a run makes.
    ///
    /// # Errors
    /// When the API server is not reached, or with all rights that are missing at once.
    pub(super) async fn prove_rights(mut self) -> Result<Self, AccessError> {
        let context = self.handle().context.clone();
        let user = self.user().await?;
        let mut on_the_cluster = self.unmet(ON_THE_CLUSTER, &user).await?;
        let mut in_namespaces = self.unmet(IN_A_NAMESPACE, &user).await?;
        if !in_namespaces.is_empty() {
            // Who may bind the role has its rights in every namespace that he makes; and no more than it grants.
            let barred = self.unmet(TO_ENTER, &user).await?;
            if barred.is_empty() {
                in_namespaces = ungranted(IN_A_NAMESPACE, &self.bench_role(&user).await?);
                self.access = Access::Bound { user: user.clone() };
            }
            on_the_cluster.extend(barred);
        }
        if on_the_cluster.is_empty() && in_namespaces.is_empty() {
            return Ok(self);
        }
        Err(AccessError::Missing { context, user, on_the_cluster, in_namespaces })
    }

    /// Sees to it that the rights of a bench hold in a namespace that a run just made.
    ///
    /// # Errors
    /// When they cannot be had.
    pub(crate) async fn enter(&self, namespace: &str) -> Result<(), EntryError> {
        let Access::Bound { user } = &self.access else { return Ok(()) };
        let bindings: Api<RoleBinding> = Api::namespaced(self.client().clone(), namespace);
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let made = bindings.create(&parameters, &binding(user)).await;
        made.map_err(|source| EntryError::Bind { namespace: namespace.into(), source })?;
        // The authorizer learns of a binding a moment after it is there.
        let in_force = poll_until(GRANTED, || async {
            match unmet_in(self.client(), IN_A_NAMESPACE, Some(namespace)).await {
                Ok(unmet) if unmet.is_empty() => Progress::Ready(()),
                Ok(unmet) => Progress::NotYet(unmet.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
                Err((_, error)) => Progress::NotYet(Chain(&error).to_string()),
            }
        });
        in_force.await.map_err(|source| EntryError::Wait { namespace: namespace.into(), source })
    }

    /// The name under which the API server knows this user; so it answers, too.
    ///
    /// # Errors
    /// When it is not reached, or does not accept the credential.
    pub(super) async fn user(&self) -> Result<String, AccessError> {
        let context = self.handle().context.clone();
        let reviews: Api<SelfSubjectReview> = Api::all(self.client().clone());
        let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await;
        let review = review.map_err(|source| match source {
            kube::Error::Api(status) if status.code == 401 => AccessError::Stranger { context },
            source => AccessError::Reach { context, source },
        })?;
        let user = review.status.and_then(|status| status.user_info?.username);
        Ok(user.unwrap_or_else(|| "without a name".into()))
    }

    async fn unmet(&self, rights: &[Right], user: &str) -> Result<Vec<Missing>, AccessError> {
        let unmet = unmet_in(self.client(), rights, None).await;
        unmet.map_err(|(right, source)| AccessError::Review {
            user: user.into(),
            context: self.handle().context.clone(),
            right: right.to_string(),
            source,
        })
    }

    async fn bench_role(&self, user: &str) -> Result<Vec<Rule>, AccessError> {
        let roles: Api<ClusterRole> = Api::all(self.client().clone());
        let role = roles.get_opt(BENCH_ROLE).await.map_err(|source| AccessError::Review {
            user: user.into(),
            context: self.handle().context.clone(),
            right: format!("ClusterRole {BENCH_ROLE}"),
            source,
        })?;
        Ok(role.and_then(|role| role.rules).unwrap_or_default().into_iter().map(Rule::from).collect())
    }
}

/// What of the rights is not allowed in a namespace, or in all of them.
async fn unmet_in(
    client: &Client,
    rights: &[Right],
    namespace: Option<&str>,
) -> Result<Vec<Missing>, (Right, kube::Error)> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let questions = rights.iter().flat_map(|right| right.verbs.iter().map(move |verb| (*right, *verb)));
    let ask = |(right, verb): (Right, &'static str)| {
        let (reviews, review) = (reviews.clone(), review(&right, verb, namespace));
        async move {
            let answer = reviews.create(&PostParams::default(), &review).await.map_err(|source| (right, source))?;
            Ok(answer.status.is_some_and(|status| status.allowed).then_some((right, verb)))
        }
    };
    let answers: Vec<_> = stream::iter(questions.map(ask)).buffered(AT_ONCE).try_collect().await?;
    Ok(missing(rights, |right, verb| {
        answers.iter().flatten().any(|(known, granted)| known == right && *granted == verb)
    }))
}

fn review(right: &Right, verb: &str, namespace: Option<&str>) -> SelfSubjectAccessReview {
    let (resource, subresource) = match right.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource)),
        None => (right.resource, None),
    };
    let attributes = ResourceAttributes {
        group: Some(right.group.into()),
        resource: Some(resource.into()),
        subresource: subresource.map(Into::into),
        name: right.name.map(Into::into),
        namespace: namespace.map(Into::into),
        verb: Some(verb.into()),
        ..ResourceAttributes::default()
    };
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    }
}

fn binding(user: &str) -> RoleBinding {
    RoleBinding {
        metadata: ObjectMeta { name: Some(BENCH_ROLE.into()), ..ObjectMeta::default() },
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".into()),
            kind: "ClusterRole".into(),
            name: BENCH_ROLE.into(),
        },
        // A ServiceAccount is a user by its long name too.
        subjects: Some(vec![Subject {
            api_group: Some("rbac.authorization.k8s.io".into()),
            kind: "User".into(),
            name: user.into(),
            namespace: None,
        }]),
    }
}

impl From<PolicyRule> for Rule {
    fn from(rule: PolicyRule) -> Self {
        Self {
            groups: rule.api_groups.unwrap_or_default(),
            resources: rule.resources.unwrap_or_default(),
            names: rule.resource_names.unwrap_or_default(),
            verbs: rule.verbs,
        }
    }
}
