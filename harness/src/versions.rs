//! The pinned versions: what `kind-config/versions.toml` says, and nothing else in the project does.
//!
//! It does not know what a pin is used for. Recipes, tools and reports ask for pins by name.

use std::collections::BTreeMap;

use crate::kind_config;

/// The pins, by section and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a pin cannot be had. Both are defects of the file, not of the machine.
#[derive(Debug, thiserror::Error)]
pub enum VersionsError {
    /// The file is not what it should be.
    #[error("read kind-config/versions.toml")]
    Read(#[source] Box<toml::de::Error>),
    /// Somebody asked for a pin that is not there.
    #[error("find the pin {name} in kind-config/versions.toml")]
    Unknown {
        /// Section and key.
        name: String,
    },
}

impl Versions {
    /// The pins of this build.
    ///
    /// # Errors
    /// When the file is not a table of tables of strings.
    pub fn pinned() -> Result<Self, VersionsError> {
        let text = kind_config::file("versions.toml").unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(text))
    }

    fn parse(text: &str) -> Result<Self, VersionsError> {
        let sections = toml::from_str(text).map_err(|error| VersionsError::Read(Box::new(error)))?;
        Ok(Self { sections })
    }

    /// A pin by section and key: `kubernetes.version` is `1.36.3`.
    ///
    /// # Errors
    /// When there is no such pin.
    pub fn pin(&self, name: &str) -> Result<&str, VersionsError> {
        self.find(name).ok_or_else(|| VersionsError::Unknown { name: name.into() })
    }

    /// A pin that may be absent, such as the digest of an image.
    pub fn find(&self, name: &str) -> Option<&str> {
        let (section, key) = name.split_once('.')?;
        self.sections.get(section)?.get(key).map(String::as_str)
    }

    /// Every pin with its name, for reports.
    pub fn all(&self) -> impl Iterator<Item = (String, &str)> {
        self.sections.iter().flat_map(|(section, keys)| {
            keys.iter().map(move |(key, value)| (format!("{section}.{key}"), value.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Versions, VersionsError};
    use crate::kind_config;

    #[test]
    fn pins_are_found_by_section_and_key() {
        let versions = Versions::parse("[kind]\nversion = \"0.33.0\"\n").unwrap();
        assert_eq!(versions.pin("kind.version").unwrap(), "0.33.0");
        assert!(matches!(versions.pin("kind.digest"), Err(VersionsError::Unknown { name }) if name == "kind.digest"));
    }

    #[rstest]
    #[case::kubernetes("kubernetes", "k8s.io/kubernetes", "kubernetes.version")]
    #[case::containerd("containerd", "github.com/containerd/containerd/v2", "containerd.version")]
    #[case::kind("kind", "sigs.k8s.io/kind", "kind.version")]
    #[case::etcd("etcd", "go.etcd.io/etcd/server/v3", "etcd.version")]
    #[case::coredns("coredns", "github.com/coredns/coredns", "coredns.version")]
    #[case::storage(
        "local-path-provisioner",
        "github.com/rancher/local-path-provisioner",
        "local-path-provisioner.version"
    )]
    #[case::operator("cnpg-operator", "github.com/cloudnative-pg/cloudnative-pg", "cnpg.version")]
    #[case::manifest("cnpg-manifest", "github.com/cloudnative-pg/cloudnative-pg", "cnpg.version")]
    #[case::helm_3("helm3", "helm.sh/helm/v3", "helm3.version")]
    #[case::helm_4("helm4", "helm.sh/helm/v4", "helm4.version")]
    #[case::registry("registry", "github.com/google/go-containerregistry", "registry.version")]
    fn a_go_module_requires_the_pinned_version(#[case] recipe: &str, #[case] module: &str, #[case] pin: &str) {
        let path = format!("images/{recipe}/go.mod");
        let text = String::from_utf8_lossy(kind_config::file(&path).unwrap()).into_owned();
        let required = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("require ").unwrap_or(line.trim()).strip_prefix(module))
            .find_map(|rest| rest.trim().strip_prefix('v')?.split_whitespace().next())
            .unwrap_or_else(|| panic!("{path} does not require {module}"));
        let versions = Versions::pinned().unwrap();
        assert_eq!(required, versions.pin(pin).unwrap(), "{path} against {pin}");
    }

    /// The libraries of Kubernetes count their major version from nought.
    #[test]
    fn kubectl_is_that_of_the_pinned_kubernetes() {
        let module = String::from_utf8_lossy(kind_config::file("images/kubectl/go.mod").unwrap()).into_owned();
        let version = Versions::pinned().unwrap().pin("kubernetes.version").unwrap().replacen("1.", "0.", 1);
        assert!(module.contains(&format!("k8s.io/kubectl v{version}\n")), "{module}");
    }

    #[test]
    fn the_references_of_images_carry_the_pinned_version() {
        let versions = Versions::pinned().unwrap();
        for (image, version) in [
            ("cnpg.image", "cnpg.version"),
            ("local-path-provisioner.image", "local-path-provisioner.version"),
            ("postgresql.image", "postgresql.major"),
        ] {
            let tag = versions.pin(image).unwrap().rsplit(':').next().unwrap().trim_start_matches('v');
            assert_eq!(tag, versions.pin(version).unwrap(), "{image}");
        }
    }
}
