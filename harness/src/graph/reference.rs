//! References from pods to Secrets, ConfigMaps and other objects by name.

use std::fmt;

use crate::finding::{Locate, Place};

/// What a reference points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
    /// A PersistentVolumeClaim.
    Claim,
    /// A ServiceAccount.
    ServiceAccount,
    /// A SecretStore of External Secrets.
    SecretStore,
    /// A ClusterSecretStore of External Secrets.
    ClusterSecretStore,
}

impl RefKind {
    /// The kind as manifests write it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Claim => "PersistentVolumeClaim",
            Self::ServiceAccount => "ServiceAccount",
            Self::SecretStore => "SecretStore",
            Self::ClusterSecretStore => "ClusterSecretStore",
        }
    }
}

impl fmt::Display for RefKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind())
    }
}

/// One key of a Secret or ConfigMap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    /// What holds the key.
    pub kind: RefKind,
    /// Its name.
    pub name: String,
    /// The key.
    pub key: String,
}

impl fmt::Display for KeyRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}[{}]", self.kind.kind().to_lowercase(), self.name, self.key)
    }
}

// Findings show what was observed through `Debug`.
impl fmt::Debug for KeyRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// How a pod uses what it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// One variable.
    Env,
    /// All keys as variables.
    EnvFrom,
    /// Files in a volume.
    Volume,
    /// Credentials for pulling images.
    ImagePull,
    /// The pod's identity.
    Identity,
    /// A store that an ExternalSecret reads from or a PushSecret writes to.
    Store,
}

/// One reference, with the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it points to.
    pub kind: RefKind,
    /// Its name.
    pub name: String,
    /// The namespace that who refers to it names. `None`: that of the release.
    pub namespace: Option<String>,
    /// The key, where one is named.
    pub key: Option<String>,
    /// Whether the pod starts without it.
    pub optional: bool,
    /// How it is used.
    pub usage: Use,
    /// Where it stands.
    pub place: Place,
}

impl Reference {
    /// Kind and name as subject files write them, `secret/agents-db-app`.
    pub fn target(&self) -> String {
        format!("{}/{}", self.kind.kind().to_lowercase(), self.name)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.target())?;
        match &self.key {
            Some(key) => write!(formatter, "[{key}]"),
            None => Ok(()),
        }
    }
}

impl Locate for Reference {
    fn place(&self) -> Place {
        self.place.clone()
    }
}
