//! Modes of TLS as libpq names them.

use std::fmt;
use std::str::FromStr;

/// How a client treats TLS, from not at all to fully verified.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only if plaintext is refused.
    Allow,
    /// If the server offers it; falls back to plaintext.
    Prefer,
    /// Always, whoever the server is.
    Require,
    /// Always, with a server that the CA vouches for.
    VerifyCa,
    /// Always, with a server that the CA vouches for under the name that was dialled.
    VerifyFull,
}

impl SslMode {
    /// What libpq does where nobody says anything.
    pub const DEFAULT: Self = Self::Prefer;

    /// The modes that verify the server.
    pub const VERIFYING: &[Self] = &[Self::VerifyCa, Self::VerifyFull];

    /// The modes that never send anything in the clear.
    pub const ENCRYPTING: &[Self] = &[Self::Require, Self::VerifyCa, Self::VerifyFull];
}

/// The text is none of the modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of disable, allow, prefer, require, verify-ca and verify-full")]
pub struct NotAMode;

impl FromStr for SslMode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Self, NotAMode> {
        match text {
            "disable" => Ok(Self::Disable),
            "allow" => Ok(Self::Allow),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(NotAMode),
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

// Findings show what was observed through `Debug`.
impl fmt::Debug for SslMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
