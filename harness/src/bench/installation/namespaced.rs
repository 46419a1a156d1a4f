//! An account that may do everything within the namespace of the bench and nothing outside of it, as a team has it.

use camino::Utf8Path;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::NamedTempFile;

use super::release::Access;
use crate::bench::{Bench, BenchError, Change, from_json};
use crate::cluster::FIELD_MANAGER;

const ACCOUNT: &str = "holdfast-tenant";

impl Bench {
    /// Installs the releases as an account that is bound in this namespace only, without rights over the cluster.
    ///
    /// # Errors
    /// When the account cannot be made, or Helm refuses.
    pub(crate) async fn install_as_tenant(&self, helm: &Utf8Path) -> Result<(), BenchError> {
        let token = self.tenant_token().await?;
        let kubeconfig = self.tenant_kubeconfig(&token)?;
        let path = Utf8Path::from_path(kubeconfig.path())
            .ok_or_else(|| BenchError::Unsuited("the folder for temporary files has a name that is no text".into()))?;
        let off = self.installation.cluster_rights.iter();
        let off: Vec<Change> = off.map(|path| (path.clone(), false.into())).collect();
        self.install_as(helm, Access { kubeconfig: path, context: ACCOUNT }, &off).await
    }

    /// Whether that account may make objects of the cluster.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) async fn tenant_rules_the_cluster(&self) -> Result<bool, BenchError> {
        let review: SubjectAccessReview = from_json(json!({
            "spec": {
                "user": format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace),
                "resourceAttributes": {
                    "group": "rbac.authorization.k8s.io", "resource": "clusterroles", "verb": "create",
                },
            },
        }))?;
        let api: Api<SubjectAccessReview> = Api::all(self.cluster.client().clone());
        let answered = api.create(&PostParams::default(), &review).await;
        let answered = answered.map_err(|source| self.objects("ask for the rights of the tenant's account", source))?;
        Ok(answered.status.is_some_and(|status| status.allowed))
    }

    async fn tenant_token(&self) -> Result<String, BenchError> {
        let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
        let named = json!({"name": ACCOUNT});
        let to = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT});
        let whom = json!([{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}]);
        self.put::<ServiceAccount>(from_json(json!({"metadata": named}))?).await?;
        self.put::<Role>(from_json(json!({"metadata": named, "rules": everything}))?).await?;
        self.put::<RoleBinding>(from_json(json!({"metadata": named, "roleRef": to, "subjects": whom}))?).await?;
        let request: TokenRequest = from_json(json!({"spec": {"audiences": [], "expirationSeconds": 600}}))?;
        let answered =
            self.api::<ServiceAccount>().create_token_request(ACCOUNT, &PostParams::default(), &request).await;
        let answered = answered.map_err(|source| self.objects("get a token for the tenant's account", source))?;
        let token = answered
            .status
            .and_then(|status| status.token)
            .ok_or_else(|| BenchError::Unsuited("the API server gives no token for the account of a tenant".into()))?;
        let registered = self.keep.redactor.register(&format!("{}/{ACCOUNT}/token", self.namespace), &token);
        registered.map_err(|source| BenchError::Confidence { source })?;
        Ok(token)
    }

    /// A kubeconfig that only this user can read, and that goes with the value.
    fn tenant_kubeconfig(&self, token: &str) -> Result<NamedTempFile, BenchError> {
        let mut config = self.own_context()?;
        for named in &mut config.contexts {
            ACCOUNT.clone_into(&mut named.name);
            if let Some(context) = &mut named.context {
                context.user = Some(ACCOUNT.into());
            }
        }
        config.current_context = Some(ACCOUNT.into());
        let user = kube::config::AuthInfo { token: Some(SecretString::from(token.to_owned())), ..Default::default() };
        config.auth_infos =
            vec![kube::config::NamedAuthInfo { name: ACCOUNT.into(), auth_info: Some(user), ..Default::default() }];
        self.kubeconfig_file(&config)
    }

    async fn put<K>(&self, object: K) -> Result<(), BenchError>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
        K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    {
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let applied = self.api::<K>().patch(ACCOUNT, &parameters, &Patch::Apply(&object)).await;
        applied.map(drop).map_err(|source| self.objects("make the tenant's account", source))
    }
}
