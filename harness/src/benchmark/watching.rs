//! How soon a wait that watches objects notices the one that makes its condition true, against a byte that arrives.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::watcher;
use kube::{Api, Client, Config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::MeasureError;
use super::api_server::ApiServer;
use super::page::{Figure, Floor, Row};
use super::polling::{BUDGET, TRIALS, at, runtime};
use super::sampling::{random, samples};
use crate::wait::{self, Objects, Progress, watch_until};

const LONGEST: Duration = Duration::from_millis(40);

const PATIENCE: wait::Budget = wait::Budget::seconds("an object that is about to be told of", 30);

pub(super) fn rows() -> Result<Vec<Row>, MeasureError> {
    let (watches, bytes) = runtime()?.block_on(async {
        let watches = watches(TRIALS).await?;
        Ok::<_, MeasureError>((watches, bytes(TRIALS).await?))
    })?;
    let floor = Floor::new("a byte through the same kind of socket", Figure::percentile_95(&samples(bytes)?));
    let figure = Figure::percentile_95(&samples(watches)?);
    let row = Row::measured("reaction of a wait that watches", figure, Some(floor), Some(BUDGET));
    Ok(vec![row.noting("from the API server's write to the end of the wait, over the loopback interface")])
}

/// From the write of the server to the end of the wait, in seconds.
async fn watches(count: usize) -> Result<Vec<f64>, MeasureError> {
    let mut server = ApiServer::start(LONGEST).await?;
    let unusable = |error: &dyn std::error::Error| MeasureError::Unusable(format!("reach the API server: {error}"));
    let address = format!("http://{}", server.address).parse().map_err(|error| unusable(&error))?;
    let client = Client::try_from(Config::new(address)).map_err(|error| unusable(&error))?;
    let mut reactions = Vec::with_capacity(count);
    for _ in 0..count {
        let objects: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let told = |objects: &Objects<ConfigMap>| match objects.contains_key("told") {
            true => Progress::Ready(()),
            false => Progress::NotYet("nothing was told of yet".into()),
        };
        watch_until(objects, watcher::Config::default(), PATIENCE, told).await?;
        let noticed = Instant::now();
        let told = server.told().await.ok_or_else(|| MeasureError::Unusable("the API server ended".into()))?;
        reactions.push(noticed.saturating_duration_since(told).as_secs_f64());
    }
    Ok(reactions)
}

/// From the write of a byte to its arrival, in seconds.
async fn bytes(count: usize) -> Result<Vec<f64>, MeasureError> {
    let failed = |source| MeasureError::File { operation: "talk through", path: "127.0.0.1".into(), source };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let mut reader = TcpStream::connect(listener.local_addr().map_err(failed)?).await.map_err(failed)?;
    let (mut writer, _) = listener.accept().await.map_err(failed)?;
    writer.set_nodelay(true).map_err(failed)?;
    let writing = tokio::spawn(async move {
        let mut moments = Vec::with_capacity(count);
        for _ in 0..count {
            at(Instant::now() + random(LONGEST)).await;
            moments.push(Instant::now());
            writer.write_all(b"!").await?;
        }
        Ok::<_, std::io::Error>(moments)
    });
    let mut arrivals = Vec::with_capacity(count);
    for _ in 0..count {
        reader.read_u8().await.map_err(failed)?;
        arrivals.push(Instant::now());
    }
    let moments = writing.await.map_err(|error| MeasureError::Unusable(error.to_string()))?.map_err(failed)?;
    let pairs = arrivals.into_iter().zip(moments);
    Ok(pairs.map(|(arrival, moment)| arrival.saturating_duration_since(moment).as_secs_f64()).collect())
}

#[cfg(test)]
mod tests {
    use super::{bytes, watches};

    #[tokio::test(flavor = "multi_thread")]
    async fn every_watch_and_every_byte_is_noticed() {
        let (watches, bytes) = (watches(3).await.unwrap(), bytes(3).await.unwrap());
        assert_eq!((watches.len(), bytes.len()), (3, 3));
        assert!(watches.iter().chain(&bytes).all(|seconds| (0.0..5.0).contains(seconds)), "{watches:?} {bytes:?}");
    }
}
