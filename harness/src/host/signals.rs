//! Being asked to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Ready with the name of the first signal that asks this process to stop.
pub async fn interrupted() -> String {
    let wait = async |kind: SignalKind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_unavailable) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => "SIGINT".into(),
        () = wait(SignalKind::terminate()) => "SIGTERM".into(),
    }
}
