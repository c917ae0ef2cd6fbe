//! The live connection as a browser's tab holds it.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};

use crate::client::{Client, Who};

/// Longest wait for one frame.
const DEADLINE: Duration = Duration::from_secs(10);

/// An open live connection.
#[derive(Debug)]
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Opens the live connection.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn live(&self) -> Live {
        match self.live_from(Some(&self.url)).await {
            Ok(live) => live,
            Err(status) => panic!("the live connection was refused: {status}"),
        }
    }

    /// Opens the live connection from a page of this origin.
    ///
    /// # Errors
    /// The status of the refusal.
    ///
    /// # Panics
    /// When the server cannot be reached.
    pub async fn live_from(&self, origin: Option<&str>) -> Result<Live, u16> {
        let url = format!("{}/api/v1/live", self.url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        match &self.who {
            Who::Nobody => {}
            Who::Session(cookie) => drop(headers.insert("cookie", cookie.parse().unwrap())),
            Who::Token(token) => {
                headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
            }
        }
        match timeout(DEADLINE, connect_async(request)).await.expect("an answer in time") {
            Ok((socket, _)) => Ok(Live { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the live connection cannot be opened: {error}"),
        }
    }
}

impl Live {
    /// Asks to follow a topic.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn subscribe(&mut self, id: &str, topic: &str) {
        self.send(&json!({"type": "subscribe", "id": id, "topic": topic})).await;
    }

    /// Sends a frame.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn send(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("an open connection");
    }

    /// The next frame, or nothing when the server has ended the connection.
    ///
    /// # Panics
    /// When neither comes in time.
    pub async fn frame(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(DEADLINE, next).await.expect("a frame in time")
    }

    /// The next frame of this type; others before it are passed over.
    ///
    /// # Panics
    /// When none comes in time, or the connection ends.
    pub async fn next(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await.unwrap_or_else(|| panic!("the connection ended before {kind:?}"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}
