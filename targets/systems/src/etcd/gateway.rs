//! One request to one node of etcd, over the JSON gateway that every node has.

use std::net::SocketAddr;

use serde_json::Value as Json;
use tokio::time::{Instant, timeout_at};

use super::mishap::answered;
use crate::http;
use crate::mishap::Mishap;
use crate::wire::CONNECT_TIMEOUT;

/// The way to all nodes. Connections are pooled.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    http: reqwest::Client,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        Gateway {
            http: http::client(CONNECT_TIMEOUT),
        }
    }

    /// Posts `body` to `path` of the node there, and returns what a 200 says.
    pub(crate) async fn post(
        &self,
        address: SocketAddr,
        path: &str,
        body: &Json,
        deadline: Instant,
    ) -> Result<Json, Mishap> {
        let request = self
            .http
            .post(format!("http://{address}/v3/{path}"))
            .json(body);
        let exchange = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            Ok((status, response.bytes().await?))
        };
        let (status, bytes) = match timeout_at(deadline, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if reqwest::Error::is_connect(&error) => {
                return Err(Mishap::NotApplied("no connection".to_owned()));
            }
            Ok(Err(_)) => return Err(Mishap::Unknown("connection lost".to_owned())),
            Err(_) => return Err(Mishap::Unknown("timeout".to_owned())),
        };
        match (status, serde_json::from_slice::<Json>(&bytes)) {
            (200, Ok(body)) if body.is_object() => Ok(body),
            (200, _) => {
                let error = "an answer that is no JSON object";
                Err(Mishap::Unknown(error.to_owned()))
            }
            (status, body) => Err(answered(status, &body.unwrap_or_default())),
        }
    }
}
