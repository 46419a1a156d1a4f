//! Pods that Holdfast puts beside the releases: the stand-in application, without a right and without a token.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::runtime::watcher;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::bench::application::TOOL_LABEL;
use crate::bench::{Bench, BenchError, from_json};
use crate::wait::{Budget, Objects, Progress, trouble_of, watch_until};

/// What a pod of the stand-in application does.
pub(super) struct Tool<'a> {
    /// The pod's name.
    pub(in crate::bench) name: &'a str,
    /// What it is, for the label that tells it from the subject's pods.
    pub(in crate::bench) kind: &'a str,
    /// The mode.
    pub(in crate::bench) mode: &'a str,
    /// Variables of its environment.
    pub(in crate::bench) variables: Vec<Value>,
    /// Further fields of its container.
    pub(in crate::bench) container: Value,
    /// Its volumes.
    pub(in crate::bench) volumes: Value,
}

impl Bench {
    /// Makes the pod, and waits for nothing.
    ///
    /// # Errors
    /// When no image of the stand-in application is there, or the API server refuses.
    pub(super) async fn start_tool(&self, tool: &Tool<'_>) -> Result<(), BenchError> {
        let pod: Pod = from_json(self.tool_pod(tool)?)?;
        let made = self.pods().create(&PostParams::default(), &pod).await;
        made.map(drop).map_err(|source| self.objects(format!("make pod {}", tool.name), source))
    }

    /// Gives such a pod a Secret of its own name with one key; before the pod is made.
    ///
    /// # Errors
    /// When the value cannot be registered or the API server refuses.
    pub(super) async fn give_tool(&self, name: &str, key: &str, value: &SecretString) -> Result<(), BenchError> {
        let value = ByteString(value.expose_secret().as_bytes().to_vec());
        self.put_secret(Secret {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            data: Some([(key.to_owned(), value)].into()),
            ..Secret::default()
        })
        .await
    }

    /// Waits until such a pod has come to a state; `not_yet` is what a time-out says of it until then.
    ///
    /// # Errors
    /// When the budget is used up, or the pod is in a state that does not mend itself.
    pub(super) async fn tool_is(
        &self,
        name: &str,
        budget: Budget,
        not_yet: &str,
        reached: impl Fn(&Pod) -> bool,
    ) -> Result<(), BenchError> {
        let named = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let waited = watch_until(self.pods(), named, self.allow(budget), |pods: &Objects<Pod>| match pods.get(name) {
            None => Progress::NotYet("its pod is not there".into()),
            Some(pod) if reached(pod) => Progress::Ready(()),
            Some(pod) => trouble_of(pod).map_or_else(|| Progress::NotYet(not_yet.into()), Progress::Hopeless),
        });
        waited.await.map_err(|error| self.waited(error))
    }

    /// Takes such a pod away, and the Secret that it was given.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(super) async fn remove_tool_and_secret(&self, name: &str) -> Result<(), BenchError> {
        self.remove_tool(name).await?;
        let deleted = self.secrets().delete(name, &DeleteParams::default()).await;
        deleted.map(drop).map_err(|source| self.objects(format!("delete Secret {name}"), source))
    }

    /// Takes such a pod away, if it is there.
    ///
    /// # Errors
    /// When the API server refuses.
    pub(super) async fn remove_tool(&self, name: &str) -> Result<(), BenchError> {
        match self.pods().delete(name, &DeleteParams::default().grace_period(0)).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(source) => Err(self.objects(format!("take pod {name} away"), source)),
            Ok(_) => Ok(()),
        }
    }

    /// Asks such a pod over HTTP, through the API server.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn request_tool(
        &self,
        method: &str,
        name: &str,
        port: u16,
        path: &str,
        body: Option<Value>,
    ) -> Result<String, BenchError> {
        let uri = format!("/api/v1/namespaces/{}/pods/{name}:{port}/proxy/{path}", self.namespace);
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = http::Request::builder().method(method).uri(uri).body(body);
        let request = request.map_err(|error| BenchError::Unsuited(format!("ask pod {name}: {error}")))?;
        let answer = self.cluster.client().request_text(request).await;
        answer.map_err(|source| self.objects(format!("ask pod {name} for {path}"), source))
    }

    fn tool_pod(&self, tool: &Tool<'_>) -> Result<Value, BenchError> {
        let installed = &self.installation;
        let image = self.cluster.handle().stand_in.as_ref().or(installed.tool_image.as_ref()).ok_or_else(|| {
            BenchError::Unsuited(format!(
                "no image of the stand-in application is known on this cluster, so there can be no {}; publish it and \
                 name it first under `images` of the subject file, with `use: workload`",
                tool.kind
            ))
        })?;
        let mut container = json!({
            "name": tool.kind, "image": image, "imagePullPolicy": "IfNotPresent", "args": [tool.mode],
            "env": tool.variables,
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            },
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        });
        if let (Some(all), Some(further)) = (container.as_object_mut(), tool.container.as_object()) {
            all.extend(further.clone());
        }
        Ok(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": tool.name, "labels": {TOOL_LABEL: tool.kind}},
            "spec": {
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": 1,
                "restartPolicy": "Never",
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [container],
                "volumes": tool.volumes,
            },
        }))
    }
}
