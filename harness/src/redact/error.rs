//! What can go wrong when credentials are registered, masked or looked for.

use camino::Utf8PathBuf;

/// Why a credential could not be registered, or an artefact not written or scanned.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// The file that shares credentials between the processes of a run.
    #[error("register a credential in {file}; it must not be used without")]
    Register {
        /// The run's file of credentials.
        file: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The same file, read by another process.
    #[error("read the credentials of the run from {file}; nothing can be masked without")]
    Load {
        /// The run's file of credentials.
        file: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The automaton that finds all spellings at once.
    #[error("prepare the search for credential {name}")]
    Prepare {
        /// The name under which the credential was registered.
        name: String,
        /// What the search engine said.
        #[source]
        source: aho_corasick::BuildError,
    },
    /// The folder for what may hold credentials.
    #[error("prepare the private folder {folder} of the run")]
    Private {
        /// The folder.
        folder: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The private folder can be read by others.
    #[error("use the private folder {folder}: others may enter it; remove it, or make it `chmod 700`")]
    Exposed {
        /// The folder.
        folder: Utf8PathBuf,
    },
    /// An artefact.
    #[error("write {path}")]
    Write {
        /// The artefact.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An artefact's content.
    #[error("write {path} as JSON")]
    Json {
        /// The artefact.
        path: Utf8PathBuf,
        /// What the encoder said.
        #[source]
        source: serde_json::Error,
    },
    /// Masking would have torn the JSON apart.
    #[error("mask credential values in {path}: one of them spans the structure of the JSON; choose another value")]
    Structure {
        /// The artefact.
        path: Utf8PathBuf,
    },
    /// Reading the artefacts back.
    #[error("scan {path} for credentials")]
    Scan {
        /// The artefact or folder.
        path: Utf8PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
