//! Kubeconfigs for programs that are started here: one context, which is the current one, and nothing else.

use std::io::Write;

use kube::config::Kubeconfig;
use tempfile::NamedTempFile;

use super::{Bench, BenchError};

impl Bench {
    /// The context of this cluster alone, as the current one, with the namespace of this bench.
    pub(super) fn own_context(&self) -> Result<Kubeconfig, BenchError> {
        let handle = self.cluster.handle();
        let read = Kubeconfig::read_from(&handle.kubeconfig);
        let mut config = read.map_err(|error| self.unwritable(std::io::Error::other(error.to_string())))?;
        config.contexts.retain(|context| context.name == handle.context);
        for context in config.contexts.iter_mut().filter_map(|context| context.context.as_mut()) {
            context.namespace = Some(self.namespace.clone());
        }
        config.current_context = Some(handle.context.clone());
        Ok(config)
    }

    /// A file that only this user can read, and that goes with the value.
    pub(super) fn kubeconfig_file(&self, config: &Kubeconfig) -> Result<NamedTempFile, BenchError> {
        let text = serde_json::to_string(config).map_err(|error| self.unwritable(error.into()))?;
        let mut file = NamedTempFile::new().map_err(|source| self.unwritable(source))?;
        file.write_all(text.as_bytes()).map_err(|source| self.unwritable(source))?;
        Ok(file)
    }

    fn unwritable(&self, source: std::io::Error) -> BenchError {
        BenchError::Account { namespace: self.namespace.clone(), source }
    }
}
