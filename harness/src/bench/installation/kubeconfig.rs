//! Kubeconfigs for programs that are started here: one context, which is the current one, and nothing else.

use std::io::Write;

use kube::config::Kubeconfig;
use tempfile::NamedTempFile;

use crate::bench::{Bench, BenchError};

impl Bench {
    /// The context of this cluster alone, as the current one, with the namespace of this bench.
    pub(super) fn own_context(&self) -> Result<Kubeconfig, BenchError> {
        let handle = self.cluster.handle();
        let read = Kubeconfig::read_from(&handle.kubeconfig);
        let mut config = read.map_err(|error| self.unwritable(std::io::Error::other(error.to_string())))?;
        narrow(&mut config, &handle.context, &self.namespace);
        Ok(config)
    }

    /// A file in the private room, which goes with the value.
    pub(super) fn kubeconfig_file(&self, config: &Kubeconfig) -> Result<NamedTempFile, BenchError> {
        let text = serde_json::to_string(config).map_err(|error| self.unwritable(error.into()))?;
        let mut file = self.keep.room.loan().map_err(|source| self.unwritable(source))?;
        file.write_all(text.as_bytes()).map_err(|source| self.unwritable(source))?;
        Ok(file)
    }

    fn unwritable(&self, source: std::io::Error) -> BenchError {
        BenchError::Account { namespace: self.namespace.clone(), source }
    }
}

/// Leaves one context, with its cluster and its user, and makes it the current one: there are credentials of others in
/// a kubeconfig, which are nobody's business here.
fn narrow(config: &mut Kubeconfig, context: &str, namespace: &str) {
    config.contexts.retain(|named| named.name == context);
    let mut kept: Vec<_> = config.contexts.iter_mut().filter_map(|named| named.context.as_mut()).collect();
    kept.iter_mut().for_each(|context| context.namespace = Some(namespace.to_owned()));
    config.clusters.retain(|named| kept.iter().any(|context| context.cluster == named.name));
    config.auth_infos.retain(|named| kept.iter().any(|context| context.user.as_ref() == Some(&named.name)));
    config.current_context = Some(context.to_owned());
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;
    use serde_json::{from_value, json, to_value};

    use super::narrow;

    #[test]
    fn a_context_comes_with_its_own_cluster_and_user_alone() {
        let cluster = |name: &str| json!({"name": name, "cluster": {"server": format!("https://{name}.example.org")}});
        let user = |name: &str| json!({"name": name, "user": {"token": format!("token-of-{name}")}});
        let context = |name: &str, cluster: &str, user: &str| json!({"name": name, "context": {"cluster": cluster, "user": user}});
        let mut config: Kubeconfig = from_value(json!({
            "clusters": [cluster("test"), cluster("production")],
            "users": [user("me"), user("admin")],
            "contexts": [context("here", "test", "me"), context("there", "production", "admin")],
            "current-context": "there",
        }))
        .unwrap();
        narrow(&mut config, "here", "hf-1");
        let left = to_value(&config).unwrap();
        assert_eq!(left["current-context"], "here");
        assert_eq!(left["contexts"][0]["context"]["namespace"], "hf-1");
        for (kind, name) in [("contexts", "here"), ("clusters", "test"), ("users", "me")] {
            let names: Vec<&str> =
                left[kind].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
            assert_eq!(names, [name], "{kind}");
        }
    }
}
