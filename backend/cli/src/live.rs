//! Following one resource over the live connection. The WebSocket is an upgrade of the same HTTP client, so it has
//! the same TLS, token and errors. A connection that is lost is taken up again after a pause with jitter, and what
//! was missed is told at once, because the first frame of a subscription carries the whole object.

use std::{ops::ControlFlow, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use hanse_types::{
    ErrorBody,
    error::ErrorCode,
    live::{ClientFrame, ServerFrame},
};
use reqwest::{Method, StatusCode, Upgraded, header};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use crate::{
    client::Api,
    error::{Error, Result},
};

/// Longest silence; the server pings more often.
const SILENCE: Duration = Duration::from_secs(60);
/// Pauses between attempts grow from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// Largest frame that is taken.
const MAX_FRAME: usize = 64 * 1024 * 1024;
/// The only subscription of a connection.
const ID: &str = "1";

/// What happens while following.
#[derive(Debug)]
pub(crate) enum News {
    /// The resource as it is now.
    Data(Value),
    /// The connection is gone; it will be taken up again.
    Lost(String),
}

/// How one connection ended.
enum End<T> {
    Decided(T),
    Lost(String),
}

/// Follows a topic until `each` breaks.
pub(crate) async fn follow<T>(
    api: &Api,
    topic: &str,
    mut each: impl FnMut(News) -> Result<ControlFlow<T>>,
) -> Result<T> {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut heard = false;
        let end = connection(api, topic, &mut |news| {
            heard = true;
            each(news)
        })
        .await;
        let why = match end {
            Ok(End::Decided(value)) => return Ok(value),
            Ok(End::Lost(why)) => why,
            Err(error) if is_passing(&error) => error.to_string(),
            Err(error) => return Err(error),
        };
        if heard {
            pause = FIRST_PAUSE;
        }
        if let ControlFlow::Break(value) = each(News::Lost(why))? {
            return Ok(value);
        }
        sleep(pause.mul_f64(rand::random_range(0.5..1.5))).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Whether trying again may help.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Failed { .. } => true,
        Error::Api { error, .. } => matches!(
            error.code,
            ErrorCode::Unavailable | ErrorCode::TooManyRequests | ErrorCode::Timeout | ErrorCode::Internal
        ),
        _ => false,
    }
}

async fn connection<T>(
    api: &Api,
    topic: &str,
    each: &mut impl FnMut(News) -> Result<ControlFlow<T>>,
) -> Result<End<T>> {
    let mut socket = connect(api).await?;
    let subscribe = ClientFrame::Subscribe { id: ID.to_owned(), topic: topic.to_owned(), since: None };
    let text = serde_json::to_string(&subscribe).map_err(std::io::Error::other)?;
    if let Err(error) = socket.send(Message::text(text)).await {
        return Ok(End::Lost(error.to_string()));
    }
    loop {
        let text = match timeout(SILENCE, socket.next()).await {
            Err(_) => return Ok(End::Lost("the server has gone silent".to_owned())),
            Ok(None) => return Ok(End::Lost("the server closed the connection".to_owned())),
            Ok(Some(Err(error))) => return Ok(End::Lost(error.to_string())),
            Ok(Some(Ok(Message::Text(text)))) => text,
            Ok(Some(Ok(_))) => continue,
        };
        let frame: ServerFrame = serde_json::from_str(&text).map_err(|error| {
            Error::failed(format!("the server's frame cannot be understood: {error}"), "")
        })?;
        match frame {
            ServerFrame::Changed { data: Some(data), .. } => {
                if let ControlFlow::Break(value) = each(News::Data(data))? {
                    drop(socket.close(None).await);
                    return Ok(End::Decided(value));
                }
            }
            ServerFrame::Changed { data: None, .. } | ServerFrame::Subscribed { .. } => {}
            ServerFrame::Closed { code, message, .. } => {
                let error =
                    ErrorBody { code, message, fields: Vec::new(), probe: None, request_id: String::new() };
                return Err(Error::Api { error: Box::new(error), retry_after: None });
            }
        }
    }
}

async fn connect(api: &Api) -> Result<WebSocketStream<Upgraded>> {
    let key = generate_key();
    let request = api
        .request(Method::GET, &["live"])
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key);
    let response = api.send(request).await?;
    let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(header::HeaderValue::as_bytes);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS
        || accepted != Some(derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Err(Error::failed(
            format!("{} did not open the live connection", api.server()),
            "check that what stands between it and you lets WebSockets through",
        ));
    }
    let stream = response.upgrade().await.map_err(|error| api.unreachable(&error))?;
    let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
}
